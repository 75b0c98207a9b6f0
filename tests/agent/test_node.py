"""The owner's wish must hold whatever happens: through blocked starts, bugs, pauses, restarts and full disks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from agent_workshop import a_workshop
from conftest import SettableClock
from ledger_entries import finished
from mulberry.agent import reasons
from mulberry.agent.bench import Bench
from mulberry.agent.guards import LooksForOwner
from mulberry.agent.node import BUSY_SECONDS, Node
from mulberry.agent.shift import Shift
from mulberry.agent.state import Facts, derive_state
from mulberry.agent.task import Blocked, Done, Outcome, Progress, Task
from mulberry.agent.work import PAUSE_LOOK_SECONDS, RETRY_SECONDS
from mulberry.agent.workshop import Workshop
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.host import Finding
from mulberry.model.node import NodeState, Reason, ReasonKind, StepState, Want
from mulberry.model.rules import Rules, Signals
from mulberry.model.sentence import sentence
from mulberry.model.settings import SettingsChange
from mulberry.model.week import read_week

pytestmark = pytest.mark.virtual_time
PROBLEM = UserFacingError("It is broken.", "A part is missing.", "Mend it.", WhoseTurn.YOU)


class Story:
    """What the tasks of a test do, and what they did."""

    def __init__(self) -> None:
        self.answers: list[Outcome | Exception] = []
        self.runs = 0
        self.undone = 0

    def tasks(self) -> tuple[type[Task], ...]:
        story = self

        class TakeATool:
            name = "Take a tool"

            async def run(self, bench: Bench, progress: Progress) -> Outcome:
                story.runs += 1

                async def undo() -> None:
                    await asyncio.sleep(1)  # giving back takes its time
                    story.undone += 1

                bench.keep_until_the_end(undo)
                progress("looking for it")
                await asyncio.sleep(1)
                answer = story.answers.pop(0) if story.answers else Done("a hammer")
                if isinstance(answer, Exception):
                    raise answer
                return answer

        return (TakeATool,)


@asynccontextmanager
async def a_node(
    root: Path, clock: SettableClock, story: Story, presence: LooksForOwner | None = None
) -> AsyncIterator[Node]:
    def make_shift(workshop: Workshop, on_change: Callable[[], None]) -> Shift:
        return Shift(workshop, on_change, tasks=story.tasks())

    with a_workshop(root, clock) as workshop:
        node = Node(replace(workshop, presence=presence or workshop.presence), make_shift=make_shift)
        work = asyncio.create_task(node.run())
        await asyncio.sleep(0.1)
        try:
            yield node
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
            assert story.undone == story.runs, "the agent is gone and something of it still runs"


async def test_a_fresh_node_waits_for_its_owner(tmp_path: Path, clock: SettableClock) -> None:
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        await asyncio.sleep(3600)
        status = node.status()
        assert (status.state, story.runs) == (NodeState.STOPPED, 0)
        assert [reason.kind for reason in status.reasons] == [ReasonKind.STOPPED_BY_OWNER]


async def test_start_begins_at_once_and_shows_its_steps(tmp_path: Path, clock: SettableClock) -> None:
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        await node.obey(Want.START, None)
        assert node.status().state is NodeState.GETTING_READY
        await asyncio.sleep(0.5)
        (step,) = node.status().steps
        assert (step.name, step.state, step.note) == ("Take a tool", StepState.RUNNING, "looking for it")
        await asyncio.sleep(1)
        assert node.status().steps[0].state is StepState.DONE


@pytest.mark.parametrize("want", [Want.STOP, Want.FINISH])
async def test_stopped_is_said_only_when_everything_is_given_back(
    tmp_path: Path, clock: SettableClock, want: Want
) -> None:
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(5)
        await node.obey(want, None)
        await asyncio.sleep(0.5)
        assert (node.status().state, story.undone) == (NodeState.FINISHING, 0)
        await asyncio.sleep(1)
        assert (node.status().state, story.undone) == (NodeState.STOPPED, 1)
        assert node.status().intent.want is Want.STOP


async def test_start_while_things_are_put_away_starts_after_that(tmp_path: Path, clock: SettableClock) -> None:
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(5)
        await node.obey(Want.STOP, None)
        await asyncio.sleep(0.5)
        await node.obey(Want.START, None)
        assert node.status().state is NodeState.GETTING_READY
        await asyncio.sleep(5)
        assert (story.runs, story.undone) == (2, 1)


async def test_what_waits_for_the_owner_waits(tmp_path: Path, clock: SettableClock) -> None:
    story = Story()
    story.answers = [Blocked(reasons.model_unusable(PROBLEM))]
    async with a_node(tmp_path, clock, story) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(10 * RETRY_SECONDS)
        status = node.status()
        assert (status.state, story.runs) == (NodeState.NEEDS_YOU, 1)
        assert status.reasons[0].kind is ReasonKind.MODEL_UNUSABLE
        assert status.steps[0].state is StepState.BLOCKED
        await node.obey(Want.START, None)  # mended, and pressed again
        await asyncio.sleep(2)
        assert node.status().state is NodeState.GETTING_READY
        assert story.runs == 2


async def test_what_waits_for_others_is_tried_again(tmp_path: Path, clock: SettableClock) -> None:
    story = Story()
    theirs = UserFacingError("It is not there.", "They are late.", "Wait.", WhoseTurn.NETWORK)
    story.answers = [Blocked(reasons.network_unusable(theirs))]
    async with a_node(tmp_path, clock, story) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(5)
        assert (node.status().state, story.runs) == (NodeState.GETTING_READY, 1)
        await asyncio.sleep(RETRY_SECONDS)
        assert story.runs == 2


async def test_a_bug_is_said_logged_and_survived(
    tmp_path: Path, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    story = Story()
    story.answers = [ZeroDivisionError("a prompt that nobody may read")]
    async with a_node(tmp_path, clock, story) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(5)
        (reason,) = node.status().reasons
        assert reason.kind is ReasonKind.BUG
        assert "nobody may read" not in reason.evidence
        assert "a bug ended the shift" in caplog.text
        await asyncio.sleep(RETRY_SECONDS)
        assert node.status().steps[0].state is StepState.DONE


async def test_a_pause_ends_by_itself(tmp_path: Path, clock: SettableClock) -> None:
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(5)
        await node.obey(Want.PAUSE, timedelta(hours=1))
        await asyncio.sleep(5)
        assert (node.status().state, story.undone) == (NodeState.PAUSED, 1)
        clock.pass_time(minutes=59)
        await asyncio.sleep(2 * PAUSE_LOOK_SECONDS)
        assert node.status().state is NodeState.PAUSED
        clock.pass_time(minutes=1)
        await asyncio.sleep(2 * PAUSE_LOOK_SECONDS)
        assert node.status().intent.want is Want.START
        assert story.runs == 2


@pytest.mark.parametrize("want", Want)
async def test_a_restarted_agent_goes_on_with_the_wish(tmp_path: Path, clock: SettableClock, want: Want) -> None:
    async with a_node(tmp_path, clock, Story()) as node:
        await node.obey(want, timedelta(hours=1) if want is Want.PAUSE else None)
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        await asyncio.sleep(5)
        assert (story.runs > 0) == (want is Want.START)
        expected = {Want.START: NodeState.GETTING_READY, Want.PAUSE: NodeState.PAUSED}.get(want, NodeState.STOPPED)
        assert node.status().state is expected


async def test_a_wish_that_cannot_be_stored_is_obeyed_all_the_same(
    tmp_path: Path, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(5)

        def no_room(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("mulberry.model.files.os.fsync", no_room)
        with pytest.raises(UserFacingError, match="could not be stored"):
            await node.obey(Want.FINISH, None)
        await asyncio.sleep(5)
        assert (node.status().state, story.undone) == (NodeState.STOPPED, 1)


async def test_a_face_hears_of_changes_and_of_nothing_else(tmp_path: Path, clock: SettableClock) -> None:
    async with a_node(tmp_path, clock, Story()) as node:
        node.ledger.book_job(finished())  # not through the till: nobody is told
        with node.watches.watching() as watch:
            await watch.change()
            assert watch.take_jobs() == ()
            waiting = asyncio.create_task(watch.change())
            await asyncio.sleep(50)
            assert not waiting.done(), "told although nothing changed"
            await node.obey(Want.START, None)
            await asyncio.wait_for(waiting, 1)


async def test_booked_jobs_reach_the_sums_and_the_faces_and_keep_the_state_calm(
    tmp_path: Path, clock: SettableClock
) -> None:
    with a_workshop(tmp_path, clock) as workshop:
        node = Node(workshop)
        work = asyncio.create_task(node.run())
        assert node.status().earnings.jobs_total == 0
        with node.watches.watching() as watch:
            watch.take_jobs()
            workshop.till.put(finished(request_id="ab" * 32))
            assert [job.number for job in watch.take_jobs()] == [1]
        assert node.status().earnings.jobs_total == 1
        assert node._facts().busy
        await asyncio.sleep(BUSY_SECONDS + 1)
        assert not node._facts().busy
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def test_today_turns_at_midnight_without_a_new_job(tmp_path: Path, clock: SettableClock) -> None:
    async with a_node(tmp_path, clock, Story()) as node:
        node.ledger.book_job(finished(finished_at=clock.now()))
        assert node.status().earnings.jobs_today == 1
        clock.pass_time(days=1)
        assert (node.status().earnings.jobs_today, node.status().earnings.jobs_total) == (0, 1)


async def test_what_was_set_aside_is_said_until_its_owner_removes_it(tmp_path: Path, clock: SettableClock) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    aside = folder / "ledger.corrupt-20261122T120000Z.sqlite3"
    aside.touch()
    async with a_node(tmp_path, clock, Story()) as node:
        assert ReasonKind.LEDGER_SET_ASIDE in [reason.kind for reason in node.status().reasons]
        aside.unlink()
        await node.obey(Want.STOP, None)
        assert ReasonKind.LEDGER_SET_ASIDE not in [reason.kind for reason in node.status().reasons]


async def test_a_full_disk_is_said_and_forgotten_when_there_is_room(tmp_path: Path, clock: SettableClock) -> None:
    with a_workshop(tmp_path, clock) as workshop:
        node = Node(workshop)
        work = asyncio.create_task(node.run())
        execute = workshop.till.ledger._connection.execute
        execute(f"PRAGMA max_page_count = {execute('PRAGMA page_count').fetchone()[0]}")
        with suppress(Exception):
            for i in range(1000):
                workshop.till.put(finished(request_id=f"{i:064x}"))
        assert workshop.till.full
        booked = node.ledger.newest_job()
        await node.obey(Want.START, None)
        assert node.status().state is NodeState.NEEDS_YOU
        await asyncio.sleep(20)
        assert workshop.till.full
        execute("PRAGMA max_page_count = 100000")
        await asyncio.sleep(20)
        assert not workshop.till.full
        assert ReasonKind.DISK_FULL not in [reason.kind for reason in node.status().reasons]
        assert node.ledger.newest_job() == booked + 1, "the job that had to wait was lost"
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def test_a_state_is_dated_from_the_turn_that_it_began_in(tmp_path: Path, clock: SettableClock) -> None:
    async with a_node(tmp_path, clock, Story()) as node:
        clock.pass_time(hours=1)
        await node.obey(Want.START, None)
        status = node.status()  # asked before the event loop had a turn
        assert (status.state, status.state_since) == (NodeState.GETTING_READY, clock.now())
        clock.pass_time(hours=1)
        await asyncio.sleep(0.5)
        assert node.status().state_since == status.state_since


async def test_many_changes_of_one_turn_are_looked_at_once(
    tmp_path: Path, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Facts] = []

    def look(facts: Facts) -> tuple[NodeState, tuple[Reason, ...]]:
        looks.append(facts)
        return derive_state(facts)

    async with a_node(tmp_path, clock, Story()) as node:
        monkeypatch.setattr("mulberry.agent.node.derive_state", look)
        for number in range(16):
            node._workshop.till.put(finished(f"{number:064x}"))
        await asyncio.sleep(0)
        assert len(looks) == 1


async def test_the_end_of_a_start_up_is_told_when_it_went_well(tmp_path: Path, clock: SettableClock) -> None:
    told: list[str] = []
    story = Story()
    story.answers = [Blocked(reasons.engine_gave_up("It is broken.")), Done()]
    with a_workshop(tmp_path, clock) as workshop:
        workshop = replace(workshop, when_ready=lambda: told.append("ready"))
        await Shift(workshop, lambda: None, tasks=story.tasks()).run()
        assert not told
        with suppress(TimeoutError):
            async with asyncio.timeout(30):
                await Shift(workshop, lambda: None, tasks=story.tasks()).run()
    assert told == ["ready"]


class OwnersDesk:
    """What the guards see; `plays` is the owner's game."""

    plays = False

    async def look(self, rules: Rules, now: datetime) -> Signals:
        return Signals(at=now, full_screen=Finding(self.plays, "the test"))

    def close(self) -> None:
        pass


