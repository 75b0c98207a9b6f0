"""How proxies of a network are reached: the transport that its profile names, made of `cocoon` and `attestation`."""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path

from mulberry.agent.collateral_keeper import CollateralKeeper
from mulberry.attestation.certificate import CertificateFiles, CertificateSource, KeyPair, OwnCertificate
from mulberry.attestation.errors import NotCheckable, NotProven
from mulberry.attestation.policy import requirements_of
from mulberry.attestation.ratls import verify_session
from mulberry.attestation.tdx import TdxVerifier
from mulberry.cocoon.ratls import RaTls
from mulberry.cocoon.socks5 import Socks5
from mulberry.cocoon.transports import PeerNotProven, PlainTcp, SetUpFailed, Transport
from mulberry.model.attestation import PeerEvidence, Policy, Requirements
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.network import NetworkProfile
from mulberry.model.root_contract import ProxyAddress, RootParameters


class Proofs:
    """What all connections of a network share: our certificate, and the quotes that were verified before.

    `collateral` is Intel's word on TDX platforms. `fetches`: what is missing of it is fetched, which its owner agreed
    to by joining a network that asks for such quotes.
    """

    def __init__(
        self,
        own: CertificateSource,
        collateral: CollateralKeeper,
        clock: Clock,
        *,
        fetches: bool,
        test_root_der: bytes | None = None,
    ) -> None:
        self._own = own
        self._collateral = collateral
        self.fetches = fetches
        self._tdx = TdxVerifier(collateral, test_root_der)
        self._clock = clock
        self._context: tuple[KeyPair, ssl.SSLContext] | None = None

    @classmethod
    def of_network(cls, profile: NetworkProfile, collateral: CollateralKeeper, clock: Clock) -> "Proofs":
        """With a certificate of our own that shows what the network asks of workers, or with the profile's."""
        named = profile.certificate
        own = OwnCertificate(profile.worker_policy, clock) if named is None else CertificateFiles(Path(named), clock)
        fetches = profile.transport == "ratls" and Policy.TDX in (profile.proxy_policy, profile.worker_policy)
        return cls(own, collateral, clock, fetches=fetches)

    async def context(self) -> ssl.SSLContext:
        """See `cocoon.ratls.Attestor`. One for each certificate, so every 20 hours a new one."""
        try:
            pair = await asyncio.to_thread(self._own.current)
        except UserFacingError as problem:
            raise SetUpFailed(
                tr("Mulberry has no certificate to show. {what} {why}", what=problem.what, why=problem.why)
            ) from problem
        if self._context is None or self._context[0] is not pair:
            self._context = pair, pair.client_context()
        return self._context[1]

    async def check(self, session: ssl.SSLObject, requirements: Requirements) -> PeerEvidence:
        """Judges the other end, after the collateral that its quote needs was fetched. Raises `PeerNotProven`."""
        try:
            return self.judge(session, requirements)
        except PeerNotProven as problem:
            if not self.fetches or not isinstance(problem.__cause__, NotCheckable):
                raise
            if not await self._collateral.bring_what_lacks():
                raise PeerNotProven(f"{problem}. {self._collateral.last_problem}".rstrip(". ")) from problem
        return self.judge(session, requirements)

    def judge(self, session: ssl.SSLObject, requirements: Requirements) -> PeerEvidence:
        """Raises `PeerNotProven`."""
        try:
            return verify_session(session, requirements, self._clock.now(), self._tdx)
        except NotProven as problem:
            raise PeerNotProven(str(problem)) from problem


@dataclass(frozen=True, slots=True)
class _Attestor:
    """What one network's proxies must show, and what we show them."""

    proofs: Proofs
    requirements: Requirements

    async def context(self) -> ssl.SSLContext:
        return await self.proofs.context()

    async def check(self, session: ssl.SSLObject) -> PeerEvidence:
        return await self.proofs.check(session, self.requirements)


def transport_for(profile: NetworkProfile, parameters: RootParameters, proofs: Proofs) -> Transport:
    """How the network's proxies are reached now; make it anew when the root contract was read again.

    Raises `PeerNotProven`: no proxy can show what the profile asks for.
    """
    if profile.transport == "plain":
        return PlainTcp()
    try:
        requirements = requirements_of(profile, parameters)
    except NotProven as problem:
        raise PeerNotProven(str(problem)) from problem
    if profile.transport == "ratls":
        return RaTls(_Attestor(proofs, requirements))
    host, _, port = profile.socks5.rpartition(":")
    return Socks5(ProxyAddress(host, int(port)), requirements)
