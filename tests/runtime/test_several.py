"""An owner of eight GPUs must earn with eight, and one of them that breaks must not cost the other seven a request."""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from mulberry.model.engine import EngineStats
from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import GpuInfo
from mulberry.runtime.card import Card
from mulberry.runtime.engine import EngineFailed, EngineState, EngineStatus, Piece, RunningEngine, Usage
from mulberry.runtime.sandbox.provider import Confinement, Tier
from mulberry.runtime.several import SeveralCards, in_words
from mulberry.runtime.supervisor import Capacity, Supervisor
from mulberry.runtime.wire import Finish
from pretended_job import CLOSED
from samples import RTX_4090
from sandboxes import best_sandbox
from tiny_model import ask, tiny_model

GIB = 2**30
H200 = replace(RTX_4090, name="NVIDIA H200")
FIRST, SECOND = (
    replace(H200, uuid=f"GPU-{number}", pci_address=f"00000000:0{number}:00.0", memory_used_bytes=number * GIB)
    for number in (1, 2)
)
L4 = replace(RTX_4090, name="NVIDIA L4", uuid="GPU-3", memory_used_bytes=3 * GIB)
CONFINED = Confinement.of(Tier.BUBBLEWRAP, CLOSED)


class InMemory:
    """A card's engine in no process: answers with the card's UUID once `gate` is open."""

    default_temperature = 0.5
    places = 4

    def __init__(self, card: Card, on_change: Callable[[EngineStatus], None]) -> None:
        self.status = EngineStatus(EngineState.STOPPED)
        self.card = card
        self.running = 0
        self.refuses = ""
        self.gate = asyncio.Event()
        self._on_change = on_change

    def become(self, state: EngineState, note: str = "") -> None:
        is_ready = state is EngineState.READY
        self.status = EngineStatus(state, note, CONFINED if is_ready else None, self.card.gpu.name if is_ready else "")
        self._on_change(self.status)

    def stats(self) -> tuple[EngineStats, ...]:
        return (EngineStats(self.card.gpu.name, self.places, self.running, gpu=self.card.gpu.uuid),)

    async def start(self) -> None:
        self.become(EngineState.LOADING, "Reading the model")
        await asyncio.sleep(1)
        if self.refuses:
            raise EngineFailed(self.refuses)
        self.become(EngineState.READY)

    async def stop(self) -> None:
        self.become(EngineState.STOPPED)

    async def generate(self, request: object) -> AsyncGenerator[Piece, None]:
        self.running += 1
        try:
            await self.gate.wait()
            if self.status.state is not EngineState.READY:
                raise EngineFailed("Its process ended.")
            yield Piece(0, self.card.gpu.uuid, Finish.STOP, Usage(1, 1))
        finally:
            self.running -= 1


class Computer:
    """Several cards whose engines and whose proofs of memory a test can look into."""

    def __init__(self, *gpus: GpuInfo) -> None:
        self.engines: dict[str, InMemory] = {}
        self.told: list[EngineStatus] = []
        self.ends: list[tuple[str, int | None, float]] = []
        self.refusals: dict[str, str] = {}
        self.engine = SeveralCards(self._make, self._end, [card(gpu) for gpu in gpus], on_change=self.told.append)

    def _make(self, card: Card, on_change: Callable[[EngineStatus], None]) -> RunningEngine:
        made = self.engines[card.gpu.uuid] = InMemory(card, on_change)
        return made

    async def _end(self, card: Card, before_bytes: int | None, end: Callable[[], Awaitable[None]]) -> bool | None:
        await asyncio.sleep(5)
        await end()
        self.ends.append((card.gpu.uuid, before_bytes, asyncio.get_running_loop().time()))
        return True

    async def who_answers(self) -> str:
        async with aclosing(self.engine.generate(ask("?"))) as pieces:
            return "".join([piece.text async for piece in pieces])


def card(gpu: GpuInfo) -> Card:
    return Card(gpu, lambda: gpu)


async def settle() -> None:
    await asyncio.sleep(0.01)


@pytest.mark.virtual_time
async def test_requests_go_where_the_fewest_run_and_all_places_are_offered() -> None:
    computer = Computer(FIRST, SECOND, L4)
    await computer.engine.start()
    assert (computer.engine.places, computer.engine.default_temperature) == (12, 0.5)
    requests = [asyncio.create_task(computer.who_answers()) for _ in range(7)]
    await settle()
    assert sorted(one.running for one in computer.engine.stats()) == [2, 2, 3]
    for engine in computer.engines.values():
        engine.gate.set()
    answers = await asyncio.gather(*requests)
    assert {answers.count(gpu.uuid) for gpu in (FIRST, SECOND, L4)} == {2, 3}
    await computer.engine.stop()


