"""The job process may die, hang or be killed at any moment; the agent must go on and say what happened."""

import asyncio
import contextlib
import os
import random
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from endless_model import write_endless_model
from mulberry.model.places import resource
from mulberry.runtime.engine import EngineFailed, EngineRefused, EngineState, EngineStatus
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.restarts import RestartRules
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.sandbox.provider import CHILD, Room, Sandbox
from mulberry.runtime.supervisor import Capacity, Patience, Supervisor
from mulberry.runtime.wire import GenerationRequest, Sampling
from sandboxes import best_sandbox
from tiny_model import ask, some_questions, tiny_model

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and /proc")

SOON = RestartRules(first_pause_seconds=0.01, longest_pause_seconds=0.01, crashes_limit=3)
ONE_THREAD = Capacity(threads=1)
PATIENT = Patience()


class Watched(Supervisor):
    """A supervisor whose status can be waited for."""

    def __init__(
        self,
        model: ModelFolder | None = None,
        *,
        sandbox: Sandbox | None = None,
        capacity: Capacity = ONE_THREAD,
        patience: Patience = PATIENT,
    ) -> None:
        self.seen: list[EngineStatus] = []
        self.bug_at: EngineState | None = None
        self._changed = asyncio.Event()
        super().__init__(
            model or tiny_model(),
            sandbox=sandbox or best_sandbox(),
            jitter=random.Random(1),
            on_change=self._note,
            capacity=capacity,
            patience=patience,
            restart_rules=SOON,
        )

    def _note(self, status: EngineStatus) -> None:
        self.seen.append(status)
        self._changed.set()
        if status.state is self.bug_at:
            raise ZeroDivisionError

    async def until(self, wanted: Callable[[EngineStatus], bool]) -> EngineStatus:
        while not wanted(self.status):
            self._changed.clear()
            await self._changed.wait()
        return self.status

    async def until_state(self, state: EngineState) -> EngineStatus:
        return await self.until(lambda status: status.state is state)

    def process(self) -> int:
        assert self.pid is not None
        return self.pid


@contextlib.asynccontextmanager
async def running(engine: Watched) -> AsyncIterator[Watched]:
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def text(engine: Supervisor, request: GenerationRequest) -> str:
    return "".join([piece.text async for piece in engine.generate(request)])


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def about(pid: int, what: str) -> str:
    return Path(f"/proc/{pid}/{what}").read_text()


def open_files(pid: int) -> set[str]:
    """The paths, or the kinds of what has no path."""
    return {str(link.readlink()).partition(":")[0] for link in Path(f"/proc/{pid}/fd").iterdir()}


async def test_many_at_once_get_their_own_answers() -> None:
    async with running(Watched()) as engine:
        pid = engine.process()
        questions = some_questions(24)
        answers = await asyncio.gather(*(text(engine, ask(one.text)) for one in questions))
        right = sum(answer == one.answer for answer, one in zip(answers, questions, strict=True))
        assert right >= 23  # it is a very small model
        assert await text(engine, ask("What is 7 + 5?")) == "7 + 5 = 12."
    assert is_gone(pid)
    assert [status.state for status in engine.seen if not status.note] == [EngineState.READY, EngineState.STOPPED]


async def test_killed_in_the_middle_it_fails_the_request_and_comes_back() -> None:
    async with running(Watched()) as engine:
        first = engine.process()
        os.kill(first, signal.SIGSTOP)
        answer = asyncio.create_task(text(engine, ask("Hello!")))
        await asyncio.sleep(0)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(EngineFailed, match="ended unexpectedly"):
            await answer
        await engine.until_state(EngineState.RESTARTING)
        with pytest.raises(EngineFailed, match="It starts again by itself"):
            await text(engine, ask("Hello!"))
        (stats,) = engine.stats()
        assert (stats.ready_seconds, stats.memory_bytes, stats.running) == (None, None, 0)
        await engine.until_state(EngineState.READY)
        assert engine.process() != first
        assert await text(engine, ask("What is 7 + 5?")) == "7 + 5 = 12."
        (stats,) = engine.stats()
        assert stats.restarts == 1 and stats.tokens_per_second > 0 and stats.ready_seconds is not None


