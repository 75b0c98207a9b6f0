"""The owner's game must have the GPU back within two seconds, and the night's work must begin by itself after it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from conftest import SettableClock
from mulberry.agent.guards import LOOK_SECONDS, Guards, load_of_others
from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import GpuProcess, GpuReport
from mulberry.model.host import Finding
from mulberry.model.node import ReasonKind
from mulberry.model.power_cap import PowerCap
from mulberry.model.rules import QUIET_AFTER, GpuRules, Rule, Rules, Signals
from mulberry.model.week import DayTimes
from samples import NO_GPU, RTX_4090
from time_zones import local_zone

pytestmark = pytest.mark.virtual_time

SECOND_CARD = replace(RTX_4090, uuid="GPU-2", name="NVIDIA GeForce RTX 4080")


OUR_JOB = {77, 78}  # processes


class Desk:
    """An owner's computer: what happens there is what the test says."""

    def __init__(self, clock: SettableClock, rules: Rules, *cards: Any, works_on: str | None = None) -> None:
        self.clock = clock
        self.looks = 0
        self.closed = False
        self.changes = 0
        self.game = False
        report = GpuReport(cards, None, clock.now()) if cards else NO_GPU
        self.report = report
        self.guards = Guards(
            rules,
            clock,
            self,
            lambda: self.report,
            lambda: (works_on,) if works_on else (),
            our_processes=lambda: OUR_JOB,
        )

    async def look(self, rules: Rules, now: datetime) -> Signals:
        self.looks += 1
        return Signals(at=now, full_screen=Finding(self.game, "the test"))

    def close(self) -> None:
        self.closed = True

    def _count(self) -> None:
        self.changes += 1

    async def passes(self, seconds: float) -> None:
        for _ in range(round(seconds / LOOK_SECONDS)):
            self.clock.pass_time(seconds=LOOK_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Desk"]:
        task = asyncio.create_task(self.guards.run(self._count))
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert self.closed

    @property
    def why(self) -> list[str]:
        assert all(reason.kind is ReasonKind.PAUSED_BY_RULE for reason in self.guards.reasons)
        return [f"{reason.evidence} {reason.next_step}" for reason in self.guards.reasons]


async def test_a_game_holds_work_up_within_a_second_and_lets_it_go_on_by_itself(clock: SettableClock) -> None:
    async with Desk(clock, Rules()).open() as desk:
        desk.guards.want(True)
        await desk.guards.first_look()
        assert desk.why == []
        desk.game = True
        await desk.passes(LOOK_SECONDS)
        assert desk.why == [
            "A program fills the screen. It goes on by itself when this is over; your rules are on the Settings page."
        ]
        desk.game = False
        await desk.passes(QUIET_AFTER.seconds + LOOK_SECONDS)
        assert desk.why == []
        assert desk.changes == 4, "the first look, the game, its end, the end of waiting"


async def test_nobody_looks_while_no_work_is_wanted(clock: SettableClock) -> None:
    async with Desk(clock, Rules()).open() as desk:
        await desk.passes(60)
        assert desk.looks == 0
        desk.game = True
        desk.guards.want(True)
        await desk.guards.first_look()
        assert desk.why
        desk.guards.want(False)
        assert desk.why == []
        await desk.passes(2)
        looks = desk.looks
        await desk.passes(60)
        assert desk.looks == looks


async def test_who_looks_at_the_rules_is_told_what_would_hold_although_nobody_looks(clock: SettableClock) -> None:
    async with Desk(clock, Rules(idle_minutes=5)).open() as desk:
        desk.game = True
        seen = await desk.guards.shown()
        assert [hold.rule for hold in seen.holds] == [Rule.FULL_SCREEN]
        assert Rule.IDLE in dict(seen.blind)
        assert desk.why == []
        assert desk.looks == 1
        assert desk.closed, "nothing is left open for rules that hold nothing up"


async def test_new_rules_are_shown_at_once_and_old_ones_without_a_look(clock: SettableClock) -> None:
    async with Desk(clock, Rules()).open() as desk:
        desk.guards.want(True)
        await desk.guards.first_look()
        looks = desk.looks
        assert await desk.guards.shown() is desk.guards.decision
        assert desk.looks == looks
        desk.guards.use(Rules(idle_minutes=5))
        assert Rule.IDLE in dict((await desk.guards.shown()).blind)


async def test_the_end_of_quiet_hours_is_told(clock: SettableClock) -> None:
    with local_zone("Europe/Berlin"):
        async with Desk(clock, Rules(quiet=DayTimes.read("12:30-14:15"))).open() as desk:
            desk.guards.want(True)  # at noon in London
            await desk.guards.first_look()
            assert "These are quiet hours, 12:30-14:15. It goes on by itself at 14:15" in desk.why[0]


async def test_a_card_that_is_too_hot_or_kept_leaves_the_other_to_work(clock: SettableClock) -> None:
    kept = Rules(gpus=(GpuRules(RTX_4090.uuid, use=False),))
    async with Desk(clock, kept, RTX_4090, SECOND_CARD).open() as desk:
        desk.guards.want(True)
        await desk.guards.first_look()
        assert desk.why == []
        assert not desk.guards.decision.may_use(RTX_4090.uuid)
        assert desk.guards.decision.may_use("GPU-2")
    async with Desk(clock, kept, RTX_4090).open() as desk:
        desk.guards.want(True)
        await desk.guards.first_look()
        assert "You keep NVIDIA GeForce RTX 4090 for yourself." in desk.why[0]


async def test_a_card_over_its_power_cap_waits_for_the_owner_and_works_when_its_limit_is_set(
    clock: SettableClock,
) -> None:
    over = replace(RTX_4090, power_limit_range_milliwatt=(150_000, 600_000))  # 450 W
    async with Desk(clock, Rules(power_cap_watt=300), over).open() as desk:
        desk.guards.want(True)
        await desk.guards.first_look()
        (reason,) = desk.guards.reasons
        assert reason.whose_turn is WhoseTurn.YOU
        assert reason.evidence == "The driver lets NVIDIA GeForce RTX 4090 draw 450 W; you want at most 300 W."
        assert f"nvidia-smi -i {RTX_4090.uuid} -pl 300" in reason.next_step
        for limit, held in ((300_000, False), (450_000, True)):  # set, and forgotten by the driver
            desk.report = replace(desk.report, gpus=(replace(over, power_limit_milliwatt=limit),))
            await desk.passes(LOOK_SECONDS)
            assert bool(desk.why) is held
            assert desk.guards.power_caps == (PowerCap(RTX_4090.uuid, 300),)


async def test_beside_a_card_that_works_one_over_its_cap_is_still_a_thing_to_do(clock: SettableClock) -> None:
    rules = Rules(gpus=(GpuRules(RTX_4090.uuid, power_cap_watt=300), GpuRules("GPU-2", use=False, power_cap_watt=9)))
    third = replace(RTX_4090, uuid="GPU-3")
    async with Desk(clock, rules, RTX_4090, SECOND_CARD, third).open() as desk:
        assert not desk.guards.to_do
        desk.guards.want(True)
        await desk.guards.first_look()
        assert desk.why == []
        (reason,) = desk.guards.to_do
        assert (reason.whose_turn, reason.stops_work) == (WhoseTurn.YOU, False)
        assert "cannot be changed" in reason.next_step, "this driver names no room for its limit"
        assert desk.guards.power_caps == (PowerCap(RTX_4090.uuid, 300),)


@pytest.mark.parametrize(("works_on", "held"), [(None, True), (RTX_4090.uuid, False)])
async def test_our_own_load_is_not_taken_for_somebody_elses(
    clock: SettableClock, works_on: str | None, held: bool
) -> None:
    busy = replace(RTX_4090, load_percent=95)
    async with Desk(clock, Rules(other_load_percent=20), busy, works_on=works_on).open() as desk:
        desk.guards.want(True)
        await desk.guards.first_look()
        assert bool(desk.why) is held


def with_processes(load_percent: int | None, *processes: tuple[int, int | None]) -> Any:
    """The card with processes, each its number and its load."""
    listed = tuple(GpuProcess(pid, None, draws=False, load_percent=load) for pid, load in processes)
    return replace(RTX_4090, load_percent=load_percent, processes=listed)


async def test_a_game_that_starts_while_we_compute_has_the_gpu_within_a_second(
    clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def here(question: Callable[[], Any]) -> Any:
        return question()  # a thread's answer takes no time of the virtual clock, which would run ahead of it

    monkeypatch.setattr(asyncio, "to_thread", here)
    alone = with_processes(95, (77, 95), (500, 3))
    async with Desk(clock, Rules(other_load_percent=20), alone, works_on=RTX_4090.uuid).open() as desk:
        desk.guards.want(True)
        await desk.guards.first_look()
        assert (desk.why, desk.guards.decision.blind) == (
            [],
            ((Rule.BATTERY, "nobody looked"), (Rule.METERED, "nobody looked")),
        )
        assert desk.guards.watches_load
        desk.report = replace(desk.report, gpus=(with_processes(99, (77, 40), (500, 3), (4242, 56)),))
        await desk.passes(LOOK_SECONDS)
        (why,) = desk.why
        assert "Other programs put 59 % of load on NVIDIA GeForce RTX 4090, your limit is 20 %." in why


@pytest.mark.parametrize(
    ("card", "others", "why"),
    [
        (with_processes(95, (77, 60), (78, 30), (9, 5)), 5, ""),
        (with_processes(95, (77, 60), (9, 70), (10, 70)), 100, ""),
        (with_processes(0, (77, 0), (9, 0)), 0, ""),
        (with_processes(95, (9, 95)), None, "does not name our own jobs"),
        (replace(RTX_4090, processes=None), None, "does not name our own jobs"),
        (with_processes(95, (77, None), (9, None)), None, "the load of single programs"),
        (with_processes(95, (77, 0), (9, 0)), None, "the load of single programs"),
    ],
)
def test_what_others_do_on_our_gpu_is_known_or_said_to_be_unknown(card: Any, others: int | None, why: str) -> None:
    load, said = load_of_others(card, OUR_JOB)
    assert (load, why in said, bool(said)) == (others, True, bool(why))


async def test_a_driver_that_cannot_tell_leaves_the_rule_blind_with_the_reason(clock: SettableClock) -> None:
    hidden = with_processes(95)
    async with Desk(clock, Rules(other_load_percent=20), hidden, works_on=RTX_4090.uuid).open() as desk:
        desk.guards.want(True)
        await desk.guards.first_look()
        assert desk.why == []
        assert "does not name our own jobs" in dict(desk.guards.decision.blind)[Rule.OTHER_LOAD]


async def test_new_rules_hold_from_the_next_look_on(clock: SettableClock) -> None:
    async with Desk(clock, Rules()).open() as desk:
        desk.guards.want(True)
        desk.game = True
        await desk.guards.first_look()
        desk.guards.use(Rules(pause_in_full_screen=False))
        await desk.passes(QUIET_AFTER.seconds + 2)
        assert desk.why == []
