"""Imports take hours and faces come and go: the agent alone carries them, one at a time, and tells how they end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from agent_workshop import a_workshop
from conftest import SettableClock
from loopback import until
from model_server import a_model, endless, says, serving, with_manifest, write
from mulberry.agent import model_keeper
from mulberry.agent.api import make_application
from mulberry.agent.listening import listening
from mulberry.agent.model_keeper import ModelKeeper
from mulberry.agent.node import Node
from mulberry.agent.sandbox_words import judge_in_sandbox
from mulberry.client.control import ControlClient
from mulberry.client.http import request
from mulberry.model.errors import UserFacingError
from mulberry.model.models import ModelOrder, ModelVerb, ModelWork, StoreStatus, WorkState
from mulberry.model.places import DataFolder, resource
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.sandbox.choose import Choice, Trial
from mulberry.runtime.sandbox.provider import Tier
from mulberry.runtime.store import download
from mulberry.runtime.store.importing import Judge
from mulberry.runtime.store.judging import Verdict
from mulberry.runtime.store.store import ModelStore

WEIGHTS = "model.onnx.data"


async def no_sandbox() -> Choice:
    return Choice(NoSandbox(), (Trial(Tier.LANDLOCK, "This Linux has no Landlock."),))


@dataclass
class Desk:
    """A keeper whose inspections say what the test wants."""

    keeper: ModelKeeper
    store: ModelStore
    verdict: Verdict = field(default_factory=lambda: Verdict((), judged_in="a test"))
    usable: int = 0
    served: Path | None = None

    async def work(self) -> ModelWork:
        """What is under way, when it has ended."""
        return await self.work_when(lambda work: work.state is not WorkState.RUNNING)

    async def work_when(self, condition: Callable[[ModelWork], bool]) -> ModelWork:
        async with asyncio.timeout(20):
            while True:
                found = (await self.keeper.status()).work
                assert found is not None
                if condition(found):
                    return found
                await asyncio.sleep(0)

    async def obey(self, verb: ModelVerb, about: object = "", limit: int | None = None) -> None:
        await self.keeper.obey(ModelOrder(verb, str(about), limit))

    async def models(self) -> StoreStatus:
        status = await self.keeper.status()
        assert status.store is not None
        return status.store


@pytest_asyncio.fixture
async def desk(tmp_path: Path, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(download, "PAUSES_SECONDS", (0.0, 0.0, 0.0, 0.0))

    async def judge_here(find_sandbox: Callable[[], Awaitable[Choice]]) -> Judge:
        async def judge(model: ModelFolder) -> Verdict:
            return made.verdict

        return judge

    monkeypatch.setattr(model_keeper, "judge_in_sandbox", judge_here)
    store = ModelStore(tmp_path / "store")

    def one_more() -> None:
        made.usable += 1

    keeper = ModelKeeper(store, no_sandbox, clock, served=lambda: made.served, on_usable=one_more)
    made = Desk(keeper, store)
    yield made
    await keeper.end()


async def test_an_import_is_told_from_its_beginning_to_its_end(desk: Desk, tmp_path: Path) -> None:
    await desk.obey(ModelVerb.IMPORT, write(tmp_path / "m", a_model()))
    work = await desk.work()
    assert (work.state, work.verb, work.problem) == (WorkState.DONE, ModelVerb.IMPORT, None)
    assert work.progress is not None
    assert work.progress.done_bytes == work.progress.total_bytes > 0
    (model,) = (await desk.models()).models
    assert work.title == model.title
    assert (model.judged_in, model.context_tokens, model.ways[0].provider) == ("a test", 256, "cpu")
    assert desk.usable == 1


async def test_every_reason_of_a_refusal_is_told_and_nothing_stays(desk: Desk, tmp_path: Path) -> None:
    desk.verdict = Verdict(("The operator 'Evil' is not allowed.", "There is data outside."))
    await desk.obey(ModelVerb.IMPORT, write(tmp_path / "m", a_model()))
    work = await desk.work()
    assert work.state is WorkState.REFUSED
    assert work.problem is not None
    assert all(reason in work.problem[1] for reason in desk.verdict.reasons)
    assert (await desk.models()).models == ()
    assert desk.usable == 0


async def test_one_thing_at_a_time(desk: Desk, tmp_path: Path) -> None:
    folder = write(tmp_path / "m", a_model())
    async with serving(a_model()) as server:
        server.instead[WEIGHTS] = [endless]
        await desk.obey(ModelVerb.IMPORT, server.address)
        with pytest.raises(UserFacingError, match="One thing after the other"):
            await desk.obey(ModelVerb.IMPORT, folder)
        await desk.obey(ModelVerb.LIMIT, limit=10**12)
        assert (await desk.models()).quota_bytes == 10**12
        await desk.obey(ModelVerb.CANCEL)


async def test_what_was_cancelled_goes_on_where_it_was(desk: Desk) -> None:
    files = a_model()
    async with serving(files) as server:
        server.instead[WEIGHTS] = [says("503 Busy")] * 100
        await desk.obey(ModelVerb.IMPORT, server.address)
        await until(lambda: any(name == WEIGHTS for name, _ in server.asked))
        await desk.obey(ModelVerb.CANCEL)
        assert (await desk.work()).state in (WorkState.CANCELLED, WorkState.REFUSED)
        assert (await desk.models()).models == ()
        assert (await desk.models()).used_bytes > 0
        server.instead.clear()
        server.asked.clear()
        await desk.obey(ModelVerb.IMPORT, server.address)
        assert (await desk.work()).state is WorkState.DONE
        assert "tokenizer.json" not in [name for name, _ in server.asked], "it was fetched a second time"


async def test_cancelling_at_once_or_when_nothing_runs_is_fine(desk: Desk, tmp_path: Path) -> None:
    await desk.obey(ModelVerb.CANCEL)
    assert (await desk.keeper.status()).work is None
    await desk.obey(ModelVerb.IMPORT, write(tmp_path / "m", a_model()))
    await desk.obey(ModelVerb.CANCEL)
    assert (await desk.work()).state is WorkState.CANCELLED
    await desk.obey(ModelVerb.IMPORT, tmp_path / "m")
    assert (await desk.work()).state is WorkState.DONE
    await desk.obey(ModelVerb.CANCEL)
    assert (await desk.work()).state is WorkState.DONE, "what is done stays done"


async def test_a_move_tells_how_far_it_is_and_one_that_is_cancelled_loses_nothing(desk: Desk, tmp_path: Path) -> None:
    await desk.obey(ModelVerb.IMPORT, write(tmp_path / "m", a_model()))
    await desk.work()
    entry = (await desk.models()).models[0].entry
    await desk.obey(ModelVerb.MOVE, tmp_path / "other")
    await desk.work_when(lambda work: work.progress is not None)
    await desk.obey(ModelVerb.CANCEL)
    assert [model.entry for model in (await desk.models()).models] == [entry]
    await desk.obey(ModelVerb.MOVE, tmp_path / "another")
    moved = await desk.work()
    assert moved.state is WorkState.DONE, moved.problem
    assert moved.progress is not None
    assert moved.progress.done_bytes == moved.progress.total_bytes
    assert (await desk.models()).place == tmp_path / "another"
    ModelFolder.read(desk.store.path_of(entry)).verify()


async def test_a_model_is_removed_unless_it_serves(desk: Desk, tmp_path: Path) -> None:
    await desk.obey(ModelVerb.IMPORT, write(tmp_path / "m", a_model()))
    await desk.work()
    (model,) = (await desk.models()).models
    with desk.store.held(model.name):
        assert (await desk.models()).models[0].in_use
        with pytest.raises(UserFacingError, match="The agent uses it"):
            await desk.obey(ModelVerb.REMOVE, model.entry)
    await desk.obey(ModelVerb.REMOVE, model.entry)
    assert (await desk.models()).models == ()


async def test_an_inspection_that_finds_something_is_told_and_the_model_serves_no_more(
    desk: Desk, tmp_path: Path
) -> None:
    await desk.obey(ModelVerb.IMPORT, write(tmp_path / "m", a_model()))
    await desk.work()
    entry = (await desk.models()).models[0].entry
    desk.verdict = Verdict(("The loop never ends.",))
    await desk.obey(ModelVerb.INSPECT, entry)
    work = await desk.work()
    assert work.problem is not None and "The loop never ends." in work.problem[1]
    assert "The loop never ends." in (await desk.models()).models[0].problem
    desk.verdict = Verdict((), judged_in="a test")
    await desk.obey(ModelVerb.INSPECT, entry)
    assert (await desk.work()).state is WorkState.DONE
    assert not (await desk.models()).models[0].problem


async def test_unfinished_imports_and_older_versions_go(desk: Desk, tmp_path: Path) -> None:
    for version in ("1", "2"):
        folder = write(tmp_path / version, with_manifest(a_model(), version=version))
        await desk.obey(ModelVerb.IMPORT, folder)
        assert (await desk.work()).state is WorkState.DONE
    await desk.obey(ModelVerb.COLLECT)
    assert len((await desk.models()).models) == 1


@pytest.mark.parametrize("place", ["", "model", "../model", "~/model", "/" + "a" * 3000, "/a\0b"])
@pytest.mark.parametrize("verb", [ModelVerb.IMPORT, ModelVerb.MOVE])
async def test_a_place_is_whole_or_refused(desk: Desk, verb: ModelVerb, place: str) -> None:
    with pytest.raises(UserFacingError):
        await desk.obey(verb, place)
    assert (await desk.keeper.status()).work is None


async def test_the_bundled_model_is_listed_and_serves_when_it_does(desk: Desk) -> None:
    (bundled,) = (await desk.keeper.status()).bundled
    assert (bundled.name, bundled.is_bundled, bundled.in_use) == ("mulberry/tiny-lm", True, False)
    desk.served = resource("models/tiny-lm")
    assert (await desk.keeper.status()).bundled[0].in_use


async def test_a_damaged_list_of_places_is_told_with_the_way_out(desk: Desk) -> None:
    desk.store.root.mkdir(parents=True)
    (desk.store.root / "store.json").write_text("{")
    status = await desk.keeper.status()
    assert status.store is None
    assert "store.json" in status.problem
    assert "Correct the file" in status.problem


async def test_a_mistake_of_ours_is_logged_and_told_as_one(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*arguments: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(model_keeper, "import_model", fail)
    await desk.obey(ModelVerb.IMPORT, tmp_path)
    work = await desk.work()
    assert work.problem is not None
    assert "agent.log" in work.problem[1]
    assert "secret" not in str(work)
    assert "secret" in caplog.text


async def test_where_no_sandbox_holds_nothing_is_imported() -> None:
    with pytest.raises(UserFacingError, match="This Linux has no Landlock"):
        await judge_in_sandbox(no_sandbox)


async def test_all_of_it_goes_over_the_control_socket(tmp_path: Path, clock: SettableClock) -> None:
    """With this computer's sandbox and the real inspection."""
    with a_workshop(tmp_path, clock) as workshop:
        node = Node(workshop)
        async with listening(make_application(node), workshop.folder.control_address):
            client = ControlClient(DataFolder.of_network(tmp_path, "demo"), timeout_seconds=5)
            status = await client.order_models(ModelOrder(ModelVerb.IMPORT, str(write(tmp_path / "m", a_model()))))
            async with asyncio.timeout(60):
                while status.work is not None and status.work.state is WorkState.RUNNING:
                    await asyncio.sleep(0.02)
                    status = await client.models()
            assert status.work is not None
            assert status.work.state is WorkState.DONE, status.work.problem
            assert status.store is not None
            assert [model.name for model in status.store.models] == ["mulberry/tiny-lm"]
            status = await client.order_models(ModelOrder(ModelVerb.REMOVE, status.store.models[0].entry))
            assert status.store is not None and status.store.models == ()
            refused, _ = await request(
                workshop.folder.control_address, "POST", "/v1/models", b'{"verb": "limit", "limit_bytes": -1}'
            )
            assert refused == 400
        await node.models.end()
