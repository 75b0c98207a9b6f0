"""An update replaces the program that holds its owner's money: only they may say so, and no forger for them."""

import asyncio
import json
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from conftest import SettableClock
from loopback import until
from model_server import cut_after, endless, says, serving
from mulberry.agent import reasons
from mulberry.agent.updates import fetching
from mulberry.agent.updates.build import Build
from mulberry.agent.updates.fetching import RESERVE_BYTES
from mulberry.agent.updates.keeper import LATER, Updates
from mulberry.agent.updates.schedule import START_SPREAD
from mulberry.agent.updates.ways import WAYS
from mulberry.agent.updates.wish import UpdateWish
from mulberry.model.errors import UserFacingError
from mulberry.model.host import Finding
from mulberry.model.locks import try_lock
from mulberry.model.node import Reason
from mulberry.model.update import (
    InstalledBy,
    ReleaseFile,
    UpdateOrder,
    UpdateStatus,
    UpdateVerb,
    UpdateWork,
    Version,
)
from mulberry.runtime.store import download
from mulberry.runtime.store.disk import Disk
from release_feed import (
    CONTENT,
    DEB,
    ENGINE,
    ENGINE_CONTENT,
    KEYS,
    MAINTAINERS,
    NEXT_KEYS,
    STRANGER,
    SUCCESSORS,
    FeedServer,
    a_feed,
    a_file,
    a_release,
    an_artefact,
    change,
    feed_server,
    published,
    two_packages,
)
from samples import NOON

Begin = Callable[[Path, ReleaseFile], Sequence[str]]

CONSENTS = UpdateWish(checks=True)
OLD = Version(0, 1, 0)
CHECK = UpdateOrder(UpdateVerb.CHECK)
APPLY = UpdateOrder(UpdateVerb.APPLY, "0.2.0")


class Worker:
    """Stands where the node's work would be: it has left when the test says so."""

    def __init__(self, *, is_idle: bool = True) -> None:
        self.left = asyncio.Event()
        self.is_idle = is_idle
        self.reason: Reason | None = None

    def leave(self, reason: Reason) -> None:
        self.reason = reason
        if self.is_idle:
            self.left.set()

    def stay(self) -> None:
        self.reason = None


