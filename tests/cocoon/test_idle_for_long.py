"""A worker waits for months: what grew by a little with each ping would fill the memory of those who lend us theirs."""

import asyncio
import gc
import selectors
import sys
from collections.abc import Callable
from random import Random

from conftest import SettableClock
from mulberry.cocoon.channel import Channel
from mulberry.cocoon.messages import UpdatePaymentStatus
from mulberry.cocoon.tl import Message
from mulberry.cocoon.transports import OnProgress
from mulberry.cocoon.worker import WorkerSession
from mulberry.model.attestation import PeerEvidence
from mulberry.model.root_contract import ProxyAddress
from small_proxy import ANSWER, IDENTITY, PRICES, MemoryBook, Scripted, SmallProxy

WARM_UP_HOURS = 2
HOURS = 100  # 5,000 were run by hand; the sums below would show what grows once in 1,000 pings
BLOCKS = 50  # of memory, that an interpreter takes and gives by itself


class _Skipping(selectors.SelectSelector):
    skipped_seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.skipped_seconds += max(timeout or 0.0, 1e-6)  # as time does, it never stands still
        return []


class _LoopWithoutWorld(asyncio.SelectorEventLoop):
    """There are no sockets, so unlike `VirtualTimeLoop` it never looks at one: a thousand times faster."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.skipped_seconds


class _End(asyncio.Transport):
    """One end of a connection through memory."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = 0
        self._is_closing = False
        self._reader: asyncio.Protocol | None = None
        self._lost: Callable[[], None] = lambda: None

    def join(self, ours: asyncio.Protocol, theirs: asyncio.Protocol) -> None:
        self._reader = theirs
        self._lost = lambda: ours.connection_lost(None)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self._reader is not None
        self.frames += 1
        asyncio.get_running_loop().call_soon(self._reader.data_received, bytes(data))

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            asyncio.get_running_loop().call_soon(self._lost)

    abort = close

    def is_closing(self) -> bool:
        return self._is_closing

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


class _ThroughMemory:
    """A `Transport` to one proxy."""

    timeout_seconds = 10.0
    early_end = "it ended"

    def __init__(self, proxy: SmallProxy) -> None:
        self._proxy = proxy
        self.ours, self.theirs = _End(), _End()

    async def connect(
        self, endpoint: ProxyAddress, protocol: asyncio.Protocol, on_progress: OnProgress
    ) -> PeerEvidence | None:
        there = Channel.listener(self._proxy.accept, random=Random(1))()
        self.ours.join(protocol, there)
        self.theirs.join(there, protocol)
        there.connection_made(self.theirs)
        protocol.connection_made(self.ours)
        return None


class _Forgetful(SmallProxy):
    """Counts the questions instead of keeping them."""

    asked = 0

    async def answer(self, message: Message) -> Message:
        self.asked += isinstance(message, UpdatePaymentStatus)
        reply = await super().answer(message)
        self.questions.clear()
        return reply


async def _idle(clock: SettableClock) -> None:
    proxy = _Forgetful()
    way = _ThroughMemory(proxy)
    session = WorkerSession(IDENTITY, PRICES, Scripted(ANSWER), MemoryBook(), clock=clock, random=Random(2))
    running = asyncio.ensure_future(session.run(ProxyAddress("memory", 1), way))
    await asyncio.sleep(WARM_UP_HOURS * 3600)
    gc.collect()
    blocks, frames, asked = sys.getallocatedblocks(), way.ours.frames, proxy.asked
    await asyncio.sleep(HOURS * 3600)
    gc.collect()
    grown = sys.getallocatedblocks() - blocks
    assert session.is_connected
    assert proxy.asked - asked > HOURS * 3600 / 20, "it asked for the payment status all the time"
    assert way.ours.frames - frames - (proxy.asked - asked) > HOURS * 3600 / 20, "and it pinged in between"
    assert grown < BLOCKS
    session.close("the test is over")
    proxy.channel.close("the test is over")
    await running


def test_a_hundred_idle_hours_leave_no_trace(clock: SettableClock) -> None:
    with asyncio.Runner(loop_factory=_LoopWithoutWorld) as runner:
        runner.run(_idle(clock))
