"""The emulator's WebAssembly, compiled once for this computer.

A compiled module is machine code that is run as it is. So the cache lies in a folder of the user alone, is named after
everything it depends on, and carries its own hash: what is broken, cut short or of another version is made anew.
The compiler keeps hundreds of megabytes for as long as its process lives, so it runs in one of its own, which ends:
`python -m mulberry.ton.emulator.cache WASM FOLDER`.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
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


def make_engine() -> wasmtime.Engine:
    """The compiler's settings. Machine code is for an engine of the same."""
    configuration = wasmtime.Config()
    configuration.wasm_exceptions = True
    return wasmtime.Engine(configuration)


def compiled_module(
    engine: wasmtime.Engine, wasm: Path, cache_folder: Path, on_progress: Callable[[LoadProgress], None]
) -> wasmtime.Module:
    """`wasm` compiled, from the cache if it is there and whole. A cache that cannot be written is no error."""
    started = time.monotonic()
    on_progress(LoadProgress(False, 0.0))
    cache = _place(wasm, cache_folder)
    module = _read(engine, cache)
    if module is None:
        _compile_apart(wasm, cache_folder, lambda: on_progress(LoadProgress(True, time.monotonic() - started)))
        module = _read(engine, cache) or wasmtime.Module(engine, wasm.read_bytes())
    return module


def compile_into(wasm: Path, cache_folder: Path) -> None:
    """Compiles, whatever is in the cache, and leaves the result there if it can be written. Uses every core."""
    module = wasmtime.Module(make_engine(), wasm.read_bytes())
    _write(_place(wasm, cache_folder), bytes(module.serialize()))


def _place(wasm: Path, cache_folder: Path) -> Path:
    digest = hashlib.sha256(wasm.read_bytes()).hexdigest()[:32]
    return cache_folder / f"emulator-wasmtime-{metadata.version('wasmtime')}-{digest}.compiled"


def _compile_apart(wasm: Path, cache_folder: Path, report: Callable[[], None]) -> None:
    """In a process of its own. However that ends, the cache shows what came of it."""
    report()
    command = [sys.executable, "-P", "-m", __name__, str(wasm), str(cache_folder)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as compiler:
        while compiler.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                compiler.wait(PROGRESS_SECONDS)
            report()


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


if __name__ == "__main__":
    compile_into(Path(sys.argv[1]), Path(sys.argv[2]))