class Owner:
    """One copy of Mulberry, its folder and its feed."""

    def __init__(self, folder: Path, clock: SettableClock, server: FeedServer) -> None:
        self.folder = folder / "updates of Jörg"
        self.clock = clock
        self.server = server
        self.build = Build(OLD, InstalledBy.APPIMAGE, KEYS, server.address)
        self.wish = UpdateWish()
        self.worker = Worker()
        self.is_metered = False
        self.successors: list[Sequence[str]] = []
        self.disk = Disk()

    def here(self, path: str) -> Path:
        """Where that package is when it was fetched."""
        return self.folder / "0.2.0" / f"{Path(path).name.partition('_')[0]}.deb"

    async def metered(self) -> Finding[bool]:
        return Finding(self.is_metered, "NetworkManager")

    def updates(self) -> Updates:
        return Updates(
            self.folder,
            self.build,
            self.clock,
            Random(5),
            wish=self.wish,
            drain=self.worker,
            is_metered=self.metered,
            hand_over=self.successors.append,
            on_change=lambda: None,
            disk=self.disk,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Updates]:
        updates = self.updates()
        task = asyncio.create_task(updates.run())
        await asyncio.sleep(0)
        try:
            yield updates
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await updates.end()


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The AppImage that runs."""
    path = tmp_path / "My Mulberry.AppImage"
    path.write_bytes(b"the old version")
    path.chmod(0o755)
    monkeypatch.setenv("APPIMAGE", str(path))
    monkeypatch.setattr(sys, "argv", ["mulberry", "agent", "--network", "demo"])
    return path


@pytest.fixture
async def owner(tmp_path: Path, clock: SettableClock, image: Path) -> AsyncIterator[Owner]:
    async with feed_server() as server:
        yield Owner(tmp_path, clock, server)


def content(path: Path) -> bytes:
    return path.read_bytes()


async def done(updates: Updates, order: UpdateOrder) -> UpdateStatus:
    await updates.obey(order)
    await until(lambda: updates.status().work in (UpdateWork.NOTHING, UpdateWork.HANDED_OVER))
    return updates.status()


def why(status: UpdateStatus) -> str:
    assert status.problem is not None
    return status.problem.why


# Consent


@pytest.mark.virtual_time
async def test_nobody_is_asked_before_its_owner_wants_that(owner: Owner) -> None:
    async with owner.running() as updates:
        await asyncio.sleep(10 * 24 * 3600)
        assert owner.server.asked == []
        assert updates.offered_version == ""
        updates.use(CONSENTS)
        await asyncio.sleep(1)
        assert owner.server.asked == ["/releases/feed.json"], "and nothing was fetched"
        assert updates.offered_version == "0.2.0"


async def test_who_serves_the_feed_learns_no_version_and_no_identity(owner: Owner) -> None:
    updates = owner.updates()
    await done(updates, CHECK)
    await done(updates, APPLY)
    assert owner.server.asked == ["/releases/feed.json", "/releases/0.2.0/Mulberry.AppImage"]
    for told in owner.server.told:
        told.pop("Host")
        assert told == {"User-Agent": "Mulberry", "Accept-Encoding": "identity", "Accept": "*/*"}


@pytest.mark.virtual_time
async def test_it_asks_once_a_day_and_not_all_of_the_world_at_the_same_minute(owner: Owner) -> None:
    owner.wish = CONSENTS
    async with owner.running():
        assert owner.server.asked == [], "not when all computers of an office are switched on"
        for hours, asked in ((START_SPREAD / timedelta(hours=1), 1), (23, 1), (6, 2), (22, 2), (6, 3)):
            owner.clock.pass_time(hours=hours)
            await asyncio.sleep(2 * 3600)
            assert len(owner.server.asked) == asked


@pytest.mark.virtual_time
async def test_a_restart_is_no_reason_to_ask_again(owner: Owner) -> None:
    owner.wish = CONSENTS
    for _ in range(3):
        async with owner.running() as updates:
            owner.clock.pass_time(hours=1)
            await asyncio.sleep(2 * 3600)
            assert updates.offered_version == "0.2.0"
    assert len(owner.server.asked) == 1


@pytest.mark.virtual_time
async def test_a_feed_that_does_not_answer_is_asked_less_and_less_often(owner: Owner) -> None:
    owner.wish = CONSENTS
    owner.server.status = 503
    async with owner.running() as updates:
        for _ in range(48):
            owner.clock.pass_time(hours=1)
            await asyncio.sleep(3600)
        assert 4 <= len(owner.server.asked) <= 8
        assert why(updates.status()) == "It answered with status 503."


@pytest.mark.virtual_time
async def test_on_a_metered_network_nothing_is_asked_by_itself(owner: Owner) -> None:
    owner.wish, owner.is_metered = CONSENTS, True
    async with owner.running() as updates:
        for _ in range(48):
            owner.clock.pass_time(hours=1)
            await asyncio.sleep(3600)
        assert owner.server.asked == []
        assert (await done(updates, CHECK)).offered is not None, "its owner's own word is another matter"
        with pytest.raises(UserFacingError, match="metered"):
            await updates.obey(APPLY)
        assert (await done(updates, replace(APPLY, even_if_metered=True))).work is UpdateWork.HANDED_OVER


@pytest.mark.virtual_time
@pytest.mark.parametrize("what", ["consent withdrawn", "asked by the owner"])
async def test_what_its_owner_says_while_the_network_is_looked_at_counts(owner: Owner, what: str) -> None:
    owner.wish = CONSENTS
    said: list[str] = []

    async def metered() -> Finding[bool]:
        if not said:
            said.append(what)
            if what == "consent withdrawn":
                updates.use(UpdateWish())
            else:
                await updates.obey(CHECK)
        return Finding(False, "NetworkManager")

    owner.metered = metered  # type: ignore[method-assign]  # the system's answer
    updates = owner.updates()
    running = asyncio.create_task(updates.run())
    await asyncio.sleep(0)
    owner.clock.pass_time(hours=1)
    await asyncio.sleep(2 * 3600)
    assert said and not running.done(), "the agent's work goes on"
    assert len(owner.server.asked) == (0 if what == "consent withdrawn" else 1)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await updates.end()


async def test_before_its_owner_consents_not_even_a_name_is_looked_up(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket that connects is a request, and so is a name that is resolved."""
    await done(owner.updates(), CHECK)
    left: list[object] = []

    def refuse(*asked: object, **more: object) -> None:
        left.append(asked)
        raise OSError("a request without consent")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", refuse)
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", refuse)
    owner.clock.pass_time(days=5)
    async with owner.running() as updates:
        assert updates.offered_version == "0.2.0"
        for verb in (UpdateVerb.LATER, UpdateVerb.SKIP):
            await updates.obey(UpdateOrder(verb, "0.2.0"))
        await updates.obey(UpdateOrder(UpdateVerb.CANCEL))
        updates.use(UpdateWish(feed="https://releases.example/feed.json"))
        for _ in range(100):
            await asyncio.sleep(0)
        assert left == []
        assert (await done(updates, CHECK)).problem is not None
        assert left, "the owner's own word goes out, so this test can see one"


async def test_without_keys_or_without_a_feed_it_says_so_and_asks_nobody(owner: Owner) -> None:
    for build in (Build(OLD, InstalledBy.PIP), Build(OLD, InstalledBy.PIP, KEYS), replace(owner.build, keys=None)):
        owner.build = build
        updates = owner.updates()
        assert updates.status().cannot_check
        with pytest.raises(UserFacingError, match="Nobody can be asked"):
            await updates.obey(CHECK)
    assert owner.server.asked == []


# What is offered


