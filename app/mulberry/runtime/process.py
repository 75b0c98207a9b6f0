"""One job process: how it is started, what it is given, and how it is ended for certain.

It gets a socket, an almost empty environment and nothing else: not the agent's working folder, standard input,
open files or secrets. It ends by itself when its socket closes, so a killed agent leaves no job behind. There is
no sandbox around it yet; that is why only the demo network's own customers are served in this version.
"""

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_LOG = logging.getLogger(__name__)

CHILD = Path(__file__).parent / "child" / "__main__.py"
LAST_WORDS_LIMIT_BYTES = 4096

# What the child may know of the agent's environment. No HOME: nothing in it should write there.
ALLOWED_ENVIRONMENT = ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "TMPDIR", "TMP", "TEMP", "SYSTEMROOT", "WINDIR")


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The allowed part of `environment`, and the switches that must be set before onnxruntime is imported."""
    allowed = {name: environment[name] for name in ALLOWED_ENVIRONMENT if name in environment}
    return allowed | {
        "ORT_DISABLE_TELEMETRY": "1",  # else the official wheels report to Microsoft (and leave files in HOME)
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUTF8": "1",
    }


class JobProcess:
    """A started process and our end of its socket. Whoever starts one must `end` it."""

    def __init__(self, process: asyncio.subprocess.Process, ours: socket.socket) -> None:
        self._process = process
        self.socket = ours
        self._last_words = bytearray()
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, environment: Mapping[str, str]) -> "JobProcess":
        """`environment` is given as it is. Raises `OSError` when the system cannot start a process."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                process = await _start(theirs, environment)
            except BaseException:
                ours.close()
                raise
        return cls(process, ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The end of what it wrote to standard error: native libraries' complaints and the places of a traceback."""
        return self._last_words.decode(errors="replace").strip()

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


# Not isolated by -I alone: the source root comes from the script's own place, so a checkout and an installation work.
_COMMAND = (sys.executable, "-I", str(CHILD))

if sys.platform == "win32":  # not yet run on Windows

    async def _start(theirs: socket.socket, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
        """A Windows socket can only be given to a process that exists already, so it comes through standard input."""
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            "stdin",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=CHILD.anchor,
            creationflags=subprocess.CREATE_NO_WINDOW
            | subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.BELOW_NORMAL_PRIORITY_CLASS,
        )
        assert process.stdin is not None  # noqa: S101 - asked for above
        process.stdin.write(theirs.share(process.pid))
        process.stdin.close()
        await process.stdin.wait_closed()
        return process

else:

    async def _start(theirs: socket.socket, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
        """A session of its own: Ctrl-C in the terminal is the agent's business, which then ends this process."""
        return await asyncio.create_subprocess_exec(
            *_COMMAND,
            str(theirs.fileno()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=CHILD.anchor,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
