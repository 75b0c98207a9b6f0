"""Several bags of cells as one, without looking at the cells: a page of history is made of ready transactions."""

from collections.abc import Sequence

from mulberry.ton.boc import MAGIC

SIZE_MASK = 0x07


def join_bags(bags: Sequence[bytes]) -> bytes:
    """One bag whose roots are those of `bags`, each as `write_boc` wrote it with one root."""
    parts = [_open(bag) for bag in bags]
    total = sum(cells for cells, _, _ in parts)
    size = max(1, (total.bit_length() + 7) // 8)
    body, roots, first = bytearray(), b"", 0
    for cells, reference_size, content in parts:
        roots += first.to_bytes(size, "big")
        _append(body, content, reference_size, first, size)
        first += cells
    offset_size = max(1, (len(body).bit_length() + 7) // 8)
    counts = b"".join(value.to_bytes(size, "big") for value in (total, len(parts), 0))
    return MAGIC + bytes([size, offset_size]) + counts + len(body).to_bytes(offset_size, "big") + roots + bytes(body)


def _open(bag: bytes) -> tuple[int, int, bytes]:
    """How many cells, bytes of a reference, and the cells."""
    size, offset_size = bag[4] & SIZE_MASK, bag[5]
    cells = int.from_bytes(bag[6 : 6 + size], "big")
    return cells, size, bag[6 + 4 * size + offset_size :]


def _append(body: bytearray, content: bytes, old_size: int, first: int, size: int) -> None:
    """Copies cells and moves their references by `first`."""
    position = 0
    while position < len(content):
        references = content[position] & 7
        end = position + 2 + (content[position + 1] + 1) // 2
        body += content[position:end]
        for _ in range(references):
            number = int.from_bytes(content[end : end + old_size], "big") + first
            body += number.to_bytes(size, "big")
            end += old_size
        position = end
