"""The way to a proxy through a local SOCKS5 router, which does proof of work and RA-TLS and tells what it saw.

Source: the protocol page, section 2, RFC 1928, and a recorded session of the public router: version 5, no
authentication, CONNECT, IPv4 only. The router answers only when the proxy is verified; before that it just closes.
"""

import asyncio
from enum import IntEnum
from ipaddress import AddressValueError, IPv4Address

from mulberry.cocoon.attested_peer import LENGTH, AttestedPeer, AttestedPeerError, checked_length
from mulberry.cocoon.preamble import Preamble
from mulberry.cocoon.transports import STEP_SECONDS, OnProgress, PeerNotProven, SetUpFailed, within
from mulberry.model.attestation import PeerEvidence, Requirements
from mulberry.model.language import tr
from mulberry.model.root_contract import ProxyAddress

VERSION = 5
GREETING = bytes((VERSION, 1, 0))  # one method offered: no authentication
NO_AUTHENTICATION = bytes((VERSION, 0))
CONNECT_IPV4 = bytes((VERSION, 1, 0, 1))
PORT_BYTES = 2
ROUTER_SECONDS = 300.0  # the router's proof of work and handshake


class AddressKind(IntEnum):
    """How an answer writes the address that it says next."""

    IPV4 = 1
    NAME = 3
    IPV6 = 4


REFUSALS = {  # RFC 1928, section 6
    1: tr("it failed in general"),
    2: tr("its rules do not allow this connection"),
    3: tr("the network is unreachable"),
    4: tr("the proxy's computer is unreachable"),
    5: tr("the proxy refused the connection"),
    6: tr("the connection took too long"),
    7: tr("it does not know the command CONNECT"),
    8: tr("it does not know this kind of address"),
}


class Socks5:
    """See `cocoon.transports.Transport`. What the router tells must be enough for `requirements`."""

    timeout_seconds = 4 * STEP_SECONDS + ROUTER_SECONDS
    early_end = tr("the router closed the connection: the proxy may not accept the router's certificate")

    def __init__(self, router: ProxyAddress, requirements: Requirements) -> None:
        self._router = router
        self._requirements = requirements

    async def connect(
        self, endpoint: ProxyAddress, protocol: asyncio.Protocol, on_progress: OnProgress
    ) -> PeerEvidence:
        request = connect_request(endpoint)
        router = Preamble(
            tr("what listens at {router} closed the connection and may be no SOCKS5 router", router=self._router)
        )
        async with within(STEP_SECONDS, tr("the router at {router} did not answer", router=self._router)):
            try:
                await asyncio.get_running_loop().create_connection(lambda: router, self._router.host, self._router.port)
            except OSError as problem:
                raise SetUpFailed(tr("no router listens at {router}", router=self._router)) from problem
        try:
            on_progress(tr("waiting for the router, which proves work to the proxy and verifies it"))
            await _ask(router, request)
            evidence = await _hear(router, self._requirements)
            router.hand_over(protocol)
        except BaseException:
            router.abort()
            raise
        return evidence


def connect_request(endpoint: ProxyAddress) -> bytes:
    """Raises `SetUpFailed`: the router takes IPv4 addresses only."""
    try:
        address = IPv4Address(endpoint.host)
    except AddressValueError:
        raise SetUpFailed(
            tr("the router takes IPv4 addresses only, and {address} is none", address=endpoint.host)
        ) from None
    return CONNECT_IPV4 + address.packed + endpoint.port.to_bytes(PORT_BYTES, "big")


async def _ask(router: Preamble, request: bytes) -> None:
    """Returns when the router has connected."""
    router.write(GREETING)
    async with within(STEP_SECONDS, tr("the router did not answer")):
        method = await router.exactly(len(NO_AUTHENTICATION))
    if method != NO_AUTHENTICATION:
        is_socks = method[0] == VERSION
        raise SetUpFailed(
            tr("the router wants a password") if is_socks else tr("what listens there is no SOCKS5 router")
        )
    router.ended_early = tr("the router could not reach or verify the proxy")
    router.write(request)
    async with within(ROUTER_SECONDS, tr("the router did not connect")):
        version, code, _reserved, kind = await router.exactly(4)
    if version != VERSION:
        raise SetUpFailed(tr("what listens there is no SOCKS5 router"))
    if code:
        said = REFUSALS.get(code) or tr("no, with the unknown code {code}", code=code)
        raise SetUpFailed(tr("the router says: {said}", said=said))
    async with within(STEP_SECONDS, tr("the router did not finish its answer")):
        match kind:
            case AddressKind.IPV4:
                length = 4
            case AddressKind.IPV6:
                length = 16
            case AddressKind.NAME:
                (length,) = await router.exactly(1)
            case _:
                raise SetUpFailed(tr("what listens there is no SOCKS5 router"))
        await router.exactly(length + PORT_BYTES)


async def _hear(router: Preamble, requirements: Requirements) -> PeerEvidence:
    """What the router tells of the proxy."""
    try:
        async with within(STEP_SECONDS, tr("the router told nothing of the proxy")):
            length = checked_length(await router.exactly(LENGTH.size))
            told = AttestedPeer.parse(await router.exactly(length))
    except AttestedPeerError as problem:
        raise PeerNotProven(tr("what the router told of it is unreadable: {problem}", problem=problem)) from problem
    try:
        return told.evidence(requirements)
    except AttestedPeerError as problem:
        raise PeerNotProven(tr("by what the router told of it, {problem}", problem=problem)) from problem
