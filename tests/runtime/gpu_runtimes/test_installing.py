"""A gigabyte comes over broken lines onto full disks: a GPU runtime is whole, or the one before stays in use."""

import asyncio
import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from conftest import SettableClock
from model_server import Answer, ModelServer, endless, head, says, serving
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import GpuRuntime, Wheel
from mulberry.model.models import CopyProgress
from mulberry.runtime.gpu_runtimes import folder
from mulberry.runtime.gpu_runtimes.bringing import FromFolder, from_index
from mulberry.runtime.gpu_runtimes.folder import LIBRARIES, GpuRuntimes
from mulberry.runtime.gpu_runtimes.installing import install, offer_of
from mulberry.runtime.store import download
from mulberry.runtime.store.disk import RESERVE_BYTES, Disk
from wheel_samples import LIBRARY, ONNXRUNTIME, SmallRuntime, packed

CLOCK = SettableClock()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES_SECONDS", (0.0, 0.0, 0.0, 0.0))


@pytest.fixture
def runtimes(tmp_path: Path) -> GpuRuntimes:
    return GpuRuntimes(tmp_path / "gpu_runtimes")


async def well(runtime: GpuRuntime, libraries: Path, gpu: str) -> None:
    """A trial that finds nothing: what is tried out is looked at by the tests of `trying`."""


async def bring(
    runtimes: GpuRuntimes, small: SmallRuntime, folder: Path, trial: Any = well, told: list[CopyProgress] | None = None
) -> None:
    tell = (lambda progress: None) if told is None else told.append
    await install(runtimes, small.runtime, FromFolder(folder, runtimes.disk), trial, CLOCK, tell=tell)


async def fetch(runtimes: GpuRuntimes, small: SmallRuntime, server: ModelServer) -> None:
    async def ask(wheels: Sequence[Wheel]) -> Mapping[str, str]:
        return {wheel.name: f"http://127.0.0.1:{server.port}/some/hash/{wheel.name}" for wheel in wheels}

    async with from_index(ask, runtimes.disk) as index:
        await install(runtimes, small.runtime, index, well, CLOCK)


def libraries_of(runtimes: GpuRuntimes) -> dict[str, bytes]:
    """All files of the runtime in use."""
    with runtimes.held() as held:
        assert held.libraries is not None and held.trouble == ""
        found = [path for path in held.libraries.rglob("*") if path.is_file()]
        return {path.relative_to(held.libraries).as_posix(): path.read_bytes() for path in found}


async def test_from_a_folder(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    small, told = SmallRuntime(), list[CopyProgress]()
    await bring(runtimes, small, small.write(tmp_path / "wheels"), told=told)
    assert sorted(libraries_of(runtimes)) == [
        "nvidia/__init__.py",
        "nvidia/cu13/lib/libsomething.so.13",
        "nvidia/cudnn/lib/libcudnn.so.9",
        "onnxruntime/__init__.py",
        "onnxruntime/capi/libonnxruntime_providers_cuda.so",
        "onnxruntime_gpu-9.9.9.dist-info/RECORD",
    ]
    assert runtimes.chosen.current == small.version
    assert not list(runtimes.root.glob(".*"))
    assert {step.note for step in told} >= {ONNXRUNTIME, "Unpacking", "Trying it out"}
    assert all(0 <= step.done_bytes <= step.total_bytes for step in told)


async def test_what_cannot_be_removed_afterwards_is_no_reason_to_say_that_it_failed(
    runtimes: GpuRuntimes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove(path: Path) -> None:
        if path.name.endswith(".partial"):
            raise PermissionError(errno.EACCES, "a scanner has it open", str(path))

    monkeypatch.setattr(folder, "remove_folder", remove)
    small = SmallRuntime()
    await bring(runtimes, small, small.write(tmp_path / "wheels"))
    assert runtimes.chosen.current == small.version


async def test_over_the_network(runtimes: GpuRuntimes) -> None:
    small = SmallRuntime()
    async with serving(small.files) as server:
        await fetch(runtimes, small, server)
    assert runtimes.chosen.current == small.version
    (installed,) = runtimes.installed()
    assert installed.problem == "" and installed.installed_at == CLOCK.now()


async def test_what_is_here_is_not_fetched_again(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    small = SmallRuntime()
    await bring(runtimes, small, small.write(tmp_path / "wheels"))
    async with serving({}) as server:
        await fetch(runtimes, small, server)
        assert not server.asked
    assert offer_of(runtimes, small.runtime, "").is_here


async def test_a_broken_line_goes_on_where_it_was_even_without_a_tag(runtimes: GpuRuntimes) -> None:
    """Some indexes send no ETag; the file of a hash never changes, so none is needed."""
    small = SmallRuntime()
    size = len(small.files[ONNXRUNTIME])
    async with serving(small.files) as server:
        server.instead[ONNXRUNTIME] = [without_tag(4000, lambda: part_bytes(runtimes)), without_tag(size, lambda: size)]
        await fetch(runtimes, small, server)
        assert server.ranges_asked(ONNXRUNTIME) == ["", "bytes=4000-"]
    assert runtimes.chosen.current == small.version


async def test_another_files_beginning_is_noticed_and_left(runtimes: GpuRuntimes) -> None:
    small = SmallRuntime()
    part = runtimes.partial(small.runtime) / "wheels" / f"{ONNXRUNTIME}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"not of this file" * 20)
    async with serving(small.files) as server:
        server.instead[ONNXRUNTIME] = [without_tag(10**6, lambda: 10**6)]
        await fetch(runtimes, small, server)
        assert server.ranges_asked(ONNXRUNTIME) == ["bytes=320-", ""]
    assert runtimes.chosen.current == small.version


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says("404 Not Found", "Content-Length: 0"), "status 404"),
        (says("401 Unauthorized", "Content-Length: 0"), "status 401"),
        (says("503 Slow Down", "Content-Length: 0"), "status 503"),
        (says("200 OK", "Content-Length: 5", body=b"other"), "It announces 5 bytes"),
        (endless, "sends more"),
        (says("302 Found", "Location: http://192.0.2.1/x"), "anybody on the way could change it"),
        (says("200 OK", "Content-Encoding: gzip"), "another encoding"),
    ],
)
async def test_a_server_that_lies_changes_nothing(runtimes: GpuRuntimes, answer: Answer, why: str) -> None:
    small = SmallRuntime()
    async with serving(small.files) as server:
        server.instead[LIBRARY] = [answer] * 10
        with pytest.raises(UserFacingError) as refused:
            await fetch(runtimes, small, server)
        assert why in refused.value.why
        assert runtimes.chosen.current == "" and not runtimes.installed()
        server.instead.clear()
        await fetch(runtimes, small, server)
        assert len(server.ranges_asked(ONNXRUNTIME)) == 1, "what came well is kept"
    assert runtimes.chosen.current == small.version