async def test_hanging_it_is_killed_and_comes_back() -> None:
    async with running(Watched(patience=Patience(silence_seconds=0.3, grace_seconds=0.1))) as engine:
        first = engine.process()
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(EngineFailed, match=r"no sign of life for 0\.3 seconds"):
            await text(engine, ask("Hello!"))
        engine._patience = PATIENT  # the next one may be slow, where this computer is busy
        await engine.until_state(EngineState.RESTARTING)
        await engine.until_state(EngineState.READY)
        assert is_gone(first)
        assert await text(engine, ask("What is 7 + 5?")) == "7 + 5 = 12."


async def test_broken_too_often_it_stays_down_and_says_so() -> None:
    async with running(Watched()) as engine:
        for _ in range(3):
            await engine.until_state(EngineState.READY)
            os.kill(engine.process(), signal.SIGKILL)
            await engine.until(lambda status: status.state is not EngineState.READY)
        status = await engine.until_state(EngineState.BROKEN)
        assert status.note.endswith("It broke too often and was not started again.")
        with pytest.raises(EngineFailed, match="too often"):
            await text(engine, ask("Hello!"))
        await engine.start()  # the owner tries again
        assert await text(engine, ask("What is 7 + 5?")) == "7 + 5 = 12."


async def test_stop_ends_running_requests_and_a_process_that_does_not_listen() -> None:
    async with running(Watched(patience=Patience(grace_seconds=0.1))) as engine:
        pid = engine.process()
        os.kill(pid, signal.SIGSTOP)
        answer = asyncio.create_task(text(engine, ask("Hello!")))
        await asyncio.sleep(0)
        await engine.stop()
        assert is_gone(pid)
        with pytest.raises(EngineFailed, match="was stopped"):
            await answer
        with pytest.raises(EngineFailed, match="not running"):
            await text(engine, ask("Hello!"))


async def test_an_answer_that_nobody_waits_for_gives_its_only_slot_to_the_next() -> None:
    async with running(Watched(capacity=Capacity(slots=1, waiting_limit=0, threads=1))) as engine:
        os.kill(engine.process(), signal.SIGSTOP)  # so that all three arrive together
        left = asyncio.create_task(text(engine, ask("Count from 3 to 9")))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.sleep(0)
        first = asyncio.create_task(text(engine, ask("What is 7 + 5?")))
        second = asyncio.create_task(text(engine, ask("Hello!")))
        await asyncio.sleep(0)
        os.kill(engine.process(), signal.SIGCONT)
        assert await first == "7 + 5 = 12."
        with pytest.raises(EngineRefused, match="too many requests") as refused:
            await second
        assert refused.value.http_status == 503


async def test_a_hundred_thousand_tokens_disturb_nobody() -> None:
    async with running(Watched()) as engine:
        neighbour = asyncio.create_task(text(engine, ask("What is 7 + 5?")))
        with pytest.raises(EngineRefused, match="tokens, this model's context is 256") as refused:
            await text(engine, ask("1" * 100_000))
        assert (refused.value.http_status, refused.value.code) == (400, "context_length_exceeded")
        assert await neighbour == "7 + 5 = 12."


async def test_a_model_that_does_not_load_is_no_reason_to_try_for_ever(tmp_path: Path) -> None:
    folder = shutil.copytree(resource("models/tiny-lm"), tmp_path / "model")
    (folder / "model.onnx").write_bytes(b"not a model")
    engine = Watched(ModelFolder.read(folder))
    with pytest.raises(EngineFailed, match="could not be loaded"):
        await engine.start()
    assert engine.status.state is EngineState.BROKEN
    await engine.stop()


async def test_a_system_that_starts_no_process_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mulberry.runtime.sandbox.provider.INTERPRETER", ("/nowhere/python",))
    with pytest.raises(EngineFailed, match="could not be started: No such file"):
        await Watched(sandbox=NoSandbox()).start()


