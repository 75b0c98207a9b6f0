"""Models are many gigabytes of the owner's disk: none may vanish, half appear, or go while it serves."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import SettableClock
from model_server import a_model, with_manifest, write
from mulberry.model.errors import UserFacingError
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.store.disk import RESERVE_BYTES, Disk
from mulberry.runtime.store.importing import import_model, judge_again
from mulberry.runtime.store.judging import Verdict
from mulberry.runtime.store.moving import move_models
from mulberry.runtime.store.sources import FolderSource
from mulberry.runtime.store.store import ModelStore
from sudden_end import SuddenEnd, power_for


async def approve(model: ModelFolder) -> Verdict:
    return Verdict((), judged_in="a test")


def small_model(**changes: object) -> dict[str, bytes]:
    return with_manifest(
        {name: content[:1000] for name, content in a_model().items() if name != "manifest.json"}
        | {"manifest.json": a_model()["manifest.json"]},
        **changes,
    )


async def bring(store: ModelStore, folder: Path, clock: SettableClock) -> str:
    return (await import_model(store, FolderSource(folder, store.disk), approve, clock)).entry


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of sudden ends; none of them is the kernel's."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")


@pytest.fixture
async def two(store: ModelStore, tmp_path: Path, clock: SettableClock) -> tuple[str, str]:
    """Two models in the store, the second with a version of its own."""
    first = await bring(store, write(tmp_path / "first", small_model()), clock)
    clock.pass_time(hours=1)
    return first, await bring(store, write(tmp_path / "second", small_model(version="2")), clock)


def whole(store: ModelStore) -> list[str]:
    """The entries, each compared with its manifest to the last byte."""
    found = store.models()
    for model in found:
        assert model.problem == ""
        ModelFolder.read(store.path_of(model.entry)).verify()
    return sorted(model.entry for model in found)


def ends() -> Iterator[int]:
    """How many changes to let happen; the caller breaks when the work came to its end."""
    yield from range(500)
    raise AssertionError("the work never ends")


async def test_the_newest_import_of_a_name_is_used(store: ModelStore, two: tuple[str, str]) -> None:
    assert store.find("mulberry/tiny-lm").entry == two[1]
    assert store.find(two[0]).version == "1"
    with pytest.raises(UserFacingError, match="no model 'other'"):
        store.find("other")


async def test_a_model_in_use_is_neither_removed_nor_moved_nor_collected(
    store: ModelStore, two: tuple[str, str], tmp_path: Path
) -> None:
    with store.held(two[0]) as folder, store.held(two[0]):
        folder.verify()
        assert [model.in_use for model in store.models()] == [False, True]
        with pytest.raises(UserFacingError, match="The agent uses it"):
            store.remove(two[0])
        with pytest.raises(UserFacingError, match="The agent uses"):
            await move_models(store, tmp_path / "elsewhere")
        store.collect()
        assert whole(store) == sorted(two)
    store.remove(two[0])
    assert whole(store) == [two[1]]
    assert list((store.root / "in-use").iterdir()) == []


async def test_another_process_that_uses_a_model_counts_until_it_dies(store: ModelStore, two: tuple[str, str]) -> None:
    program = f"""
import sys
from pathlib import Path
from mulberry.runtime.store.store import ModelStore
with ModelStore(Path({str(store.root)!r})).held({two[0]!r}):
    print("held", flush=True)
    sys.stdin.read()
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3] / "app")}
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None and await other.stdout.readline() == b"held\n"
    with pytest.raises(UserFacingError, match="The agent uses it"):
        store.remove(two[0])
    other.kill()
    await other.communicate()
    store.remove(two[0])
    assert whole(store) == [two[1]]


async def test_older_versions_and_unfinished_imports_are_collected(store: ModelStore, two: tuple[str, str]) -> None:
    part = store.parts / ("0" * 64) / "model" / "model.onnx.data"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(5000))
    assert store.status().used_bytes > 5000
    assert store.collect() > 5000
    assert whole(store) == [two[1]]
    assert [path.name for path in store.place.iterdir()] == [two[1]]


async def test_what_else_lies_on_the_owners_disk_is_never_touched(
    store: ModelStore, two: tuple[str, str], tmp_path: Path
) -> None:
    await move_models(store, tmp_path / "disk")
    others = [store.place / name for name in ("lost+found", ".Trash-1000", "photos-0123456789ab", ".parts.txt")]
    for other in others[:3]:
        other.mkdir()
        (other / "record.json").write_bytes(bytes(10**6))
    others[3].write_text("mine")
    assert whole(store) == sorted(two)
    assert store.status().used_bytes < 10**6
    with pytest.raises(UserFacingError, match="no model"):
        store.remove("photos-0123456789ab")
    store.collect()
    await move_models(store, tmp_path / "next")
    store.collect()
    assert all(other.exists() for other in others)
    assert whole(store) == [two[1]]


async def test_a_model_that_was_changed_in_the_store_does_not_serve(store: ModelStore, two: tuple[str, str]) -> None:
    manifest = store.path_of(two[0]) / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"title": "Another"}))
    (store.place / two[1] / "record.json").write_text("{")
    problems = {model.entry: model.problem for model in store.models()}
    assert "manifest was changed" in problems[two[0]]
    assert "record is damaged" in problems[two[1]]
    for entry in two:
        with pytest.raises(UserFacingError, match="cannot be used"), store.held(entry):
            pass


