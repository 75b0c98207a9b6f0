"""Every proof is cells from a stranger: the reader must be right about hashes and must never hang or fall over."""

import contextlib
import time

import pytest
from bitarray import bitarray
from hypothesis import given
from hypothesis import strategies as st
from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.exotic import CellTypes

from mulberry.ton.boc import write_boc
from mulberry.ton.chain.bags import BadBag, merkle_body, read_bag
from mulberry.ton.chain.errors import ServerLied

ONE = range(1, 2)


def cell(text: str, *references: Cell) -> Cell:
    return Cell(bitarray(text), list(references))


def special(kind: int, rest: bytes, *references: Cell) -> Cell:
    bits = bitarray(endian="big")
    bits.frombytes(bytes([kind]) + rest)
    return Cell(bits, list(references), kind)


def pruned(hidden: Cell) -> Cell:
    return special(CellTypes.pruned_branch, b"\x01" + hidden.hash + hidden.get_depth(0).to_bytes(2, "big"))


def merkle_proof(body: Cell) -> Cell:
    return special(CellTypes.merkle_proof, body.get_hash(0) + body.get_depth(0).to_bytes(2, "big"), body)


def read(boc: bytes, max_cells: int = 5000) -> Cell:
    return read_bag(boc, roots=ONE, max_cells=max_cells)[0]


def test_ordinary_cells_come_back_as_they_were() -> None:
    tree = cell("1011", cell("0" * 1023), cell(""), cell("1" * 8, cell("01")))
    assert read(write_boc(tree)).hash == tree.hash


def test_a_pruned_tree_has_the_hash_of_the_whole_one() -> None:
    left, right = cell("1" * 100, cell("0")), cell("01")
    whole = cell("111", left, right)
    shown = Cell(whole.bits, [pruned(left), right])
    proof = read(write_boc(merkle_proof(shown)))
    assert merkle_body(proof, whole.hash).get_hash(0) == whole.hash


def test_a_proof_of_something_else_is_refused() -> None:
    proof = read(write_boc(merkle_proof(cell("1"))))
    with pytest.raises(BadBag, match="something else"):
        merkle_body(proof, cell("0").hash)
    with pytest.raises(BadBag, match="something else"):
        merkle_body(cell("0"), cell("0").hash)  # no proof at all


def test_a_merkle_cell_that_claims_another_hash_than_its_tree_has_is_refused() -> None:
    body = cell("1")
    forged = special(CellTypes.merkle_proof, cell("0").hash + bytes(2), body)
    with pytest.raises(BadBag, match="not those of its trees"):
        read(write_boc(forged))
    update = special(CellTypes.merkle_update, body.hash + cell("0").hash + bytes(4), body, body)
    with pytest.raises(BadBag, match="not those of its trees"):
        read(write_boc(update))


@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        (CellTypes.pruned_branch, b"\x01" + bytes(33)),
        (CellTypes.pruned_branch, b"\x01" + bytes(35)),
        (CellTypes.pruned_branch, b"\x00" + bytes(34)),
        (CellTypes.library_ref, bytes(31)),
    ],
    ids=["short", "long", "level 0", "short library"],
)
def test_special_cells_of_the_wrong_size_are_refused(kind: int, rest: bytes) -> None:
    with pytest.raises(BadBag):
        read(write_boc(special(kind, rest)))


def test_an_unknown_special_cell_is_refused() -> None:
    bag = bytearray(write_boc(cell("0" * 16)))
    descriptor = len(bag) - 4
    assert bag[descriptor] == 0
    bag[descriptor] = 8
    with pytest.raises(BadBag, match="unknown type"):
        read(bytes(bag))


def test_a_bomb_of_shared_cells_is_read_in_no_time() -> None:
    # 1000 levels, each with the level below four times: 4^1000 paths, 1000 cells
    tree = cell("1")
    for _ in range(1000):
        tree = cell("1", tree, tree, tree, tree)
    started = time.process_time()
    assert read(write_boc(tree)).hash == tree.hash
    assert time.process_time() - started < 5


def test_a_chain_deeper_than_cells_may_be_is_refused_without_recursion() -> None:
    depth = 1100
    body = b"".join(b"\x01\x00" + (n + 1).to_bytes(2, "big") for n in range(depth)) + b"\x00\x00"
    size = len(body).to_bytes(2, "big")
    bag = bytes.fromhex("b5ee9c720202") + (depth + 1).to_bytes(2, "big") + b"\x00\x01\x00\x00" + size + bytes(2) + body
    with pytest.raises(BadBag, match="depth"):
        read(bag)


def test_more_cells_or_roots_than_allowed_are_refused() -> None:
    with pytest.raises(BadBag, match="a bag of 3 cells"):
        read(write_boc(cell("1", cell("0", cell("11")))), max_cells=2)
    with pytest.raises(BadBag, match="1 roots"):
        read_bag(write_boc(cell("1")), roots=range(2, 3), max_cells=5)


PROOF = write_boc(merkle_proof(cell("111", pruned(cell("1", cell("0"))), cell("01"))))


@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    for bag in (noise, PROOF[:4] + noise):
        with contextlib.suppress(ServerLied):
            read_bag(bag, roots=range(1, 5), max_cells=100)


@given(st.integers(0, len(PROOF) - 1), st.integers(1, 255))
def test_a_changed_byte_never_leaves_the_same_proof_of_other_content(at: int, change: int) -> None:
    changed = bytearray(PROOF)
    changed[at] ^= change
    original = read(PROOF)
    with contextlib.suppress(ServerLied):
        body = merkle_body(read(bytes(changed)), original.refs[0].get_hash(0))
        assert body.bits == original.refs[0].bits


@given(st.integers(0, len(PROOF) - 1))
def test_a_proof_cut_short_is_refused(length: int) -> None:
    with pytest.raises(ServerLied):
        read(PROOF[:length])