@pytest.mark.virtual_time
async def test_a_request_for_several_answers_counts_as_so_many() -> None:
    computer = Computer(FIRST, SECOND)
    await computer.engine.start()
    four = computer.engine.generate(replace(ask("?"), choices=4))
    waiting = asyncio.ensure_future(anext(four))
    await settle()
    computer.engines[SECOND.uuid].gate.set()
    assert {await computer.who_answers() for _ in range(3)} == {SECOND.uuid}
    computer.engines[FIRST.uuid].gate.set()
    assert (await waiting).text == FIRST.uuid
    await four.aclose()
    await computer.engine.stop()


@pytest.mark.virtual_time
async def test_a_card_that_breaks_takes_its_own_requests_and_no_others() -> None:
    computer = Computer(FIRST, SECOND)
    await computer.engine.start()
    first, second = (asyncio.create_task(computer.who_answers()) for _ in range(2))
    await settle()
    broken = computer.engines[FIRST.uuid]
    broken.become(EngineState.RESTARTING, "The engine's process ended unexpectedly. It starts again by itself.")
    for engine in computer.engines.values():
        engine.gate.set()
    with pytest.raises(EngineFailed, match="Its process ended"):
        await first
    assert await second == SECOND.uuid == await computer.who_answers() == await computer.who_answers()
    status = computer.engine.status
    assert status.state is EngineState.READY and status.runs_on == "NVIDIA H200"
    assert status.note.startswith("NVIDIA H200 at 00000000:01:00.0: The engine's process ended unexpectedly.")
    broken.become(EngineState.LOADING, "Starting the engine")
    assert computer.engine.status.note == "", "what comes back by itself is no trouble"
    broken.become(EngineState.READY)
    assert computer.engine.status == EngineStatus(EngineState.READY, "", CONFINED, "2 × NVIDIA H200")
    await computer.engine.stop()


@pytest.mark.virtual_time
async def test_a_card_that_was_given_up_is_its_owners_turn_while_the_others_earn() -> None:
    computer = Computer(FIRST, L4)
    await computer.engine.start()
    computer.engines[L4.uuid].become(EngineState.BROKEN, "It broke too often and was not started again.")
    status = computer.engine.status
    assert (status.state, status.whose_turn, computer.engine.places) == (EngineState.READY, WhoseTurn.YOU, 4)
    assert status.note == "NVIDIA L4: It broke too often and was not started again."
    assert status.next_step.endswith("press Stop, then Start.")
    computer.engines[FIRST.uuid].become(EngineState.BROKEN, "The GPU is lost.")
    assert computer.engine.status.state is EngineState.BROKEN
    with pytest.raises(EngineFailed, match=r"NVIDIA H200: The GPU is lost\."):
        await computer.who_answers()
    await computer.engine.stop()
    assert computer.engine.status == EngineStatus(EngineState.STOPPED)


@pytest.mark.virtual_time
async def test_one_card_that_does_not_start_is_named_and_the_other_works() -> None:
    computer = Computer(FIRST, L4)
    computer.engines[L4.uuid].refuses = "NVIDIA L4 cannot be used. Its driver is too old."
    began = asyncio.get_running_loop().time()
    await computer.engine.start()
    assert asyncio.get_running_loop().time() - began < 1.9, "one after the other"
    status = computer.engine.status
    assert status.runs_on == "NVIDIA H200" and status.note == "NVIDIA L4 cannot be used. Its driver is too old."
    assert "NVIDIA H200: Reading the model" in [status.note for status in computer.told]
    await computer.engine.stop()


@pytest.mark.virtual_time
async def test_without_any_card_that_starts_nothing_runs_and_each_reason_is_told() -> None:
    computer = Computer(FIRST, L4)
    for uuid, why in ((FIRST.uuid, "Out of memory."), (L4.uuid, "Too old.")):
        computer.engines[uuid].refuses = why
    with pytest.raises(EngineFailed, match=r"NVIDIA H200: Out of memory\. NVIDIA L4: Too old\."):
        await computer.engine.start()
    assert computer.engine.status.state is EngineState.BROKEN


@pytest.mark.virtual_time
async def test_all_end_at_once_and_each_card_proves_its_own_memory() -> None:
    computer = Computer(FIRST, SECOND, L4)
    await computer.engine.start()
    began = asyncio.get_running_loop().time()
    await computer.engine.stop()
    assert {(uuid, before) for uuid, before, _ in computer.ends} == {
        (gpu.uuid, gpu.memory_used_bytes) for gpu in (FIRST, SECOND, L4)
    }
    assert all(moment - began < 5.9 for *_, moment in computer.ends)
    assert computer.engine.memory_is_back == {gpu.uuid: True for gpu in (FIRST, SECOND, L4)}
    with pytest.raises(EngineFailed, match="not running"):
        await computer.who_answers()


