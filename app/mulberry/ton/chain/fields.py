"""Fields out of proven cells, bit by bit, in TL-B's order. Source: TON's block.tlb.

Only ordinary cells are read: a pruned branch has bits too, and a server could choose them.
"""

from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.exotic import CellTypes

from mulberry.ton.chain.errors import ServerLied

COINS_LENGTH_BITS = 4


class BadShape(ServerLied):
    """A cell has not the fields it should have."""


class Pruned(BadShape):
    """The proof leaves out what we need to see."""


class Fields:
    """Takes fields off a cell. Every step raises `BadShape` where the cell is too short."""

    __slots__ = ("_bits_left", "_next_reference", "_number", "_references")

    def __init__(self, cell: Cell) -> None:
        if cell.type_ != CellTypes.ordinary:
            raise Pruned("a proof leaves out what it should show")
        length = len(cell.bits)
        self._number = int.from_bytes(cell.bits.tobytes(), "big") >> (-length % 8)
        self._bits_left = length
        self._references: list[Cell] = cell.refs
        self._next_reference = 0

    @property
    def bits_left(self) -> int:
        return self._bits_left

    @property
    def references_left(self) -> int:
        return len(self._references) - self._next_reference

    def uint(self, bits: int) -> int:
        left = self._bits_left - bits
        if left < 0:
            raise BadShape("a cell is too short")
        self._bits_left = left
        return (self._number >> left) & ((1 << bits) - 1)

    def signed(self, bits: int) -> int:
        value = self.uint(bits)
        return value - (1 << bits) if value >> (bits - 1) else value

    def bit(self) -> bool:
        return self.uint(1) == 1

    def bytes(self, count: int) -> bytes:
        return self.uint(8 * count).to_bytes(count, "big")

    def skip(self, bits: int) -> None:
        self.uint(bits)

    def expect(self, tag: int, bits: int, what: str) -> None:
        if self.uint(bits) != tag:
            raise BadShape(f"not {what}")

    def coins(self) -> int:
        """Nanoton: 4 bits say how many bytes."""
        return self.variable(COINS_LENGTH_BITS)

    def variable(self, length_bits: int) -> int:
        return self.uint(8 * self.uint(length_bits))

    def currencies(self) -> int:
        """Nanoton of a CurrencyCollection; other currencies are passed over."""
        nanoton = self.coins()
        if self.bit():
            self.reference()
        return nanoton

    def reference(self) -> Cell:
        if self._next_reference == len(self._references):
            raise BadShape("a cell lacks a reference")
        cell = self._references[self._next_reference]
        self._next_reference += 1
        return cell

    def maybe_reference(self) -> Cell | None:
        return self.reference() if self.bit() else None

    def rest(self) -> tuple[int, int, list[Cell]]:
        """What is left: the bits as a number, how many they are, and the references. Takes nothing."""
        return self._number & ((1 << self._bits_left) - 1), self._bits_left, self._references[self._next_reference :]
