"""The ways to the demo's proxy, of which its profile names one: plain, through a gate, or by a router to that gate."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from mulberry.attestation.certificate import OwnCertificate
from mulberry.cocoon.ratls import RaTls
from mulberry.demo.gate import Gate
from mulberry.demo.proofs import DemoProofs
from mulberry.demo.router import Router
from mulberry.model.attestation import Policy, Requirements
from mulberry.model.clock import Clock
from mulberry.model.network import NetworkProfile
from mulberry.model.root_contract import ProxyAddress


class Ways:
    """`prepare` first; `guard` is for `DemoProxy.listen`, and `start_router` for when that listens."""

    def __init__(
        self, profile: NetworkProfile, collateral: Path, random_bytes: Callable[[int], bytes], clock: Clock
    ) -> None:
        parameters = profile.root_parameters()
        of_workers = _requirements(profile.worker_policy, parameters.worker_hashes if profile.check_hashes else ())
        of_proxies = _requirements(profile.proxy_policy, parameters.proxy_hashes if profile.check_hashes else ())
        self._transport = profile.transport
        self._proxys = DemoProofs(OwnCertificate(profile.proxy_policy, clock), of_workers, collateral, clock)
        self._routers = DemoProofs(OwnCertificate(profile.worker_policy, clock), of_proxies, collateral, clock)
        self._gate = Gate(self._proxys, profile.proof_of_work_bits, random_bytes)
        self._router: Router | None = None

    async def prepare(self) -> None:
        """Makes the certificates that will be shown."""
        if self._transport != "plain":
            await asyncio.gather(self._proxys.pair(), self._routers.pair())

    def guard(self, inner: asyncio.Protocol) -> asyncio.Protocol:
        """What a connection to the proxy meets first."""
        return inner if self._transport == "plain" else self._gate.guard(inner)

    async def start_router(self, host: str, proxy: ProxyAddress) -> ProxyAddress | None:
        """Where the router listens; None: the profile wants none."""
        if self._transport != "socks5":
            return None
        self._router = Router(RaTls(self._routers), proxy)
        return ProxyAddress(host, await self._router.listen(host))

    async def close(self) -> None:
        if self._router is not None:
            await self._router.close()
        await self._gate.close()


def _requirements(policy: Policy, image_hashes: tuple[bytes, ...]) -> Requirements:
    return Requirements(policy, image_hashes=frozenset(image_hashes))