@pytest.mark.virtual_time
async def test_cards_may_come_and_go_while_the_others_work() -> None:
    computer = Computer(FIRST)
    await computer.engine.start()
    assert computer.engine.status == EngineStatus(EngineState.READY, "", CONFINED, "NVIDIA H200")
    await computer.engine.begin_card(card(L4))
    assert computer.engine.status.runs_on == "NVIDIA H200 and NVIDIA L4" and computer.engine.places == 8
    with pytest.raises(ValueError, match="works already"):
        await computer.engine.begin_card(card(L4))
    await computer.engine.end_card(FIRST.uuid)
    assert computer.engine.cards == (computer.engines[L4.uuid].card,) and computer.ends[0][0] == FIRST.uuid
    computer.engines[L4.uuid].gate.set()
    assert await computer.who_answers() == L4.uuid
    await computer.engine.end_card(L4.uuid)
    await computer.engine.end_card(L4.uuid)
    assert computer.engine.status == EngineStatus(EngineState.STOPPED)
    await computer.engine.begin_card(card(FIRST))
    assert computer.engine.status.runs_on == "NVIDIA H200"
    await computer.engine.stop()


@pytest.mark.virtual_time
async def test_a_card_that_was_given_up_is_tried_once_more_by_one_who_asks() -> None:
    computer = Computer(FIRST, L4)
    await computer.engine.start()
    computer.engines[L4.uuid].become(EngineState.BROKEN, "It broke too often.")
    given_up = computer.engines[L4.uuid]
    first, second = await asyncio.gather(
        *(computer.engine.begin_card(card(L4)) for _ in range(2)), return_exceptions=True
    )
    assert first is None and isinstance(second, ValueError)
    assert given_up.status.state is EngineState.STOPPED and computer.engines[L4.uuid] is not given_up
    assert computer.engine.status.runs_on == "NVIDIA H200 and NVIDIA L4" and computer.engine.status.note == ""
    await computer.engine.stop()


@pytest.mark.virtual_time
async def test_a_card_that_is_ended_before_it_began_never_begins() -> None:
    computer = Computer(FIRST)
    await computer.engine.start()
    beginning = asyncio.create_task(computer.engine.begin_card(card(L4)))
    await asyncio.sleep(0)
    await computer.engine.end_card(L4.uuid)
    await beginning
    assert computer.engines[L4.uuid].status.state is EngineState.STOPPED
    assert computer.engine.status.runs_on == "NVIDIA H200"
    await computer.engine.stop()


@pytest.mark.parametrize(
    ("names", "words"), [([], ""), (["A"], "A"), (["A", "A"], "2 × A"), (["A", "B", "C", "A"], "2 × A, B and C")]
)
def test_cards_are_counted_as_people_do(names: list[str], words: str) -> None:
    assert in_words(names) == words


@pytest.mark.skipif(sys.platform == "win32", reason="signals and /proc")
async def test_two_real_job_processes_answer_alike_and_are_both_gone_in_the_end() -> None:
    """What each card gets, here with the model on the CPU."""
    made: list[Supervisor] = []

    def make(card: Card, on_change: Callable[[EngineStatus], None]) -> RunningEngine:
        engine = Supervisor(
            tiny_model(),
            sandbox=best_sandbox(),
            jitter=random.Random(1),
            on_change=on_change,
            capacity=Capacity(slots=2, threads=1),
        )
        made.append(engine)
        return engine

    async def end(card: Card, before_bytes: int | None, end: Callable[[], Awaitable[None]]) -> bool | None:
        await end()
        return None

    engine = SeveralCards(make, end, [card(FIRST), card(SECOND)])
    await engine.start()
    try:
        assert engine.status.runs_on == "2 × the CPU" and engine.places == 4
        assert len({one.pid for one in made}) == 2
        answers = await asyncio.gather(*(text_of(engine) for _ in range(4)))
        assert set(answers) == {"7 + 5 = 12."}
        for one in engine.stats():
            assert one.tokens_per_second > 0 and one.ready_seconds is not None and one.restarts == 0
            assert one.memory_bytes is None or one.memory_bytes > 2**20
            assert (one.running, one.waiting) == (0, 0)
    finally:
        await engine.stop()
    assert [one.pid for one in made] == [None, None]


async def text_of(engine: SeveralCards) -> str:
    return "".join([piece.text async for piece in engine.generate(ask("What is 7 + 5?"))])
