"""What stands between Start and the first request must be named, and what blocks it must say whose turn it is."""

import json
import shutil
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from agent_workshop import DEMO, EchoEngine, a_workshop
from mulberry.agent.bench import Bench
from mulberry.agent.startup import (
    START_UP,
    CheckModel,
    CheckSandbox,
    ConnectToProxy,
    LoadModel,
    LookForGpus,
    ReadProfile,
    StartDemoNetwork,
)
from mulberry.agent.task import Blocked, Done, Outcome, Skipped, Task
from mulberry.model.clock import SystemClock
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.gpu import GpuReport
from mulberry.model.network import NetworkProfile, RegisteredProxy, load_profile
from mulberry.model.node import ReasonKind
from mulberry.model.places import model_store, resource
from mulberry.runtime.engine import EngineFailed
from mulberry.runtime.fresh import FreshProcesses
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.store.importing import import_model
from mulberry.runtime.store.judging import Verdict
from mulberry.runtime.store.sources import source_of
from mulberry.runtime.store.store import ModelStore
from samples import RTX_4090
from tiny_encoder import tiny_encoder


async def run(
    task: type[Task], root: Path, profile: NetworkProfile = DEMO, engine: EchoEngine | None = None
) -> Outcome:
    """The outcome of one task, with what the ones before it would have left on the bench."""
    with a_workshop(root, SystemClock(), profile=profile, make_engine=(engine or EchoEngine()).make) as workshop:
        async with AsyncExitStack() as stack:
            bench = Bench(workshop, stack, lambda: None)
            bench.model = ModelFolder.read(resource("models/tiny-lm"))
            bench.sandbox = NoSandbox()
            return await task().run(bench, lambda note: None)


def blocked(outcome: Outcome) -> Blocked:
    assert isinstance(outcome, Blocked)
    assert outcome.reason.evidence.endswith(".") and outcome.reason.next_step.endswith(".")
    return outcome


def test_the_steps_are_named_as_people_speak() -> None:
    names = [task.name for task in START_UP]
    assert len(set(names)) == len(names)
    assert all(name[0].isupper() and not name.endswith(".") for name in names)


async def test_the_demo_network_passes(tmp_path: Path) -> None:
    assert await run(ReadProfile, tmp_path) == Done("Demo network")
    assert isinstance(await run(LookForGpus, tmp_path), Done | Skipped)
    assert await run(CheckModel, tmp_path) == Done("Tiny test model")


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        ("", "Nobody is named who is to be paid."),
        ("kQCns7bYSp0igFvS1wpb5wsZjCKCV19MD5AVzI4EyxsnUwZu", "marked for test networks only"),
        ("0QCns7bYSp0igFvS1wpb5wsZjCKCV19MD5AVzI4EyxsnU1ur", "marked for test networks only"),
        ("Ef8zMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM0vF", "not in workchain 0"),
        ("EQCns7bYSp0igFvS1wpb5wsZjCKCV19MD5AVzI4EyxsnU73j", "typing mistake"),
    ],
)
async def test_real_money_goes_only_where_its_owner_can_have_it(tmp_path: Path, owner: str, said: str) -> None:
    profile = load_profile("mainnet").model_copy(update={"owner_address": owner})
    reason = blocked(await run(ReadProfile, tmp_path, profile)).reason
    assert said in reason.evidence and reason.whose_turn is WhoseTurn.YOU
    assert reason.next_step.endswith(".")


def a_test_network(*doors: str) -> NetworkProfile:
    """One whose proxies listen at `doors`."""
    assert DEMO.chain is not None
    proxies = tuple(RegisteredProxy(seqno=number, address=door) for number, door in enumerate(doors))
    chain = DEMO.chain.model_copy(update={"registered_proxies": proxies})
    return DEMO.model_copy(update={"kind": "test", "launch": None, "chain": chain})


STRANGERS = [
    DEMO.model_copy(update={"kind": "mainnet"}),
    DEMO.model_copy(update={"kind": "test", "chain": None, "lite_servers": {}}),
    a_test_network("127.0.0.1:4000", "192.0.2.7:4000"),
    a_test_network("localhost.example:4000"),
    a_test_network("0.0.0.0:4000"),
]