async def test_the_newest_fitting_version_is_offered_and_never_an_older_one(owner: Owner) -> None:
    releases = ("0.0.9", "0.1.0", "0.3.0", "0.2.0")
    only_deb = a_release("0.4.0", an_artefact("deb"))
    owner.server.feed = published(a_feed(*map(a_release, releases), only_deb))
    updates = owner.updates()
    status = await done(updates, CHECK)
    assert status.offered is not None
    assert status.offered.version == "0.3.0"
    assert status.takes_bytes == len(CONTENT)
    for version in ("0.1.0", "0.0.9", "0.4.0", "0.3", "../../etc"):
        with pytest.raises(UserFacingError, match="is not offered"):
            await updates.obey(UpdateOrder(UpdateVerb.APPLY, version))
    owner.build = replace(owner.build, version=Version(0, 3, 0))
    assert (await done(owner.updates(), CHECK)).offered is None


@pytest.mark.virtual_time
async def test_a_skipped_version_is_not_offered_again_and_its_successor_is(owner: Owner) -> None:
    updates = owner.updates()
    await done(updates, CHECK)
    assert (await done(updates, UpdateOrder(UpdateVerb.SKIP, "0.2.0"))).skipped == ("0.2.0",)
    assert updates.offered_version == ""
    owner.wish = CONSENTS
    async with owner.running() as later:
        assert later.offered_version == ""
        owner.server.feed = published(a_feed(a_release("0.2.0"), sequence=2))
        owner.clock.pass_time(days=2)
        await asyncio.sleep(2 * 3600)
        assert (len(owner.server.asked), later.offered_version) == (2, "")
        owner.server.feed = published(a_feed(a_release("0.2.0"), a_release("0.2.1"), sequence=3))
        owner.clock.pass_time(days=2)
        await asyncio.sleep(2 * 3600)
        assert later.offered_version == "0.2.1"


async def test_who_asks_is_offered_what_was_skipped_too(owner: Owner) -> None:
    updates = owner.updates()
    await done(updates, CHECK)
    await done(updates, UpdateOrder(UpdateVerb.SKIP, "0.2.0"))
    assert (await done(updates, CHECK)).skipped == ()
    assert updates.offered_version == "0.2.0"


async def test_later_is_silent_for_some_days_and_hides_nothing(owner: Owner) -> None:
    updates = owner.updates()
    await done(updates, CHECK)
    status = await done(updates, UpdateOrder(UpdateVerb.LATER, "0.2.0"))
    assert status.offered is not None
    assert (updates.offered_version, status.quiet_until) == ("", NOON + LATER)
    owner.clock.moment = NOON + LATER
    assert updates.offered_version == "0.2.0"


async def test_what_was_seen_is_offered_after_a_restart_without_asking_until_it_ends(owner: Owner) -> None:
    await done(owner.updates(), CHECK)
    async with owner.running() as updates:
        assert updates.offered_version == "0.2.0"
        owner.clock.moment = NOON + timedelta(days=30)
        assert updates.offered_version == ""
    assert len(owner.server.asked) == 1


# Forgeries, over the wire


@pytest.mark.parametrize(
    ("feed", "words"),
    [
        (published(signers=()), "signed by 0"),
        (published(signers=MAINTAINERS[:1]), "signed by 1"),
        (published(signers=(STRANGER, MAINTAINERS[2])), "signed by 1"),
        (published(a_feed(sequence=4)), "number 4, and number 5 was seen"),
        (published(a_feed(a_release("9.9.9"), sequence=5)), "two feeds with the number 5"),
        (published(a_feed(sequence=6, at=NOON - timedelta(days=31))), "ended on 2026-11-21"),
        (published(a_feed(sequence=6, at=NOON + timedelta(days=2))), "still to come"),
        (published(a_feed(sequence=6), SUCCESSORS, [change(signers=SUCCESSORS)]), "signed by 0"),
        (b"<html>Please log in to this Wi-Fi</html>", "not JSON"),
        (b" " * (256 * 2**10 + 1), "more than the 262,144 bytes"),
    ],
)
async def test_a_forged_feed_changes_nothing(owner: Owner, feed: bytes, words: str) -> None:
    owner.server.feed = published(a_feed(sequence=5))
    updates = owner.updates()
    before = await done(updates, CHECK)
    owner.server.feed = feed
    status = await done(updates, CHECK)
    assert words in why(status)
    assert replace(status, problem=None) == before
    async with owner.running() as again:
        assert again.offered_version == "0.2.0"


async def test_a_redirect_is_not_followed(owner: Owner) -> None:
    async with feed_server() as elsewhere:
        owner.server.location = elsewhere.address
        assert why(await done(owner.updates(), CHECK)) == "It answered with status 302."
        owner.server.location = ""
        updates = owner.updates()
        await done(updates, CHECK)
        owner.server.location = elsewhere.address.replace("feed.json", "0.2.0/Mulberry.AppImage")
        assert why(await done(updates, APPLY)) == "It sent us on to another address."
        assert elsewhere.asked == []


async def test_changed_keys_are_followed_and_remembered(owner: Owner) -> None:
    owner.server.feed = published(a_feed(sequence=2), SUCCESSORS[:2], [change()])
    updates = owner.updates()
    assert (await done(updates, CHECK)).problem is None
    owner.server.feed = published(a_feed(sequence=3), MAINTAINERS)
    async with owner.running() as again:
        assert "signed by 0" in why(await done(again, CHECK)), "stolen old keys are worth nothing after a restart too"


