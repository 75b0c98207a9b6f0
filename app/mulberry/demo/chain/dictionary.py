"""TON's dictionaries with a sum at every branch, as cells. Source: TL-B `HashmapAugE`, block.tlb.

A dictionary never changes: setting a key makes a new one that shares all other branches with the old. So every block
keeps its state, and a state that was read from a file is a dictionary at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from bitarray import bitarray
from bitarray.util import ba2int
from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.slice import Slice

Extra = TypeVar("Extra")


@dataclass(frozen=True, slots=True)
class Augmentation(Generic[Extra]):
    """What a dictionary sums up: how it is read and written and what two branches are together."""

    read: Callable[[Slice], Extra]
    write: Callable[[Builder, Extra], object]
    add: Callable[[Extra, Extra], Extra]
    empty: Extra


PLAIN: Augmentation[None] = Augmentation(lambda _: None, lambda _builder, _extra: None, lambda _a, _b: None, None)


@dataclass(frozen=True, slots=True)
class Dictionary(Generic[Extra]):
    """Keys of `key_bits` bits, not negative; values are whole cells, stored in place."""

    key_bits: int
    augmentation: Augmentation[Extra]
    root: Cell | None = None

    @property
    def extra(self) -> Extra:
        """The sum of all values."""
        if self.root is None:
            return self.augmentation.empty
        return self._open(self.root, self.key_bits).extra

    def get(self, key: int, path: set[bytes] | None = None) -> Cell | None:
        """The value of `key`. Adds to `path` the hashes of the cells looked at: with them, absence is proven too."""
        cell, rest = self.root, self._text(key)
        while cell is not None:
            if path is not None:
                path.add(cell.hash)
            node = self._open(cell, len(rest))
            if not rest.startswith(node.label):
                return None
            rest = rest[len(node.label) :]
            if not rest:
                return node.value
            cell, rest = node.branches[rest[0] == "1"], rest[1:]
        return None

    def set(self, key: int, value: Cell, extra: Extra) -> "Dictionary[Extra]":
        """The dictionary with `value` at `key`, whether or not there was one."""
        return replace(self, root=self._set(self.root, self._text(key), value, extra))

    def delete(self, key: int) -> "Dictionary[Extra]":
        """The dictionary without `key`; the same if it is not there."""
        if self.root is None:
            return self
        return replace(self, root=self._delete(self.root, self._text(key)))

    def items(self) -> Iterator[tuple[int, Cell]]:
        """Keys and values, by ascending key."""
        path = [("", self.root)] if self.root is not None else []
        while path:
            prefix, cell = path.pop()
            node = self._open(cell, self.key_bits - len(prefix))
            prefix += node.label
            if len(prefix) == self.key_bits:
                yield int(prefix, 2), node.value
            else:
                path += [(prefix + "1", node.branches[1]), (prefix + "0", node.branches[0])]

    def cells(self) -> Iterator[Cell]:
        """The dictionary's own cells, not what its values refer to."""
        path = [(self.key_bits, self.root)] if self.root is not None else []
        while path:
            bits, cell = path.pop()
            yield cell
            node = self._open(cell, bits)
            path += [(bits - len(node.label) - 1, branch) for branch in node.branches]

    def store(self, builder: Builder) -> None:
        """Writes it as `HashmapAugE`: whether there is a root, and the sum."""
        builder.store_maybe_ref(self.root)
        self.augmentation.write(builder, self.extra)

    def _text(self, key: int) -> str:
        return format(key, f"0{self.key_bits}b")

    def _open(self, cell: Cell, bits: int) -> "_Node[Extra]":
        label, position = _read_label(cell.bits, bits)
        rest = Slice(cell.bits[position:], list(cell.refs))
        if len(label) < bits:
            branches = (rest.load_ref(), rest.load_ref())
            return _Node(label, self.augmentation.read(rest), branches, rest)
        return _Node(label, self.augmentation.read(rest), (), rest)

    def _leaf(self, label: str, value: Cell, extra: Extra) -> Cell:
        builder = Builder()
        _write_label(builder, label, len(label))
        self.augmentation.write(builder, extra)
        return builder.store_cell(value).end_cell()  # type: ignore[no-any-return]

    def _fork(self, label: str, bits: int, left: Cell, right: Cell) -> Cell:
        builder = Builder()
        _write_label(builder, label, bits)
        below = bits - len(label) - 1
        extra = self.augmentation.add(self._open(left, below).extra, self._open(right, below).extra)
        builder.store_ref(left).store_ref(right)
        self.augmentation.write(builder, extra)
        return builder.end_cell()

    def _relabel(self, node: "_Node[Extra]", label: str, bits: int) -> Cell:
        """The same node under another label, `bits` bits from its values."""
        if node.branches:
            return self._fork(label, bits, *node.branches)
        return self._leaf(label, node.value, node.extra)

    def _set(self, cell: Cell | None, key: str, value: Cell, extra: Extra) -> Cell:
        if cell is None:
            return self._leaf(key, value, extra)
        node = self._open(cell, len(key))
        common = _common(node.label, key)
        if common == len(key):
            return self._leaf(key, value, extra)
        if common == len(node.label):
            left, right = node.branches
            below = key[common + 1 :]
            if key[common] == "0":
                return self._fork(node.label, len(key), self._set(left, below, value, extra), right)
            return self._fork(node.label, len(key), left, self._set(right, below, value, extra))
        old = self._relabel(node, node.label[common + 1 :], len(key) - common - 1)
        new = self._leaf(key[common + 1 :], value, extra)
        pair = (new, old) if key[common] == "0" else (old, new)
        return self._fork(key[:common], len(key), *pair)

    def _delete(self, cell: Cell, key: str) -> Cell | None:
        node = self._open(cell, len(key))
        if not key.startswith(node.label):
            return cell
        if not node.branches:
            return None
        place, below = len(node.label), len(key) - len(node.label) - 1
        right = key[place] == "1"
        kept = node.branches[not right]
        left_over = self._delete(node.branches[right], key[place + 1 :])
        if left_over is not None:
            pair = (kept, left_over) if right else (left_over, kept)
            return self._fork(node.label, len(key), *pair)
        other = self._open(kept, below)
        return self._relabel(other, node.label + ("0" if right else "1") + other.label, len(key))