async def test_the_log_has_the_place_of_a_crash_and_no_prompts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A tokenizer that crashes on a customer's text, as native code may: its last words quote that text."""
    crashing = tmp_path / "main.py"
    crashing.write_text(CRASHING.format(main=str(CHILD), app=str(CHILD.parents[3])), "utf-8")
    monkeypatch.setattr("mulberry.runtime.supervisor.Room", partial(Room, program=crashing))
    async with running(Watched(sandbox=NoSandbox())) as engine:
        with pytest.raises(EngineFailed, match="ended unexpectedly"):
            await text(engine, ask("my secret"))
        await engine.until_state(EngineState.LOADING)
    assert "service.py" in caplog.text
    assert "my secret" not in caplog.text


async def test_loading_has_a_deadline() -> None:
    engine = Watched(patience=Patience(load_seconds=0.001))
    with pytest.raises(EngineFailed, match=r"did not load the model within 0\.001 seconds"):
        await engine.start()
    await engine.stop()


async def test_a_start_that_is_cancelled_leaves_nothing_behind() -> None:
    engine = Watched()
    starting = asyncio.create_task(engine.start())
    await engine.until(lambda status: status.note == "Reading the tokenizer")
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert engine.status.state is EngineState.STOPPED


async def test_a_bug_beside_it_does_not_leave_the_engine_running_unseen(caplog: pytest.LogCaptureFixture) -> None:
    engine = Watched()
    await engine.start()
    pid = engine.process()
    engine.bug_at = EngineState.RESTARTING
    os.kill(pid, signal.SIGKILL)
    await engine.until_state(EngineState.BROKEN)
    assert is_gone(pid)
    assert "keeper failed" in caplog.text
    with pytest.raises(ZeroDivisionError):
        await engine.stop()


async def test_two_starts_are_a_bug() -> None:
    async with running(Watched()) as engine:
        with pytest.raises(RuntimeError, match="already"):
            await engine.start()


async def test_the_process_is_polite_and_knows_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULBERRY_PASSPHRASE", "hunter2")
    async with running(Watched()) as engine:
        pid = engine.process()
        environment = about(pid, "environ")
        assert "hunter2" not in environment
        assert "HOME=" not in environment
        assert "ORT_DISABLE_TELEMETRY=1" in environment
        assert str(resource("models")) not in about(pid, "cmdline")
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, own + 5)
        assert os.getsid(pid) != os.getsid(0)  # Ctrl-C in the agent's terminal is not for it
        assert open_files(pid) <= {"/dev/null", "pipe", "socket", "anon_inode"}


CRASHING = """
import runpy, sys
sys.path.insert(0, {app!r})
from mulberry.runtime.child.prompt import PromptReader

def crash(self, turns, options):
    print("thread panicked at", turns, file=sys.stderr)
    raise SystemError(turns)

PromptReader.conversation = crash
runpy.run_path({main!r}, run_name="__main__")
"""

AGENT = """
import asyncio, random, sys
sys.path[:0] = sys.argv[1:3]
from mulberry.runtime.supervisor import Supervisor
from sandboxes import best_sandbox
from tiny_model import tiny_model

async def main():
    engine = Supervisor(tiny_model(), sandbox=best_sandbox(), jitter=random.Random(0))
    await engine.start()
    print(engine.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_killed_agent_leaves_no_process_behind() -> None:
    tests = Path(__file__).parent.parent
    command = [sys.executable, "-c", AGENT, str(tests.parent / "app"), str(tests)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        child = os.pidfd_open(int(agent.stdout.readline()))
        agent.kill()
    try:
        assert select.select([child], [], [], 10)[0], "it did not end by itself"
    finally:
        os.close(child)


async def test_a_request_that_leaves_while_its_long_prompt_is_read_frees_the_process_at_once(tmp_path: Path) -> None:
    write_endless_model(tmp_path / "endless")
    model = ModelFolder(tmp_path / "endless", tiny_model().manifest)
    async with running(Watched(model, capacity=Capacity(slots=1, threads=1))) as engine:
        job = psutil.Process(engine.process())
        idle = job.cpu_times().user
        left = asyncio.create_task(text(engine, GenerationRequest(("11",), Sampling(seed=0))))
        while job.cpu_times().user < idle + 0.1:  # noqa: ASYNC110 - nothing else tells that it reads
            await asyncio.sleep(0)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        assert await text(engine, GenerationRequest(("1",), Sampling(seed=0), max_tokens=3))
        assert engine.status.state is EngineState.READY
