"""What the demo network's proxy and router show, and what they ask of their peers.

On the demo network that is a fake quote: it has the form of a proof, so that everything is exercised, and proves
nothing.
"""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path

from mulberry.attestation.certificate import CertificateSource, KeyPair
from mulberry.attestation.collateral import CollateralFolder
from mulberry.attestation.errors import NotProven
from mulberry.attestation.ratls import verify_session
from mulberry.attestation.tdx import TdxVerifier
from mulberry.attestation.verifier import verify_peer
from mulberry.cocoon.transports import PeerNotProven
from mulberry.model.attestation import PeerEvidence, Requirements
from mulberry.model.clock import Clock


class DemoProofs:
    """One end: `own` is what it shows, `asks` what its peers must show. Is a `cocoon.ratls.Attestor`.

    `collateral` is a folder with Intel's word on TDX platforms; a fake quote needs none.
    """

    def __init__(self, own: CertificateSource, asks: Requirements, collateral: Path, clock: Clock) -> None:
        self._own = own
        self._asks = asks
        self._tdx = TdxVerifier(CollateralFolder(collateral))
        self._clock = clock

    async def pair(self) -> KeyPair:
        """What to show now, made anew before it expires."""
        return await asyncio.to_thread(self._own.current)

    async def context(self) -> ssl.SSLContext:
        """See `cocoon.ratls.Attestor`."""
        return (await self.pair()).client_context()

    async def check(self, session: ssl.SSLObject) -> PeerEvidence:
        """Judges whom we dialled. Raises `PeerNotProven`."""
        try:
            return verify_session(session, self._asks, self._clock.now(), self._tdx)
        except NotProven as problem:
            raise PeerNotProven(str(problem)) from problem

    def judge(self, untrusted_chain: Sequence[bytes]) -> PeerEvidence:
        """Judges the certificates (DER) of who dialled us. Raises `PeerNotProven`."""
        try:
            return verify_peer(untrusted_chain, self._asks, self._clock.now(), self._tdx)
        except NotProven as problem:
            raise PeerNotProven(str(problem)) from problem
