"""Bags of cells, read and written with bounds. Source: TON's boc.tlb and cell serialisation.

The library's own reader raises errors of many kinds and its writer takes exponential time on cells that share
children, so strangers' bytes go through `read_boc` and every cell leaves through `write_boc`. Both are linear and use
no recursion.
Only ordinary cells are read: payments and contract codes hold no others.
"""

from dataclasses import dataclass

from bitarray import bitarray
from pytoniq_core.boc.cell import Cell, CellError
from pytoniq_core.crypto.crc import crc32c

MAGIC = bytes.fromhex("b5ee9c72")
HAS_INDEX, HAS_CHECKSUM, SIZE_MASK = 0x80, 0x40, 0x07
CHECKSUM_BYTES = 4
MAX_REFERENCES = 4


class BocError(ValueError):
    """The bytes are no bag of cells that we take. Its message names the first thing that is wrong."""


def read_boc(untrusted: bytes, *, max_bytes: int, max_cells: int) -> Cell:
    """The one root of a bag of ordinary cells, all of them reachable. Raises `BocError`, whatever the bytes are."""
    if len(untrusted) > max_bytes:
        raise BocError(f"more than {max_bytes:,} bytes")
    bag = _Bytes(untrusted)
    header = _read_header(bag, max_cells)
    start = bag.position
    plans = []
    for number in range(header.cells):
        plans.append(_read_cell(bag, number, header))
        if header.ends is not None and header.ends[number] != bag.position - start:
            raise BocError("the index does not fit")
    if bag.position - start != header.body_size:
        raise BocError("the announced size does not fit")
    if header.has_checksum and crc32c(untrusted[: bag.position]) != bag.take(CHECKSUM_BYTES):
        raise BocError("the checksum does not fit")
    if bag.position != len(untrusted):
        raise BocError("bytes after the end")
    return _build(plans)


def write_boc(*roots: Cell) -> bytes:
    """Every distinct cell once, no index, no checksum: with one root, the form in which the network sends payments."""
    order = _parents_first(roots)
    number_of = {cell.hash: number for number, cell in enumerate(order)}
    reference_size = _bytes_for(len(order))
    body = bytearray()
    for cell in order:
        body += cell.get_descriptors(cell.level_mask) + cell.data
        for child in cell.refs:
            body += number_of[child.hash].to_bytes(reference_size, "big")
    offset_size = _bytes_for(len(body))
    counts = b"".join(value.to_bytes(reference_size, "big") for value in (len(order), len(roots), 0))
    return b"".join(
        [
            MAGIC,
            bytes([reference_size, offset_size]),
            counts,
            len(body).to_bytes(offset_size, "big"),
            *(number_of[root.hash].to_bytes(reference_size, "big") for root in roots),
            body,
        ]
    )


@dataclass(frozen=True, slots=True)
class _Header:
    reference_size: int  # bytes of a cell's number
    cells: int
    body_size: int  # bytes of all cells
    ends: list[int] | None  # where each cell ends in the body, if there is an index
    has_checksum: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """A cell before its children are known."""

    bits: bitarray
    children: tuple[int, ...]


class _Bytes:
    def __init__(self, untrusted: bytes) -> None:
        self._untrusted = untrusted
        self.position = 0

    def take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self._untrusted):
            raise BocError("cut short")
        taken = self._untrusted[self.position : end]
        self.position = end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")


def _read_header(bag: _Bytes, max_cells: int) -> _Header:
    if bag.take(len(MAGIC)) != MAGIC:
        raise BocError("not a bag of cells")
    flags, offset_size = bag.take(2)
    reference_size = flags & SIZE_MASK
    if flags & ~(HAS_INDEX | HAS_CHECKSUM | SIZE_MASK) or not 1 <= reference_size <= 4 or not 1 <= offset_size <= 8:
        raise BocError("a form of bag that nobody writes")
    cells, roots, absent = (bag.number(reference_size) for _ in range(3))
    body_size = bag.number(offset_size)
    if roots != 1 or absent != 0 or bag.number(reference_size) != 0:
        raise BocError("not exactly one root, first in the bag")
    if not 1 <= cells <= max_cells:
        raise BocError(f"{cells:,} cells, expected 1 to {max_cells:,}")
    ends = [bag.number(offset_size) for _ in range(cells)] if flags & HAS_INDEX else None
    return _Header(reference_size, cells, body_size, ends, bool(flags & HAS_CHECKSUM))


def _read_cell(bag: _Bytes, number: int, header: _Header) -> _Plan:
    references, half_bytes = bag.take(2)
    if references > MAX_REFERENCES:  # the upper bits mean exotic, of a level, or with its hashes
        raise BocError("not an ordinary cell")
    bits = bitarray(endian="big")
    bits.frombytes(bag.take((half_bytes + 1) // 2))
    if half_bytes % 2:  # not whole bytes: the last 1 ends the data
        end = bits.find(1, right=True)
        if end < len(bits) - 7:
            raise BocError("a cell's data has no end")
        del bits[end:]
    children = tuple(bag.number(header.reference_size) for _ in range(references))
    if not all(number < child < header.cells for child in children):
        raise BocError("a cell refers to itself, backwards or nowhere")
    return _Plan(bits, children)


def _build(plans: list[_Plan]) -> Cell:
    referred = {0}.union(*(plan.children for plan in plans))
    if len(referred) != len(plans):
        raise BocError("cells that nothing refers to")
    cells: dict[int, Cell] = {}
    for number in range(len(plans) - 1, -1, -1):
        plan = plans[number]
        try:
            cells[number] = Cell(plan.bits, [cells[child] for child in plan.children])
        except CellError as problem:  # the one rule left that an ordinary cell can break
            raise BocError("nested too deeply") from problem
    return cells[0]


def _parents_first(roots: tuple[Cell, ...]) -> list[Cell]:
    """Every distinct cell, each before its children: a depth-first walk, read backwards."""
    finished: list[Cell] = []
    seen: set[bytes] = set()
    path: list[tuple[Cell, bool]] = [(root, False) for root in reversed(roots)]
    while path:
        cell, children_done = path.pop()
        if children_done:
            finished.append(cell)
        elif cell.hash not in seen:
            seen.add(cell.hash)
            path.append((cell, True))
            path.extend((child, False) for child in cell.refs)
    finished.reverse()
    return finished


def _bytes_for(number: int) -> int:
    return max(1, (number.bit_length() + 7) // 8)
