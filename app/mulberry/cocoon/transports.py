"""How a worker's bytes reach a proxy: plain TCP, proof of work and RA-TLS, or a local SOCKS5 router.

Source: the protocol page, sections 1 and 2. A transport hands the channel a connection only when the peer has shown
what it must: nothing of ours is sent before that. `cocoon.ratls` and `cocoon.socks5` hold the two that ask for proof.
"""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from mulberry.model.attestation import PeerEvidence
from mulberry.model.language import number, tr
from mulberry.model.root_contract import ProxyAddress

STEP_SECONDS = 10.0  # for one answer of a peer that has nothing to compute


class PeerNotProven(Exception):
    """The peer did not show what it must. The text says what was wrong, without a full stop."""


class SetUpFailed(ConnectionError):
    """What lies ahead of the frames could not be done. The text says why, without a full stop."""


OnProgress = Callable[[str], None]  # a sentence on what takes long, such as the proof of work and its expected time


class Transport(Protocol):
    """One way to reach a proxy. Stateless: used for many connections, also at once."""

    @property
    def timeout_seconds(self) -> float:
        """How long `connect` may take before it counts as failed; proof of work makes it long."""
        ...

    @property
    def early_end(self) -> str:
        """What it means when the other side closes a connection that was handed over, before its first frame."""
        ...

    async def connect(
        self, endpoint: ProxyAddress, protocol: asyncio.Protocol, on_progress: OnProgress
    ) -> PeerEvidence | None:
        """Connects, checks the peer, and then calls `protocol.connection_made` with a transport that carries frames.

        What the peer sent right behind the set-up reaches `protocol.data_received`. Returns what the peer showed, None
        where nothing is asked (plain TCP). Raises `OSError`, `PeerNotProven`, `TimeoutError`; when it raises, or is
        cancelled, nothing stays open and no work goes on.
        """
        ...


class PlainTcp:
    """For networks on one computer, and for tests."""

    timeout_seconds = STEP_SECONDS
    early_end = tr("the other side closed the connection")

    async def connect(
        self, endpoint: ProxyAddress, protocol: asyncio.Protocol, on_progress: OnProgress
    ) -> PeerEvidence | None:
        await asyncio.get_running_loop().create_connection(lambda: protocol, endpoint.host, endpoint.port)
        return None


@asynccontextmanager
async def within(seconds: float, missed: str) -> AsyncIterator[None]:
    """Raises `SetUpFailed` ("`missed` within … seconds") when the block takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise SetUpFailed(
            tr("{missed} within {seconds} seconds", missed=missed, seconds=number(f"{seconds:g}"))
        ) from None


def words_of(problem: OSError) -> str:
    """What the system, OpenSSL or we say of it, in words."""
    if isinstance(problem, ssl.SSLError):
        return problem.reason.lower().replace("_", " ") if problem.reason else tr("no reason given")
    if isinstance(problem, SetUpFailed):
        return str(problem)
    return os.strerror(problem.errno) if problem.errno else tr("no answer from any of its addresses")
