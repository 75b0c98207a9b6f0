"""Every account and every block hangs in these dictionaries: one bit off and no client believes us."""

from bitarray import bitarray
from hypothesis import given, settings
from hypothesis import strategies as st
from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.hashmap.hashmap import HashMap
from pytoniq_core.boc.slice import Slice
from pytoniq_core.proof.check_proof import check_proof

from mulberry.demo.chain.bags import join_bags
from mulberry.demo.chain.dictionary import PLAIN, Dictionary, dictionary_of
from mulberry.demo.chain.layout import KEY_AND_LT, MONEY
from mulberry.demo.chain.proofs import all_cells, merkle_proof
from mulberry.model.places import resource
from mulberry.ton.boc import write_boc

KEY_BITS = 16
keys = st.one_of(st.integers(0, 2**KEY_BITS - 1), st.integers(0, 15), st.sampled_from([0, 0xFFFF, 0x8000, 0x7FFF]))


def number(value: int) -> Cell:
    builder = Builder()
    builder.store_uint(value, 32)
    return builder.end_cell()


def plain(items: dict[int, int]) -> Dictionary[None]:
    return Dictionary(KEY_BITS, PLAIN, dictionary_of(KEY_BITS, {key: number(value) for key, value in items.items()}))


def money(items: dict[int, int]) -> Dictionary[int]:
    made = Dictionary(KEY_BITS, MONEY)
    for key, value in items.items():
        made = made.set(key, number(value), value)
    return made


@given(st.dictionaries(keys, st.integers(0, 2**32 - 1), min_size=1))
def test_the_library_makes_the_same_cells(items: dict[int, int]) -> None:
    theirs = HashMap(KEY_BITS, value_serializer=lambda value, builder: builder.store_uint(value, 32))
    for key, value in items.items():
        theirs.set_int_key(key, value)
    serialized = theirs.serialize()
    ours = plain(items).root
    assert serialized is not None
    assert ours is not None
    assert ours.hash == serialized.hash


@given(st.dictionaries(keys, st.integers(0, 2**32 - 1)), keys)
def test_it_gives_back_what_was_put_in(items: dict[int, int], other: int) -> None:
    made = money(items)
    assert {key: Slice(value.bits, []).load_uint(32) for key, value in made.items()} == items
    assert [key for key, _ in made.items()] == sorted(items)
    assert made.extra == sum(items.values())
    for key in (*items, other):
        assert (made.get(key) is not None) == (key in items)


@given(st.dictionaries(keys, st.integers(0, 2**32 - 1), min_size=1), st.data())
def test_what_is_taken_out_leaves_no_trace(items: dict[int, int], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(sorted(items)))
    rest = {key: value for key, value in items.items() if key != gone}
    assert money(items).delete(gone) == money(rest)
    assert money(rest).delete(gone) == money(rest)


@given(st.dictionaries(keys, st.integers(0, 100), min_size=1), keys)
def test_the_cells_on_the_way_prove_presence_and_absence(items: dict[int, int], key: int) -> None:
    made = plain(items)
    path: set[bytes] = set()
    found = made.get(key, path)
    assert made.root is not None
    proof = merkle_proof(made.root, path)
    check_proof(proof, made.root.hash)
    assert Dictionary(KEY_BITS, PLAIN, proof.refs[0]).get(key) == found


def test_a_dictionary_does_not_change_when_another_is_made_of_it() -> None:
    before = money({1: 10, 2: 20})
    root = before.root
    before.set(1, number(11), 11)
    before.delete(2)
    assert before.root is root
    assert before.extra == 30


def test_the_configuration_of_mainnet_is_read_and_written_as_it_is() -> None:
    root = Cell.one_from_boc(resource("emulator/config.boc").read_bytes())
    configuration: Dictionary[None] = Dictionary(32, PLAIN, root)
    again: Dictionary[None] = Dictionary(32, PLAIN)
    for key, value in configuration.items():
        again = again.set(key, value, None)
    assert again.root is not None
    assert again.root.hash == root.hash


def test_the_sum_of_blocks_is_whether_one_is_a_key_and_the_newest_end() -> None:
    made = Dictionary(32, KEY_AND_LT).set(1, number(1), (1, 50)).set(2, number(2), (0, 90))
    assert made.extra == (1, 90)


@settings(max_examples=30)
@given(st.lists(st.dictionaries(keys, st.integers(0, 9), min_size=1, max_size=40), min_size=1, max_size=16))
def test_joined_bags_hold_every_root_in_order(dictionaries: list[dict[int, int]]) -> None:
    roots = [root for items in dictionaries if (root := plain(items).root) is not None]
    joined = Cell.from_boc(join_bags([write_boc(root) for root in roots]))
    assert [cell.hash for cell in joined] == [root.hash for root in roots]
    assert [cell.hash for cell in Cell.from_boc(write_boc(*roots))] == [root.hash for root in roots]


def test_a_proof_leaves_out_what_was_not_asked_for() -> None:
    leaf, kept = number(1), number(2)
    root = Cell(bitarray("1"), [leaf, kept])
    proof = merkle_proof(root, {root.hash, kept.hash})
    check_proof(proof, root.hash)
    pruned, whole = proof.refs[0].refs
    assert (pruned.is_exotic, whole.is_exotic) == (True, False)
    assert all_cells([root], frozenset([leaf.hash])) == {root.hash, kept.hash}


def test_bags_grow_their_numbers_when_there_are_many_cells() -> None:
    chain, bags = number(0), []
    for value in range(4):
        chain = number(value)
        for _ in range(99):
            chain = Cell(chain.bits, [chain])
        bags.append(write_boc(chain))
    joined = Cell.from_boc(join_bags(bags))
    assert len(joined) == len(bags)
    assert joined[-1].hash == chain.hash
