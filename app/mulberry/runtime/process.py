"""One job process: how it is started, what it is given, and how it is ended for certain.

It gets a socket, an almost empty environment and nothing else: not the agent's working folder, standard input,
open files or secrets. It ends by itself when its socket closes, so a killed agent leaves no job behind. What it can
reach beyond that is the sandbox's business (`runtime.sandbox`).
"""

import asyncio
import contextlib
import logging
import mmap
import socket
from collections.abc import Mapping

from mulberry.model.text import plain
from mulberry.runtime.sandbox.provider import Room, Sandbox, Started

_LOG = logging.getLogger(__name__)

LAST_WORDS_LIMIT_BYTES = 4096
BREATH_SECONDS = 0.005
PAGE_BYTES = mmap.PAGESIZE

# What the child may know of the agent's environment. No HOME: nothing in it should write there.
ALLOWED_ENVIRONMENT = ("LANG", "LC_ALL", "TZ", "SYSTEMROOT", "WINDIR")


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The allowed part of `environment`, and the switches that must be set before onnxruntime is imported."""
    allowed = {name: environment[name] for name in ALLOWED_ENVIRONMENT if name in environment}
    return allowed | {
        "ORT_DISABLE_TELEMETRY": "1",  # else the official wheels report to Microsoft (and leave files in HOME)
        "TOKENIZERS_PARALLELISM": "false",
        "OPENBLAS_NUM_THREADS": "1",  # numpy computes little, and a thread that starts at its import is one too many
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # weights in large pages: each token of an answer reads them all
        "CUDA_CACHE_DISABLE": "1",  # there is no place to write to
        "PYTHONUTF8": "1",
    }


class JobProcess:
    """A started process and our end of its socket. Whoever starts one must `end` it."""

    def __init__(self, process: Started, ours: socket.socket) -> None:
        self._process = process
        self.socket = ours
        self._last_words = bytearray()
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, sandbox: Sandbox, room: Room, environment: Mapping[str, str]) -> "JobProcess":
        """`environment` is given as it is. Raises `OSError` when the system cannot start a process."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                process = await sandbox.start(room, theirs, environment)
            except BaseException:
                ours.close()
                raise
        return cls(process, ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The end of what it wrote to standard error: native libraries' complaints and the places of a traceback.

        Libraries may quote a stranger's model, so it is made fit to be logged.
        """
        return plain(self._last_words.decode(errors="replace"), LAST_WORDS_LIMIT_BYTES, lines=True).strip()

    async def end(self, grace_seconds: float) -> str:
        """Waits `grace_seconds` for it to end by itself, then kills it. It is gone when this returns: how it ended."""
        self.socket.close()
        try:
            async with asyncio.timeout(grace_seconds):
                await self._process.wait()
        except TimeoutError:
            _LOG.warning("the job process %d did not end by itself and is killed", self.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()  # does nothing to one that has ended
            status = await self._process.wait()
            await self._listener
        return f"ended by signal {-status}" if status < 0 else f"ended with status {status}"

    async def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - asked for at its start
        while words := await self._process.stderr.read(LAST_WORDS_LIMIT_BYTES):
            self._last_words += words
            del self._last_words[:-LAST_WORDS_LIMIT_BYTES]
            if len(words) == LAST_WORDS_LIMIT_BYTES:  # who floods is not to keep the agent busy
                await asyncio.sleep(BREATH_SECONDS)


def resident_bytes(pid: int) -> int | None:
    """The memory that a process holds. None: it is gone, or this system tells it in another way."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - several times a second
            return int(file.read().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return None
