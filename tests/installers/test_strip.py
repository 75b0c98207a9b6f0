"""A library that strip broke stops the app at its first import, on the user's computer."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from installers.strip import ELF_64_LITTLE_ENDIAN, is_loadable, strip_symbols


def elf(*segments: tuple[int, int, int, int]) -> bytes:
    """An ELF file of only a header and program headers: (kind, offset, address, alignment) of each segment."""
    header = ELF_64_LITTLE_ENDIAN + bytes(26) + struct.pack("<QQIHHH", 64, 0, 0, 64, 56, len(segments)) + bytes(6)
    rows = [
        struct.pack("<IIQQQQQQ", kind, 5, offset, address, address, 1, 1, align)
        for kind, offset, address, align in segments
    ]
    return header + b"".join(rows)


def test_segments_must_agree_with_the_file_within_a_page() -> None:
    assert is_loadable(elf((1, 0, 0, 0x1000), (1, 0x2350, 0x5350, 0x1000)))
    assert not is_loadable(elf((1, 0, 0, 0x1000), (1, 0x2358, 0x5350, 0x1000)))
    assert is_loadable(elf((2, 0x2358, 0x5350, 0x1000)))  # not a segment that is loaded


@pytest.mark.skipif(not (shutil.which("strip") and shutil.which("cc")), reason="needs a C compiler and binutils")
def test_a_library_loses_its_symbols_and_others_stay_as_they_are(tmp_path: Path) -> None:
    source = tmp_path / "answer.c"
    source.write_text("static int hidden(void) { return 42; } int answer(void) { return hidden(); }")
    library, script = tmp_path / "libanswer.so.1", tmp_path / "not_a_library.so.txt"
    command = ["cc", "-g", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(command, check=True)
    script.write_text("text")
    before = library.stat().st_size

    freed = strip_symbols(tmp_path)

    assert freed == before - library.stat().st_size > 0
    assert script.read_text() == "text"
    assert b"hidden" not in library.read_bytes()
    assert b"answer" in library.read_bytes()


@pytest.mark.skipif(not shutil.which("sh"), reason="the false strip is a shell script")
def test_a_library_that_would_not_load_again_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, library = tmp_path / "broken", tmp_path / "lib.so"
    broken.write_bytes(elf((1, 0x2358, 0x5350, 0x1000)))
    library.write_bytes(good := elf((1, 0, 0, 0x1000)) + bytes(100))
    false_strip = tmp_path / "strip"
    false_strip.write_text(f'#!/bin/sh\ncp "{broken}" "$1"\n')
    false_strip.chmod(0o755)
    monkeypatch.setattr("installers.strip.STRIP", (str(false_strip),))
    assert strip_symbols(tmp_path) == 0
    assert library.read_bytes() == good


def test_without_binutils_the_build_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lib.so").write_bytes(elf())
    monkeypatch.setattr("installers.strip.STRIP", (str(tmp_path / "no-strip-here"),))
    with pytest.raises(SystemExit, match="binutils"):
        strip_symbols(tmp_path)
