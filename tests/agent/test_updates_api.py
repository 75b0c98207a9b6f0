"""Faces decide about updates over the control API, about the version that was shown and about no other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from agent_workshop import a_workshop
from conftest import SettableClock
from mulberry.agent.api import make_application
from mulberry.agent.listening import listening
from mulberry.agent.node import Node
from mulberry.agent.updates.build import Build
from mulberry.client.control import ControlClient
from mulberry.client.http import request
from mulberry.model.errors import UserFacingError
from mulberry.model.places import DataFolder
from mulberry.model.settings import SettingsChange
from mulberry.model.update import InstalledBy, UpdateOrder, UpdateVerb, UpdateWork, Version
from release_feed import KEYS, FeedServer, feed_server


@pytest.fixture
def client(tmp_path: Path) -> ControlClient:
    return ControlClient(DataFolder.of_network(tmp_path, "demo"), timeout_seconds=5)


@pytest_asyncio.fixture
async def server(tmp_path: Path, clock: SettableClock) -> AsyncIterator[FeedServer]:
    """A node with a feed, whose API listens in `tmp_path`."""
    async with feed_server() as served:
        with a_workshop(tmp_path, clock) as workshop:
            build = Build(Version(0, 1, 0), InstalledBy.DEB, KEYS, served.address)
            node = Node(replace(workshop, build=build))
            work = asyncio.create_task(node.run())
            async with listening(make_application(node), workshop.folder.control_address):
                yield served
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work


async def test_a_newer_version_is_asked_for_told_and_skipped(server: FeedServer, client: ControlClient) -> None:
    assert (await client.status()).newer_version == ""
    found = await client.order_update(UpdateOrder(UpdateVerb.CHECK))
    while found.work is not UpdateWork.NOTHING:
        found = await client.update()
    assert found.offered is not None
    assert found.offered.version == (await client.status()).newer_version == "0.2.0"
    await client.order_update(UpdateOrder(UpdateVerb.SKIP, "0.2.0"))
    assert (await client.status()).newer_version == ""


async def test_consent_is_a_setting_that_holds_at_once(server: FeedServer, client: ControlClient) -> None:
    assert not (await client.update()).checks
    await client.change_settings(SettingsChange({"update_check": True}))
    async with asyncio.timeout(30):
        while (found := await client.update()).offered is None:  # noqa: ASYNC110 - it is remote
            await asyncio.sleep(0)
    assert found.checks


@pytest.mark.parametrize(
    "address", ["http://releases.example/feed.json", "ftp://x", "https://a:b@releases.example/", ""]
)
async def test_a_feed_that_anybody_on_the_way_could_change_is_no_setting(
    server: FeedServer, client: ControlClient, address: str
) -> None:
    with pytest.raises(UserFacingError, match="was not changed"):
        await client.change_settings(SettingsChange({"update_feed": address}))


async def test_what_was_not_shown_is_not_done(server: FeedServer, client: ControlClient, tmp_path: Path) -> None:
    for verb in (UpdateVerb.APPLY, UpdateVerb.SKIP, UpdateVerb.LATER):
        with pytest.raises(UserFacingError, match="is not offered"):
            await client.order_update(UpdateOrder(verb, "9.9.9"))
    address = DataFolder.of_network(tmp_path, "demo").control_address
    for body in (b"", b'{"verb":"format the disk"}', b'{"verb":"apply","version":7}'):
        status, _ = await request(address, "POST", "/v1/update", body)
        assert status == 400
    assert server.asked == []