@pytest.mark.parametrize("address", ["{0}/", "{0}?mirror", "the former version's file"])
async def test_no_change_of_the_address_is_a_way_back_to_an_older_feed(owner: Owner, address: str) -> None:
    owner.server.feed = published(a_feed(sequence=5))
    await done(owner.updates(), CHECK)
    memory = owner.folder / "memory.json"
    if address.startswith("the former"):
        said = json.loads(memory.read_bytes())
        del said["before"]
        memory.write_text(json.dumps(said))
    owner.wish = UpdateWish(feed=address.format(owner.server.address) if "{0}" in address else None)
    owner.server.feed = published(a_feed(a_release("0.1.1"), sequence=4))
    assert "number 4, and number 5 was seen" in why(await done(owner.updates(), CHECK))
    owner.server.feed = published(a_feed(sequence=6))
    assert (await done(owner.updates(), CHECK)).offered is not None


async def test_a_memory_that_was_torn_is_kept_aside_and_begun_anew(owner: Owner) -> None:
    await done(owner.updates(), CHECK)
    memory = owner.folder / "memory.json"
    memory.write_bytes(memory.read_bytes()[:40])
    async with owner.running() as updates:
        assert updates.offered_version == ""
        assert list(owner.folder.glob("memory.broken-*"))
        assert (await done(updates, CHECK)).offered is not None


async def test_a_memory_that_says_what_cannot_be_ends_nobodys_work(owner: Owner) -> None:
    owner.folder.mkdir()
    (owner.folder / "memory.json").write_text('{"handed_over": "soon"}')
    async with owner.running() as updates:
        assert list(owner.folder.glob("memory.broken-*"))
        assert (await done(updates, CHECK)).offered is not None


async def test_a_feed_on_disk_that_somebody_changed_is_not_used(owner: Owner) -> None:
    await done(owner.updates(), CHECK)
    (owner.folder / "feed.json").write_bytes(published(a_feed(a_release("9.9.9")), (STRANGER,)))
    async with owner.running() as updates:
        assert updates.offered_version == ""


async def test_an_older_feed_in_the_place_of_the_one_that_was_kept_is_not_used(owner: Owner) -> None:
    """Signed as it is: a backup that was put back, or a power failure between two files."""
    owner.server.feed = published(a_feed(a_release("0.3.0"), sequence=5))
    await done(owner.updates(), CHECK)
    (owner.folder / "feed.json").write_bytes(published(a_feed(a_release("0.2.0"), sequence=4)))
    async with owner.running() as updates:
        assert updates.offered_version == ""


async def test_what_one_feed_offers_is_not_fetched_from_another_ones_place(owner: Owner) -> None:
    updates = owner.updates()
    await done(updates, CHECK)
    async with feed_server() as elsewhere:
        updates.use(UpdateWish(feed=elsewhere.address))
        assert updates.offered_version == ""
        with pytest.raises(UserFacingError, match="is not offered"):
            await updates.obey(APPLY)
        updates.use(UpdateWish())
        assert updates.offered_version == "0.2.0"
        assert elsewhere.asked == []


async def test_newer_keys_that_this_copy_came_with_end_what_older_ones_have_signed(owner: Owner) -> None:
    await done(owner.updates(), CHECK)
    owner.build = replace(owner.build, keys=NEXT_KEYS)
    async with owner.running() as updates:
        assert updates.offered_version == "", "the keys that signed it may have been stolen"
        with pytest.raises(UserFacingError, match="is not offered"):
            await updates.obey(APPLY)


async def test_a_decision_through_one_agent_does_not_forget_what_another_one_has_seen(owner: Owner) -> None:
    one, other = owner.updates(), owner.updates()
    await done(one, CHECK)
    old = owner.server.feed
    owner.server.feed = published(a_feed(sequence=5))
    await done(other, CHECK)
    await one.obey(UpdateOrder(UpdateVerb.LATER, "0.2.0"))
    owner.server.feed = old
    assert "number 5 was seen" in why(await done(one, CHECK))


async def test_what_is_decided_while_the_feed_is_asked_is_kept(owner: Owner) -> None:
    one, other = owner.updates(), owner.updates()
    await done(one, CHECK)
    await done(other, CHECK)
    await one.obey(CHECK)
    await until(lambda: len(owner.server.asked) == 3)
    assert one.status().work is UpdateWork.CHECKING
    await other.obey(UpdateOrder(UpdateVerb.LATER, "0.2.0"))
    await until(lambda: one.status().work is UpdateWork.NOTHING)
    assert one.status().quiet_until == NOON + LATER


# Fetching and handing over


async def test_an_agreed_update_is_fetched_checked_and_takes_this_ones_place(owner: Owner, image: Path) -> None:
    updates = owner.updates()
    await done(updates, CHECK)
    assert (await done(updates, APPLY)).work is UpdateWork.HANDED_OVER
    assert owner.successors == [(str(image), "agent", "--network", "demo")]
    assert content(image) == CONTENT
    assert os.access(image, os.X_OK)
    owner.build = replace(owner.build, version=Version(0, 2, 0))
    async with owner.running() as newer:
        status = newer.status()
        assert (status.problem, status.offered) == (None, None)
        assert not (owner.folder / "0.2.0").exists(), "nothing of it is left lying"


