"""Money is a whole number of nanoton. One TON is 10^9 nanoton; there are no fractions below it."""

from typing import NewType

from mulberry.model.language import number

Nanoton = NewType("Nanoton", int)

NANOTON_PER_TON = 10**9


def format_ton(amount: Nanoton, *, at_least_decimals: int = 4) -> str:
    """The amount in TON without loss: as many decimals as it has, at least `at_least_decimals`, e.g. `0.0042 TON`,
    with the marks of the owner's language."""
    whole, rest = divmod(abs(amount), NANOTON_PER_TON)
    decimals = f"{rest:09d}".rstrip("0").ljust(at_least_decimals, "0")
    sign = "-" if amount < 0 else ""
    return number(f"{sign}{whole:,}{'.' if decimals else ''}{decimals} TON")
