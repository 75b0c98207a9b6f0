"""The other end of this socket runs strangers' prompts. Here the test plays that end, honestly and otherwise."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from mulberry.runtime import job_link
from mulberry.runtime.engine import EngineFailed, EngineRefused, Piece, Usage
from mulberry.runtime.frames import FrameReader
from mulberry.runtime.job_link import JobLink
from mulberry.runtime.runs import Run
from mulberry.runtime.wire import (
    ALL_CANARIES,
    TO_CHILD_LIMIT_BYTES,
    Cancel,
    Entered,
    Finish,
    GenerationRequest,
    LoadFailed,
    Note,
    Provider,
    Ready,
    Refused,
    Sampling,
    Step,
    Submit,
    ToChild,
    ToParent,
    message_to_child,
    pack,
)

CONTEXT = 10
ENTERED = Entered(int(ALL_CANARIES), landlock=7, user=65534)
pytestmark = pytest.mark.virtual_time


class OtherEnd:
    def __init__(self, link: JobLink, theirs: socket.socket) -> None:
        self.link = link
        self.notes: list[str] = []
        self._socket = theirs
        self._reader = FrameReader(TO_CHILD_LIMIT_BYTES)

    async def say(self, *messages: ToParent) -> None:
        await self.say_raw(b"".join(pack(message, 1 << 20) for message in messages))

    async def say_raw(self, frame: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            await asyncio.get_running_loop().sock_sendall(self._socket, frame)
        await asyncio.sleep(0.01)

    async def hear(self) -> list[ToChild]:
        heard = await asyncio.get_running_loop().sock_recv(self._socket, 1 << 16)
        return [message_to_child(frame) for frame in self._reader.feed(heard)]


@pytest.fixture
async def other() -> AsyncIterator[OtherEnd]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    notes: list[str] = []
    _, link = await asyncio.get_running_loop().create_connection(
        lambda: JobLink(CONTEXT, silence_seconds=30, run_seconds=100, on_note=notes.append), sock=ours
    )
    other = OtherEnd(link, theirs)
    other.notes = notes
    with theirs:
        yield other
        link.end("The test is over.")
        await asyncio.sleep(0)


@pytest.fixture
async def ready(other: OtherEnd) -> OtherEnd:
    await other.say(ENTERED, Ready(0.1, Provider.CPU))
    assert other.link.ready.done()
    return other


def request(choices: int = 1) -> GenerationRequest:
    return GenerationRequest(("x",), Sampling(seed=1), choices=choices)


async def all_of(run: Run) -> list[Piece]:
    return [piece async for piece in run.pieces()]


async def test_a_request_from_submit_to_usage(ready: OtherEnd) -> None:
    run = ready.link.submit(request())
    assert await ready.hear() == [Submit(1, request())]
    reading = asyncio.create_task(all_of(run))
    await ready.say(Step(accepted=((1, 3),)), Step(pieces=((1, 0, "Hi"),)))
    await ready.say(Step(pieces=((1, 0, "!"),), ends=((1, 0, Finish.STOP, 3),)))
    assert await reading == [Piece(0, "Hi"), Piece(0, "!", Finish.STOP, Usage(3, 3))]
    assert run.is_over


async def test_who_reads_slowly_gets_larger_pieces(ready: OtherEnd) -> None:
    run = ready.link.submit(request())
    await ready.say(Step(((1, 3),)), *(Step(pieces=((1, 0, letter),)) for letter in "abc"))
    await ready.say(Step(ends=((1, 0, Finish.LENGTH, 3),)))
    assert await all_of(run) == [Piece(0, "abc", Finish.LENGTH, Usage(3, 3))]


async def test_choices_keep_apart_and_the_last_brings_the_usage(ready: OtherEnd) -> None:
    run = ready.link.submit(request(choices=2))
    await ready.say(Step(((1, 3),), ((1, 1, "b"), (1, 0, "a")), ((1, 0, Finish.STOP, 2),)))
    await ready.say(Step(ends=((1, 1, Finish.STOP, 1),)))
    assert await all_of(run) == [
        Piece(1, "b"),
        Piece(0, "a", Finish.STOP),
        Piece(1, "", Finish.STOP, Usage(3, 3)),
    ]


async def test_a_refusal_fails_only_its_own_request(ready: OtherEnd) -> None:
    first, second = ready.link.submit(request()), ready.link.submit(request())
    await ready.say(Refused(1, 400, "too_long", "the prompt is too long"))
    with pytest.raises(EngineRefused, match="too long") as refused:
        await all_of(first)
    assert (refused.value.http_status, refused.value.code) == (400, "too_long")
    await ready.say(Step(((2, 1),), (), ((2, 0, Finish.STOP, 1),)))
    assert len(await all_of(second)) == 1


async def test_a_refusal_without_an_end_is_cut(ready: OtherEnd) -> None:
    run = ready.link.submit(request())
    await ready.say(Refused(1, 400, "c" * 9_000, "t" * 9_000, "p" * 9_000))
    with pytest.raises(EngineRefused) as refused:
        await all_of(run)
    assert (refused.value.code, str(refused.value), refused.value.parameter) == ("c" * 64, "t" * 500, "p" * 64)


async def test_a_forgotten_request_is_cancelled_and_its_late_words_ignored(ready: OtherEnd) -> None:
    run = ready.link.submit(request())
    await ready.hear()
    ready.link.forget(run)
    assert await ready.hear() == [Cancel(1)]
    await ready.say(Step(((1, 3),), ((1, 0, "late"),), ((1, 0, Finish.STOP, 2),)))
    assert not ready.link.over.done()


async def test_a_finished_request_is_not_cancelled(ready: OtherEnd) -> None:
    run = ready.link.submit(request())
    await ready.say(Step(((1, 1),), (), ((1, 0, Finish.STOP, 1),)))
    await ready.hear()
    ready.link.forget(run)
    ready.link.submit(request())
    assert [type(message) for message in await ready.hear()] == [Submit]


async def test_silence_while_a_request_runs_is_a_hang(ready: OtherEnd) -> None:
    run = ready.link.submit(request())
    await asyncio.sleep(25)
    await ready.say(Step())
    await asyncio.sleep(25)
    assert not ready.link.over.done()
    with pytest.raises(EngineFailed, match="no sign of life for 30 seconds"):
        await all_of(run)
    assert "no sign of life" in ready.link.over.result()


async def test_silence_without_requests_is_peace(ready: OtherEnd) -> None:
    run = ready.link.submit(request())
    await ready.say(Step(((1, 1),), (), ((1, 0, Finish.STOP, 1),)))
    await all_of(run)
    await asyncio.sleep(29)
    ready.link.submit(request())  # the clock of silence starts anew
    await asyncio.sleep(29)
    assert not ready.link.over.done()


async def test_an_answer_may_not_take_for_ever(ready: OtherEnd) -> None:
    run = ready.link.submit(request())
    reading = asyncio.create_task(all_of(run))
    for _ in range(5):
        await asyncio.sleep(25)
        await ready.say(Step())
    with pytest.raises(EngineFailed, match="longer than 100 seconds"):
        await reading
    assert not ready.link.over.done()
    assert [type(message) for message in await ready.hear()] == [Submit, Cancel]


async def test_a_dead_process_fails_all_requests_after_what_it_said(ready: OtherEnd) -> None:
    run = ready.link.submit(request())
    await ready.say(Step(((1, 1),), ((1, 0, "Hi"),)))
    ready._socket.shutdown(socket.SHUT_WR)
    got = []
    with pytest.raises(EngineFailed, match="ended unexpectedly"):
        async for piece in run.pieces():
            got.append(piece)  # noqa: PERF401 - it raises in between
    assert got == [Piece(0, "Hi")]
    with pytest.raises(EngineFailed, match="ended unexpectedly"):
        ready.link.submit(request())


async def test_notes_come_while_loading(other: OtherEnd) -> None:
    await other.say(Note("Reading the model"), Note("x" * 10_000))
    assert other.notes == ["Reading the model", "x" * 500 + "…"]


async def test_a_prompt_larger_than_a_frame_is_the_customers_mistake(ready: OtherEnd) -> None:
    with pytest.raises(EngineRefused, match="too large") as refused:
        ready.link.submit(GenerationRequest(("x" * TO_CHILD_LIMIT_BYTES,), Sampling(seed=1)))
    assert refused.value.http_status == 413
    assert not ready.link.over.done()


LIES: list[tuple[ToParent, ...]] = [
    (Ready(1.0, Provider.CPU),),
    (Note("late"),),
    (Step(((2, 1),)),),
    (Step(((0, 1),)),),
    (Step(((1, 0),)),),
    (Step(((1, CONTEXT + 1),)),),
    (Step(((1, 1), (1, 1))),),
    (Step(pieces=((1, 1, "x"),)),),
    (Step(pieces=((1, 0, "x" * ((CONTEXT + 2) * 1024 + 1)),)),),
    (Step(pieces=((1, 0, ""),) * (CONTEXT + 3)),),
    (Step(thoughts=((1, 0, "x"),) * (CONTEXT + 3)),),
    (Step(ends=((1, 0, Finish.STOP, 1),)),),
    (Step(((1, 1),), (), ((1, 0, Finish.STOP, CONTEXT + 1),)),),
    (Step(((1, 1),), (), ((1, 0, Finish.STOP, 0),)),),
    (Step(((1, 1),), (), ((1, 7, Finish.STOP, 1),)),),
    (Refused(1, 200, "ok", "fine"),),
    (Refused(9, 400, "x", "never was"),),
]


@pytest.mark.parametrize("lie", LIES)
async def test_a_process_that_lies_is_ended(ready: OtherEnd, lie: tuple[ToParent, ...]) -> None:
    run = ready.link.submit(request())
    await ready.say(*lie)
    with pytest.raises(EngineFailed, match="sent nonsense"):
        await all_of(run)


@pytest.mark.parametrize("raw", [b"\xff\xff\xff\xff", b"\x02\x00\x00\x00{]", b"\x00\x00\x00\x00"])
async def test_garbage_ends_it_too(ready: OtherEnd, raw: bytes) -> None:
    run = ready.link.submit(request())
    await ready.say_raw(raw)
    with pytest.raises(EngineFailed, match="sent nonsense"):
        await all_of(run)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """So few that a slow computer takes no second for them."""
    monkeypatch.setattr(job_link, "NEWS_A_SECOND_LIMIT", 100)
    return 100


async def test_a_flood_of_words_about_nothing_ends_it(ready: OtherEnd, few: int) -> None:
    nothing = pack(Step(), 1 << 20)
    for _ in range(3):
        await ready.say_raw(nothing * (few // 2))
        await asyncio.sleep(1)
    assert not ready.link.over.done()
    await ready.say_raw(nothing * (few + 1))
    assert "more messages than" in ready.link.over.result()


@pytest.mark.parametrize("kind", ["cached", "pieces", "thoughts", "details", "ends", "accepted"])
async def test_a_step_full_of_nothings_is_a_flood_too(ready: OtherEnd, few: int, kind: str) -> None:
    ready.link.forget(ready.link.submit(request()))
    entry = {"ends": (1, 0, Finish.STOP, 1), "details": (1, 0, 0, 0.0), "cached": (1, 0), "accepted": (1, 1)}
    some = (entry.get(kind, (1, 0, "")),) * (few // 2)
    await ready.say(Step(**{kind: some}))  # type: ignore[arg-type]
    assert not ready.link.over.done()
    await ready.say(Step(**{kind: 2 * some}))  # type: ignore[arg-type]
    assert "more messages than" in ready.link.over.result()


async def test_words_about_a_failure_hold_nothing_that_a_terminal_obeys(other: OtherEnd) -> None:
    await other.say(ENTERED, Note("reading\x1b[2J\nlayer 1"), LoadFailed("node \x1b]0;x\x07\ud800 is wrong."))
    assert other.notes == ["reading [2J layer 1"]
    assert other.link.over.result() == "node  ]0;x   is wrong."


async def test_work_before_it_is_ready_is_a_lie(other: OtherEnd) -> None:
    await other.say(Step())
    assert "out of turn" in other.link.over.result()


async def test_a_process_that_is_ready_before_it_told_of_its_sandbox_is_ended(other: OtherEnd) -> None:
    await other.say(Ready(0.1, Provider.CPU))
    assert "out of turn" in other.link.over.result()


async def test_a_second_report_of_the_sandbox_is_refused(other: OtherEnd) -> None:
    await other.say(ENTERED, ENTERED)
    assert "out of turn" in other.link.over.result()
