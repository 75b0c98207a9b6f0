"""Takes the symbols that only a debugger reads out of Linux's compiled files: 40 MB of 290 in our wheels.

Some wheels were rewritten with patchelf, and `strip` lays their segments out so that the loader refuses them ("ELF
load command address/offset not page-aligned"). So each result is looked at, and a file that would not load again
stays as it was. Source of the format: System V ABI, "Program Header".
"""

import struct
import subprocess
from pathlib import Path

ELF_64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
LOADED_SEGMENT = 1
STRIP = ("strip", "--strip-unneeded", "--enable-deterministic-archives")


def strip_symbols(packages: Path) -> int:
    """Strips each 64-bit ELF file below `packages`. Returns the bytes freed. SystemExit where `strip` is missing."""
    freed = 0
    for path in sorted(packages.rglob("*")):
        if path.is_symlink() or not path.is_file() or ".so" not in path.name:
            continue
        before = path.read_bytes()
        if before.startswith(ELF_64_LITTLE_ENDIAN):
            try:
                subprocess.run([*STRIP, path], check=True, capture_output=True)
            except FileNotFoundError:
                raise SystemExit("`strip` is missing; it comes with binutils.") from None
            after = path.read_bytes()
            if is_loadable(after) and len(after) < len(before):
                freed += len(before) - len(after)
            else:
                path.write_bytes(before)
    return freed


def is_loadable(elf: bytes) -> bool:
    """Whether each segment's place in the file and in memory agree within a page, as the loader demands."""
    (table,) = struct.unpack_from("<Q", elf, 32)
    entry_size, entries = struct.unpack_from("<HH", elf, 54)
    for number in range(entries):
        kind, _, offset, address, _, _, _, alignment = struct.unpack_from("<IIQQQQQQ", elf, table + number * entry_size)
        if kind == LOADED_SEGMENT and alignment > 1 and (offset - address) % alignment:
            return False
    return True
