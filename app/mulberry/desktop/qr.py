"""A text as a QR code of one fixed size, for wallets on a phone to read from the screen.

Source: ISO/IEC 18004:2015. Version 5 (37 by 37 modules), error correction M, byte mode: up to 84 bytes, enough for a
payment link with an address. The mask is always number 0: readers take any, and a screen needs no best one.
"""

from functools import cache
from itertools import zip_longest

SIZE = 37
LONGEST_BYTES = 84
_BLOCKS, _BLOCK_BYTES, _CORRECTION_BYTES = 2, 43, 24  # table 9, version 5-M
_ALIGNMENT = 30  # annex E: the one alignment pattern's middle
_FORMAT = 0b101010000010010  # table C.1: level M, mask 0
_FIELD_POLYNOMIAL = 0x11D

Matrix = tuple[tuple[bool, ...], ...]


def qr_code(text: str) -> Matrix:
    """Rows of modules from the top, dark ones true, without the quiet zone. Raises ValueError: `text` is too long."""
    modules = _patterns()
    bits = (byte >> shift & 1 for byte in _codewords(text.encode()) for shift in range(7, -1, -1))
    for row, column in _places(modules):
        modules[row, column] = bool(next(bits, 0)) ^ ((row + column) % 2 == 0)
    return tuple(tuple(modules[row, column] for column in range(SIZE)) for row in range(SIZE))


def correction(data: bytes, length: int) -> bytes:
    """`length` Reed-Solomon error correction codewords of `data`."""
    generator = _generator(length)
    rest = [*data, *bytes(length)]
    for start in range(len(data)):
        factor = rest[start]
        for i, coefficient in enumerate(generator):
            rest[start + i] ^= _times(coefficient, factor)
    return bytes(rest[len(data) :])


def _codewords(content: bytes) -> list[int]:
    """Mode, length and content, filled up, cut into blocks, each with its correction; the blocks interleaved."""
    if len(content) > LONGEST_BYTES:
        raise ValueError(f"{len(content)} bytes are too long for this QR code, which holds {LONGEST_BYTES}")
    capacity = _BLOCKS * _BLOCK_BYTES
    number = (0b0100 << 8 | len(content)) << 8 * len(content) | int.from_bytes(content)
    data = (number << 4).to_bytes(len(content) + 2)  # 4 + 8 bits before the content, 4 zero bits end it
    data += (b"\xec\x11" * capacity)[: capacity - len(data)]
    blocks = [data[start : start + _BLOCK_BYTES] for start in range(0, capacity, _BLOCK_BYTES)]
    corrections = [correction(block, _CORRECTION_BYTES) for block in blocks]
    return [byte for part in (blocks, corrections) for column in zip_longest(*part) for byte in column]


def _patterns() -> dict[tuple[int, int], bool]:
    """Everything that does not depend on the text, by row and column."""
    modules: dict[tuple[int, int], bool] = {}
    for top, left in ((0, 0), (0, SIZE - 7), (SIZE - 7, 0)):  # finders with their separators
        for row in range(max(0, top - 1), min(SIZE, top + 8)):
            for column in range(max(0, left - 1), min(SIZE, left + 8)):
                ring = max(abs(row - top - 3), abs(column - left - 3))
                modules[row, column] = ring in (0, 1, 3)
    for row in range(_ALIGNMENT - 2, _ALIGNMENT + 3):
        for column in range(_ALIGNMENT - 2, _ALIGNMENT + 3):
            modules[row, column] = max(abs(row - _ALIGNMENT), abs(column - _ALIGNMENT)) != 1
    for i in range(8, SIZE - 8):  # timing
        modules[6, i] = modules[i, 6] = i % 2 == 0
    modules[SIZE - 8, 8] = True
    _write_format(modules)
    return modules


def _write_format(modules: dict[tuple[int, int], bool]) -> None:
    """The 15 bits twice, the highest first: around the upper left finder, and split between the two others."""
    around = [(8, c) for c in (0, 1, 2, 3, 4, 5, 7, 8)] + [(r, 8) for r in (7, 5, 4, 3, 2, 1, 0)]
    split = [(r, 8) for r in range(SIZE - 1, SIZE - 8, -1)] + [(8, c) for c in range(SIZE - 8, SIZE)]
    for places in (around, split):
        for bit, place in zip(range(14, -1, -1), places, strict=True):
            modules[place] = bool(_FORMAT >> bit & 1)


def _places(taken: dict[tuple[int, int], bool]) -> list[tuple[int, int]]:
    """Where the codewords' bits go: column pairs from the right, upwards and downwards in turn, column 6 left out."""
    pairs = [right if right > 6 else right - 1 for right in range(SIZE - 1, 0, -2)]
    places = []
    for number, right in enumerate(pairs):
        rows = range(SIZE) if number % 2 else range(SIZE - 1, -1, -1)
        places += [(row, column) for row in rows for column in (right, right - 1)]
    return [place for place in places if place not in taken]


@cache
def _generator(length: int) -> tuple[int, ...]:
    """The product of (x - 2^i) for i below `length`, the highest power first."""
    polynomial, root = [1], 1
    for _ in range(length):
        shifted = [*polynomial, 0]
        for i, coefficient in enumerate(polynomial):
            shifted[i + 1] ^= _times(coefficient, root)
        polynomial, root = shifted, _times(root, 2)
    return tuple(polynomial)


def _times(one: int, other: int) -> int:
    """The product in the field of 256 elements."""
    product = 0
    while other:
        if other & 1:
            product ^= one
        one <<= 1
        if one & 0x100:
            one ^= _FIELD_POLYNOMIAL
        other >>= 1
    return product
