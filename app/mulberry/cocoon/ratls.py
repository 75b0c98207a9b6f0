"""The way to a proxy on the open network: TCP, proof of work, then TLS in which both sides prove what they are.

Source: the protocol page, sections 1 and 2. What a certificate must show is `mulberry.attestation`'s to judge; here is
the order of things: the peer's certificate is judged before anything of ours is sent but the certificate itself.
"""

import asyncio
import ssl
from typing import Protocol, cast

from mulberry.cocoon.preamble import Preamble
from mulberry.cocoon.proof_of_work import CHALLENGE, Challenge
from mulberry.cocoon.transports import STEP_SECONDS, OnProgress, PeerNotProven, SetUpFailed, within, words_of
from mulberry.model.attestation import PeerEvidence
from mulberry.model.language import tr
from mulberry.model.root_contract import ProxyAddress

PUZZLE_SECONDS = 600.0  # 28 bits take one core two minutes on average; ten is bad luck for one in a hundred
TLS_SECONDS = 10.0
JUDGING_SECONDS = 30.0  # a TDX quote may need its collateral first


class Attestor(Protocol):
    """Shows what we are and judges what a peer shows."""

    async def context(self) -> ssl.SSLContext:
        """For one connection that we dial: it presents our certificate and accepts any. Raises `SetUpFailed`."""
        ...

    async def check(self, session: ssl.SSLObject) -> PeerEvidence:
        """Judges the peer of a finished handshake. Raises `PeerNotProven`."""
        ...


class RaTls:
    """See `cocoon.transports.Transport`."""

    timeout_seconds = 3 * STEP_SECONDS + PUZZLE_SECONDS + TLS_SECONDS + JUDGING_SECONDS
    early_end = tr("the other side closed right after the TLS handshake: it may not accept our certificate")

    def __init__(self, attestor: Attestor) -> None:
        self._attestor = attestor

    async def connect(
        self, endpoint: ProxyAddress, protocol: asyncio.Protocol, on_progress: OnProgress
    ) -> PeerEvidence:
        loop = asyncio.get_running_loop()
        context = await self._attestor.context()
        plain = Preamble(tr("the other side closed the connection before TLS"))
        async with within(STEP_SECONDS, tr("no connection was made")):
            await loop.create_connection(lambda: plain, endpoint.host, endpoint.port)
        proven = Preamble(self.early_end)
        try:
            await _prove_work(plain, on_progress)
            tls = await _start_tls(plain, proven, context)
            async with within(JUDGING_SECONDS, tr("what the other side showed could not be judged")):
                evidence = await proven.unless_it_ends(self._attestor.check(tls.get_extra_info("ssl_object")))
            proven.hand_over(protocol)
        except BaseException:
            proven.abort()
            plain.abort()
            raise
        return evidence


async def _prove_work(front: Preamble, on_progress: OnProgress) -> None:
    async with within(STEP_SECONDS, tr("the other side sent no proof-of-work challenge")):
        challenge = Challenge.parse(await front.exactly(CHALLENGE.size))
    async with within(PUZZLE_SECONDS, tr("the proof of work was not found")):
        answer = await front.unless_it_ends(challenge.solve(on_progress))
    if front.waiting_bytes:
        raise PeerNotProven(tr("it went on before it had our proof of work"))
    front.write(answer)


async def _start_tls(plain: Preamble, proven: Preamble, context: ssl.SSLContext) -> asyncio.Transport:
    """The handshake. What comes behind it waits in `proven`."""
    if plain.transport.is_closing():  # `connection_lost` is on its way, and would come too late
        raise SetUpFailed(plain.ended_early)
    loop = asyncio.get_running_loop()
    async with within(TLS_SECONDS, tr("the TLS handshake was not finished")):
        try:
            tls = await loop.start_tls(plain.transport, proven, context, server_side=False)
        except ssl.SSLError as problem:
            raise SetUpFailed(tr("the TLS handshake failed ({why})", why=words_of(problem))) from problem
        except ConnectionError as problem:
            raise SetUpFailed(tr("the other side closed the connection in the TLS handshake")) from problem
    proven.connection_made(cast(asyncio.Transport, tls))  # `start_tls` leaves this to its caller
    return proven.transport
