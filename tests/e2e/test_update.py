"""An update while it earns: no request is cut off, no wish is forgotten, and forgers bring nothing about."""

import asyncio
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from mulberry.agent.updates.feed import ReleaseKeys
from mulberry.client.control import AgentNotRunning, ControlClient
from mulberry.model.clock import SystemClock
from mulberry.model.encoding import to_json
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import JobOutcome
from mulberry.model.network import Traffic
from mulberry.model.node import Want
from mulberry.model.places import resource
from own_mulberry import Mulberry
from release_feed import KEYS, MAINTAINERS, STRANGER, FeedServer, a_feed, a_release, an_artefact, feed_server, published

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="an AppImage is for Linux")
APP = Path(__file__).resolve().parents[2] / "app" / "mulberry"
IMAGE = "0.2.0/Mulberry-0.2.0.AppImage"


def packaged(folder: Path, version: str, feed: str) -> Path:
    """A copy as a packager makes it: of that version, with release keys and a feed."""
    shutil.copytree(APP, folder / "mulberry", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(resource("icons").parent, folder / "mulberry" / "resources")
    (folder / "mulberry" / "__init__.py").write_text(f'"""A copy for a test."""\n\n__version__ = "{version}"\n')
    updates = folder / "mulberry" / "resources" / "updates"
    updates.mkdir(exist_ok=True)
    (updates / "keys.json").write_bytes(to_json(ReleaseKeys, KEYS))
    (updates / "feed").write_text(feed + "\n")
    (updates / "installed-by").write_text("appimage\n")
    return folder


def an_image(copy: Path) -> bytes:
    """Stands for the AppImage with that copy inside: one file that starts it."""
    words = ("exec", "env", f"PYTHONPATH={copy}", sys.executable, "-P", "-m", "mulberry")
    return f'#!/bin/sh\n{shlex.join(words)} "$@"\n'.encode()


def installed(tmp_path: Path, server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Version 0.1.0 is what `mulberry` means from now on, and 0.2.0 lies on the server. Returns the AppImage."""
    old = packaged(tmp_path / "the old one, für alle", "0.1.0", server.address)
    new = packaged(tmp_path / "the new one, für alle", "0.2.0", server.address)
    image = tmp_path / "My Mulberry.AppImage"
    image.write_bytes(an_image(old))
    image.chmod(0o755)
    monkeypatch.setenv("APPIMAGE", str(image))
    monkeypatch.setenv("PYTHONPATH", str(old))
    server.files = {IMAGE: an_image(new)}
    server.feed = published(
        a_feed(a_release("0.2.0", an_artefact(content=an_image(new), path=IMAGE)), at=SystemClock().now())
    )
    return image


async def said(mulberry: Mulberry, *words: str) -> str:
    """What a command prints that goes well. The feed is served meanwhile."""
    done = await asyncio.to_thread(mulberry.command, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def jobs_until(mulberry: Mulberry, jobs: int) -> int:
    async with mulberry.events() as events:
        async for event in events:
            if event.status.earnings.jobs_total >= jobs:
                return event.status.earnings.jobs_total
    raise AssertionError("the events ended")


async def version_of(mulberry: Mulberry) -> str:
    try:
        return (await ControlClient(mulberry.folder).hello()).version
    except (AgentNotRunning, UserFacingError):
        return ""


@pytest.mark.timeout(120)
async def test_it_is_updated_while_it_earns_and_earns_on(
    mulberry: Mulberry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with feed_server() as server:
        image = installed(tmp_path, server, monkeypatch)
        mulberry.set_traffic(Traffic(requests_per_minute=1200, seed=4))
        await said(mulberry, "start")
        assert await version_of(mulberry) == "0.1.0"
        before = await jobs_until(mulberry, 10)
        assert server.asked == [], "nobody has agreed to anything yet"

        assert "Version 0.2.0" in await said(mulberry, "update", "check")
        await said(mulberry, "update", "apply", "--yes")
        async with asyncio.timeout(60):
            while await version_of(mulberry) != "0.2.0":  # noqa: ASYNC110 - another process becomes it
                await asyncio.sleep(0.1)
        assert image.read_bytes() == server.files[IMAGE]
        total = await jobs_until(mulberry, before + 10)
        client = ControlClient(mulberry.folder)
        status = await client.status()
        assert status.intent.want is Want.START
        assert {job.outcome for job in await client.jobs(1, total)} == {JobOutcome.DONE}
        assert "No newer version is offered" in await said(mulberry, "update", "status")


@pytest.mark.timeout(120)
async def test_a_forged_release_changes_nothing(
    mulberry: Mulberry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with feed_server() as server:
        image = installed(tmp_path, server, monkeypatch)
        before = image.read_bytes()
        honest, server.feed = (
            server.feed,
            published(a_feed(a_release("9.0.0"), at=SystemClock().now()), (MAINTAINERS[0], STRANGER)),
        )
        refused = await asyncio.to_thread(mulberry.command, "update", "check")
        assert refused.returncode == 1
        assert "signed by 1 of the release keys; it takes 2" in refused.stdout
        server.feed = honest
        await said(mulberry, "update", "check")
        server.files = {IMAGE: server.files[IMAGE].replace(b"exec", b"evil")}
        refused = await asyncio.to_thread(mulberry.command, "update", "apply", "--yes")
        assert refused.returncode == 1
        assert "the SHA-256 differs" in refused.stdout
        assert (image.read_bytes(), await version_of(mulberry)) == (before, "0.1.0")
