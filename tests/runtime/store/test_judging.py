"""The inspection reads a stranger's file, so it happens in a sandbox; a model that breaks or stalls it is refused."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from conftest import SettableClock
from hostile_models import HOSTILE
from model_server import a_model, with_manifest, write
from mulberry.model.errors import UserFacingError
from mulberry.model.places import resource
from mulberry.runtime.child.inspection import REASONS_LIMIT
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.sandbox.provider import Sandbox
from mulberry.runtime.store.importing import import_model
from mulberry.runtime.store.judging import Verdict, judge
from mulberry.runtime.store.moving import move_models
from mulberry.runtime.store.sources import FolderSource
from mulberry.runtime.store.store import ModelStore
from mulberry.runtime.wire import Entered, Inspected, ToParent
from pretended_job import CLOSED, PretendedJob
from sandboxes import best_sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes of Linux")


async def test_the_demo_model_passes_in_the_sandbox() -> None:
    verdict = await judge(ModelFolder.read(resource("models/tiny-lm")), best_sandbox())
    assert verdict.may_serve
    assert verdict.weights > 600_000
    assert "checks passed" in verdict.judged_in


@pytest.mark.parametrize(
    "name", ["a loop of 2⁶² rounds", "data above the folder", "a chain of more operators than any model has"]
)
async def test_a_hostile_model_is_not_imported(tmp_path: Path, clock: SettableClock, name: str) -> None:
    build, reason = HOSTILE[name]
    folder = write(tmp_path / "m", with_manifest(a_model() | {"model.onnx": build(), "data": bytes(64)}))
    store = ModelStore(tmp_path / "store")
    with pytest.raises(UserFacingError, match="was inspected and refused") as refused:
        await import_model(store, FolderSource(folder, store.disk), lambda model: judge(model, best_sandbox()), clock)
    assert reason in refused.value.why
    assert store.models() == [] and list(store.parts.iterdir()) == []


async def test_an_owner_whose_files_nobody_else_may_read_can_import(tmp_path: Path, clock: SettableClock) -> None:
    store = ModelStore(tmp_path / "store")
    before = os.umask(0o077)
    try:
        source = FolderSource(resource("models/tiny-lm"), store.disk)
        model = await import_model(store, source, lambda model: judge(model, best_sandbox()), clock)
        await move_models(store, tmp_path / "disk")
    finally:
        os.umask(before)
    assert (await judge(ModelFolder.read(store.path_of(model.entry)), best_sandbox())).may_serve


async def test_a_model_that_takes_too_long_is_refused() -> None:
    verdict = await judge(ModelFolder.read(resource("models/tiny-lm")), best_sandbox(), deadline_seconds=0)
    assert verdict.reasons == ("The inspection took longer than 0 seconds and was ended.",)


async def test_a_model_that_takes_too_much_memory_is_refused() -> None:
    liar = PretendedJob(CLOSED)  # and nothing more
    verdict = await judge(ModelFolder.read(resource("models/tiny-lm")), liar, memory_bytes=1 << 20)
    assert verdict.reasons == (
        "The inspection did not end well. The engine used more than 1 MiB of memory and was ended.",
    )


async def test_a_file_that_vanishes_meanwhile_refuses_the_model(tmp_path: Path) -> None:
    folder = shutil.copytree(resource("models/tiny-lm"), tmp_path / "m")
    model = ModelFolder.read(folder)
    (folder / "model.onnx").unlink()
    verdict = await judge(model, best_sandbox())
    assert verdict.reasons == ("The inspection did not end well. The engine's process ended unexpectedly.",)


async def test_without_a_sandbox_nothing_is_judged() -> None:
    with pytest.raises(UserFacingError, match="could not be inspected"):
        await judge(ModelFolder.read(resource("models/tiny-lm")), NoSandbox())


async def say(*says: ToParent) -> Verdict:
    sandbox: Sandbox = PretendedJob(*says)
    return await judge(ModelFolder.read(resource("models/tiny-lm")), sandbox, memory_bytes=1 << 40)


async def test_what_a_broken_out_process_says_is_bounded_and_harmless() -> None:
    verdict = await say(CLOSED, Inspected(("\x1b[2J" + "x" * 600,) * 60, (("\u202e", 1),) * 60, 5))
    assert len(verdict.reasons) == REASONS_LIMIT
    assert all(len(reason) <= 500 and reason.isprintable() for reason in verdict.reasons)
    assert all(name.isprintable() for name, _ in verdict.operators)


async def test_a_verdict_before_the_sandbox_is_closed_counts_for_nothing() -> None:
    with pytest.raises(UserFacingError, match="could not be inspected"):
        await say(Inspected((), (), 1))


async def test_an_open_sandbox_judges_nothing() -> None:
    with pytest.raises(UserFacingError, match="The sandbox is not closed"):
        await say(Entered(0, landlock=0, user=0), Inspected((), (), 1))
