"""Bags of cells as lite servers send them: several roots, and the special cells that proofs are made of.

Source: TON's boc.tlb; the rules for special cells are those of its DataCell. The library builds any cell it is told
to, so everything that its hashes rely on is checked here first. Linear in the bytes, no recursion.
`mulberry.ton.boc` reads what must be ordinary; this reader is for what must be proven.
"""

from bitarray import bitarray
from pytoniq_core.boc.cell import Cell, CellError
from pytoniq_core.boc.exotic import CellTypes

from mulberry.ton.chain.errors import ServerLied

MAGIC = bytes.fromhex("b5ee9c72")
HAS_INDEX, HAS_CHECKSUM, HAS_CACHE_BITS, SIZE_MASK = 0x80, 0x40, 0x20, 0x07
CHECKSUM_BYTES = 4  # not compared: hashes tell more
SPECIAL, LEVEL_SHIFT, WITH_HASHES, REFERENCES_MASK = 0x08, 5, 0x10, 0x07
MAX_REFERENCES = 4
HASH_BYTES, DEPTH_BYTES = 32, 2


class BadBag(ServerLied):
    """The bytes are no bag of well-formed cells."""


def read_bag(untrusted: bytes, *, roots: range, max_cells: int) -> list[Cell]:
    """The roots, whose number must be in `roots`. Raises `BadBag`, whatever the bytes are."""
    try:
        return _read(untrusted, roots, max_cells)
    except IndexError as problem:
        raise BadBag("a bag of cells is cut short") from problem
    except CellError as problem:
        raise BadBag(f"a bag holds an impossible cell: {problem}") from problem


def merkle_body(proof: Cell, root_hash: bytes) -> Cell:
    """The tree that `proof` shows parts of. Raises `BadBag` if it is not a Merkle proof for `root_hash`."""
    if proof.type_ != CellTypes.merkle_proof or proof.data[1 : 1 + HASH_BYTES] != root_hash:
        raise BadBag("a proof is of something else")
    body: Cell = proof.refs[0]  # the reader has compared its hash
    return body


def _read(untrusted: bytes, roots: range, max_cells: int) -> list[Cell]:
    if untrusted[:4] != MAGIC:
        raise BadBag("not a bag of cells")
    flags, offset_size = untrusted[4], untrusted[5]
    size = flags & SIZE_MASK
    if not 1 <= size <= 4 or not 1 <= offset_size <= 8:
        raise BadBag("a bag of impossible sizes")
    position = 6
    counts = []
    for width in (size, size, size, offset_size):
        counts.append(int.from_bytes(untrusted[position : position + width], "big"))
        position += width
    cell_count, root_count, absent, body_size = counts
    if absent or root_count not in roots or not 1 <= cell_count <= max_cells:
        raise BadBag(f"a bag of {cell_count} cells, {root_count} roots and {absent} absent ones")
    body = position + size * root_count + (offset_size * cell_count if flags & HAS_INDEX else 0)
    if len(untrusted) != body + body_size + (CHECKSUM_BYTES if flags & HAS_CHECKSUM else 0):
        raise BadBag("a bag whose announced size does not fit")
    numbers = [
        int.from_bytes(untrusted[at : at + size], "big") for at in range(position, position + size * root_count, size)
    ]
    cells = _read_cells(untrusted, body, body + body_size, cell_count, size)
    return [cells[number] for number in numbers]


def _read_cells(untrusted: bytes, position: int, end: int, count: int, size: int) -> list[Cell]:
    plans = []
    for number in range(count):
        first, second = untrusted[position], untrusted[position + 1]
        position += 2
        references = first & REFERENCES_MASK
        if references > MAX_REFERENCES:
            raise BadBag("a bag holds an absent cell")
        if first & WITH_HASHES:
            position += (HASH_BYTES + DEPTH_BYTES) * ((first >> LEVEL_SHIFT).bit_count() + 1)
        data_end = position + (second + 1) // 2
        bits = bitarray(endian="big")
        bits.frombytes(untrusted[position:data_end])
        if second % 2:
            _cut_padding(bits)
        position = data_end + size * references
        children = [int.from_bytes(untrusted[at : at + size], "big") for at in range(data_end, position, size)]
        if position > end or not all(number < child < count for child in children):
            raise BadBag("a bag's cell refers to itself, backwards or nowhere")
        plans.append((bits, children, bool(first & SPECIAL)))
    if position != end:
        raise BadBag("a bag has bytes after its last cell")
    return _build_all(plans)


def _build_all(plans: list[tuple[bitarray, list[int], bool]]) -> list[Cell]:
    """Children before parents, from the last to the first."""
    last = len(plans) - 1
    built: list[Cell] = []
    for bits, children, special in reversed(plans):
        built.append(_build(bits, [built[last - child] for child in children], special))
    built.reverse()
    return built


def _cut_padding(bits: bitarray) -> None:
    """Not whole bytes: the last 1 ends the data."""
    end = bits.find(1, right=True)
    if end < len(bits) - 7:
        raise BadBag("a cell's data has no end")
    del bits[end:]


def _build(bits: bitarray, references: list[Cell], special: bool) -> Cell:
    if not special:
        return Cell(bits, references)
    if len(bits) < 8:
        raise BadBag("a special cell without a type")
    data = bits.tobytes()
    kind, length = data[0], len(bits)
    if kind == CellTypes.pruned_branch:
        hashes = data[1].bit_count() if length >= 16 else 0
        if references or not 1 <= data[1] <= 7 or length != 16 + hashes * 8 * (HASH_BYTES + DEPTH_BYTES):
            raise BadBag("a pruned branch that is none")
    elif kind == CellTypes.library_ref:
        if references or length != 8 * (1 + HASH_BYTES):
            raise BadBag("a library reference that is none")
    elif kind == CellTypes.merkle_proof:
        _check_merkle(data, length, references, 1)
    elif kind == CellTypes.merkle_update:
        _check_merkle(data, length, references, 2)
    else:
        raise BadBag(f"a special cell of the unknown type {kind}")
    return Cell(bits, references, kind)


def _check_merkle(data: bytes, length: int, references: list[Cell], trees: int) -> None:
    """The hashes that it claims, then the depths, must be those of its trees, on the level below."""
    if len(references) != trees or length != 8 * (1 + trees * (HASH_BYTES + DEPTH_BYTES)):
        raise BadBag("a Merkle cell that is none")
    hashes = b"".join(tree.get_hash(0) for tree in references)
    depths = b"".join(tree.get_depth(0).to_bytes(DEPTH_BYTES, "big") for tree in references)
    if data[1:] != hashes + depths:
        raise BadBag("a Merkle cell whose hashes are not those of its trees")
