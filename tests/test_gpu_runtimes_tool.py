"""Which cards a runtime computes on is read from the library, not from anybody's memory: the reader must read right."""

import mmap
import struct

from gpu_runtimes import architectures


def archive(*pieces: tuple[int, int, bytes]) -> bytes:
    """As CUDA's compiler writes them: of each piece its kind (1 PTX, 2 machine code), its architecture, its bytes."""
    content = b"".join(
        struct.pack("<HHIQIIHHI", kind, 0x101, 64, len(code), 0, 0, 0, 0, architecture) + bytes(32) + code
        for kind, architecture, code in pieces
    )
    return b"\x50\xed\x55\xba" + struct.pack("<HHQ", 1, 16, len(content)) + content


def read(content: bytes) -> list[int]:
    with mmap.mmap(-1, len(content)) as library:
        library.write(content)
        return list(architectures(library))


def test_machine_code_counts_and_code_for_a_compiler_does_not() -> None:
    library = b"\x7fELF" + bytes(100) + archive((2, 75, b"a" * 40), (1, 90, b"b" * 24), (2, 120, b"c" * 8))
    assert read(library + bytes(7) + archive((2, 86, b""))) == [75, 120, 86]


def test_what_only_looks_like_an_archive_is_passed_over() -> None:
    torn = archive((2, 75, b"a" * 40))[:-30]
    strange = b"\x50\xed\x55\xba" + struct.pack("<HHQ", 1, 99, 10) + bytes(64)
    assert read(strange + b"\x50\xed\x55\xba") == []
    assert read(torn) == []
    assert read(strange + archive((2, 80, b"x" * 8))) == [80]