async def test_a_game_ends_the_work_at_once_and_its_end_begins_it_again(tmp_path: Path, clock: SettableClock) -> None:
    desk, story = OwnersDesk(), Story()
    async with a_node(tmp_path, clock, story, desk) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(5)
        assert (story.runs, story.undone) == (1, 0)
        desk.plays = True
        await asyncio.sleep(2.1)  # one second to see it, one that this tool takes to be put away
        status = node.status()
        assert (status.state, status.intent.want, story.undone) == (NodeState.PAUSED, Want.START, 1)
        assert sentence(status).startswith("Paused by your rules. A program fills the screen. It goes on by")
        desk.plays = False
        clock.pass_time(seconds=60)
        await asyncio.sleep(5)
        assert (story.runs, story.undone) == (2, 1)


async def test_an_owner_who_stops_is_stopped_whatever_the_rules_say(tmp_path: Path, clock: SettableClock) -> None:
    desk, story = OwnersDesk(), Story()
    desk.plays = True
    async with a_node(tmp_path, clock, story, desk) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(1)
        assert (node.status().state, story.runs) == (NodeState.PAUSED, 0)
        await node.obey(Want.STOP, None)
        await asyncio.sleep(1)
        assert [reason.kind for reason in node.status().reasons] == [ReasonKind.STOPPED_BY_OWNER]


