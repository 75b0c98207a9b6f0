"""The puzzle ahead of TLS, which a proxy's front sets against floods: both sides of it.

Source: the protocol page, section 1. Good is a nonce when the first 8 bytes of SHA-256(salt, nonce), read as a *little
endian* number, have the wanted leading zero bits: so byte 7 of the digest is the most significant.
"""

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from struct import Struct

from mulberry.cocoon import nonce_search
from mulberry.cocoon.nonce_search import find_nonce
from mulberry.cocoon.transports import OnProgress, PeerNotProven, SetUpFailed
from mulberry.model.language import tr, tr_count

CHALLENGE = Struct("<Ii16s")
CHALLENGE_MAGIC = 0x418E1291
ANSWER = Struct("<Iq")
ANSWER_MAGIC = 0x01827319
SALT_BYTES = 16
MOST_DIFFICULT = 28  # the public worker refuses more, and so do we

AT_ONCE = 12  # up to this difficulty the search takes 2 ms, less than a process takes to start
HASHES_PER_SECOND = 2_000_000  # of one core, measured
LEAST_HASHES_PER_PROCESS = 2**18  # below it another process would only cost
NONCE = Struct("<q")
PRIORITY = 0  # elsewhere the searcher lowers it itself
if sys.platform == "win32":
    PRIORITY = subprocess.IDLE_PRIORITY_CLASS


@dataclass(frozen=True, slots=True)
class Challenge:
    """`difficulty` is in bits, 0 to 28; `salt` has 16 bytes."""

    difficulty: int
    salt: bytes

    @classmethod
    def parse(cls, untrusted: bytes) -> "Challenge":
        """Of exactly `CHALLENGE.size` bytes. Raises `PeerNotProven`: it is none, or too much is asked."""
        magic, difficulty, salt = CHALLENGE.unpack(untrusted)
        if magic != CHALLENGE_MAGIC:
            raise PeerNotProven(tr("it is not a proxy's front: its first bytes are no proof-of-work challenge"))
        if not 0 <= difficulty <= MOST_DIFFICULT:
            raise PeerNotProven(
                tr(
                    "it asks for {difficulty} bits of proof of work; more than {limit} is refused",
                    difficulty=difficulty,
                    limit=MOST_DIFFICULT,
                )
            )
        return cls(difficulty, salt)

    def pack(self) -> bytes:
        return CHALLENGE.pack(CHALLENGE_MAGIC, self.difficulty, self.salt)

    def is_met_by(self, untrusted_answer: bytes) -> bool:
        """Whether an answer of `ANSWER.size` bytes solves it."""
        magic, nonce = ANSWER.unpack(untrusted_answer)
        return magic == ANSWER_MAGIC and _zero_bits(self.salt, nonce) >= self.difficulty

    async def solve(self, on_progress: OnProgress) -> bytes:
        """The answer. Takes all cores that nobody else wants; cancelled, it leaves nothing behind.

        Raises `SetUpFailed` when this computer cannot search.
        """
        if self.difficulty <= AT_ONCE:
            nonce = find_nonce(self.salt, self.difficulty)
        else:
            hashes = 2**self.difficulty
            processes = max(1, min(_cores(), hashes // LEAST_HASHES_PER_PROCESS))
            seconds = hashes / HASHES_PER_SECOND / processes
            on_progress(
                tr(
                    "solving a puzzle that the proxy sets against floods, about {time} of computing",
                    time=_round(seconds),
                )
            )
            nonce = await _search(self, processes)
        return ANSWER.pack(ANSWER_MAGIC, nonce)


def _zero_bits(salt: bytes, nonce: int) -> int:
    digest = sha256(salt + NONCE.pack(nonce)).digest()
    return 64 - int.from_bytes(digest[:8], "little").bit_length()


async def _search(challenge: Challenge, processes: int) -> int:
    """The nonce that the fastest of `processes` finds; all are gone when this returns or raises."""
    births = [asyncio.create_task(_start()) for _ in range(processes)]
    asking: list[asyncio.Task[bytes]] = []
    try:
        for number, birth in enumerate(births):
            searcher = await asyncio.shield(birth)  # one that is cancelled half-born could not be ended
            question = nonce_search.QUESTION.pack(challenge.salt, challenge.difficulty, number, processes)
            asking.append(asyncio.create_task(_ask(searcher, question)))
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        answers = [task.result() for task in asking if task.done()]
    except OSError as problem:
        raise SetUpFailed(
            tr("no process could be started for the proof of work ({problem})", problem=problem.strerror)
        ) from problem
    finally:
        await asyncio.shield(_end_all(births, asking))
    for answer in answers:
        if len(answer) == NONCE.size:
            nonce: int = NONCE.unpack(answer)[0]
            return nonce
    raise SetUpFailed(tr("the search for the proof of work was ended from outside"))


async def _start() -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(Path(nonce_search.__file__)),
        stdin=PIPE,
        stdout=PIPE,
        env={name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ},
        creationflags=PRIORITY,
        start_new_session=True,  # Ctrl-C is for us
    )


async def _ask(process: Process, question: bytes) -> bytes:
    """What it says, which is nothing when it was ended."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("started without pipes")
    if process.stdin.is_closing():  # it was ended before it was asked, and uvloop would call the write a bug
        return b""
    process.stdin.write(question)
    return await process.stdout.read(NONCE.size)


async def _end_all(births: list[asyncio.Task[Process]], asking: list[asyncio.Task[bytes]]) -> None:
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    for born in await asyncio.gather(*births, return_exceptions=True):
        if isinstance(born, Process):
            await _end(born)


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()  # does nothing to one that has ended
    if process.stdin is not None:
        process.stdin.close()
    await process.communicate()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _round(seconds: float) -> str:
    if seconds < 1:
        return tr("a moment")
    return f"{seconds:.0f} s" if seconds < 100 else tr_count("{count} minute", "{count} minutes", round(seconds / 60))