async def test_it_waits_for_running_requests_and_can_be_cancelled_meanwhile(owner: Owner, image: Path) -> None:
    owner.worker = Worker(is_idle=False)
    updates = owner.updates()
    await done(updates, CHECK)
    await updates.obey(APPLY)
    await until(lambda: updates.status().work is UpdateWork.DRAINING)
    assert owner.worker.reason is not None
    assert content(image) == b"the old version"
    with pytest.raises(UserFacingError, match="One thing after the other"):
        await updates.obey(CHECK)
    await updates.obey(UpdateOrder(UpdateVerb.CANCEL))
    assert updates.status().work is UpdateWork.NOTHING
    assert owner.worker.reason is None, "work goes on"
    owner.worker.is_idle = True
    assert (await done(updates, APPLY)).work is UpdateWork.HANDED_OVER
    assert owner.server.asked.count("/releases/0.2.0/Mulberry.AppImage") == 1, "what was fetched was kept"


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (CONTENT[:-1] + b"!", "the SHA-256 differs"),
        (CONTENT[:-1], "It announces"),
        (CONTENT + b"!", "It announces"),
        (None, "status 404"),
    ],
)
async def test_a_file_that_is_another_one_replaces_nothing(
    owner: Owner, image: Path, sent: bytes | None, words: str
) -> None:
    updates = owner.updates()
    await done(updates, CHECK)
    owner.server.files = {} if sent is None else {"0.2.0/Mulberry.AppImage": sent}
    status = await done(updates, APPLY)
    assert words in why(status)
    assert (status.work, owner.successors, owner.worker.reason) == (UpdateWork.NOTHING, [], None)
    assert content(image) == b"the old version"
    assert not (owner.folder / "0.2.0" / "Mulberry.AppImage").exists()


async def test_a_check_keeps_nobody_from_leaving_for_another_reason(owner: Owner) -> None:
    owner.worker.leave(reasons.updating("by the system"))
    await done(owner.updates(), CHECK)
    assert owner.worker.reason is not None


async def test_a_file_that_changes_while_requests_run_is_noticed(owner: Owner, image: Path) -> None:
    owner.worker = Worker(is_idle=False)
    updates = owner.updates()
    await done(updates, CHECK)
    await updates.obey(APPLY)
    await until(lambda: updates.status().work is UpdateWork.DRAINING)
    (owner.folder / "0.2.0" / "Mulberry.AppImage").write_bytes(b"a stranger's program")
    owner.worker.left.set()
    await until(lambda: updates.status().work is UpdateWork.NOTHING)
    assert "changed on this computer" in why(updates.status())
    assert (owner.successors, content(image)) == ([], b"the old version")


async def test_an_installer_that_changes_while_requests_run_is_not_begun(owner: Owner) -> None:
    owner.build = replace(owner.build, installed_by=InstalledBy.WINDOWS)
    path = "0.2.0/Mulberry-0.2.0.exe"
    owner.server.feed = published(a_feed(a_release("0.2.0", an_artefact("windows", path=path))))
    owner.server.files = {path: CONTENT}
    owner.worker = Worker(is_idle=False)
    updates = owner.updates()
    await done(updates, CHECK)
    await updates.obey(APPLY)
    await until(lambda: updates.status().work is UpdateWork.DRAINING)
    (owner.folder / path).write_bytes(b"a stranger's program")
    owner.worker.left.set()
    await until(lambda: updates.status().work in (UpdateWork.NOTHING, UpdateWork.HANDED_OVER))
    assert "changed on this computer" in why(updates.status())
    assert owner.successors == []


