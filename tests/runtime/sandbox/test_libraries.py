"""A job on a GPU computes with the installed runtime, inside the sandbox, and with nothing that came with Mulberry."""

import asyncio
import os
import random
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import onnxruntime
import pytest

from mulberry.runtime.card import Card
from mulberry.runtime.engine import EngineFailed
from mulberry.runtime.job_link import JobLink
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.process import JobProcess, child_environment
from mulberry.runtime.sandbox.bubblewrap import Bubblewrap
from mulberry.runtime.sandbox.landlock_only import LandlockOnly
from mulberry.runtime.sandbox.provider import Confinement, Room, Sandbox, Started, is_root
from mulberry.runtime.supervisor import Supervisor
from samples import RTX_4090
from tiny_model import tiny_model

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's sandboxes")


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The onnxruntime that is here, in another place, without what the CPU does not need."""
    folder = tmp_path_factory.mktemp("a runtime") / "libraries"
    large = shutil.ignore_patterns("*providers_cuda*", "*providers_tensorrt*", "tools", "transformers", "quantization")
    shutil.copytree(Path(onnxruntime.__file__).parent, folder / "onnxruntime", ignore=large)
    for place in (folder.parent, folder.parent.parent, folder.parent.parent.parent):
        place.chmod(0o755)
    yield folder
    shutil.rmtree(folder.parent)


@pytest.mark.parametrize("kind", ["bubblewrap", "landlock"])
async def test_they_come_before_what_came_with_mulberry(kind: str, libraries: Path) -> None:
    sandbox: Sandbox | None = Bubblewrap.find() if kind == "bubblewrap" else LandlockOnly()
    if sandbox is None:
        pytest.skip("bubblewrap is not installed")
    room = Room(tiny_model().path, libraries=libraries)
    process = await JobProcess.start(sandbox, room, child_environment(os.environ))
    loop = asyncio.get_running_loop()
    _, link = await loop.create_connection(lambda: JobLink(0, 30.0, 30.0, lambda note: None), sock=process.socket)
    try:
        link.send(sandbox.order(room))
        await asyncio.wait((link.entered, link.over), timeout=30.0, return_when=asyncio.FIRST_COMPLETED)
        assert link.entered.done(), process.last_words
        assert Confinement.of(sandbox.tier, link.entered.result()).holds
        if not is_root():
            pytest.skip("only root may look which libraries another's process has")
        mapped = await asyncio.to_thread(Path(f"/proc/{process.pid}/maps").read_text, "utf-8")
    finally:
        link.end("It was looked at.")
        await process.end(1.0)
    places = {line.split(maxsplit=5)[-1] for line in mapped.splitlines() if "/onnxruntime/" in line}
    assert places and all(place.startswith(f"{libraries}/") for place in places)


async def test_a_card_brings_its_libraries_and_the_cpu_none() -> None:
    seen: list[Room] = []

    class Looking(LandlockOnly):
        async def start(self, room: Room, theirs: socket.socket, environment: Mapping[str, str]) -> Started:
            seen.append(room)
            raise OSError("it was looked at")

    model = tiny_model()
    (variant,) = model.manifest.variants
    both = model.manifest.model_copy(update={"variants": (variant, variant.model_copy(update={"provider": "cuda"}))})
    for card in (Card(RTX_4090, lambda: None, Path("/runtimes/1/libraries")), None):
        folder = ModelFolder(model.path, both)
        engine = Supervisor(folder, sandbox=Looking(), jitter=random.Random(1), card=card)
        with pytest.raises(EngineFailed):
            await engine.start()
        await engine.stop()
    assert [room.libraries for room in seen] == [Path("/runtimes/1/libraries"), None]
    assert Path("/runtimes/1/libraries") in seen[0].code
