"""Merkle proofs: a tree of cells of which only those that matter are left, the others replaced by their hashes.

Source: TON's exotic cells, whitepaper 3.1.7 and crypto/vm/cells/MerkleProof.cpp.
"""

from collections.abc import Iterable

from bitarray import bitarray
from pytoniq_core.boc.cell import Cell

PRUNED_BRANCH, MERKLE_PROOF, MERKLE_UPDATE = 1, 3, 4


def pruned_branch(cell: Cell) -> Cell:
    """Stands for `cell` in a proof of level 1."""
    return Cell(_bits(bytes([PRUNED_BRANCH, 1]) + _hash(cell) + _depth(cell)), [], PRUNED_BRANCH)


def merkle_proof(root: Cell, kept: set[bytes]) -> Cell:
    """Proves those cells of the tree whose hashes are in `kept`, each of them reachable through others in it."""
    content = bytes([MERKLE_PROOF]) + _hash(root) + _depth(root)
    return Cell(_bits(content), [_prune(root, kept, {})], MERKLE_PROOF)


def merkle_update(old: Cell, new: Cell) -> Cell:
    """Says that `old` became `new` and nothing else: in our blocks both sides are pruned at once."""
    content = bytes([MERKLE_UPDATE]) + _hash(old) + _hash(new) + _depth(old) + _depth(new)
    return Cell(_bits(content), [pruned_branch(old), pruned_branch(new)], MERKLE_UPDATE)


def all_cells(roots: Iterable[Cell], except_for: frozenset[bytes] = frozenset()) -> set[bytes]:
    """The hashes of everything under `roots`, them included, but not of what hangs below `except_for`, nor of these."""
    found: set[bytes] = set()
    path = list(roots)
    while path:
        cell = path.pop()
        if cell.hash not in found and cell.hash not in except_for:
            found.add(cell.hash)
            path += cell.refs
    return found


def _prune(cell: Cell, kept: set[bytes], done: dict[bytes, Cell]) -> Cell:
    result = done.get(cell.hash)
    if result is None:
        if cell.hash not in kept:
            result = cell if cell.type_ == PRUNED_BRANCH else pruned_branch(cell)
        elif cell.is_exotic:  # a block's state update stays as it is
            result = cell
        else:
            result = Cell(cell.bits, [_prune(child, kept, done) for child in cell.refs])
        done[cell.hash] = result
    return result


def _bits(content: bytes) -> bitarray:
    bits = bitarray(endian="big")
    bits.frombytes(content)
    return bits


def _hash(cell: Cell) -> bytes:
    return cell.get_hash(0)


def _depth(cell: Cell) -> bytes:
    return cell.get_depth(0).to_bytes(2, "big")
