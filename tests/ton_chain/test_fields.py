"""What is read must be what the proof proves: a pruned branch has bits too, and the server chose them."""

import contextlib

import pytest
from bitarray import bitarray
from bitarray.util import int2ba
from hypothesis import given
from hypothesis import strategies as st
from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.exotic import CellTypes
from pytoniq_core.boc.hashmap.hashmap import HashMap

from mulberry.ton.chain.dictionary import entries, find
from mulberry.ton.chain.errors import ServerLied
from mulberry.ton.chain.fields import BadShape, Fields, Pruned

EMPTY = Cell(bitarray(), [])


def dictionary(values: dict[int, int], key_bits: int) -> Cell:
    """As the library writes it."""
    writer = HashMap(key_bits, value_serializer=lambda value, builder: builder.store_uint(value, 64))
    for key, value in values.items():
        writer.set_int_key(key, value)
    root = writer.serialize()
    assert root is not None
    return root


def pruned_branch(hidden: Cell) -> Cell:
    bits = bitarray(endian="big")
    bits.frombytes(b"\x01\x01" + hidden.hash + bytes(2))
    return Cell(bits, [], CellTypes.pruned_branch)


def test_fields_come_off_in_order() -> None:
    cell = Builder().store_uint(5, 3).store_int(-7, 8).store_coins(10**9).store_bytes(b"abc").store_ref(EMPTY)
    fields = Fields(cell.end_cell())
    assert (fields.uint(3), fields.signed(8), fields.coins(), fields.bytes(3)) == (5, -7, 10**9, b"abc")
    assert (fields.bits_left, fields.references_left) == (0, 1)
    fields.reference()
    with pytest.raises(BadShape):
        fields.uint(1)
    with pytest.raises(BadShape):
        fields.reference()


def test_a_pruned_branch_is_not_read_as_content() -> None:
    with pytest.raises(Pruned):
        Fields(pruned_branch(EMPTY))


@given(st.dictionaries(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), min_size=1, max_size=40), st.data())
def test_a_dictionary_holds_what_was_put_in_and_nothing_else(values: dict[int, int], data: st.DataObject) -> None:
    root = dictionary(values, 32)
    assert [(key, leaf.uint(64)) for key, leaf in entries(root, 32, max_entries=40)] == sorted(values.items())
    key = data.draw(st.one_of(st.sampled_from(sorted(values)), st.integers(0, 2**32 - 1)))
    leaf = find(root, key, 32)
    assert (leaf.uint(64) if leaf else None) == values.get(key)


def test_absence_is_not_proven_by_a_pruned_path() -> None:
    root = dictionary({0: 1, 2**31: 2}, 32)
    cut = Cell(root.bits, [root.refs[0], pruned_branch(root.refs[1])])
    assert find(cut, 0, 32) is not None
    with pytest.raises(Pruned):
        find(cut, 2**31, 32)
    with pytest.raises(Pruned):
        find(cut, 2**31 + 1, 32)


def test_a_dictionary_of_shared_cells_ends() -> None:
    # every key of 32 bits is in this dictionary of 33 cells
    node = Cell(bitarray("00") + int2ba(7, 64), [])
    for _ in range(32):
        node = Cell(bitarray("00"), [node, node])
    leaf = find(node, 12345, 32)
    assert leaf is not None and leaf.uint(64) == 7
    with pytest.raises(BadShape, match="more than 1000"):
        list(entries(node, 32, max_entries=1000))


@pytest.mark.parametrize("label", ["1" * 40, "10111111", "111111111", "0111111110"])
def test_labels_longer_than_the_key_are_refused(label: str) -> None:
    with pytest.raises(BadShape):
        find(Cell(bitarray(label), []), 0, 4)


@given(st.text("01", max_size=300), st.integers(1, 256))
def test_any_cell_is_read_as_a_dictionary_or_refused(bits: str, key_bits: int) -> None:
    below = Cell(bitarray(bits[::-1]), [])
    root = Cell(bitarray(bits), [below, below])
    with contextlib.suppress(ServerLied):
        find(root, 1, key_bits)
    with contextlib.suppress(ServerLied):
        list(entries(root, key_bits, max_entries=10))