async def test_changed_rules_hold_at_once(tmp_path: Path, clock: SettableClock) -> None:
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(2)
        never: JsonValue = [*read_week("never").days]
        tried = SettingsChange({"schedule": never}, only_try=True)
        assert "never run" in node.change_settings(tried).contradictions[0]
        await asyncio.sleep(2)
        assert node.status().state is NodeState.GETTING_READY
        node.change_settings(replace(tried, only_try=False))
        await asyncio.sleep(3)
        assert node.status().state is NodeState.PAUSED
        node.change_settings(SettingsChange({}, reset=("schedule",)))
        await asyncio.sleep(3)
        assert (node.status().state, story.runs) == (NodeState.GETTING_READY, 2)


async def test_what_a_stretch_of_work_left_is_said_once_it_is_over(tmp_path: Path, clock: SettableClock) -> None:
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        assert node.status().ending is None
        await node.obey(Want.START, None)
        await asyncio.sleep(5)
        assert node.status().ending is None
        await node.obey(Want.STOP, None)
        await asyncio.sleep(0.5)
        assert node.status().ending is None, "it is still being put away"
        await asyncio.sleep(5)
        ending = node.status().ending
        assert ending is not None and story.undone == 1
        assert (ending.at, ending.job_process, ending.gpu, ending.memory_is_back) == (clock.now(), False, "", None)


