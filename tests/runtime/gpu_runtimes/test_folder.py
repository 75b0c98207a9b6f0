"""A job must never meet half a runtime, and its owner can always go back to the one before."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import SettableClock
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import GpuRuntime
from mulberry.runtime.gpu_runtimes import folder
from mulberry.runtime.gpu_runtimes.bringing import FromFolder
from mulberry.runtime.gpu_runtimes.folder import LIBRARIES, GpuRuntimes
from mulberry.runtime.gpu_runtimes.installing import install
from wheel_samples import SmallRuntime

ONE, TWO, THREE = (f"9.9.9-cuda13-cp311-0000000{number}" for number in (1, 2, 3))


@pytest.fixture
def runtimes(tmp_path: Path) -> GpuRuntimes:
    return GpuRuntimes(tmp_path / "gpu runtimes, schön")


async def bring(runtimes: GpuRuntimes, tmp_path: Path, version: str) -> None:
    async def well(runtime: GpuRuntime, libraries: Path, gpu: str) -> None: ...

    small = SmallRuntime(version=version)
    wheels = small.write(tmp_path / "wheels")
    await install(runtimes, small.runtime, FromFolder(wheels, runtimes.disk), well, SettableClock())


def versions(runtimes: GpuRuntimes) -> set[str]:
    return {one.version for one in runtimes.installed()}


async def test_two_stay(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    for version in (ONE, TWO, THREE):
        await bring(runtimes, tmp_path, version)
    assert (runtimes.chosen.current, runtimes.chosen.previous) == (THREE, TWO)
    assert versions(runtimes) == {TWO, THREE}


async def test_back_and_forth(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    await bring(runtimes, tmp_path, ONE)
    await bring(runtimes, tmp_path, TWO)
    assert runtimes.roll_back().current == ONE
    with runtimes.held() as held:
        assert held.version == ONE and held.libraries == runtimes.root / ONE / LIBRARIES
    assert runtimes.roll_back().current == TWO


async def test_back_to_what_came_with_mulberry(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    await bring(runtimes, tmp_path, ONE)
    assert runtimes.roll_back().current == ""
    with runtimes.held() as held:
        assert held.libraries is None and held.trouble == ""
    assert versions(runtimes) == {ONE}, "it is kept to go forth again"
    await bring(runtimes, tmp_path, ONE)
    assert (runtimes.chosen.current, runtimes.chosen.previous) == (ONE, "")


def test_there_may_be_nothing_to_go_back_to(runtimes: GpuRuntimes) -> None:
    with pytest.raises(UserFacingError, match="nothing to go back to"):
        runtimes.roll_back()


async def test_nobody_goes_back_to_a_broken_one(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    await bring(runtimes, tmp_path, ONE)
    await bring(runtimes, tmp_path, TWO)
    lose(runtimes, ONE)
    with pytest.raises(UserFacingError, match="lacks"):
        runtimes.roll_back()
    assert runtimes.chosen.current == TWO


async def test_what_a_job_computes_with_stays_until_it_ends(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    await bring(runtimes, tmp_path, ONE)
    with runtimes.held() as held:
        for version in (TWO, THREE):
            await bring(runtimes, tmp_path, version)
        assert held.libraries is not None and (held.libraries / "onnxruntime").is_dir()
        assert versions(runtimes) == {ONE, TWO, THREE}
    with runtimes.installing():
        runtimes.collect()
    assert versions(runtimes) == {TWO, THREE}


async def test_a_disk_too_full_for_a_mark_keeps_nobody_from_work(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    await bring(runtimes, tmp_path, ONE)
    (runtimes.root / "in-use").write_text("no folder can be made here", "utf-8")
    with runtimes.held() as held:
        assert held.version == ONE and not held.trouble


def lose(runtimes: GpuRuntimes, version: str) -> None:
    (runtimes.root / version / LIBRARIES / "nvidia" / "cudnn" / "lib" / "libcudnn.so.9").unlink()


def cut(runtimes: GpuRuntimes, version: str) -> None:
    (runtimes.root / version / LIBRARIES / "onnxruntime" / "__init__.py").write_bytes(b"")


def forget(runtimes: GpuRuntimes, version: str) -> None:
    (runtimes.root / version / "record.json").write_bytes(b"{")


def vanish(runtimes: GpuRuntimes, version: str) -> None:
    (runtimes.root / version).rename(runtimes.root / "elsewhere")


def link(runtimes: GpuRuntimes, version: str) -> None:
    place = runtimes.root / version / LIBRARIES / "onnxruntime" / "__init__.py"
    place.unlink()
    place.symlink_to("/etc/passwd")


@pytest.mark.parametrize("damage", [lose, cut, forget, vanish, link])
async def test_a_damaged_one_is_not_computed_with_and_can_be_installed_again(
    runtimes: GpuRuntimes, tmp_path: Path, damage: Callable[[GpuRuntimes, str], None]
) -> None:
    await bring(runtimes, tmp_path, ONE)
    damage(runtimes, ONE)
    with runtimes.held() as held:
        assert held.libraries is None and ONE in held.trouble
    await bring(runtimes, tmp_path, ONE)
    with runtimes.held() as held:
        assert held.libraries is not None and held.trouble == ""


async def test_one_of_another_python_is_not_computed_with(
    runtimes: GpuRuntimes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bring(runtimes, tmp_path, ONE)
    monkeypatch.setattr(folder, "this_python", lambda: "cp399")
    with runtimes.held() as held:
        assert held.libraries is None and "another Python" in held.trouble


@pytest.mark.parametrize("content", [b"", b"{", b'{"current": "../../etc"}', b'{"current": 5}', bytes(100_000)])
async def test_a_choice_that_cannot_be_read_chooses_nothing(
    runtimes: GpuRuntimes, tmp_path: Path, content: bytes
) -> None:
    await bring(runtimes, tmp_path, ONE)
    (runtimes.root / "chosen.json").write_bytes(content)
    with runtimes.held() as held:
        assert held.libraries is None
    await bring(runtimes, tmp_path, ONE)
    assert runtimes.chosen.current == ONE


async def test_the_rest_of_an_older_attempt_goes_when_another_is_whole(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    older = replace(SmallRuntime().runtime, version=TWO)
    (runtimes.partial(older) / "wheels").mkdir(parents=True)
    await bring(runtimes, tmp_path, ONE)
    assert not runtimes.partial(older).exists()
