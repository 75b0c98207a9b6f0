"""The demo network's SOCKS5 router, in the place of the public one: workers ask it, it does proof of work and RA-TLS.

Source: the protocol page, section 2, and RFC 1928. It listens on this computer only and leads to the demo's own proxy
only. As the public one, it answers when the proxy is verified, and just closes when that fails.
"""

import asyncio
import logging
from hashlib import sha512
from ipaddress import IPv4Address

from mulberry.cocoon.attested_peer import Attested, AttestedPeer, Endpoint
from mulberry.cocoon.preamble import Preamble
from mulberry.cocoon.socks5 import CONNECT_IPV4, GREETING, NO_AUTHENTICATION, PORT_BYTES, VERSION
from mulberry.cocoon.transports import STEP_SECONDS, PeerNotProven, SetUpFailed, Transport, within
from mulberry.model.attestation import PeerEvidence
from mulberry.model.root_contract import ProxyAddress

NOT_ALLOWED, NO_SUCH_COMMAND, NO_SUCH_ADDRESS = 2, 7, 8
NO_METHOD = bytes((VERSION, 0xFF))
COLLATERAL_ROOT_BYTES = 48
MOST_GUESTS = 64

log = logging.getLogger(__name__)


class Router:
    """`listen`, then `close`. `transport` is how it reaches `proxy`."""

    def __init__(self, transport: Transport, proxy: ProxyAddress) -> None:
        self._transport = transport
        self._proxy = proxy
        self._server: asyncio.Server | None = None
        self._guests: set[asyncio.Task[None]] = set()
        self._relays: set[asyncio.Transport] = set()

    async def listen(self, host: str) -> int:
        """Takes connections on a free port, which it returns."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Guest(self), host, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._guests:
            task.cancel()
        await asyncio.gather(*self._guests, return_exceptions=True)
        for transport in self._relays:
            transport.abort()

    def receive(self, guest: Preamble) -> None:
        """A new connection."""
        if len(self._guests) >= MOST_GUESTS:
            guest.transport.abort()
            return
        task = asyncio.create_task(self._serve(guest))
        self._guests.add(task)
        task.add_done_callback(self._guests.discard)

    async def _serve(self, guest: Preamble) -> None:
        far = Preamble("the proxy closed the connection")
        try:
            async with within(STEP_SECONDS, "the guest did not say where to"):
                request = await _wish(guest, self._proxy)
            evidence = await guest.unless_it_ends(self._transport.connect(self._proxy, far, log.info))
            if evidence is None:
                raise PeerNotProven("it was asked for nothing")
            guest.write(_success(far) + _introduction(evidence, far).pack())
            self._join(guest, far)
            log.info("connected a guest to %s: %s", request, evidence.verdict)
        except (PeerNotProven, OSError) as problem:
            log.info("a guest was not connected: %s", problem)
            guest.transport.close()
            far.abort()
        except BaseException:
            guest.abort()
            far.abort()
            raise

    def _join(self, guest: Preamble, far: Preamble) -> None:
        near_end, far_end = guest.transport, far.transport
        for preamble, mine, other in ((far, far_end, near_end), (guest, near_end, far_end)):
            self._relays.add(mine)
            preamble.hand_over(_Relay(mine, other, self._relays))


class _Guest(Preamble):
    """A worker that has just connected."""

    def __init__(self, router: Router) -> None:
        super().__init__("the guest left")
        self._router = router

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._router.receive(self)


class _Relay(asyncio.Protocol):
    """One direction: what arrives on `mine` goes out on `other`, as fast as that takes it."""

    def __init__(self, mine: asyncio.Transport, other: asyncio.Transport, relays: set[asyncio.Transport]) -> None:
        self._mine = mine
        self._other = other
        self._relays = relays

    def data_received(self, data: bytes) -> None:
        self._other.write(data)

    def pause_writing(self) -> None:
        if not self._other.is_closing():
            self._other.pause_reading()

    def resume_writing(self) -> None:
        if not self._other.is_closing():
            self._other.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relays.discard(self._mine)
        self._other.close()


async def _wish(guest: Preamble, allowed: ProxyAddress) -> ProxyAddress:
    """Where the guest wants to. Raises `SetUpFailed`, after the answer that says why."""
    version, methods = await guest.exactly(2)
    offered = await guest.exactly(methods)
    if version != VERSION or GREETING[2] not in offered:
        guest.write(NO_METHOD)
        raise SetUpFailed("it does not speak SOCKS5 without a password")
    guest.write(NO_AUTHENTICATION)
    head = await guest.exactly(len(CONNECT_IPV4))
    if head != CONNECT_IPV4:
        _refuse(
            guest, NO_SUCH_COMMAND if head[1] != CONNECT_IPV4[1] else NO_SUCH_ADDRESS, "it asks for what is not here"
        )
    host = IPv4Address(await guest.exactly(4))
    wish = ProxyAddress(str(host), int.from_bytes(await guest.exactly(PORT_BYTES), "big"))
    if wish != allowed:
        _refuse(guest, NOT_ALLOWED, f"it asks for {wish}, and this router leads to the demo's proxy only")
    return wish


def _refuse(guest: Preamble, code: int, why: str) -> None:
    guest.write(bytes((VERSION, code, 0, 1)) + bytes(4 + PORT_BYTES))
    raise SetUpFailed(why)


def _success(far: Preamble) -> bytes:
    host, port = far.transport.get_extra_info("sockname")
    return bytes((VERSION, 0, 0, 1)) + IPv4Address(host).packed + int(port).to_bytes(PORT_BYTES, "big")


def _introduction(evidence: PeerEvidence, far: Preamble) -> AttestedPeer:
    """What the guest is told of the proxy."""
    attested = None
    if evidence.measurements is not None:
        attested = Attested(evidence.measurements, sha512(evidence.public_key).digest())
    source, destination = far.transport.get_extra_info("sockname"), far.transport.get_extra_info("peername")
    return AttestedPeer(
        attested,
        bytes(COLLATERAL_ROOT_BYTES),  # a fake quote hangs on no root
        evidence.public_key,
        Endpoint(*source),
        Endpoint(*destination),
    )
