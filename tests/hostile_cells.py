"""Cells that strangers could send, for tests: any shape, and those that look almost right."""

from bitarray import bitarray
from hypothesis import strategies as st
from pytoniq_core.boc.cell import Cell

EXOTIC_LIBRARY = 2
MOST_BITS = 1023


def bits_of(text: str) -> bitarray:
    return bitarray(text.replace(" ", "").replace("\n", ""))


@st.composite
def any_cells(draw: st.DrawFn) -> Cell:
    """A small tree, perhaps with shared branches."""
    made: list[Cell] = []
    for _ in range(draw(st.integers(1, 6))):
        children = draw(st.lists(st.sampled_from(made), max_size=4)) if made else []
        content = bitarray()
        content.frombytes(draw(st.binary(max_size=127)))
        made.append(Cell(content[: draw(st.integers(0, len(content)))], children))
    return made[-1]


@st.composite
def spoilt(draw: st.DrawFn, cell: Cell) -> Cell:
    """`cell` with one thing wrong at its top: a bit flipped, cut or added, a reference lost, added or swapped."""
    content, children = bitarray(cell.bits), list(cell.refs)
    match draw(st.sampled_from(["flip", "cut", "add", "lose", "grow", "replace"])):
        case "flip" if content:
            content.invert(draw(st.integers(0, len(content) - 1)))
        case "cut":
            content = content[: draw(st.integers(0, max(0, len(content) - 1)))]
        case "lose" if children:
            children.pop(draw(st.integers(0, len(children) - 1)))
        case "grow" if len(children) < 4:
            children.insert(draw(st.integers(0, len(children))), draw(any_cells()))
        case "replace" if children:
            children[draw(st.integers(0, len(children) - 1))] = draw(any_cells())
        case _ if len(content) < MOST_BITS:
            content.append(draw(st.booleans()))
        case _:
            content.pop()
    return Cell(content, children)


def bomb(levels: int) -> Cell:
    """A dictionary's tree in which both branches are the same cell: `levels` cells, 2 to that power entries."""
    cell = Cell(bitarray("00"), [])  # no more key bits, and nothing beside
    for _ in range(levels):
        cell = Cell(bitarray("00"), [cell, cell])
    return cell


def library_reference() -> Cell:
    """An exotic cell: a hash that stands for a cell elsewhere."""
    content = bitarray()
    content.frombytes(bytes([EXOTIC_LIBRARY]) + bytes(32))
    return Cell(content, [], EXOTIC_LIBRARY)
