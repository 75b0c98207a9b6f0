"""Bags of cells come from strangers: any bytes must end in one cell or one typed error, soon."""

import time

import pytest
from bitarray import bitarray
from hypothesis import given
from hypothesis import strategies as st
from pytoniq_core.boc.cell import Cell

from mulberry.ton.boc import MAGIC, BocError, read_boc, write_boc


def read(untrusted: bytes) -> Cell:
    return read_boc(untrusted, max_bytes=10_000, max_cells=1_200)


def bag(*cells: bytes, count: int | None = None, roots: int = 1, absent: int = 0, flags: int = 1) -> bytes:
    """A bag written by hand: a 1-byte cell number, 2-byte sizes."""
    body = b"".join(cells)
    number = len(cells) if count is None else count
    return MAGIC + bytes([flags, 2, number, roots, absent]) + len(body).to_bytes(2, "big") + b"\0" + body


LEAF = bytes([0, 2, 0xAB])


def test_a_leaf_as_the_documentation_writes_it() -> None:
    cell = read(bag(LEAF))
    assert bitarray(cell.bits) == bitarray("10101011")
    assert write_boc(cell) == MAGIC + bytes([1, 1, 1, 1, 0, 3, 0]) + LEAF


def test_the_library_reads_what_we_write_and_we_read_what_it_writes() -> None:
    shared = Cell(bitarray("101"), [])
    root = Cell(bitarray(), [shared, Cell(bitarray("1" * 1023), [shared]), shared])
    assert Cell.one_from_boc(write_boc(root)).hash == root.hash
    assert read(root.to_boc()).hash == root.hash  # type: ignore[no-untyped-call]
    assert read(root.to_boc(hash_crc32=True)).hash == root.hash  # type: ignore[no-untyped-call]


def test_an_index_holds_where_each_cell_ends() -> None:
    """Written by hand from boc.tlb: the library writes lengths there."""
    parent = b"\x01\x02\xcd\x01"
    flagged = bag(parent, LEAF, flags=0x81)
    header = len(flagged) - len(parent + LEAF)
    assert read(flagged[:header] + b"\0\x04\0\x07" + flagged[header:]).hash == read(bag(parent, LEAF)).hash


def test_shared_children_cost_nothing_extra() -> None:
    cell = Cell(bitarray("1"), [])
    for _ in range(500):  # 2 ** 500 paths
        cell = Cell(bitarray(), [cell, cell])
    start = time.process_time()
    written = write_boc(cell)
    assert read(written).hash == cell.hash
    assert len(written) < 500 * 8
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("untrusted", "why"),
    [
        (b"", "cut short"),
        (MAGIC, "cut short"),
        (b"\x68\xff\x65\xf3" + bytes(20), "not a bag"),
        (bag(LEAF)[:-1], "cut short"),
        (bag(LEAF) + b"\0", "after the end"),
        (bag(LEAF, LEAF), "nothing refers to"),
        (bag(LEAF, roots=2), "one root"),
        (bag(LEAF, roots=0), "one root"),
        (bag(LEAF, absent=1), "one root"),
        (bag(count=0), "0 cells"),
        (bag(LEAF, count=255), "cut short"),
        (MAGIC + bytes([4, 8]) + b"\xff\xff\xff\xff" + bytes([0, 0, 0, 1]) + bytes(20), "4,294,967,295 cells"),
        (MAGIC + bytes([7, 8]) + b"\xff" * 40, "nobody writes"),
        (MAGIC + bytes([0, 1]) + bytes(20), "nobody writes"),
        (bag(LEAF, flags=0x21), "nobody writes"),  # cache bits
        (bag(bytes([1, 0, 0])), "itself"),
        (bag(bytes([1, 0, 1]), bytes([1, 0, 0])), "backwards"),
        (bag(bytes([1, 0, 9])), "nowhere"),
        (bag(bytes([5, 0, 1, 1, 1, 1, 1]), LEAF), "ordinary"),
        (bag(bytes([8, 2, 2])), "ordinary"),  # exotic
        (bag(bytes([0x20, 2, 2])), "ordinary"),  # of level 1
        (bag(bytes([0x10, 2]) + bytes(35)), "ordinary"),  # with its hashes
        (bag(bytes([0x17, 0])), "ordinary"),  # absent
        (bag(bytes([0, 1, 0])), "no end"),
        (bag(bytes([0, 1, 0x80]) + b""), "no end"),
        (bag(LEAF, flags=0x41) + bytes(4), "checksum"),
        (bag(b"\x00\x09" + LEAF, flags=0x81, count=1), "index"),
        (bytes(10_001), "10,000 bytes"),
    ],
)
def test_each_wrong_thing_has_its_words(untrusted: bytes, why: str) -> None:
    with pytest.raises(BocError, match=why):
        read(untrusted)


def test_depth_is_bounded() -> None:
    def chain(cells: int) -> bytes:
        links = b"".join(b"\x01\x00" + (number + 1).to_bytes(2, "big") for number in range(cells - 1))
        body = links + b"\x00\x00"
        counts = cells.to_bytes(2, "big") + b"\x00\x01\x00\x00"
        return MAGIC + bytes([2, 2]) + counts + len(body).to_bytes(2, "big") + b"\x00\x00" + body

    read(chain(1024))
    with pytest.raises(BocError, match="deeply"):
        read(chain(1025))


@given(st.binary(max_size=300))
def test_any_bytes_give_a_cell_or_the_typed_error(untrusted: bytes) -> None:
    for candidate in (untrusted, MAGIC + untrusted, MAGIC + bytes([1, 1, 2, 1, 0]) + untrusted):
        try:
            cell = read(candidate)
        except BocError:
            continue
        assert read(write_boc(cell)).hash == cell.hash


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    made: list[Cell] = []
    for _ in range(draw(st.integers(1, 8))):
        children = draw(st.lists(st.sampled_from(made), max_size=4)) if made else []
        made.append(Cell(bitarray(draw(st.lists(st.booleans(), max_size=40))), children))
    return made[-1]


@given(cells())
def test_every_ordinary_cell_survives_the_trip(cell: Cell) -> None:
    again = read(write_boc(cell))
    assert again.hash == cell.hash
    assert write_boc(again) == write_boc(cell)
