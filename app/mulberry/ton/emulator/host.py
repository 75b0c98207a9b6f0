"""What the emulator asks of its host besides exceptions: almost nothing, and never chance, time or a file.

The answers are Emscripten's where they are needed. Every other import ends the call: an emulator that begins to ask
for more than this is another one than we vendored.
"""

import hashlib
import struct
from collections.abc import Callable
from typing import Any

import wasmtime

PAGE_BYTES = 65_536
MEMORY_LIMIT_BYTES = 1 << 30
GROWTH_BYTES = 16 << 20
RANDOM_FILE = 10
ILLEGAL_SEEK = 70
NO_TERMINAL = -59
STAT_BYTES = 96


class HostRefusedError(Exception):
    """The emulator wants something that it does not get; `__abort_js` when it gives up by itself."""


class Host:
    """Serves one instance of the emulator, which asks nothing before it exists and `attach` was called."""

    def __init__(self, store: wasmtime.Store) -> None:
        self._store = store
        self._seasoning = 0
        self._memory: wasmtime.Memory

    def attach(self, memory: wasmtime.Memory) -> None:
        self._memory = memory

    def function(self, name: str, kind: wasmtime.FuncType) -> wasmtime.Func:
        """The import of this name."""
        answer: Callable[..., Any] | None = getattr(self, f"_answer_{name.strip('_')}", None)
        if answer is None:

            def refuse(*_: object) -> None:
                raise HostRefusedError(f"it asked its host for {name}")

            answer = refuse
        return wasmtime.Func(self._store, kind, answer)

    def _answer_emscripten_get_heap_max(self) -> int:
        return MEMORY_LIMIT_BYTES

    def _answer_emscripten_resize_heap(self, wanted: int) -> int:
        present = self._memory.data_len(self._store)
        wanted = max(wanted & 0xFFFFFFFF, present + GROWTH_BYTES)
        if wanted > MEMORY_LIMIT_BYTES:
            return 0
        self._memory.grow(self._store, -(-(wanted - present) // PAGE_BYTES))
        return 1

    def _answer_environ_sizes_get(self, count: int, size: int) -> int:
        self._write(count, bytes(4))
        self._write(size, bytes(4))
        return 0

    def _answer_environ_get(self, _pointers: int, _texts: int) -> int:
        return 0

    def _answer_emscripten_date_now(self) -> float:
        return 0.0

    def _answer_tzset_js(self, *_pointers: int) -> None:
        """The time zone stays UTC."""

    def _answer_localtime_js(self, _time: int, result: int) -> None:
        """Its log begins every line with a time: it is always the beginning of 1970, a Thursday."""
        self._write(result, struct.pack("<11i", 0, 0, 0, 1, 0, 70, 4, 0, 0, 0, 0))

    _answer_gmtime_js = _answer_localtime_js

    def _answer_fd_write(self, _file: int, pieces: int, count: int, written: int) -> int:
        """Its log goes nowhere: what it has to say is in its answers too."""
        sizes = struct.unpack(f"<{2 * count}I", self._read(pieces, 8 * count))[1::2]
        self._write(written, struct.pack("<I", sum(sizes)))
        return 0

    def _answer_syscall_openat(self, _folder: int, _path: int, _flags: int, _more: int) -> int:
        """The one file it opens is the system's source of random numbers."""
        return RANDOM_FILE

    def _answer_fd_read(self, _file: int, pieces: int, count: int, read: int) -> int:
        places = struct.unpack(f"<{2 * count}I", self._read(pieces, 8 * count))
        for pointer, size in zip(places[::2], places[1::2], strict=True):
            self._write(pointer, self._next_bytes(size))
        self._write(read, struct.pack("<I", sum(places[1::2])))
        return 0

    def _answer_fd_close(self, _file: int) -> int:
        return 0

    def _answer_fd_seek(self, _file: int, _offset: int, _whence: int, _result: int) -> int:
        return ILLEGAL_SEEK

    def _answer_syscall_fcntl64(self, _file: int, _command: int, _more: int) -> int:
        return 0

    def _answer_syscall_fstat64(self, _file: int, result: int) -> int:
        self._write(result, bytes(STAT_BYTES))
        return 0

    def _answer_syscall_ioctl(self, _file: int, _request: int, _more: int) -> int:
        return NO_TERMINAL

    def _answer_emscripten_asm_const_int(self, _code: int, _kinds: int, _arguments: int) -> int:
        """The one piece of JavaScript in it asks for a random number."""
        return int.from_bytes(self._next_bytes(4), "little", signed=True)

    def _next_bytes(self, count: int) -> bytes:
        """Always the same "random" bytes: they season its hash tables and may not make two runs differ."""
        self._seasoning += 1
        return hashlib.shake_128(self._seasoning.to_bytes(8, "big")).digest(count)

    def _read(self, pointer: int, size: int) -> bytes:
        return bytes(self._memory.read(self._store, pointer, pointer + size))

    def _write(self, pointer: int, content: bytes) -> None:
        self._memory.write(self._store, content, pointer)
