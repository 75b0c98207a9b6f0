"""Too much of something must cost one proxy its connection, and never the owner's memory or another proxy's work."""

import asyncio
import socket
import tracemalloc
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from conftest import SettableClock
from hostile_proxy import HostileProxy, Step, byte_by_byte, nothing
from mulberry.agent.proxy_link import ProxyLink
from mulberry.cocoon import channel as channel_module
from mulberry.cocoon.messages import (
    EnabledDisabled,
    RunQueryEx,
    SignedPayment,
    SignedPaymentEmpty,
    TcpPacket,
    TcpPing,
    TcpPong,
    TcpQuery,
    TcpQueryAnswer,
    TcpQueryError,
    UpdatePaymentStatus,
    WorkerRequestPayment,
)
from mulberry.cocoon.requests import CheckedRequest
from mulberry.cocoon.strict_json import JsonObject
from mulberry.cocoon.tl import Message, encode
from mulberry.model.jobs import JobOutcome
from mulberry.model.node import ProxyState
from small_proxy import Stepwise, request_id, run_query
from worker_at_work import EARNING, TOKENS, working_for

MEBIBYTE = 2**20
FRAME_LIMIT = 2**24


@pytest.fixture
def hostile() -> HostileProxy:
    return HostileProxy()


@pytest.fixture
def neighbour() -> HostileProxy:
    """One that does nothing wrong."""
    return HostileProxy(key=6)


@contextmanager
def memory_below(limit_bytes: int) -> Iterator[None]:
    """What Python takes more in between, at its highest."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < limit_bytes, f"{(peak - before) / MEBIBYTE:.1f} MiB"


def confirmation(number: int, owner: str = "") -> WorkerRequestPayment:
    return WorkerRequestPayment(request_id(number), SignedPaymentEmpty(), 0, 0, 1, owner)


TINY: dict[str, Callable[[int], Message]] = {
    "pings": TcpPing,
    "pongs": TcpPong,
    "answers to questions never asked": lambda number: TcpQueryAnswer(number, b"junk"),
    "refusals of questions never asked": lambda number: TcpQueryError(number, 1, "no"),
    "payments of nothing": lambda number: TcpPacket(encode(SignedPaymentEmpty())),
    "words on jobs never done": lambda number: TcpPacket(encode(confirmation(number))),
}


@pytest.mark.virtual_time
@pytest.mark.parametrize("tiny", TINY.values(), ids=TINY.keys())
async def test_ten_thousand_tiny_frames_change_nothing(
    tiny: Callable[[int], Message],
    hostile: HostileProxy,
    neighbour: HostileProxy,
    tmp_path: Path,
    clock: SettableClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        flood = b"".join(hostile.door.framed(tiny(number)) for number in range(10_000))
        with memory_below(16 * MEBIBYTE):
            hostile.door.raw(flood)
            await work.still_serves(neighbour, work.links[1])
            await work.still_serves(hostile, work.link)
        assert work.ledger.totals(clock.now()).earned == 0
    assert len(caplog.records) < 50, "and the log keeps what matters"


@pytest.mark.virtual_time
async def test_every_ping_has_its_pong(hostile: HostileProxy, tmp_path: Path, clock: SettableClock) -> None:
    async with working_for(hostile, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        for number in range(10_000):
            hostile.door.frame(TcpPing(number))
        await work.until(lambda: hostile.pongs == 10_000)


@pytest.mark.virtual_time
async def test_a_worker_answers_no_question_and_leaves_one_who_asks_too_many(
    hostile: HostileProxy, neighbour: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        for number in range(60):
            hostile.door.frame(TcpQuery(number, encode(UpdatePaymentStatus())))
        await work.until(lambda: len(hostile.replies) == 60)
        refusal = hostile.replies[0]
        assert isinstance(refusal, TcpQueryError)
        assert refusal.message == "a worker does not answer worker.updatePaymentStatus"
        question = TcpQuery(7, encode(UpdatePaymentStatus()))
        hostile.door.raw(b"".join(hostile.door.framed(question) for _ in range(10_000)))
        await work.until_told("the other side broke the protocol: more than 64 queries at once")
        await work.still_serves(neighbour, work.links[1])
        await work.until_connected()


@pytest.mark.virtual_time
async def test_a_message_that_comes_byte_by_byte_counts_as_silence(
    hostile: HostileProxy, neighbour: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    loop = asyncio.get_running_loop()
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        began = loop.time()
        byte_by_byte(1)(hostile.door, TcpPacket(encode(run_query())))
        await work.until_told("nothing was heard for 20 seconds")
        assert loop.time() - began == pytest.approx(20, abs=1)
        await work.still_serves(neighbour, work.links[1])


def large(kind: str) -> Message:
    junk = bytes(FRAME_LIMIT - 1024)
    match kind:
        case "words on a job":
            return confirmation(1, owner="\x1b" * (FRAME_LIMIT - 1024))
        case "request of junk":
            return run_query(1, body=junk)
        case "no HTTP request":
            return RunQueryEx(junk, SignedPaymentEmpty(), 1000, 1.0, request_id(1))
        case "prompt":
            text = "x" * (FRAME_LIMIT - 4096)
            return run_query(1, body={"model": "Qwen/Qwen3-8B", "messages": [{"role": "user", "content": text}]})
        case _:
            raise ValueError(kind)


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("kind", "code"), [("words on a job", None), ("request of junk", 621), ("no HTTP request", 621), ("prompt", 0)]
)
async def test_frames_of_16_mebibytes_come_one_at_a_time_and_leave_no_trace(
    kind: str, code: int | None, hostile: HostileProxy, neighbour: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        message = large(kind)
        with memory_below(160 * MEBIBYTE):  # the frame itself, what is read of it, and its text
            for _ in range(4):
                hostile.send(message)
                if code is not None:
                    (answer,) = await hostile.answers_of(1)
                    assert getattr(answer, "error_code", 0) == code
                    del answer
            await work.still_serves(hostile, work.link, 77)
        await work.still_serves(neighbour, work.links[1])


@pytest.mark.virtual_time
async def test_a_large_payment_is_refused_by_its_size(
    hostile: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    async with working_for(hostile, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        hostile.send(SignedPayment(bytes(FRAME_LIMIT - 1024)))
        await work.until_told("it sent a payment that is not well formed")
        assert work.link.state is ProxyState.PUT_ASIDE


@pytest.mark.virtual_time
async def test_of_a_thousand_requests_at_once_sixty_run_and_the_rest_is_refused(
    hostile: HostileProxy, neighbour: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    """The public proxy was seen to send more than a worker's places only by mistake; then it must hear a clear no."""
    engine = Stepwise()
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock, backend=engine, places=60) as work:
        await work.until_connected()
        for number in range(1000):
            hostile.send(run_query(number))
        refused = await hostile.answers_of(940)
        assert {(answer.error_code, answer.error) for answer in refused} == {(651, "worker: too many active queries")}
        await work.until(lambda: engine.running == 60)
        for answer in [EARNING] * 60 + [None] * 60:
            engine.answers.put_nowait(answer)
            await asyncio.sleep(0)
        served = await hostile.answers_of(60)
        assert sum(answer.final_info.tokens_used.total for answer in served) == 60 * TOKENS
        assert {answer.request_id for answer in served} == {request_id(number) for number in range(60)}
        assert work.ledger.newest_job() == 60, "what was not run is not booked"
        assert all(job.outcome is JobOutcome.DONE for job in work.ledger.jobs(1, 60))


