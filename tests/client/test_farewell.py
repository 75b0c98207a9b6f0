"""Who stops and quits must be told the truth: what has ended, what has not, and whether the GPU is free again."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mulberry.client.control import AgentNotRunning, ControlClient
from mulberry.client.farewell import AGENT, AGENT_SECONDS, DEMO, JOBS, MEMORY, STOP_SECONDS, WORK, Farewell, is_free
from mulberry.client.spawn import start_agent
from mulberry.model.control import Command
from mulberry.model.ending import Ending
from mulberry.model.errors import UserFacingError
from mulberry.model.locks import try_lock
from mulberry.model.node import NodeState, Status, StepState, Want
from mulberry.model.places import DataFolder
from samples import NOON, RTX_4090, a_status

virtual_time = pytest.mark.virtual_time
EARNED = Ending(NOON, job_process=True, demo_network=True, gpu=RTX_4090.name, memory_is_back=True)


class AgentThatStops:
    """Stops after `takes` questions and leaves `ending`; holds `lock` until it is told to quit, if `obeys`."""

    def __init__(self, lock: Path, ending: Ending | None, *, takes: int = 3, obeys: bool = True) -> None:
        self.told: list[object] = []
        self._file = lock.open("a+b")
        assert try_lock(self._file)
        self._ending = ending
        self._takes = takes
        self._obeys = obeys

    async def status(self) -> Status:
        if Command(Want.STOP) not in self.told:
            return a_status(running=2)
        self._takes -= 1
        if self._takes > 0:
            return a_status(NodeState.FINISHING)
        return replace(a_status(NodeState.STOPPED), ending=self._ending)

    async def command(self, command: Command) -> Status:
        self.told.append(command)
        return a_status(NodeState.FINISHING)

    async def quit(self) -> None:
        self.told.append("quit")
        if self._obeys:
            self.end()

    def end(self) -> None:
        self._file.close()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "agent.lock"


@virtual_time
async def test_all_that_ended_is_named_and_only_then_it_is_over(lock: Path) -> None:
    agent = AgentThatStops(lock, EARNED)
    seen: list[StepState] = []
    farewell = Farewell(agent, lock, lambda: seen.append(farewell.steps[AGENT].state))
    await farewell.run()
    assert agent.told == [Command(Want.STOP), "quit"]
    assert farewell.all_ended and is_free(lock)
    notes = [step.note for step in farewell.steps]
    assert notes[WORK] == "2 requests were cut off."
    assert notes[JOBS] == "It has ended, and its sandbox with it."
    assert notes[MEMORY] == "NVIDIA GeForce RTX 4090: all of it is back, by the driver's word."
    assert notes[AGENT] == "Its process has ended."
    assert seen[-1] is StepState.DONE and StepState.DONE not in seen[:-1]


@virtual_time
@pytest.mark.parametrize(("back", "said"), [(False, "not all of it is back"), (None, "does not say")])
async def test_memory_that_did_not_come_back_is_not_passed_over(lock: Path, back: bool | None, said: str) -> None:
    farewell = Farewell(AgentThatStops(lock, replace(EARNED, memory_is_back=back)), lock, lambda: None)
    await farewell.run()
    assert not farewell.all_ended
    assert farewell.steps[MEMORY].state is StepState.BLOCKED and said in farewell.steps[MEMORY].note
    assert farewell.steps[AGENT].state is StepState.DONE


@virtual_time
@pytest.mark.parametrize("ending", [Ending(NOON), None])
async def test_where_nothing_ran_nothing_is_claimed(lock: Path, ending: Ending | None) -> None:
    farewell = Farewell(AgentThatStops(lock, ending), lock, lambda: None)
    await farewell.run()
    assert farewell.all_ended
    assert [farewell.steps[number].state for number in (JOBS, DEMO, MEMORY)] == [StepState.SKIPPED] * 3


@virtual_time
async def test_work_that_does_not_stop_is_said_and_the_agent_is_left_to_try(lock: Path) -> None:
    agent = AgentThatStops(lock, EARNED, takes=10_000)
    farewell = Farewell(agent, lock, lambda: None)
    await farewell.run()
    assert farewell.steps[WORK].state is StepState.BLOCKED
    assert f"within {STOP_SECONDS:.0f} seconds" in farewell.steps[WORK].note
    assert "quit" not in agent.told
    agent.end()


@virtual_time
async def test_an_agent_whose_process_stays_is_not_called_ended(lock: Path) -> None:
    agent = AgentThatStops(lock, EARNED, obeys=False)
    farewell = Farewell(agent, lock, lambda: None)
    await farewell.run()
    assert farewell.steps[AGENT].state is StepState.BLOCKED
    assert f"within {AGENT_SECONDS:.0f} seconds" in farewell.steps[AGENT].note
    agent.end()


@virtual_time
async def test_an_agent_that_refuses_is_quoted(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(command: Command) -> Status:
        raise UserFacingError("The agent does not answer.", "It was silent for 10 seconds.", "Try again.")

    agent = AgentThatStops(lock, EARNED)
    monkeypatch.setattr(agent, "command", refuse)
    farewell = Farewell(agent, lock, lambda: None)
    await farewell.run()
    assert farewell.steps[WORK].note == "The agent does not answer. It was silent for 10 seconds. Try again."
    assert not farewell.all_ended
    agent.end()


@virtual_time
async def test_an_agent_that_does_not_run_has_nothing_to_end(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody() -> Status:
        raise AgentNotRunning("nobody listens")

    agent = AgentThatStops(lock, EARNED)
    agent.end()
    monkeypatch.setattr(agent, "status", nobody)
    farewell = Farewell(agent, lock, lambda: None)
    await farewell.run()
    assert farewell.all_ended


@pytest.mark.skipif(sys.platform == "win32", reason="files that are not there lock alike")
def test_a_lock_is_free_when_nobody_lives_who_holds_it(lock: Path) -> None:
    assert is_free(lock)
    with lock.open("a+b") as file:
        assert try_lock(file)
        assert not is_free(lock)
    assert is_free(lock)


async def test_a_real_agent_says_goodbye(tmp_path: Path) -> None:
    folder = DataFolder.of_network(tmp_path, "demo")
    await start_agent(tmp_path)
    assert not is_free(folder.lock)
    farewell = Farewell(ControlClient(folder), folder.lock, lambda: None)
    await farewell.run()
    assert farewell.all_ended, farewell.steps
    assert is_free(folder.lock)