@dataclass(frozen=True, slots=True)
class _Node(Generic[Extra]):
    label: str  # zeros and ones
    extra: Extra
    branches: tuple[Cell, ...]  # two, or none in a leaf
    rest: Slice  # of a leaf: the value; making a cell of it costs a hash, and mostly only the sum is wanted

    @property
    def value(self) -> Cell:
        return Cell(self.rest.bits, self.rest.refs[self.rest.ref_offset :])


def dictionary_of(key_bits: int, items: dict[int, Cell]) -> Cell | None:
    """The root of a plain dictionary of `items`."""
    made: Dictionary[None] = Dictionary(key_bits, PLAIN)
    for key, value in items.items():
        made = made.set(key, value, None)
    return made.root


def _common(one: str, other: str) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _read_label(bits: Any, limit: int) -> tuple[str, int]:
    """The label at the beginning of `bits`, and where it ends. Source: TL-B `HmLabel`."""
    size = limit.bit_length()
    if not bits[0]:  # the length in unary
        length = bits.find(0, 1) - 1
        start = length + 2
    elif not bits[1]:
        length = ba2int(bits[2 : 2 + size]) if size else 0
        start = 2 + size
    else:  # one bit, repeated
        length = ba2int(bits[3 : 3 + size]) if size else 0
        return str(bits[2]) * length, 3 + size
    return bits[start : start + length].to01(), start + length


def _write_label(builder: Builder, label: str, limit: int) -> None:
    """The shortest of the three forms, as everybody must write it."""
    length, size = len(label), limit.bit_length()
    bits = bitarray()
    if length > 1 and label == label[0] * length and size < 2 * length - 1:
        bits.extend("11" + label[0] + _number(length, size))
    elif size < length:
        bits.extend("10" + _number(length, size) + label)
    else:
        bits.extend("0" + "1" * length + "0" + label)
    builder.store_bits(bits)


def _number(value: int, size: int) -> str:
    return format(value, f"0{size}b") if size else ""
