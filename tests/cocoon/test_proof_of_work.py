"""Without the right nonce no proxy talks to us; a search that outlives its purpose would eat the owner's machine."""

import asyncio
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.cocoon import nonce_search, proof_of_work
from mulberry.cocoon.nonce_search import find_nonce
from mulberry.cocoon.proof_of_work import ANSWER, ANSWER_MAGIC, CHALLENGE, Challenge
from mulberry.cocoon.transports import PeerNotProven, SetUpFailed
from proven_ends import searchers

# recorded between two public routers: difficulty 20, and the nonce happens to have 24 bits
RECORDED_SALT = bytes.fromhex("4ea05e306ddd504b87d0d2bbee047674")
RECORDED_NONCE = 2212937
RECORDED_CHALLENGE = bytes.fromhex("91128e41 14000000") + RECORDED_SALT
RECORDED_ANSWER = bytes.fromhex("19738201") + struct.pack("<q", RECORDED_NONCE)


def no_progress(said: str) -> None:
    pass


def test_the_recorded_answer_is_good_up_to_its_24_bits() -> None:
    challenge = Challenge.parse(RECORDED_CHALLENGE)
    assert challenge == Challenge(20, RECORDED_SALT)
    assert challenge.pack() == RECORDED_CHALLENGE
    assert challenge.is_met_by(RECORDED_ANSWER)
    assert Challenge(24, RECORDED_SALT).is_met_by(RECORDED_ANSWER)
    assert not Challenge(25, RECORDED_SALT).is_met_by(RECORDED_ANSWER)
    assert not Challenge(20, RECORDED_SALT).is_met_by(bytes(4) + RECORDED_ANSWER[4:])


def test_the_zeros_are_counted_from_the_eighth_byte_down() -> None:
    digest = sha256(RECORDED_SALT + struct.pack("<q", RECORDED_NONCE)).digest()
    assert digest[5:8] == bytes(3)
    assert digest[0] != 0


@pytest.mark.parametrize("difficulty", [29, 31, 2**31 - 1, -1, -(2**31)])
def test_more_than_28_bits_are_refused_and_less_than_none_too(difficulty: int) -> None:
    challenge = struct.pack("<Ii16s", 0x418E1291, difficulty, RECORDED_SALT)
    with pytest.raises(PeerNotProven, match=f"asks for {difficulty} bits of proof of work; more than 28 is refused"):
        Challenge.parse(challenge)


def test_what_is_no_challenge_is_said() -> None:
    with pytest.raises(PeerNotProven, match="not a proxy's front"):
        Challenge.parse(b"SSH-2.0-OpenSSH_9.6p1\r\nxx"[: CHALLENGE.size])


@given(st.integers(0, 28), st.binary(min_size=16, max_size=16))
def test_a_challenge_survives_the_way(difficulty: int, salt: bytes) -> None:
    assert Challenge.parse(Challenge(difficulty, salt).pack()) == Challenge(difficulty, salt)


@given(st.integers(0, 12), st.binary(min_size=16, max_size=16), st.integers(-(2**62), 2**62), st.integers(1, 9))
def test_what_the_search_finds_is_good(difficulty: int, salt: bytes, first: int, step: int) -> None:
    nonce = find_nonce(salt, difficulty, first, step)
    assert Challenge(difficulty, salt).is_met_by(ANSWER.pack(ANSWER_MAGIC, nonce))
    assert (nonce - first) % step == 0


async def test_an_easy_one_is_solved_at_once_and_in_silence() -> None:
    challenge, said = Challenge(8, RECORDED_SALT), list[str]()
    assert challenge.is_met_by(await challenge.solve(said.append))
    assert said == []


async def test_a_harder_one_is_solved_by_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_of_work, "LEAST_HASHES_PER_PROCESS", 2**12)
    monkeypatch.setattr(proof_of_work, "_cores", lambda: 3)
    challenge, said = Challenge(14, RECORDED_SALT), list[str]()
    assert challenge.is_met_by(await challenge.solve(said.append))
    assert said == ["solving a puzzle that the proxy sets against floods, about a moment of computing"]
    assert searchers() == []


@asynccontextmanager
async def hopeless_search(said: list[str]) -> AsyncIterator[asyncio.Task[bytes]]:
    """28 bits: minutes. Entered when its processes run."""
    solving = asyncio.create_task(Challenge(28, RECORDED_SALT).solve(said.append))
    while not searchers():  # noqa: ASYNC110 - another process's birth sets no event
        await asyncio.sleep(0.005)
    try:
        yield solving
    finally:
        solving.cancel()
        await asyncio.gather(solving, return_exceptions=True)


async def test_a_search_that_is_called_off_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_of_work, "_cores", lambda: 2)
    said: list[str] = []
    async with hopeless_search(said) as solving:
        solving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await solving
        assert searchers() == []
    assert said == ["solving a puzzle that the proxy sets against floods, about 67 s of computing"]


async def test_a_search_that_somebody_ends_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_of_work, "_cores", lambda: 1)
    async with hopeless_search([]) as solving:
        for child in searchers():
            child.kill()
        with pytest.raises(SetUpFailed, match="ended from outside"):
            await solving


async def test_a_computer_that_starts_no_process_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(SetUpFailed, match="no process could be started"):
        await Challenge(20, RECORDED_SALT).solve(no_progress)


def test_the_searcher_is_the_least_important_process_and_ends_with_who_asked() -> None:
    with subprocess.Popen(
        [sys.executable, "-I", "-S", nonce_search.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as searcher:
        assert searcher.stdin is not None and searcher.stdout is not None
        searcher.stdin.write(nonce_search.QUESTION.pack(RECORDED_SALT, 60, 0, 1))
        searcher.stdin.flush()
        seen = psutil.Process(searcher.pid)
        while seen.cpu_times().user < 0.05:
            pass
        if sys.platform != "win32":
            assert seen.nice() == 19
        searcher.stdin.close()
        assert searcher.wait(timeout=10) == 1
        assert searcher.stdout.read() == b""