async def test_a_file_that_changes_while_it_takes_the_place_is_noticed(
    owner: Owner, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look and the copy: what was copied is what counts."""
    way = WAYS[InstalledBy.APPIMAGE]
    assert way.begin is not None

    def begin(file: Path, expected: ReleaseFile, begin: Begin = way.begin) -> Sequence[str]:
        file.write_bytes(b"a stranger's program")
        return begin(file, expected)

    monkeypatch.setitem(WAYS, InstalledBy.APPIMAGE, replace(way, begin=begin))
    updates = owner.updates()
    await done(updates, CHECK)
    assert "changed on this computer" in why(await done(updates, APPLY))
    assert content(image) == b"the old version"
    assert [path.name for path in image.parent.glob("*.AppImage*")] == [image.name], "nothing of it is left lying"


async def test_in_a_folder_where_others_may_write_no_link_is_followed(owner: Owner, image: Path) -> None:
    mine = image.with_name("my letters")
    mine.write_text("Dear Ana")
    image.with_name(f".{image.name}.new").symlink_to(mine)
    updates = owner.updates()
    await done(updates, CHECK)
    assert (await done(updates, APPLY)).work is UpdateWork.HANDED_OVER
    assert (content(mine), content(image)) == (b"Dear Ana", CONTENT)


async def test_cancelled_while_the_file_takes_the_place_it_is_not_said_that_the_old_one_stays(
    owner: Owner, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way, begun, may_end = WAYS[InstalledBy.APPIMAGE], threading.Event(), threading.Event()
    assert way.begin is not None

    def begin(file: Path, expected: ReleaseFile, begin: Begin = way.begin) -> Sequence[str]:
        begun.set()
        assert may_end.wait(20)
        return begin(file, expected)

    monkeypatch.setitem(WAYS, InstalledBy.APPIMAGE, replace(way, begin=begin))
    updates = owner.updates()
    await done(updates, CHECK)
    await updates.obey(APPLY)
    await until(begun.is_set)
    cancelling = asyncio.create_task(updates.obey(UpdateOrder(UpdateVerb.CANCEL)))
    await asyncio.sleep(0)
    may_end.set()
    await cancelling
    assert content(image) == CONTENT
    assert (updates.status().work, len(owner.successors)) == (UpdateWork.HANDED_OVER, 1)


async def test_a_file_has_its_name_only_when_it_is_on_disk(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power failure would else leave an empty file of the right name, and the command that installs it."""
    written: list[str] = []

    def on_disk(path: Path) -> None:
        assert path.read_bytes() == CONTENT
        written.append(path.name)

    monkeypatch.setattr(fetching, "on_disk", on_disk)
    updates = owner.updates()
    await done(updates, CHECK)
    await done(updates, APPLY)
    assert written == ["Mulberry.AppImage.part"]


async def test_a_full_disk_is_noticed_before_anything_is_fetched(owner: Owner) -> None:
    class FullDisk(Disk):
        def free_bytes(self, folder: Path) -> int:
            return RESERVE_BYTES + len(CONTENT) - 1

    owner.disk = FullDisk()
    updates = owner.updates()
    await done(updates, CHECK)
    status = await done(updates, APPLY)
    assert status.problem is not None
    assert status.problem.what == "There is no room for the update."
    assert owner.server.asked == ["/releases/feed.json"]


async def test_a_folder_that_cannot_be_used_stops_nothing(owner: Owner) -> None:
    owner.folder.write_text("a file in the folder's place")
    owner.wish = CONSENTS
    async with owner.running() as updates:
        assert updates.offered_version == ""
        assert "Not a directory" in why(updates.status())
        assert (await done(updates, CHECK)).problem is not None
        owner.folder.unlink()
        assert (await done(updates, CHECK)).offered is not None


async def test_a_bug_of_ours_is_told_and_work_goes_on(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(file: Path, expected: ReleaseFile) -> Sequence[str]:
        raise RuntimeError(file)

    monkeypatch.setitem(WAYS, InstalledBy.APPIMAGE, replace(WAYS[InstalledBy.APPIMAGE], begin=broken))
    updates = owner.updates()
    await done(updates, CHECK)
    assert why(await done(updates, APPLY)) == "The details are in agent.log."
    assert owner.worker.reason is None


async def test_a_decision_that_cannot_be_kept_is_refused(owner: Owner) -> None:
    updates = owner.updates()
    await done(updates, CHECK)
    (owner.folder / "memory.json").unlink()
    (owner.folder / "memory.json").mkdir()
    with pytest.raises(UserFacingError, match="was not kept"):
        await updates.obey(UpdateOrder(UpdateVerb.SKIP, "0.2.0"))
    assert updates.offered_version == "0.2.0"


async def test_an_image_that_cannot_be_written_stays_whole(
    owner: Owner, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    updates = owner.updates()
    await done(updates, CHECK)
    monkeypatch.setenv("APPIMAGE", str(image.parent / "gone" / image.name))
    assert "No such file" in why(await done(updates, APPLY))
    monkeypatch.delenv("APPIMAGE")
    assert "does not know which AppImage" in why(await done(updates, APPLY))
    assert owner.successors == []
    assert content(image) == b"the old version"


async def test_an_installer_that_changed_nothing_is_told_and_not_begun_again(owner: Owner) -> None:
    updates = owner.updates()
    await done(updates, CHECK)
    await done(updates, APPLY)
    async with owner.running() as still_old:
        assert why(still_old.status()) == "Its installer was begun, and this is still 0.1.0."
        assert still_old.offered_version == "0.2.0"
        assert len(owner.successors) == 1
    async with owner.running() as again:
        assert again.status().problem is None


async def test_on_windows_the_installer_asks_nothing_and_starts_the_agent_again(owner: Owner) -> None:
    owner.build = replace(owner.build, installed_by=InstalledBy.WINDOWS)
    path = "0.2.0/Mulberry-0.2.0.exe"
    owner.server.feed = published(a_feed(a_release("0.2.0", an_artefact("windows", path=path))))
    owner.server.files = {path: CONTENT}
    updates = owner.updates()
    await done(updates, CHECK)
    await done(updates, APPLY)
    assert owner.successors == [(str(owner.folder / path), "/S", "/RESTART")]


@pytest.mark.parametrize(
    ("by", "kind", "begins"),
    [
        (InstalledBy.DEB, "deb", "sudo apt install "),
        (InstalledBy.PIP, "wheel", f"{sys.executable} -m pip install --upgrade "),
        (InstalledBy.PIPX, "wheel", "pipx install --force "),
        (InstalledBy.UV, "wheel", "uv tool install --force "),
    ],
)
async def test_where_others_replace_it_the_checked_file_and_one_command_are_given(
    owner: Owner, by: InstalledBy, kind: str, begins: str
) -> None:
    owner.build = replace(owner.build, installed_by=by)
    path = f"0.2.0/mulberry.{kind}"
    owner.server.feed = published(a_feed(a_release("0.2.0", an_artefact(kind, path=path))))
    owner.server.files = {path: CONTENT}
    updates = owner.updates()
    assert (await done(updates, CHECK)).command == ""
    status = await done(updates, APPLY)
    assert status.work is UpdateWork.NOTHING
    assert status.command == f"{begins}'{owner.folder / path}'", "quoted: it has a space in it"
    assert (owner.folder / path).read_bytes() == CONTENT
    assert owner.worker.reason is None, "work goes on"
    (owner.folder / path).unlink()
    assert updates.status().command == "", "no command with a file that is not there"


async def test_a_file_of_which_the_feed_says_another_one_by_now_is_installed_by_no_command(owner: Owner) -> None:
    owner.build = replace(owner.build, installed_by=InstalledBy.DEB)
    path = "0.2.0/mulberry.deb"
    owner.server.feed = published(a_feed(a_release("0.2.0", an_artefact("deb", path=path))))
    owner.server.files = {path: CONTENT}
    updates = owner.updates()
    await done(updates, CHECK)
    assert (await done(updates, APPLY)).command
    mended = b"the same version without a hole"
    owner.server.feed = published(a_feed(a_release("0.2.0", an_artefact("deb", mended, path)), sequence=2))
    owner.server.files = {path: mended}
    assert (await done(updates, CHECK)).command == ""
    assert (await done(updates, APPLY)).command
    assert content(owner.folder / path) == mended


# Several files that are installed in one step


@pytest.fixture
def debian(owner: Owner) -> Owner:
    owner.build = replace(owner.build, installed_by=InstalledBy.DEB, built_for="debian12")
    owner.server.feed = published(a_feed(a_release("0.2.0", two_packages())))
    owner.server.files = {DEB: CONTENT, ENGINE: ENGINE_CONTENT}
    return owner


async def test_packages_that_belong_together_are_fetched_and_installed_together(debian: Owner) -> None:
    updates = debian.updates()
    assert (await done(updates, CHECK)).takes_bytes == len(CONTENT) + len(ENGINE_CONTENT)
    status = await done(updates, APPLY)
    assert status.command == f"sudo apt install '{debian.here(DEB)}' '{debian.here(ENGINE)}'"
    assert status.received_bytes == status.takes_bytes
    assert (content(debian.here(DEB)), content(debian.here(ENGINE))) == (CONTENT, ENGINE_CONTENT)
    assert debian.server.asked == ["/releases/feed.json", f"/releases/{DEB}", f"/releases/{ENGINE}"]
    debian.here(ENGINE).unlink()
    assert updates.status().command == "", "no command with a file that is not there"
    assert (await done(updates, APPLY)).command
    assert debian.server.asked[3:] == [f"/releases/{ENGINE}"], "what is here is not fetched again"


@pytest.mark.virtual_time
@pytest.mark.parametrize("forged", [DEB, ENGINE])
async def test_no_command_is_given_while_one_of_them_is_another_file(debian: Owner, forged: str) -> None:
    updates = debian.updates()
    await done(updates, CHECK)
    genuine = debian.server.files[forged]
    debian.server.files[forged] = genuine[:-1] + b"!"
    status = await done(updates, APPLY)
    assert "the SHA-256 differs" in why(status)
    assert status.command == ""
    assert not debian.here(forged).exists()
    debian.server.files[forged] = genuine
    assert (await done(updates, APPLY)).command


async def test_one_that_was_signed_anew_ends_the_command_of_both(debian: Owner) -> None:
    updates = debian.updates()
    await done(updates, CHECK)
    await done(updates, APPLY)
    mended = b"the same engine without a hole"
    debian.server.feed = published(
        a_feed(a_release("0.2.0", replace(two_packages(), also=(a_file(mended, ENGINE),))), sequence=2)
    )
    debian.server.files[ENGINE] = mended
    assert (await done(updates, CHECK)).command == ""
    assert (await done(updates, APPLY)).command
    assert content(debian.here(ENGINE)) == mended


async def test_there_must_be_room_for_all_of_them_before_the_first_is_fetched(debian: Owner) -> None:
    class FullDisk(Disk):
        free = RESERVE_BYTES + len(CONTENT) + len(ENGINE_CONTENT) - 1

        def free_bytes(self, folder: Path) -> int:
            return self.free

    debian.disk = FullDisk()
    updates = debian.updates()
    await done(updates, CHECK)
    status = await done(updates, APPLY)
    assert status.problem is not None
    assert status.problem.what == "There is no room for the update."
    assert debian.server.asked == ["/releases/feed.json"]
    FullDisk.free += 1
    assert (await done(updates, APPLY)).command


async def test_the_second_of_them_goes_on_where_it_broke_off(debian: Owner) -> None:
    app, engine = Path(DEB).name, Path(ENGINE).name
    part = debian.here(ENGINE).with_suffix(".deb.part")
    packages = replace(two_packages(), path=app, also=(a_file(ENGINE_CONTENT, engine),))
    feed = published(a_feed(a_release("0.2.0", packages)))
    async with serving({"feed.json": feed, app: CONTENT, engine: ENGINE_CONTENT}) as server:
        server.instead[engine] = [cut_after(5_000, lambda: part.stat().st_size if part.exists() else 0)]
        debian.build = replace(debian.build, feed=f"{server.address}/feed.json")
        updates = debian.updates()
        await done(updates, CHECK)
        await updates.obey(APPLY)
        await until(lambda: updates.status().received_bytes == len(CONTENT) + 5_000)
        await updates.end()
        async with debian.running() as again:
            assert (await done(again, APPLY)).command
        assert server.ranges_asked(app) == [""]
        assert server.ranges_asked(engine) == ["", "bytes=5000-"]


@pytest.mark.parametrize("by", [InstalledBy.FLATPAK, InstalledBy.SOURCE])
async def test_where_nothing_can_be_fetched_a_newer_version_is_still_told(owner: Owner, by: InstalledBy) -> None:
    owner.build = replace(owner.build, installed_by=by)
    updates = owner.updates()
    assert (await done(updates, CHECK)).offered is not None
    with pytest.raises(UserFacingError, match="does not replace itself"):
        await updates.obey(APPLY)


async def test_two_agents_of_one_computer_do_not_step_on_each_other(owner: Owner) -> None:
    one, other = owner.updates(), owner.updates()
    await done(one, CHECK)
    with (owner.folder / "lock").open("a+b") as lock:
        assert try_lock(lock)
        assert "busy with updates" in why(await done(other, CHECK))
    assert other.offered_version == ""
    async with owner.running() as third:
        assert third.offered_version == "0.2.0", "what one has learned the others know"


def test_every_way_of_installing_it_has_words_and_only_safe_ones_begin_by_themselves() -> None:
    assert set(WAYS) == set(InstalledBy)
    assert {by for by in WAYS if WAYS[by].begin} == {InstalledBy.WINDOWS, InstalledBy.APPIMAGE}
    assert all(way.how and bool(way.kind) == bool(way.command or way.begin) for way in WAYS.values())


async def test_what_was_fetched_before_the_agent_was_killed_is_not_fetched_again(owner: Owner) -> None:
    path = "Mulberry.AppImage"
    feed = published(a_feed(a_release("0.2.0", an_artefact(path=path))))
    part = owner.folder / "0.2.0" / f"{path}.part"
    async with serving({"feed.json": feed, path: CONTENT}) as server:
        server.instead[path] = [cut_after(5_000, lambda: part.stat().st_size if part.exists() else 0)]
        owner.build = replace(owner.build, feed=f"{server.address}/feed.json")
        updates = owner.updates()
        await done(updates, CHECK)
        await updates.obey(APPLY)
        await until(lambda: updates.status().received_bytes == 5_000)
        await updates.end()
        async with owner.running() as again:
            assert (await done(again, APPLY)).work is UpdateWork.HANDED_OVER
        assert server.ranges_asked(path) == ["", "bytes=5000-"]


async def test_a_server_that_has_it_begun_anew_again_and_again_comes_to_an_end(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Almost all of it, then a refusal to go on: what is thrown away is no progress, however much it was."""
    monkeypatch.setattr(download, "WORTH_ANOTHER_ROUND_BYTES", 1000)
    monkeypatch.setattr(download, "PAUSES_SECONDS", (0.0, 0.0, 0.0, 0.0))
    path = "Mulberry.AppImage"
    feed = published(a_feed(a_release("0.2.0", an_artefact(path=path))))
    part = owner.folder / "0.2.0" / f"{path}.part"
    async with serving({"feed.json": feed, path: CONTENT}) as server:
        almost = cut_after(len(CONTENT) - 1, lambda: part.stat().st_size if part.exists() else 0)
        server.instead[path] = [almost, says("416 Range Not Satisfiable")] * 20
        owner.build = replace(owner.build, feed=f"{server.address}/feed.json")
        updates = owner.updates()
        await done(updates, CHECK)
        assert "It was tried 5 times." in why(await done(updates, APPLY))
        assert len(server.ranges_asked(path)) <= 10


@pytest.mark.virtual_time
async def test_an_endless_file_is_cut_off(owner: Owner, image: Path) -> None:
    path = "Mulberry.AppImage"
    feed = published(a_feed(a_release("0.2.0", an_artefact(path=path))))
    async with serving({"feed.json": feed, path: CONTENT}) as server:
        server.instead[path] = [endless] * 10
        owner.build = replace(owner.build, feed=f"{server.address}/feed.json")
        updates = owner.updates()
        await done(updates, CHECK)
        assert "It sends more for Mulberry.AppImage than that has" in why(await done(updates, APPLY))
        assert content(image) == b"the old version"
        assert sum(each.stat().st_size for each in (owner.folder / "0.2.0").iterdir()) <= len(CONTENT)
