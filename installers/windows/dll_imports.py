"""Which libraries a Windows library wants, read from its file: so that a missing one is found where no Windows is.

A library that is pruned away, or that only computers with Microsoft's compiler have, would make the app not start, and
nothing else here would notice. Source of the format: Microsoft's "PE Format" page, sections "Optional Header Data
Directories" and "The .idata Section". Only imports that are needed at loading are read; delayed ones may be missing.
"""

import struct
from collections.abc import Iterable
from pathlib import Path

PE32_PLUS = 0x20B
IMPORT_DIRECTORY = 1
SECTION_BYTES = 40
IMPORT_ENTRY_BYTES = 20
LONGEST_NAME_BYTES = 256

# Parts of Windows 10 and later that our packages use; api-ms-win-… and ext-ms-… are its own indirections besides.
# fmt: off
OF_WINDOWS = frozenset((
    "advapi32", "authz", "bcrypt", "bcryptprimitives", "comctl32", "comdlg32", "crypt32", "cryptbase", "d2d1",
    "d3d11", "d3d12", "d3d9", "dbghelp", "dnsapi", "dwmapi", "dwrite", "dxcore", "dxgi", "gdi32", "icuuc",
    "imm32", "iphlpapi", "kernel32", "mpr", "msvcrt", "ncrypt", "netapi32", "ntdll", "ole32", "oleaut32",
    "powrprof", "propsys", "psapi", "rpcrt4", "secur32", "setupapi", "shcore", "shell32", "shlwapi",
    "uiautomationcore", "user32", "userenv", "usp10", "uxtheme", "version", "winhttp", "winmm", "winspool.drv",
    "ws2_32", "wtsapi32",
))
# fmt: on


class BadLibraryError(ValueError):
    """The file is no 64-bit Windows library, or its tables point outside it."""


def imports(untrusted: bytes) -> tuple[str, ...]:
    """What `untrusted` (the content of a .dll, .pyd or .exe) wants, in lower case. Raises `BadLibraryError`."""
    try:
        header = struct.unpack_from("<I", untrusted, 0x3C)[0]
        if untrusted[:2] != b"MZ" or untrusted[header : header + 4] != b"PE\0\0":
            raise BadLibraryError("no Windows library")
        sections, optional_bytes = struct.unpack_from("<2xH12xH", untrusted, header + 4)
        optional = header + 24
        if struct.unpack_from("<H", untrusted, optional)[0] != PE32_PLUS:
            raise BadLibraryError("not a 64-bit one")
        (directories,) = struct.unpack_from("<I", untrusted, optional + 108)
        if directories <= IMPORT_DIRECTORY:
            return ()
        (table,) = struct.unpack_from("<I", untrusted, optional + 112 + 8 * IMPORT_DIRECTORY)
        layout = _Layout(untrusted, optional + optional_bytes, sections)
        return tuple(_names(untrusted, layout, table)) if table else ()
    except struct.error as error:
        raise BadLibraryError(f"a table points outside the file: {error}") from error


class _Layout:
    """Where in the file lies what will lie at an address in memory."""

    def __init__(self, untrusted: bytes, table: int, count: int) -> None:
        self._sections = [
            struct.unpack_from("<8xIIII", untrusted, table + number * SECTION_BYTES) for number in range(count)
        ]

    def offset(self, address: int) -> int:
        for _, start, stored_bytes, stored_at in self._sections:
            if start <= address < start + stored_bytes:
                return int(address - start + stored_at)
        raise BadLibraryError(f"nothing is stored for the address {address:#x}")


def _names(untrusted: bytes, layout: _Layout, table: int) -> Iterable[str]:
    entry = layout.offset(table)
    while True:
        (name,) = struct.unpack_from("<12xI4x", untrusted, entry)
        if not name:
            return
        start = layout.offset(name)
        end = untrusted.find(b"\0", start, start + LONGEST_NAME_BYTES)
        if end < 0:
            raise BadLibraryError("a library's name has no end")
        yield untrusted[start:end].decode("ascii", "replace").lower()
        entry += IMPORT_ENTRY_BYTES


def missing_libraries(tree: Path, *, given: frozenset[str] = frozenset()) -> dict[str, tuple[str, ...]]:
    """What libraries below `tree` want that is neither there, nor `given` (lower case), nor part of Windows.

    Wanted name to the files that want it, relative to `tree`.
    """
    libraries = [path for path in sorted(tree.rglob("*")) if path.suffix.lower() in (".dll", ".pyd", ".exe")]
    there = given | {path.name.lower() for path in libraries}
    missing: dict[str, list[str]] = {}
    for path in libraries:
        for name in imports(path.read_bytes()):
            if name not in there and not _is_of_windows(name):
                missing.setdefault(name, []).append(path.relative_to(tree).as_posix())
    return {name: tuple(paths) for name, paths in sorted(missing.items())}


def _is_of_windows(name: str) -> bool:
    return name.startswith(("api-ms-win-", "ext-ms-")) or name.removesuffix(".dll") in OF_WINDOWS