@pytest.mark.parametrize("profile", STRANGERS)
async def test_strangers_jobs_do_not_run_without_a_sandbox(tmp_path: Path, profile: NetworkProfile) -> None:
    outcome = blocked(await run(CheckSandbox, tmp_path, profile))
    assert outcome.reason.kind is ReasonKind.NETWORK_UNUSABLE
    assert "sandbox" in outcome.reason.evidence
    assert outcome.reason.whose_turn is WhoseTurn.YOU


async def test_a_test_network_on_this_computer_passes_and_says_so(tmp_path: Path) -> None:
    outcome = await run(CheckSandbox, tmp_path, a_test_network("127.0.0.1:4000", "127.9.9.9:1"))
    assert isinstance(outcome, Skipped) and "come from this computer" in outcome.why


async def test_the_demo_model_is_served_under_the_name_that_a_test_network_uses(tmp_path: Path) -> None:
    profile = a_test_network("127.0.0.1:4000").model_copy(update={"model": "Qwen/Qwen3-8B@main:00"})
    outcome = await run(CheckModel, tmp_path, profile)
    assert outcome == Done("Tiny test model, served under the name Qwen/Qwen3-8B")


async def test_the_demo_networks_own_jobs_do(tmp_path: Path) -> None:
    outcome = await run(CheckSandbox, tmp_path)
    assert isinstance(outcome, Skipped)
    assert "come from this computer" in outcome.why


@pytest.mark.parametrize(
    "change",
    [
        {"owner_address": "nobody"},
        {"root_contract_address": ""},
        {"chain": DEMO.chain and DEMO.chain.model_copy(update={"worker_fee_per_token": 2**100})},
    ],
)
async def test_a_profile_that_cannot_be_right_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    outcome = blocked(await run(ReadProfile, tmp_path, DEMO.model_copy(update=change)))
    assert outcome.reason.kind is ReasonKind.NETWORK_UNUSABLE


async def test_a_model_that_is_missing_or_another_one_is_said_so(tmp_path: Path) -> None:
    for change in ({"model_folder": "no-such-model"}, {"model": "somebody/other"}):
        outcome = blocked(await run(CheckModel, tmp_path, DEMO.model_copy(update=change)))
        assert outcome.reason.kind is ReasonKind.MODEL_UNUSABLE


async def test_an_encoder_is_never_offered_to_a_proxy(tmp_path: Path) -> None:
    folder = tiny_encoder(tmp_path / "m", name=DEMO.model_base_name).path
    with a_workshop(tmp_path, SystemClock(), profile=DEMO) as workshop:
        settings = workshop.settings.model_copy(update={"model_folder": str(folder)})
        async with AsyncExitStack() as stack:
            bench = Bench(replace(workshop, settings=settings), stack, lambda: None)
            outcome = blocked(await CheckModel().run(bench, lambda note: None))
    assert "writes no text" in outcome.reason.evidence and bench.model is None


async def test_an_imported_model_serves_and_is_held_until_the_end(tmp_path: Path) -> None:
    store = ModelStore(model_store(tmp_path))
    profile = DEMO.model_copy(update={"model_folder": "not-bundled"})
    with a_workshop(tmp_path, SystemClock(), profile=profile) as workshop:
        async with source_of(str(resource("models/tiny-lm")), store.disk) as source:
            stored = await import_model(store, source, approve, workshop.clock)
        async with AsyncExitStack() as stack:
            bench = Bench(workshop, stack, lambda: None)
            assert await CheckModel().run(bench, lambda note: None) == Done("Tiny test model")
            assert bench.model is not None and bench.model.path == store.path_of(stored.entry)
            with pytest.raises(UserFacingError, match="The agent uses it"):
                store.remove(stored.entry)
    store.remove(stored.entry)
    assert store.models() == []


async def approve(model: ModelFolder) -> Verdict:
    return Verdict(())


