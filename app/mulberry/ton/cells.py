"""What goes into a cell and comes out of it, field by field. Source: TON's TL-B for addresses and coins."""

from bitarray import bitarray
from bitarray.util import ba2int
from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell

from mulberry.ton.address import ACCOUNT_BYTES, Address

STANDARD_ADDRESS = bitarray("100") + bitarray("00000000")  # addr_std, no anycast, workchain 0


class CellShapeError(ValueError):
    """A cell has not the fields it should have."""


class CellWriter:
    """Puts fields into a new cell, in order. Returns itself, so that a cell reads like its description."""

    def __init__(self) -> None:
        self._builder = Builder()

    def uint(self, value: int, bits: int) -> "CellWriter":
        self._builder.store_uint(value, bits)
        return self

    def bytes(self, value: bytes) -> "CellWriter":
        self._builder.store_bytes(value)
        return self

    def coins(self, nanoton: int) -> "CellWriter":
        """4 bits: how many bytes, then these bytes."""
        self._builder.store_coins(nanoton)
        return self

    def address(self, address: Address) -> "CellWriter":
        self._builder.store_bits(STANDARD_ADDRESS)
        return self.bytes(address.account)

    def reference(self, cell: Cell) -> "CellWriter":
        self._builder.store_ref(cell)
        return self

    def maybe_reference(self, cell: Cell | None) -> "CellWriter":
        self._builder.store_maybe_ref(cell)
        return self

    def flag(self, value: bool) -> "CellWriter":
        self._builder.store_bit(int(value))
        return self

    def bits(self, value: bitarray) -> "CellWriter":
        self._builder.store_bits(value)
        return self

    def all_of(self, cell: Cell) -> "CellWriter":
        """The bits and references of `cell`, in place."""
        self._builder.store_cell(cell)
        return self

    def cell(self) -> Cell:
        cell: Cell = self._builder.end_cell()
        return cell


class CellReader:
    """Takes the fields out of a cell of known shape. Every step and `finish` raise `CellShapeError` on a misfit."""

    def __init__(self, untrusted: Cell) -> None:
        if untrusted.is_exotic:  # pruned from a proof, a library: its bits mean something else
            raise CellShapeError("not an ordinary cell")
        self._bits = bitarray(untrusted.bits)
        self._references: list[Cell] = list(untrusted.refs)
        self._position = 0

    def uint(self, whole_bytes: int) -> int:
        return int.from_bytes(self.bytes(whole_bytes), "big")

    def number(self, bits: int) -> int:
        """An unsigned number of so many bits; of none it is 0."""
        return ba2int(self._take(bits)) if bits else 0

    def flag(self) -> bool:
        return bool(self._take(1)[0])

    def coins(self) -> int:
        """4 bits: how many bytes, then these bytes, the first of them not 0."""
        size = self.number(4)
        amount = self.uint(size)
        if size and amount >> 8 * (size - 1) == 0:
            raise CellShapeError("an amount is written longer than it is")
        return amount

    def bytes(self, count: int) -> bytes:
        return self._take(8 * count).tobytes()

    def bits(self, count: int) -> bitarray:
        return self._take(count)

    def address(self) -> Address:
        if self._take(len(STANDARD_ADDRESS)) != STANDARD_ADDRESS:
            raise CellShapeError("not an address in workchain 0")
        return Address(self.bytes(ACCOUNT_BYTES))

    def reference(self) -> Cell:
        if not self._references:
            raise CellShapeError("a reference is missing")
        return self._references.pop(0)

    def maybe_reference(self) -> Cell | None:
        return self.reference() if self.flag() else None

    def rest(self) -> Cell:
        """Everything not yet taken, as a cell of its own."""
        rest = Cell(self._bits[self._position :], list(self._references))
        self._position = len(self._bits)
        self._references.clear()
        return rest

    @property
    def bits_left(self) -> int:
        return len(self._bits) - self._position

    @property
    def references_left(self) -> int:
        return len(self._references)

    def finish(self) -> None:
        if self._references or self._position != len(self._bits):
            raise CellShapeError("more in the cell than belongs there")

    def _take(self, count: int) -> bitarray:
        end = self._position + count
        if end > len(self._bits):
            raise CellShapeError("the cell is too short")
        taken = self._bits[self._position : end]
        self._position = end
        return taken