async def test_a_file_of_the_right_size_with_other_bytes_is_refused(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    small = SmallRuntime()
    folder = small.write(tmp_path / "wheels")
    wrong = bytearray(small.files[LIBRARY])
    wrong[100] ^= 1
    (folder / LIBRARY).write_bytes(wrong)
    with pytest.raises(UserFacingError, match="SHA-256"):
        await bring(runtimes, small, folder)
    async with serving(small.files | {LIBRARY: bytes(wrong)}) as server:
        with pytest.raises(UserFacingError, match="SHA-256"):
            await fetch(runtimes, small, server)
    assert runtimes.chosen.current == ""


async def test_a_file_that_the_disk_has_changed_is_brought_anew(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    small = SmallRuntime()
    folder, kept = small.write(tmp_path / "wheels"), runtimes.partial(small.runtime) / "wheels" / LIBRARY
    kept.parent.mkdir(parents=True)
    changed = bytearray(small.files[LIBRARY])
    changed[len(changed) // 3] ^= 0xFF
    kept.write_bytes(changed)
    with pytest.raises(UserFacingError, match="not what its name says"):
        await bring(runtimes, small, folder)
    await bring(runtimes, small, folder)
    assert runtimes.chosen.current == small.version


async def test_a_cut_off_file_in_a_folder_is_refused(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    small = SmallRuntime()
    folder = small.write(tmp_path / "wheels")
    (folder / LIBRARY).write_bytes(small.files[LIBRARY][:-1])
    with pytest.raises(UserFacingError, match="bytes instead of"):
        await bring(runtimes, small, folder)


async def test_a_folder_that_lacks_files_is_told_which(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    small = SmallRuntime()
    folder = small.write(tmp_path / "wheels")
    (folder / LIBRARY).unlink()
    with pytest.raises(UserFacingError, match=LIBRARY):
        await bring(runtimes, small, folder)


async def test_a_trial_that_fails_leaves_the_one_before_in_use(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    async def fails(runtime: GpuRuntime, libraries: Path, gpu: str) -> None:
        assert (libraries / "onnxruntime").is_dir()
        raise UserFacingError("It does not compute.", "A test.", "None.")

    before, after = SmallRuntime(), SmallRuntime(version="9.9.9-cuda13-cp311-00000002")
    folder = before.write(tmp_path / "wheels")
    await bring(runtimes, before, folder)
    with pytest.raises(UserFacingError, match="does not compute"):
        await bring(runtimes, after, folder, fails)
    assert runtimes.chosen.current == before.version
    assert offer_of(runtimes, after.runtime, "").left_bytes == 0, "the download is kept"


async def test_two_at_once(runtimes: GpuRuntimes, tmp_path: Path) -> None:
    small = SmallRuntime()
    folder = small.write(tmp_path / "wheels")
    with runtimes.installing(), pytest.raises(UserFacingError, match="installed already"):
        await bring(runtimes, small, folder)
    await bring(runtimes, small, folder)


class FullDisk(Disk):
    """Has room for so many bytes, by its own word for so many."""

    def __init__(self, room_bytes: int, told_bytes: int = 1 << 40) -> None:
        self.room_bytes = room_bytes
        self.told_bytes = told_bytes

    def free_bytes(self, folder: Path) -> int:
        return self.told_bytes

    def append(self, path: Path) -> BinaryIO:
        if self.room_bytes < path.stat().st_size if path.exists() else self.room_bytes <= 0:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        self.room_bytes -= 4000
        return super().append(path)


async def test_a_disk_without_room_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    small = SmallRuntime()
    needed = small.runtime.download_bytes + small.runtime.unpacked_bytes
    runtimes = GpuRuntimes(tmp_path / "r", FullDisk(1 << 40, needed + RESERVE_BYTES - 1))
    async with serving(small.files) as server:
        with pytest.raises(UserFacingError, match="no room"):
            await fetch(runtimes, small, server)
        assert not server.asked


@pytest.mark.parametrize("room_bytes", [1, 8000, 13000, 20000])
async def test_a_disk_that_fills_up_loses_nothing(tmp_path: Path, room_bytes: int) -> None:
    small = SmallRuntime()
    folder = small.write(tmp_path / "wheels")
    runtimes = GpuRuntimes(tmp_path / "r", FullDisk(room_bytes))
    with pytest.raises(UserFacingError, match="no room for the GPU runtime"):
        await bring(runtimes, small, folder)
    assert runtimes.chosen.current == "" and not runtimes.installed()
    runtimes = GpuRuntimes(tmp_path / "r")
    await bring(runtimes, small, folder)
    assert runtimes.chosen.current == small.version


async def test_cancelled_while_unpacking_it_stops_and_can_go_on(
    runtimes: GpuRuntimes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = SmallRuntime()
    folder, unpacking = small.write(tmp_path / "wheels"), threading.Event()
    go_on = threading.Event()

    class SlowDisk(Disk):
        def append(self, path: Path) -> BinaryIO:
            if LIBRARIES in path.parts:
                unpacking.set()
                go_on.wait()
            return super().append(path)

    slow = GpuRuntimes(runtimes.root, SlowDisk())
    task = asyncio.create_task(bring(slow, small, folder))
    await asyncio.to_thread(unpacking.wait)
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not runtimes.installed()
    await bring(runtimes, small, folder)
    assert runtimes.chosen.current == small.version


KILLED = """
import asyncio, os, sys
from pathlib import Path
from conftest import SettableClock
from mulberry.runtime.gpu_runtimes.bringing import FromFolder
from mulberry.runtime.gpu_runtimes.folder import GpuRuntimes
from mulberry.runtime.gpu_runtimes.installing import install
from mulberry.runtime.store.disk import Disk
from wheel_samples import SmallRuntime

class DyingDisk(Disk):
    left = int(sys.argv[3])

    def append(self, path):
        DyingDisk.left -= 1
        if not DyingDisk.left:
            os._exit(9)
        return super().append(path)

async def well(runtime, libraries, gpu): pass

runtimes = GpuRuntimes(Path(sys.argv[1]), DyingDisk())
small = SmallRuntime()
asyncio.run(install(runtimes, small.runtime, FromFolder(Path(sys.argv[2]), runtimes.disk), well, SettableClock()))
"""


@pytest.mark.parametrize("files", [2, 5])
async def test_killed_in_the_middle_the_next_start_goes_on(runtimes: GpuRuntimes, tmp_path: Path, files: int) -> None:
    """Once while the files come, once while they are unpacked."""
    small = SmallRuntime()
    folder = small.write(tmp_path / "wheels")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", KILLED, str(runtimes.root), str(folder), str(files)]
    killed = await asyncio.to_thread(subprocess.run, words, env=environment)
    assert killed.returncode == 9
    assert runtimes.chosen.current == "" and not runtimes.installed()
    kept = offer_of(runtimes, small.runtime, "").left_bytes
    assert kept < small.runtime.download_bytes
    await bring(runtimes, small, folder)
    assert len(libraries_of(runtimes)) == 6


def without_tag(count: int, arrived: Callable[[], int]) -> Answer:
    """As an index that sends no ETag: sends `count` bytes of what was asked for, and hangs up."""

    async def answer(server: ModelServer, name: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        content, start = server.files[name], int(headers.get("range", "bytes=0-")[6:-1])
        assert "if-range" not in headers
        status, lines = "200 OK", [f"Content-Length: {len(content) - start}"]
        if start:
            status = "206 Partial Content"
            lines += [f"Content-Range: bytes {start}-{len(content) - 1}/{len(content)}"]
        writer.write(head(status, *lines) + content[start : start + count])
        await writer.drain()
        while arrived() < count:  # noqa: ASYNC110 - what arrives is seen on the disk only
            await asyncio.sleep(0)

    return answer


def part_bytes(runtimes: GpuRuntimes) -> int:
    return sum(path.stat().st_size for path in runtimes.root.glob(f".*/wheels/{ONNXRUNTIME}.part"))


def test_the_samples_are_as_wheels_are() -> None:
    assert packed({"a": b"b"}) == packed({"a": b"b"})
