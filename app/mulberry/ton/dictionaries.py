"""Dictionaries with keys of fixed length, read with bounds and written. Source: TON's TL-B, HashmapE.

A tree in which each edge carries the bits that all keys below it share. A stranger's tree may share its branches, so
that few cells hold 2^256 entries: what is read is counted, and no recursion is used on it.
"""

from collections.abc import Mapping

from bitarray import bitarray
from bitarray.util import int2ba
from pytoniq_core.boc.cell import Cell

from mulberry.ton.cells import CellReader, CellShapeError, CellWriter

SHORT, LONG, SAME = "0", "10", "11"  # how an edge's bits are written: plainly, counted, or one bit repeated


def read_dictionary(untrusted_root: Cell | None, *, key_bits: int, max_entries: int) -> dict[int, CellReader]:
    """Every key with a reader of its value, keys ascending; no root is no entry. Raises `CellShapeError`."""
    entries: dict[int, CellReader] = {}
    to_read = [(untrusted_root, 0, key_bits)] if untrusted_root is not None else []
    while to_read:
        cell, key, bits_missing = to_read.pop()
        reader = CellReader(cell)
        edge = _read_edge(reader, bits_missing)
        key = key << len(edge) | _number(edge)
        bits_missing -= len(edge)
        if bits_missing == 0:
            if len(entries) == max_entries:
                raise CellShapeError(f"a dictionary of more than {max_entries:,} entries")
            entries[key] = reader
            continue
        left, right = reader.reference(), reader.reference()
        reader.finish()
        to_read.append((right, key << 1 | 1, bits_missing - 1))
        to_read.append((left, key << 1, bits_missing - 1))
    return entries


def write_dictionary(entries: Mapping[int, Cell], *, key_bits: int) -> Cell | None:
    """The dictionary's root, the same cell that a contract would make of the same entries; None when there are none."""
    keyed = sorted((int2ba(key, key_bits).to01(), value) for key, value in entries.items())
    return _write_tree(keyed, key_bits) if keyed else None


def _read_edge(reader: CellReader, bits_missing: int) -> bitarray:
    if not reader.flag():
        length = 0
        while reader.flag():
            length += 1
        _check_edge(length, bits_missing)
        return reader.bits(length)
    same = reader.flag()
    repeated = reader.flag() if same else False
    length = reader.number(bits_missing.bit_length())
    _check_edge(length, bits_missing)
    return bitarray([repeated]) * length if same else reader.bits(length)


def _check_edge(length: int, bits_missing: int) -> None:
    if length > bits_missing:
        raise CellShapeError("a dictionary's key is too long")


def _number(edge: bitarray) -> int:
    return int(edge.to01() or "0", 2)


def _write_tree(keyed: list[tuple[str, Cell]], bits_missing: int) -> Cell:
    """`keyed`: ascending keys as texts of `bits_missing` digits. Our own data: at most as deep as a key is long."""
    first, last = keyed[0][0], keyed[-1][0]
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=True)) if a != b), bits_missing)
    tree = CellWriter().bits(_edge(first[:length], bits_missing))
    if length == bits_missing:
        return tree.all_of(keyed[0][1]).cell()
    for side in "01":
        below = [(key[length + 1 :], value) for key, value in keyed if key[length] == side]
        tree.reference(_write_tree(below, bits_missing - length - 1))
    return tree.cell()


def _edge(shared: str, bits_missing: int) -> bitarray:
    """The shortest of the three forms, and where two are as short the one that the network's own code takes."""
    length = len(shared)
    length_bits = bits_missing.bit_length()
    count = format(length, f"0{length_bits}b")
    if length > 1 and len(set(shared)) == 1 and length_bits < 2 * length - 1:
        return bitarray(SAME + shared[0] + count)
    if length_bits < length:
        return bitarray(LONG + count + shared)
    return bitarray(SHORT + "1" * length + "0" + shared)
