"""Installs a GPU runtime. Nobody computes with it before it is whole, tried out and on disk.

.<version>.partial/wheels/<file>        a file that is right; <file>.part is on its way
.<version>.partial/unpacked/libraries/  made anew by each attempt
"""

import asyncio
import errno
import functools
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import GpuRuntime, Offer, Wheel
from mulberry.model.language import tr
from mulberry.model.models import CopyProgress, size_in_words
from mulberry.runtime.gpu_runtimes.bringing import Bringer
from mulberry.runtime.gpu_runtimes.folder import LIBRARIES, GpuRuntimes, Record
from mulberry.runtime.gpu_runtimes.table import this_python
from mulberry.runtime.gpu_runtimes.unpacking import unpack
from mulberry.runtime.store.disk import RESERVE_BYTES, make_folder, remove_folder

Tell = Callable[[CopyProgress], None]
TryOut = Callable[[GpuRuntime, Path, str], Awaitable[None]]


def offer_of(runtimes: GpuRuntimes, runtime: GpuRuntime, because: str) -> Offer:
    """What installing `runtime` would take now."""
    wheels = runtimes.partial(runtime) / "wheels"
    left = sum(wheel.size_bytes - _there(wheels, wheel) for wheel in runtime.wheels)
    is_here = (runtimes.root / runtime.version).is_dir() and not runtimes.trouble_of(runtime.version)
    return Offer(runtime, because, left, runtime.download_bytes + runtime.unpacked_bytes, is_here)


async def install(
    runtimes: GpuRuntimes,
    runtime: GpuRuntime,
    bringer: Bringer,
    try_out: TryOut,
    clock: Clock,
    *,
    gpu: str = "",
    tell: Tell = lambda progress: None,
) -> None:
    """Engines on the GPU use it from their next start on. `gpu` is the UUID of one that it is tried out on.

    Raises `UserFacingError`. What has come is kept for the next attempt, whatever ends this one.
    """
    with runtimes.installing():
        offer = offer_of(runtimes, runtime, "")
        if offer.is_here:
            runtimes.use(runtime.version)
            return
        partial = runtimes.partial(runtime)
        try:
            _check_room(runtimes, runtime, offer.left_bytes)
            await _bring_all(runtime, partial / "wheels", bringer, tell)
            await _unpack_all(runtimes, runtime, partial, tell)
            tell(CopyProgress(tr("Trying it out"), runtime.unpacked_bytes, runtime.unpacked_bytes))
            await try_out(runtime, partial / "unpacked" / LIBRARIES, gpu)
            record = _record(runtime, partial / "unpacked" / LIBRARIES, clock)
            await _in_a_thread(lambda stop: runtimes.publish(partial / "unpacked", record))
            await _in_a_thread(lambda stop: runtimes.collect())
        except OSError as problem:
            raise _disk_says(problem, runtimes, runtime) from problem


def _check_room(runtimes: GpuRuntimes, runtime: GpuRuntime, left_bytes: int) -> None:
    make_folder(runtimes.root)
    remove_folder(runtimes.partial(runtime) / "unpacked")
    needed, free = left_bytes + runtime.unpacked_bytes, runtimes.disk.free_bytes(runtimes.root)
    if needed + RESERVE_BYTES > free:
        raise _no_room(needed, free)


async def _bring_all(runtime: GpuRuntime, folder: Path, bringer: Bringer, tell: Tell) -> None:
    make_folder(folder)
    missing = [wheel for wheel in runtime.wheels if not _is_whole(folder, wheel)]
    done = runtime.download_bytes - sum(wheel.size_bytes for wheel in missing)
    if missing:
        tell(CopyProgress(tr("Looking where the files can be had"), done, runtime.download_bytes))
        await bringer.look_for(missing)
    for wheel in missing:

        def progress(there: int, name: str = wheel.name, before: int = done) -> None:
            tell(CopyProgress(name, before + there, runtime.download_bytes))

        part = folder / f"{wheel.name}.part"
        await bringer.bring(wheel, part, progress)
        part.rename(folder / wheel.name)
        done += wheel.size_bytes


async def _unpack_all(runtimes: GpuRuntimes, runtime: GpuRuntime, partial: Path, tell: Tell) -> None:
    target = partial / "unpacked" / LIBRARIES
    await asyncio.to_thread(remove_folder, partial / "unpacked")
    make_folder(target)
    done = 0
    for wheel in runtime.wheels:

        def progress(there: int, before: int = done) -> None:
            tell(CopyProgress(tr("Unpacking"), before + there, runtime.unpacked_bytes))

        path = partial / "wheels" / wheel.name
        try:
            await _in_a_thread(functools.partial(unpack, path, wheel, target, runtimes.disk, progress))
        except UserFacingError:  # it was right when it came: a disk's doing, and the next attempt brings it anew
            path.unlink(missing_ok=True)
            raise
        done += wheel.unpacked_bytes


async def _in_a_thread(work: Callable[[threading.Event], None]) -> None:
    """A thread cannot be cancelled: it is told to stop, and waited for."""
    stop = threading.Event()
    running = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait((running,))
        if not running.cancelled():
            running.exception()  # what went wrong while it was stopped is nobody's any more
        raise


def _record(runtime: GpuRuntime, libraries: Path, clock: Clock) -> Record:
    files = {
        path.relative_to(libraries).as_posix(): path.stat().st_size for path in libraries.rglob("*") if path.is_file()
    }
    return Record(
        version=runtime.version,
        onnxruntime=runtime.onnxruntime,
        python=this_python(),
        cuda=runtime.needs.cuda,
        oldest_driver=runtime.needs.oldest_driver,
        machine_code=runtime.needs.machine_code,
        installed_at=clock.now(),
        files=files,
    )


def _is_whole(folder: Path, wheel: Wheel) -> bool:
    """It got its name when its hash was right; another size now is a disk's or somebody's doing."""
    path = folder / wheel.name
    if not path.is_file():
        return False
    if path.stat().st_size == wheel.size_bytes:
        return True
    path.unlink()
    return False


def _there(folder: Path, wheel: Wheel) -> int:
    for path in (folder / wheel.name, folder / f"{wheel.name}.part"):
        try:
            return min(path.stat().st_size, wheel.size_bytes)
        except OSError:
            continue
    return 0


def _no_room(needed: int, free: int) -> UserFacingError:
    return UserFacingError(
        what=tr("There is no room for the GPU runtime."),
        why=tr(
            "It needs {needed} for a while, and the disk has {free} free, of which {reserve} stay yours.",
            needed=size_in_words(needed),
            free=size_in_words(free),
            reserve=size_in_words(RESERVE_BYTES),
        ),
        next_step=tr("Make room, then install it again: what is here already is kept."),
    )


def _disk_says(problem: OSError, runtimes: GpuRuntimes, runtime: GpuRuntime) -> UserFacingError:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return _no_room(runtime.unpacked_bytes, runtimes.disk.free_bytes(runtimes.root))
    return UserFacingError(
        what=tr("The GPU runtime could not be written to your disk."),
        why=f"{problem.filename or runtimes.root}: {problem.strerror or problem}.",
        next_step=tr("See to the disk, then install it again: what is here already is kept."),
    )
