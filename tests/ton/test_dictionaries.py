"""Dictionaries come from strangers' contracts: reading one must end, soon, and agree with everyone else's reading."""

import time

import pytest
from bitarray import bitarray
from hypothesis import given
from hypothesis import strategies as st
from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.hashmap.hashmap import HashMap

from hostile_cells import any_cells, bits_of, bomb, library_reference
from mulberry.ton.cells import CellShapeError, CellWriter
from mulberry.ton.dictionaries import read_dictionary, write_dictionary


def value(number: int) -> Cell:
    return CellWriter().uint(number, 8).cell()


def numbers(root: Cell | None, key_bits: int) -> dict[int, int]:
    return {key: reader.uint(1) for key, reader in read_dictionary(root, key_bits=key_bits, max_entries=1_000).items()}


def test_no_root_is_no_entry() -> None:
    assert read_dictionary(None, key_bits=8, max_entries=0) == {}
    assert write_dictionary({}, key_bits=8) is None


def test_two_entries_bit_by_bit() -> None:
    """By hand: keys 00000001 and 00000111 share five zeros; then one bit chooses, and two differ."""
    root = write_dictionary({1: value(0xAA), 7: value(0xBB)}, key_bits=8)
    assert root is not None
    assert bitarray(root.bits) == bits_of("11 0 0101")  # one bit repeated: 0, five times
    left, right = root.refs
    assert bitarray(left.bits) == bits_of("0 110 01 10101010")  # plainly: two more
    assert bitarray(right.bits) == bits_of("11 1 10 10111011")  # 1, twice
    assert numbers(root, 8) == {1: 0xAA, 7: 0xBB}


keys = st.sampled_from([1, 7, 32, 256]).flatmap(
    lambda bits: st.tuples(
        st.just(bits), st.dictionaries(st.integers(0, 2**bits - 1), st.integers(0, 255), max_size=30)
    )
)


@given(keys)
def test_the_library_writes_the_same_cells(entries: tuple[int, dict[int, int]]) -> None:
    key_bits, content = entries
    theirs = HashMap(key_bits, value_serializer=lambda number, builder: builder.store_uint(number, 8))
    for key, number in content.items():
        theirs.set_int_key(key, number)
    ours = write_dictionary({key: value(number) for key, number in content.items()}, key_bits=key_bits)
    serialized = theirs.serialize()
    assert (ours and ours.hash) == (serialized and serialized.hash)


@given(keys)
def test_written_and_read_again_in_the_order_of_keys(entries: tuple[int, dict[int, int]]) -> None:
    key_bits, content = entries
    root = write_dictionary({key: value(number) for key, number in content.items()}, key_bits=key_bits)
    assert list(numbers(root, key_bits).items()) == sorted(content.items())


def test_values_keep_their_references() -> None:
    inner = value(9)
    root = write_dictionary({3: CellWriter().reference(inner).cell()}, key_bits=32)
    (reader,) = read_dictionary(root, key_bits=32, max_entries=1).values()
    assert reader.reference().hash == inner.hash
    reader.finish()


def test_a_bomb_of_shared_branches_is_counted() -> None:
    started = time.process_time()
    with pytest.raises(CellShapeError, match="more than 10,000 entries"):
        read_dictionary(bomb(256), key_bits=256, max_entries=10_000)
    assert time.process_time() - started < 5


def test_exactly_as_many_as_allowed_are_read() -> None:
    assert len(read_dictionary(bomb(5), key_bits=5, max_entries=32)) == 32
    with pytest.raises(CellShapeError, match="more than 31 entries"):
        read_dictionary(bomb(5), key_bits=5, max_entries=31)


LEAF = Cell(bits_of("0 0"), [])


@pytest.mark.parametrize(
    ("root", "why"),
    [
        (Cell(bitarray(), []), "too short"),
        (Cell(bits_of("0 11"), []), "too short"),
        (Cell(bits_of("0 111110 11111"), []), "too long"),  # plainly: 5 of 4
        (Cell(bits_of("10 111 0000000"), []), "too long"),  # counted: 7 of 4
        (Cell(bits_of("11 0 101"), []), "too long"),  # repeated: 5 of 4
        (Cell(bits_of("10 100 000"), []), "too short"),
        (Cell(bits_of("11 0 011"), []), "reference is missing"),
        (Cell(bits_of("11 0 011"), [LEAF]), "reference is missing"),
        (Cell(bits_of("11 0 011"), [LEAF, LEAF, LEAF]), "more in the cell"),
        (Cell(bits_of("11 0 011 1"), [LEAF, LEAF]), "more in the cell"),
        (Cell(bits_of("11 0 011"), [LEAF, library_reference()]), "ordinary"),
        (library_reference(), "ordinary"),
    ],
)
def test_each_wrong_thing_has_its_words(root: Cell, why: str) -> None:
    with pytest.raises(CellShapeError, match=why):
        read_dictionary(root, key_bits=4, max_entries=100)


@given(any_cells(), st.sampled_from([1, 8, 256]))
def test_any_cells_give_entries_or_the_typed_error(root: Cell, key_bits: int) -> None:
    try:
        entries = read_dictionary(root, key_bits=key_bits, max_entries=100)
    except CellShapeError:
        return
    assert all(0 <= key < 2**key_bits for key in entries)


def test_a_key_too_large_is_our_mistake() -> None:
    with pytest.raises(OverflowError):
        write_dictionary({256: Builder().end_cell()}, key_bits=8)