@pytest.mark.parametrize(("away", "state"), [(59, NodeState.PAUSED), (61, NodeState.GETTING_READY)])
async def test_a_pause_keeps_its_end_over_a_crash_or_a_sleep(
    tmp_path: Path, clock: SettableClock, away: int, state: NodeState
) -> None:
    async with a_node(tmp_path, clock, Story()) as node:
        await node.obey(Want.PAUSE, timedelta(hours=1))
        until = node.status().intent.until
    clock.pass_time(minutes=away)
    async with a_node(tmp_path, clock, Story()) as node:
        await asyncio.sleep(0.5)
        assert node.status().state is state
        assert node.status().intent.until == (until if state is NodeState.PAUSED else None)


# Making way for a newer version


UPDATE = reasons.updating("0.2.0")


async def test_work_that_leaves_completes_what_runs_and_says_why(tmp_path: Path, clock: SettableClock) -> None:
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(5)
        work = node._work
        work.leave(UPDATE)
        await asyncio.sleep(0)
        assert not work.left.is_set(), "what runs is given back first"
        await work.left.wait()
        status = node.status()
        assert (status.state, status.reasons[0].kind) == (NodeState.PAUSED, ReasonKind.UPDATING)
        assert status.intent.want is Want.START, "the wish is not touched"
        await asyncio.sleep(3600)
        assert story.runs == story.undone == 1, "nothing begins meanwhile"
        work.stay()
        await asyncio.sleep(5)
        assert (story.runs, node.status().intent.want) == (2, Want.START)


async def test_work_that_is_not_there_has_left_at_once_whatever_was_wished(
    tmp_path: Path, clock: SettableClock
) -> None:
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        for want, pause in ((Want.STOP, None), (Want.FINISH, None), (Want.PAUSE, timedelta(minutes=5))):
            await node.obey(want, pause)
            node._work.leave(UPDATE)
            async with asyncio.timeout(1):
                await node._work.left.wait()
            node._work.stay()
        node._work.leave(UPDATE)
        clock.pass_time(minutes=6)
        await asyncio.sleep(PAUSE_LOOK_SECONDS)
        assert (node.status().intent.want, story.runs) == (Want.START, 0), "a pause that ends begins nothing either"


async def test_a_start_up_that_has_not_come_far_ends_at_once(tmp_path: Path, clock: SettableClock) -> None:
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(0.5)
        node._work.leave(UPDATE)
        await node._work.left.wait()
        assert story.undone == story.runs == 1


async def test_the_owner_can_still_stop_work_that_leaves(tmp_path: Path, clock: SettableClock) -> None:
    story = Story()
    async with a_node(tmp_path, clock, story) as node:
        await node.obey(Want.START, None)
        await asyncio.sleep(5)
        node._work.leave(UPDATE)
        await node.obey(Want.STOP, None)
        await node._work.left.wait()
        assert node.status().state is NodeState.STOPPED


async def test_an_agent_that_hands_over_ends_and_says_to_whom(tmp_path: Path, clock: SettableClock) -> None:
    async with a_node(tmp_path, clock, Story()) as node:
        node._hand_over(["/opt/new", "agent"])
        assert node.quitting.is_set()
        assert node.successor == ("/opt/new", "agent")