@pytest.mark.virtual_time
async def test_requests_while_the_worker_drains_are_refused_and_the_running_one_is_not_lost(
    hostile: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    engine = Stepwise()
    async with working_for(hostile, root=tmp_path, clock=clock, backend=engine) as work:
        await work.until_connected()
        hostile.send(run_query(1))
        await work.until(lambda: engine.running == 1)
        finishing = asyncio.create_task(work.link.session.finish())
        assert await hostile.next() == EnabledDisabled(1)
        for number in range(2, 1002):
            hostile.send(run_query(number))
        refused = await hostile.answers_of(1000)
        assert {(answer.error_code, answer.error) for answer in refused} == {(651, "worker: the worker is disabled")}
        assert not finishing.done()
        for answer in (EARNING, None):
            engine.answers.put_nowait(answer)
        (answer,) = await hostile.answers_of(1)
        assert answer.final_info.tokens_used.total == TOKENS
        await finishing
        assert [job.adjusted_tokens for job in work.ledger.jobs(1, 2000)] == [TOKENS]


@pytest.mark.virtual_time
async def test_an_id_that_is_running_already_ends_the_connection_and_books_what_ran(
    hostile: HostileProxy, neighbour: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    engine = Stepwise()
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock, backend=engine) as work:
        await work.until_connected()
        neighbour.send(run_query(1))
        hostile.send(run_query(1))
        await work.until(lambda: engine.running == 2)
        hostile.send(run_query(1))
        await work.until_told("the other side broke the protocol: a request that is already running")
        assert (engine.running, engine.left) == (1, 1), "the neighbour's request of the same number goes on"
        assert [job.outcome for job in work.ledger.jobs(1, 9)] == [JobOutcome.CANCELLED]
        for answer in (EARNING, None):
            engine.answers.put_nowait(answer)
        (answer,) = await neighbour.answers_of(1)
        assert answer.final_info.tokens_used.total == TOKENS


@pytest.mark.virtual_time
async def test_an_id_that_comes_again_later_is_another_job(
    hostile: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    async with working_for(hostile, root=tmp_path, clock=clock) as work:
        await work.until_connected()
        for _ in range(2):
            hostile.send(run_query(1))
            await hostile.answers_of(1)
        for _ in range(3):
            hostile.confirm(1, tokens=TOKENS, max_known=2 * TOKENS)
        await work.until(lambda: work.ledger.totals(clock.now()).today == 2 * TOKENS * 20_000)
        await asyncio.sleep(1)
        assert [job.confirmed_tokens for job in work.ledger.jobs(1, 9)] == [TOKENS, TOKENS]


@pytest.mark.virtual_time
async def test_a_proxy_that_went_silent_with_work_running_is_left_and_the_engine_is_free(
    hostile: HostileProxy, neighbour: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    """A half-open connection: its other end is gone and nobody said so."""
    engine = Stepwise()
    loop = asyncio.get_running_loop()
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock, backend=engine) as work:
        await work.until_connected()
        hostile.send(run_query(1))
        hostile.send(run_query(2, stream=True))
        await work.until(lambda: engine.running == 2)
        hostile.script = dict.fromkeys(Step, nothing)
        began = loop.time()
        await work.until_told("nothing was heard for 20 seconds")
        assert loop.time() - began < 31
        assert (engine.running, engine.left) == (0, 2)
        assert [job.outcome for job in work.ledger.jobs(1, 9)] == [JobOutcome.CANCELLED] * 2
        assert work.links[1].session.is_connected
        hostile.script.clear()
        await work.until_connected()


class Endless:
    """Streams for ever, as fast as it can."""

    def __init__(self) -> None:
        self.made = 0
        self.running = 0

    async def answer(self, request: CheckedRequest) -> AsyncGenerator[JsonObject, None]:
        self.running += 1
        try:
            while request.stream:
                self.made += 1
                yield {"choices": [{"delta": {"content": "x" * 100_000}}]}
                await asyncio.sleep(0)
            yield EARNING
        finally:
            self.running -= 1


async def not_reading(proxy: HostileProxy, seconds: float) -> None:
    """The proxy reads nothing for so long, but shows that it is alive."""
    proxy.door.transport.pause_reading()
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while loop.time() < ends and not proxy.door.transport.is_closing():
        proxy.door.frame(TcpPong(1))
        await asyncio.sleep(5)


@pytest.mark.virtual_time
async def test_a_proxy_that_does_not_read_its_answer_is_left_within_a_minute(
    hostile: HostileProxy, neighbour: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    """Alive and not reading, it would hold a place in the engine for the time limit it gave itself: a day.

    Our question for the payment status waits behind the answer, and nobody answers what he did not read.
    """
    engine = Endless()
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock, backend=engine) as work:
        await work.until_connected()
        hostile.send(run_query(1, stream=True, timeout=86400))
        with memory_below(64 * MEBIBYTE):
            await not_reading(hostile, 20)
            assert engine.running == 1 and work.told == ""
            assert engine.made < 1000, "the engine waits for the network"
            await work.still_serves(neighbour, work.links[1])
            await not_reading(hostile, 35)
            await work.until_told("no answer to worker.updatePaymentStatus within 30 seconds")
        assert engine.running == 0
        assert [job.outcome for job in work.ledger.jobs(1, 9)] == [JobOutcome.DONE, JobOutcome.CANCELLED]


@pytest.mark.virtual_time
async def test_a_proxy_that_reads_slowly_is_waited_for(
    hostile: HostileProxy, tmp_path: Path, clock: SettableClock
) -> None:
    engine = Endless()
    async with working_for(hostile, root=tmp_path, clock=clock, backend=engine) as work:
        await work.until_connected()
        hostile.send(run_query(1, stream=True, timeout=86400))
        for _ in range(10):
            await not_reading(hostile, 20)
            made = engine.made
            hostile.door.transport.resume_reading()
            await work.until(lambda: engine.made > made + 50)  # noqa: B023 - at once
        assert work.link.session.is_connected and len(hostile.doors) == 1


def small_buffers(link: ProxyLink, proxy: HostileProxy) -> None:
    """The kernel's own would take megabytes before anything is noticed."""
    channel = link.session._channel
    assert channel is not None and channel._transport is not None
    channel._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    proxy.door.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)


@pytest.mark.virtual_time
async def test_refusals_that_are_never_read_are_bounded(
    hostile: HostileProxy,
    neighbour: HostileProxy,
    tmp_path: Path,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same of pings is in test_channel."""
    monkeypatch.setattr(channel_module, "UNSENT_BYTES_LIMIT", 50_000)
    async with working_for(hostile, neighbour, root=tmp_path, clock=clock, places=100) as work:
        await work.until_connected()
        small_buffers(work.link, hostile)
        door = hostile.door
        door.transport.pause_reading()
        with memory_below(32 * MEBIBYTE):
            for number in count():
                door.packet(run_query(number, body={"model": "other", "messages": []}))
                if number % 20 == 0:
                    await asyncio.sleep(0)
                if door.transport.is_closing():
                    break
            await work.until_told("the other side does not read what it asked for")
        await work.still_serves(neighbour, work.links[1])
