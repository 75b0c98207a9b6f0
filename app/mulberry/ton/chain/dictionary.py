"""Dictionaries inside proven cells. Source: TON's hashmap.tlb. Neither recursion nor trust in the shape."""

from collections.abc import Iterator

from pytoniq_core.boc.cell import Cell

from mulberry.ton.chain.fields import BadShape, Fields


def find(root: Cell, key: int, key_bits: int) -> Fields | None:
    """The leaf of `key`, after its label: the value's fields, in augmented dictionaries the extra's first.

    None is proof of absence. Raises `Pruned` if the proof leaves the path out.
    """
    cell, left = root, key_bits
    while True:
        node = Fields(cell)
        length, label = _label(node, left)
        left -= length
        if label != (key >> left) & ((1 << length) - 1):
            return None
        if left == 0:
            return node
        left -= 1
        branches = node.reference(), node.reference()
        cell = branches[(key >> left) & 1]


def entries(root: Cell, key_bits: int, *, max_entries: int) -> Iterator[tuple[int, Fields]]:
    """Every key and its leaf, keys rising. Raises `BadShape` beyond `max_entries`: shared cells can be exponential."""
    waiting = [(root, 0, key_bits)]
    found = 0
    while waiting:
        cell, prefix, left = waiting.pop()
        node = Fields(cell)
        length, label = _label(node, left)
        left -= length
        key = prefix << length | label
        if left == 0:
            found += 1
            if found > max_entries:
                raise BadShape(f"a dictionary of more than {max_entries} entries")
            yield key, node
        else:
            zero, one = node.reference(), node.reference()
            waiting.append((one, key << 1 | 1, left - 1))
            waiting.append((zero, key << 1, left - 1))


def _label(node: Fields, longest: int) -> tuple[int, int]:
    """How many bits the label has, and the bits."""
    length_bits = longest.bit_length()
    if not node.bit():  # short: the length in unary
        length = 0
        while node.bit():
            length += 1
            if length > longest:
                break
        _check(length, longest)
        return length, node.uint(length)
    if not node.bit():  # long: length, then bits
        length = node.uint(length_bits)
        _check(length, longest)
        return length, node.uint(length)
    same = node.bit()
    length = node.uint(length_bits)
    _check(length, longest)
    return length, (1 << length) - 1 if same else 0


def _check(length: int, longest: int) -> None:
    if length > longest:
        raise BadShape("a dictionary's label is longer than its keys")