async def test_a_damaged_model_is_replaced_by_importing_it_again(
    store: ModelStore, two: tuple[str, str], tmp_path: Path, clock: SettableClock
) -> None:
    (store.place / two[0] / "record.json").unlink()
    assert await bring(store, tmp_path / "first", clock) == two[0]
    assert whole(store) == sorted(two)


async def test_what_an_older_inspection_passed_is_inspected_again(
    store: ModelStore, two: tuple[str, str], clock: SettableClock
) -> None:
    record = store.place / two[0] / "record.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"inspection": 0}))
    with pytest.raises(UserFacingError, match="saw less"), store.held(two[0]):
        pass
    assert (await judge_again(store, two[0], approve, clock)).may_serve
    with store.held(two[0]):
        pass

    async def refuse(model: ModelFolder) -> Verdict:
        return Verdict(("no",))

    assert not (await judge_again(store, two[0], refuse, clock)).may_serve
    with pytest.raises(UserFacingError, match="cannot be used"), store.held(two[0]):
        pass


async def test_inspecting_again_compares_every_byte(
    store: ModelStore, two: tuple[str, str], clock: SettableClock
) -> None:
    weights = store.path_of(two[0]) / "model.onnx.data"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\xff")
    with pytest.raises(UserFacingError, match=r"model\.onnx\.data was changed"):
        await judge_again(store, two[0], approve, clock)


@pytest.mark.parametrize("content", ["{", '{"place": 7}', '{"quota_bytes": -1}', " " * 70_000])
def test_a_damaged_list_of_places_is_said_and_not_guessed(store: ModelStore, content: str) -> None:
    store.root.mkdir()
    (store.root / "store.json").write_text(content)
    with pytest.raises(UserFacingError, match="cannot be read"):
        store.status()


async def test_moving(store: ModelStore, two: tuple[str, str], tmp_path: Path) -> None:
    old = store.place
    await move_models(store, tmp_path / "elsewhere")
    assert store.place == tmp_path / "elsewhere"
    assert whole(store) == sorted(two)
    assert not old.exists()
    await move_models(store, tmp_path / "back")
    assert whole(ModelStore(store.root)) == sorted(two)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (lambda store: store.place, "lie in one another"),
        (lambda store: store.place / "deeper", "lie in one another"),
        (lambda store: store.root, "lie in one another"),
        (lambda store: Path(__file__), "is no folder"),
        (lambda store: Path(__file__).parent, "is not empty"),
    ],
)
async def test_places_that_are_not_taken(
    store: ModelStore, two: tuple[str, str], place: Callable[[ModelStore], Path], why: str
) -> None:
    with pytest.raises(UserFacingError, match=why):
        await move_models(store, place(store))
    assert whole(store) == sorted(two)


class FullDisk(Disk):
    def free_bytes(self, folder: Path) -> int:
        return RESERVE_BYTES + 1


async def test_moving_to_a_full_disk(store: ModelStore, two: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="no room for all models"):
        await move_models(ModelStore(store.root, FullDisk()), tmp_path / "elsewhere")
    assert whole(store) == sorted(two)


async def test_a_damaged_model_stops_a_move_before_anything_is_removed(
    store: ModelStore, two: tuple[str, str], tmp_path: Path
) -> None:
    (store.path_of(two[0]) / "model.onnx.data").write_bytes(bytes(1000))
    with pytest.raises(UserFacingError, match=r"model\.onnx\.data was changed"):
        await move_models(store, tmp_path / "elsewhere")
    assert len(store.models()) == 2
    assert store.collect() > 0
    assert not (tmp_path / "elsewhere").exists()


async def test_a_move_that_is_ended_at_any_point_loses_nothing(tmp_path: Path, clock: SettableClock) -> None:
    folders = [write(tmp_path / "first", small_model()), write(tmp_path / "second", small_model(name="other"))]
    moved_at_once = 0
    for changes in ends():
        store = ModelStore(tmp_path / str(changes) / "store")
        entries = sorted([await bring(store, folder, clock) for folder in folders])
        new_place = tmp_path / str(changes) / "elsewhere"
        try:
            with power_for(changes):
                await move_models(store, new_place)
            break
        except SuddenEnd:
            pass
        again = ModelStore(store.root)
        assert whole(again) == entries, f"after {changes} changes"
        moved_at_once += again.place == new_place
        if changes % 2:
            again.collect()
            assert whole(again) == entries
            assert again.status().left_behind == ()
        if again.place != new_place:
            await move_models(again, new_place)
        again.collect()
        assert whole(again) == entries
        assert not (store.root / "models").exists()
    assert moved_at_once > 0, "no end came after the switch"


async def test_an_import_that_is_ended_at_any_point_is_whole_or_unseen(tmp_path: Path, clock: SettableClock) -> None:
    folder = write(tmp_path / "m", small_model())
    for changes in ends():
        store = ModelStore(tmp_path / str(changes))
        try:
            with power_for(changes):
                await bring(store, folder, clock)
            break
        except SuddenEnd:
            pass
        again = ModelStore(store.root)
        assert len(whole(again)) <= 1
        entry = await bring(again, folder, clock)
        again.collect()
        assert whole(again) == [entry]


async def test_a_removal_that_is_ended_at_any_point_leaves_no_half(tmp_path: Path, clock: SettableClock) -> None:
    folder = write(tmp_path / "m", small_model())
    for changes in ends():
        store = ModelStore(tmp_path / str(changes))
        entry = await bring(store, folder, clock)
        try:
            with power_for(changes):
                store.remove(entry)
            break
        except SuddenEnd:
            pass
        assert whole(store) in ([], [entry])
        store.collect()
        assert [path.name for path in store.place.iterdir()] == whole(store)
