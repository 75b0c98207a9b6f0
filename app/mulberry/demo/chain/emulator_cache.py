"""The emulator's WebAssembly, compiled once for this computer.

A compiled module is machine code that is run as it is. So the cache lies in a folder of the user alone, is named after
everything it depends on, and carries its own hash: what is broken, cut short or of another version is made anew.
"""

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import platformdirs
import wasmtime

HASH_BYTES = 32
PROGRESS_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far loading has come. The compiler tells no fraction, so there is only time."""

    compiling: bool  # the slow first start; else the compiled module is being read
    elapsed_seconds: float


def default_cache_folder() -> Path:
    """The user's cache folder for Mulberry; `MULBERRY_CACHE` names another one."""
    named = os.environ.get("MULBERRY_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("mulberry", appauthor=False))


def compiled_module(
    engine: wasmtime.Engine, wasm: Path, cache_folder: Path, on_progress: Callable[[LoadProgress], None]
) -> wasmtime.Module:
    """`wasm` compiled, from the cache if it is there and whole. A cache that cannot be written is no error."""
    started = time.monotonic()
    on_progress(LoadProgress(False, 0.0))
    content = wasm.read_bytes()
    name = f"emulator-wasmtime-{metadata.version('wasmtime')}-{hashlib.sha256(content).hexdigest()[:32]}.compiled"
    cache = cache_folder / name
    module = _read(engine, cache)
    if module is None:
        module = _compile(engine, content, lambda: on_progress(LoadProgress(True, time.monotonic() - started)))
        _write(cache, bytes(module.serialize()))
    return module


def _compile(engine: wasmtime.Engine, content: bytes, report: Callable[[], None]) -> wasmtime.Module:
    """On a thread, so that `report` can be called all the while. The compiler uses every core."""
    made: list[wasmtime.Module] = []
    failed: list[Exception] = []

    def work() -> None:
        try:
            made.append(wasmtime.Module(engine, content))
        except wasmtime.WasmtimeError as problem:
            failed.append(problem)

    thread = threading.Thread(target=work, name="compile the emulator")
    report()
    thread.start()
    while thread.is_alive():
        thread.join(PROGRESS_SECONDS)
        report()
    if failed:
        raise failed[0]
    return made[0]


def _read(engine: wasmtime.Engine, cache: Path) -> wasmtime.Module | None:
    try:
        content = cache.read_bytes()
    except OSError:
        return None
    digest, body = content[:HASH_BYTES], content[HASH_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    try:
        return wasmtime.Module.deserialize(engine, body)
    except wasmtime.WasmtimeError:  # of another processor: a home folder may be shared by computers
        return None


def _write(cache: Path, body: bytes) -> None:
    try:
        cache.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=cache.parent, prefix=cache.name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(body).digest() + body)
            Path(temporary).replace(cache)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError:
        return  # a full or read-only disk costs the next start its seconds, nothing else
