"""Machine code from a file is run as it is: only what we compiled ourselves may be loaded, and whole."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime

from mulberry.ton.emulator.cache import LoadProgress, compiled_module, make_engine

TINY = "(module)"  # compiles at once


def load_tiny(folder: Path) -> list[LoadProgress]:
    """What loading a tiny module with its cache in `folder` tells."""
    wasm = folder / "tiny.wasm"
    wasm.write_bytes(wasmtime.wat2wasm(TINY))
    told: list[LoadProgress] = []
    compiled_module(make_engine(), wasm, folder / "cache", told.append)
    return told


def compiled(told: list[LoadProgress]) -> bool:
    return any(step.compiling for step in told)


def test_the_first_start_compiles_and_the_second_reads_what_the_first_left(tmp_path: Path) -> None:
    first = load_tiny(tmp_path)
    assert compiled(first)
    assert [step.elapsed_seconds for step in first] == sorted(step.elapsed_seconds for step in first)
    assert not compiled(load_tiny(tmp_path))


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda _: b"", lambda content: content + b"x"])
def test_a_broken_cache_is_made_anew(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    load_tiny(tmp_path)
    (file,) = (tmp_path / "cache").iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert compiled(load_tiny(tmp_path))
    assert list((tmp_path / "cache").iterdir()) == [file]
    assert not compiled(load_tiny(tmp_path))


def test_a_cache_of_another_compiler_is_made_anew(tmp_path: Path) -> None:
    load_tiny(tmp_path)
    (file,) = (tmp_path / "cache").iterdir()
    foreign = b"machine code of another processor"
    file.write_bytes(hashlib.sha256(foreign).digest() + foreign)
    assert compiled(load_tiny(tmp_path))


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert compiled(load_tiny(tmp_path))


def test_what_cannot_be_compiled_is_said_by_the_compiler(tmp_path: Path) -> None:
    wasm = tmp_path / "broken.wasm"
    wasm.write_bytes(b"no module")
    with pytest.raises(wasmtime.WasmtimeError):
        compiled_module(make_engine(), wasm, tmp_path / "cache", lambda _: None)
