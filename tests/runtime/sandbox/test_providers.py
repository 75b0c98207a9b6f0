"""What every sandbox must do, whoever provides it. A new provider joins `PROVIDERS` and has to pass as it is."""

import asyncio
import contextlib
import json
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mulberry.runtime.engine import EngineFailed, EngineState
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.process import JobProcess, child_environment
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.sandbox.bubblewrap import Bubblewrap
from mulberry.runtime.sandbox.choose import choose, try_out
from mulberry.runtime.sandbox.landlock_only import LandlockOnly
from mulberry.runtime.sandbox.provider import CHILD, NOBODY, SOURCE, Confinement, Room, Sandbox, Tier, is_root
from mulberry.runtime.supervisor import Capacity, Patience, Supervisor
from mulberry.runtime.wire import ALL_CANARIES, Canary, Entered, ProfileName
from tiny_model import ask, tiny_model

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's sandboxes")

PROVIDERS: dict[str, Callable[[], Sandbox | None]] = {"bubblewrap": Bubblewrap.find, "landlock": LandlockOnly}
STUBBORN = """
import signal, socket, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
link = socket.socket(fileno=int(sys.argv[1]))
link.sendall(b"here")
while True:
    time.sleep(60)
"""
TELLING = """
import json, os, socket, sys
link = socket.socket(fileno=int(sys.argv[1]))
def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
files = len([number for number in range(1024) if is_open(number)])
link.sendall(json.dumps([dict(os.environ), sys.argv, files, os.getcwd()]).encode())
"""
AGENT = """
import asyncio, random, sys
sys.path[:0] = sys.argv[1:3]
from mulberry.runtime.sandbox.bubblewrap import Bubblewrap
from mulberry.runtime.sandbox.landlock_only import LandlockOnly
from mulberry.runtime.supervisor import Supervisor
from tiny_model import tiny_model

async def main():
    sandbox = Bubblewrap.find() if "bubblewrap" in sys.argv[3] else LandlockOnly()
    engine = Supervisor(tiny_model(), sandbox=sandbox, jitter=random.Random(0))
    await engine.start()
    print(engine.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
LOADING = """
import socket, sys
sys.path.insert(0, {app!r})
from mulberry.runtime.child.confinement.canary import _model_runs
link = socket.socket(fileno=int(sys.argv[1]))
assert _model_runs(None)
link.sendall(b"ran")
"""
HOSTILE = {
    "LD_PRELOAD": "/evil.so",
    "LD_LIBRARY_PATH": "/evil",
    "PYTHONPATH": "/evil",
    "PYTHONSTARTUP": "/evil.py",
    "ORT_DISABLE_TELEMETRY": "0",
    "ORT_LOAD_CONFIG_FROM_MODEL": "1",
    "CUDA_INJECTION64_PATH": "/evil.so",
    "MULBERRY_PASSPHRASE": "hunter2",
    "BASH_FUNC_x%%": "() { :; }",
}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Which nobody may read, too; pytest's own are for their owner."""
    folder = Path(tempfile.mkdtemp(prefix="open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=sorted(PROVIDERS))
async def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    found = PROVIDERS[request.param]()
    if found is None:
        pytest.skip("not installed")
    trial = await try_out(found)
    if trial.confinement is None:
        pytest.skip(f"does not work here: {trial.problem}")
    return found


def engine_in(sandbox: Sandbox, model: ModelFolder | None = None) -> Supervisor:
    return Supervisor(
        model or tiny_model(),
        sandbox=sandbox,
        jitter=random.Random(1),
        capacity=Capacity(threads=1),
        patience=Patience(grace_seconds=0.2),
    )


async def what_it_says(sandbox: Sandbox, folder: Path, program: str, environment: dict[str, str]) -> bytes:
    path = folder / "program.py"
    path.write_text(program, "utf-8")
    process = await JobProcess.start(sandbox, Room(CHILD.parent, program=path), environment)
    try:
        return await asyncio.get_running_loop().sock_recv(process.socket, 1 << 16)
    finally:
        await process.end(grace_seconds=0.2)


async def test_it_closes_by_its_own_trial(sandbox: Sandbox) -> None:
    trial = await try_out(sandbox)
    assert not trial.problem
    assert trial.confinement is not None
    assert trial.confinement.holds
    assert trial.confinement.user == (NOBODY if is_root() or sandbox.tier is Tier.BUBBLEWRAP else os.getuid())


async def test_the_demo_model_answers_inside(sandbox: Sandbox) -> None:
    engine = engine_in(sandbox)
    await engine.start()
    try:
        pieces = [piece.text async for piece in engine.generate(ask("What is 7 + 5?"))]
        assert "".join(pieces) == "7 + 5 = 12."
        assert engine.pid is not None
        about = await asyncio.to_thread(Path(f"/proc/{engine.pid}/status").read_text, "utf-8")
        assert about.partition("Uid:")[2].split()[:4] == [str(NOBODY if is_root() else os.getuid())] * 4
        assert "CapEff:\t0000000000000000" in about
        assert "NoNewPrivs:\t1" in about
        assert "Seccomp:\t2" in about
        assert str(engine.status.confinement) == f"{sandbox.tier}: 13 of 13 checks passed"
        assert os.getsid(engine.pid) != os.getsid(0), "Ctrl-C in the agent's terminal is not for it"
        limits = {"core file size": 0, "file size": 0, "open files": 64}
        limits["address space"] = 2 * tiny_model().manifest.memory_limit_bytes
        if (processes := sandbox.order(Room(CHILD.parent)).processes) is not None:
            limits["processes"] = processes
        found = await asyncio.to_thread(limits_of, engine.pid)
        assert {name: found[name] for name in limits} == {name: (str(most),) * 2 for name, most in limits.items()}
        kept = await asyncio.to_thread(Path(f"/proc/{engine.pid}/environ").stat)
        assert kept.st_uid != (NOBODY if is_root() else os.getuid()), "others of its user may look into its memory"
    finally:
        await engine.stop()
    assert engine.status.confinement is None


def limits_of(pid: int) -> dict[str, tuple[str, str]]:
    """What the kernel holds a process to, soft and hard, by its own names."""
    lines = re.findall(r"^Max (.+?) {2,}(\S+) +(\S+)", Path(f"/proc/{pid}/limits").read_text("utf-8"), re.MULTILINE)
    return {name: (soft, hard) for name, soft, hard in lines}


async def test_a_process_that_will_not_end_is_ended(sandbox: Sandbox, open_folder: Path) -> None:
    (open_folder / "program.py").write_text(STUBBORN, "utf-8")
    room = Room(CHILD.parent, program=open_folder / "program.py")
    process = await JobProcess.start(sandbox, room, child_environment(os.environ))
    assert await asyncio.get_running_loop().sock_recv(process.socket, 16) == b"here"
    pid = process.pid
    assert await process.end(grace_seconds=0.1) == "ended by signal 9"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_process_that_does_not_listen_dies_with_a_killed_agent(sandbox: Sandbox) -> None:
    """Stopped, it cannot see that its socket was closed; one that was taken over would not care."""
    command = [sys.executable, "-c", AGENT, str(SOURCE), str(Path(__file__).parents[2]), sandbox.tier]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as agent:  # noqa: ASYNC220 - killed, so it cannot block
        assert agent.stdout is not None
        pid = int(await asyncio.to_thread(agent.stdout.readline))
        child = os.pidfd_open(pid)
        os.kill(pid, signal.SIGSTOP)
        agent.kill()
    try:
        assert select.select([child], [], [], 10)[0], "it outlived the agent"
    finally:
        os.close(child)


async def test_a_start_that_is_cancelled_at_any_moment_leaves_no_room_behind(
    sandbox: Sandbox, open_folder: Path
) -> None:
    """bubblewrap killed too early leaves a process that waits for ever."""
    room = Room(CHILD.parent, program=open_folder / "program.py")
    room.program.write_text(STUBBORN, "utf-8")
    for turns in range(12):
        starting = asyncio.create_task(JobProcess.start(sandbox, room, child_environment(os.environ)))
        for _ in range(turns):
            await asyncio.sleep(0)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await starting).end(grace_seconds=0)
    left = [process for process in psutil.process_iter() if str(room.program) in " ".join(command_of(process))]
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not alive


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def test_nothing_of_the_users_environment_goes_in(sandbox: Sandbox, open_folder: Path) -> None:
    allowed = child_environment({"LANG": "C.UTF-8", **HOSTILE})
    environment, arguments, files, place = json.loads(await what_it_says(sandbox, open_folder, TELLING, allowed))
    assert set(environment) - {"PWD", "LC_CTYPE"} == set(allowed)
    assert environment["ORT_DISABLE_TELEMETRY"] == "1"
    assert not set(environment.values()) & set(HOSTILE.values()) - {"1"}
    assert len(arguments) <= 3
    assert files == 4  # three standard ones and the socket
    assert place == "/"


async def test_a_program_that_cannot_be_started_is_told_in_words(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mulberry.runtime.sandbox.provider.INTERPRETER", ("/nowhere/python",))
    trial = await try_out(sandbox)
    assert trial.confinement is None
    assert trial.problem


async def test_a_room_that_is_not_closed_gets_no_model(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that leaves the job process as it is, and says otherwise: the canary tells."""
    honest = sandbox.order

    def careless(room: Room) -> object:
        return replace(honest(room), profile=ProfileName.NONE)

    monkeypatch.setattr(sandbox, "order", careless)
    engine = engine_in(sandbox)
    with pytest.raises(EngineFailed, match=r"not closed .*its system calls are not filtered"):
        await engine.start()
    assert engine.status.state is EngineState.BROKEN


async def test_an_engine_that_takes_too_much_memory_is_ended(sandbox: Sandbox) -> None:
    model = tiny_model()
    small = ModelFolder(model.path, model.manifest.model_copy(update={"memory_bytes": 1 << 20}))
    engine = engine_in(sandbox, small)
    with pytest.raises(EngineFailed):  # either the kernel's limit or the watchdog is first
        await engine.start()
    await engine.stop()


async def test_where_the_kernel_sets_no_limit_the_watchdog_does() -> None:
    model = tiny_model()
    small = ModelFolder(model.path, model.manifest.model_copy(update={"memory_bytes": 1 << 20}))
    engine = engine_in(NoSandbox(), small)
    with pytest.raises(EngineFailed, match="used more than 1 MiB of memory"):
        await engine.start()


async def test_onnxruntime_leaves_no_telemetry(open_folder: Path) -> None:
    """Its files would be the first sign. Here it could write them: the sandbox is left open, the switch alone holds."""
    program = open_folder / "program.py"
    program.write_text(LOADING.format(app=str(SOURCE)), "utf-8")
    home = open_folder / "home"
    home.mkdir()
    home.chmod(0o777)
    process = await JobProcess.start(
        NoSandbox(), Room(CHILD.parent, program=program), child_environment(os.environ) | {"HOME": str(home)}
    )
    assert await asyncio.get_running_loop().sock_recv(process.socket, 16) == b"ran"
    await process.end(grace_seconds=5)
    assert list(home.rglob("*")) == []


async def test_a_user_without_a_home_gets_a_sandbox_too(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a container's user that is but a number."""

    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    assert not (await try_out(sandbox)).problem


async def test_without_any_that_holds_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mulberry.runtime.sandbox.choose.candidates", lambda: (NoSandbox(),))
    choice = await choose()
    assert not choice.is_for_strangers
    assert "not closed" in choice.trials[0].problem


def test_bits_that_we_do_not_know_prove_nothing() -> None:
    boasting = Confinement.of(Tier.LANDLOCK, Entered(passed=1 << 40, landlock=7, user=1))
    assert boasting.passed == Canary(0)
    assert not boasting.holds
    assert not Confinement(Tier.NONE, ALL_CANARIES, 0, 1).holds
