"""How a worker's bytes reach a proxy: plain TCP, proof of work and RA-TLS, or a local SOCKS5 router.

Source: the protocol page, sections 1 and 2. A transport hands the channel a connection only when the peer has shown
what it must: nothing of ours is sent before that.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from mulberry.model.attestation import PeerEvidence
from mulberry.model.root_contract import ProxyAddress


class PeerNotProven(Exception):
    """The peer did not show what it must. The text says what was wrong, without a full stop."""


OnProgress = Callable[[str], None]  # a sentence on what takes long, such as the proof of work and its expected time


class Transport(Protocol):
    """One way to reach a proxy. Stateless: used for many connections, also at once."""

    @property
    def timeout_seconds(self) -> float:
        """How long `connect` may take before it counts as failed; proof of work makes it long."""
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

    timeout_seconds = 10.0

    async def connect(
        self, endpoint: ProxyAddress, protocol: asyncio.Protocol, on_progress: OnProgress
    ) -> PeerEvidence | None:
        await asyncio.get_running_loop().create_connection(lambda: protocol, endpoint.host, endpoint.port)
        return None
