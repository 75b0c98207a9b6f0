"""The demo proxy's gate for workers: proof of work, then RA-TLS, then the proxy itself, all in one process.

Source: the protocol page, sections 1 and 2. The public proxy has the same gate in a router of its own.
"""

import asyncio
import logging
from collections.abc import Callable

from OpenSSL import SSL

from mulberry.attestation.certificate import KeyPair
from mulberry.cocoon.preamble import Preamble
from mulberry.cocoon.proof_of_work import ANSWER, SALT_BYTES, Challenge
from mulberry.cocoon.transports import PeerNotProven, SetUpFailed, within
from mulberry.demo.proofs import DemoProofs
from mulberry.demo.tls_end import TlsEnd, listening_context

ANSWER_SECONDS = 60.0  # for the proof of work
TLS_SECONDS = 10.0
MOST_WAITING = 256  # connections that are not through yet

log = logging.getLogger(__name__)


class Gate:
    """`guard` is put around the protocol factory of a listening socket; `close` ends who is not through yet."""

    def __init__(self, proofs: DemoProofs, difficulty: int, random_bytes: Callable[[int], bytes]) -> None:
        self._proofs = proofs
        self._difficulty = difficulty
        self._random_bytes = random_bytes
        self._context: tuple[KeyPair, SSL.Context] | None = None
        self._waiting: set[asyncio.Task[None]] = set()

    def guard(self, inner: asyncio.Protocol) -> asyncio.Protocol:
        """A protocol for one connection, after whose checks `inner` is connected; else `inner` is never called."""
        return _Visitor(self, inner)

    async def close(self) -> None:
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    def receive(self, visitor: Preamble, inner: asyncio.Protocol) -> None:
        """A new connection."""
        if len(self._waiting) >= MOST_WAITING:
            visitor.transport.abort()
            return
        task = asyncio.create_task(self._let_in(visitor, inner))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _let_in(self, visitor: Preamble, inner: asyncio.Protocol) -> None:
        try:
            await self._check_work(visitor)
            tls = TlsEnd(await self._own_context(), self._proofs.judge, inner)
            visitor.hand_over(tls)
            async with within(TLS_SECONDS, "the TLS handshake was not finished"):
                evidence = await tls.settled
        except (PeerNotProven, SetUpFailed) as problem:
            log.info("a visitor was refused: %s", problem)
            visitor.transport.close()
        except BaseException:
            visitor.abort()
            raise
        else:
            log.info("a visitor is through: %s", evidence.verdict)

    async def _check_work(self, visitor: Preamble) -> None:
        challenge = Challenge(self._difficulty, self._random_bytes(SALT_BYTES))
        visitor.write(challenge.pack())
        async with within(ANSWER_SECONDS, "no proof of work came"):
            untrusted_answer = await visitor.exactly(ANSWER.size)
        if not challenge.is_met_by(untrusted_answer):
            raise PeerNotProven("its proof of work is wrong")

    async def _own_context(self) -> SSL.Context:
        pair = await self._proofs.pair()
        if self._context is None or self._context[0] is not pair:
            self._context = pair, listening_context(pair)
        return self._context[1]


class _Visitor(Preamble):
    """One connection until it is through."""

    def __init__(self, gate: Gate, inner: asyncio.Protocol) -> None:
        super().__init__("it closed the connection before TLS")
        self._gate = gate
        self._inner = inner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._gate.receive(self, self._inner)