async def test_a_gpu_that_does_not_compute_leaves_the_cpu_and_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "RTX cannot be used. The NVIDIA driver is older than CUDA 13 needs."

    class OnTheCpuOnly(EchoEngine):
        async def start(self) -> None:
            if self.card is not None:
                raise EngineFailed(why)
            await super().start()

    model = ModelFolder.read(resource("models/tiny-lm"))
    (cpu,) = model.manifest.variants
    cuda = cpu.model_copy(update={"provider": "cuda"})
    for variants, expected in (
        ((cpu, cuda), Done(f"{why} The model runs on the CPU.")),
        ((cuda,), None),
    ):
        engine = OnTheCpuOnly()
        with a_workshop(tmp_path, SystemClock(), make_engine=engine.make) as workshop:
            async with AsyncExitStack() as stack:
                bench = Bench(workshop, stack, lambda: None)
                bench.model = ModelFolder(model.path, model.manifest.model_copy(update={"variants": variants}))
                bench.sandbox = NoSandbox()
                report = GpuReport((RTX_4090,), None, workshop.clock.now())
                monkeypatch.setattr(workshop.gpus, "read", lambda report=report: report)
                outcome = await LoadModel().run(bench, lambda note: None)
        if expected is None:
            assert "older than CUDA 13" in blocked(outcome).reason.evidence
        else:
            assert outcome == expected


@pytest.mark.parametrize("restarts", [True, False])
async def test_the_owner_may_want_a_new_process_for_each_request(tmp_path: Path, restarts: bool) -> None:
    with a_workshop(tmp_path, SystemClock()) as workshop:
        settings = workshop.settings.model_copy(update={"restart_between_jobs": restarts})
        async with AsyncExitStack() as stack:
            bench = Bench(replace(workshop, settings=settings), stack, lambda: None)
            bench.model = ModelFolder.read(resource("models/tiny-lm"))
            bench.sandbox = NoSandbox()
            assert isinstance(await LoadModel().run(bench, lambda note: None), Done)
            assert isinstance(bench.engine, FreshProcesses) is restarts


async def test_a_model_that_was_tampered_with_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "models" / "tiny-lm"
    shutil.copytree(resource("models/tiny-lm"), copy)
    template = copy / "chat_template.jinja"
    template.write_bytes(template.read_bytes().swapcase())
    monkeypatch.setattr("mulberry.agent.startup.resource", lambda relative: tmp_path / relative)
    outcome = blocked(await run(CheckModel, tmp_path / "data"))
    assert outcome.reason.kind is ReasonKind.MODEL_UNUSABLE
    assert "chat_template.jinja" in outcome.reason.evidence


async def test_a_network_that_runs_elsewhere_is_not_started(tmp_path: Path) -> None:
    elsewhere = DEMO.model_copy(update={"launch": None})
    assert isinstance(await run(StartDemoNetwork, tmp_path, elsewhere), Skipped)


async def test_a_demo_network_that_does_not_come_up_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mulberry.agent.startup.this_program", lambda: ["false"])
    outcome = blocked(await run(StartDemoNetwork, tmp_path))
    assert "did not start" in outcome.reason.evidence


async def test_an_engine_that_does_not_load_waits_for_its_owner(tmp_path: Path) -> None:
    class Broken(EchoEngine):
        async def start(self) -> None:
            raise EngineFailed("The model's file is not one of ours.")

    outcome = blocked(await run(LoadModel, tmp_path, engine=Broken()))
    assert outcome.reason.kind is ReasonKind.ENGINE_FAILED
    assert outcome.reason.whose_turn is WhoseTurn.YOU


async def test_a_network_without_proxies_is_refused(tmp_path: Path) -> None:
    assert DEMO.chain is not None
    chain = DEMO.chain.model_copy(update={"registered_proxies": ()})
    outcome = blocked(await run(ConnectToProxy, tmp_path, DEMO.model_copy(update={"chain": chain})))
    assert "names no proxy" in outcome.reason.evidence


def test_the_profile_names_the_model_that_lies_there() -> None:
    manifest = json.loads((resource("models/tiny-lm") / "manifest.json").read_text())
    assert manifest["name"] == DEMO.model_base_name
