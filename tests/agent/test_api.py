"""Faces, scripts and curious local programs talk to the control API: it answers in nouns or refuses in words."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from agent_workshop import DEMO, a_workshop
from conftest import SettableClock
from ledger_entries import PROXY, finished
from mulberry.agent.api import BODY_LIMIT_BYTES, BUCKETS_A_CALL, JOBS_A_CALL, make_application
from mulberry.agent.history_rows import Gap
from mulberry.agent.listening import _site, listening, make_private
from mulberry.agent.node import Node
from mulberry.client.control import AgentLost, AgentNotRunning, ControlClient
from mulberry.client.http import request
from mulberry.model.control import Command, Event
from mulberry.model.errors import UserFacingError
from mulberry.model.money import Nanoton
from mulberry.model.node import NodeState, Want
from mulberry.model.places import DataFolder
from mulberry.model.rules import Rule
from mulberry.model.settings import SettingsChange
from mulberry.model.wallet import AccountRole, ChainTransaction, TransactionKind
from mulberry.model.week import read_week

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def node(tmp_path: Path, clock: SettableClock) -> AsyncIterator[Node]:
    """A node whose API listens in `tmp_path`; it does not work, so START leaves it getting ready."""
    with a_workshop(tmp_path, clock) as workshop:
        node = Node(workshop)
        async with listening(make_application(node), workshop.folder.control_address):
            yield node


@pytest.fixture
def client(tmp_path: Path) -> ControlClient:
    return ControlClient(DataFolder.of_network(tmp_path, "demo"), timeout_seconds=5)


@pytest.fixture
def address(tmp_path: Path) -> str:
    return DataFolder.of_network(tmp_path, "demo").control_address


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def lies_there(address: str) -> bool:
    return os.path.lexists(address)


async def test_only_the_owner_can_open_the_socket(node: Node, address: str) -> None:
    assert mode(Path(address)) == 0o600
    assert mode(Path(address).parent) == 0o700


async def test_hello_and_status_are_the_nodes_own(node: Node, client: ControlClient) -> None:
    assert await client.hello() == node.hello()
    assert await client.status() == node.status()


async def test_net_earnings_are_told_and_unknown_ones_stay_unknown(node: Node, client: ControlClient) -> None:
    node.ledger.book_job(finished())
    node.ledger.confirm(PROXY, "00" * 32, 134, NOON)
    found = await client.net()
    assert found == node.net()
    assert (found.last_30_days.gross, found.last_30_days.cost.value) == (134 * 20, None)


async def test_a_wish_is_obeyed_and_stored(node: Node, client: ControlClient, tmp_path: Path) -> None:
    status = await client.command(Command(Want.PAUSE, 3600))
    assert status.intent.until == node.status().as_of + timedelta(hours=1)
    assert json.loads((tmp_path / "demo" / "intent.json").read_bytes())["want"] == "pause"
    assert (await client.command(Command(Want.START))).state is NodeState.GETTING_READY


async def test_settings_are_shown_tried_changed_and_refused(node: Node, client: ControlClient) -> None:
    before = await client.settings()
    tried = await client.change_settings(SettingsChange({"quiet_hours": "22:00-07:00"}, only_try=True))
    assert tried.named("quiet_hours").value == "22:00-07:00"
    assert {rule for stretch in tried.foretold for rule in stretch.rules} == {Rule.QUIET_HOURS}
    assert await client.settings() == before
    await client.change_settings(SettingsChange({"quiet_hours": "22:00-07:00"}))
    assert not (await client.settings()).named("quiet_hours").is_default
    with pytest.raises(UserFacingError, match="was not changed"):
        await client.change_settings(SettingsChange({"owner_address": "somewhere"}))


async def test_what_the_rules_see_is_told_although_nothing_works(node: Node, client: ControlClient) -> None:
    await client.change_settings(SettingsChange({"schedule": [*read_week("never").days], "stop_at_loss": True}))
    seen = await client.rules_now()
    assert Rule.SCHEDULE in {hold.rule for hold in seen.holds}
    assert Rule.NET_LOSS in dict(seen.blind)


async def test_jobs_come_by_number_and_missing_ones_are_left_out(node: Node, client: ControlClient) -> None:
    booked = [node.ledger.book_job(finished(request_id=f"{i:064x}")) for i in range(5)]
    assert await client.jobs(2, 4) == tuple(booked[1:4])
    assert await client.jobs(4, 1000) == tuple(booked[3:])
    assert await client.jobs(6, 6) == ()
    assert await client.jobs(3, 2) == ()


async def test_earnings_come_in_buckets(node: Node, client: ControlClient) -> None:
    node.ledger.book_job(finished(request_id="ab" * 32, finished_at=NOON))
    node.ledger.confirm(PROXY, "ab" * 32, 7, NOON)
    buckets = await client.earnings([NOON + timedelta(seconds=300 * number) for number in (-1, 0, 1, 2)])
    assert [(bucket.earned, bucket.jobs) for bucket in buckets] == [(0, 0), (140, 1), (0, 0)]


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("GET", "/", b"", 404),
        ("GET", "/v1/intent", b"", 405),
        ("POST", "/v1/intent", b"", 400),
        ("POST", "/v1/intent", b"[" * 60_000, 400),
        ("POST", "/v1/intent", b"x" * (BODY_LIMIT_BYTES + 1), 413),
        ("POST", "/v1/intent", b'{"want": "rob a bank"}', 400),
        ("POST", "/v1/intent", b'{"want": "pause"}', 400),
        ("POST", "/v1/intent", b'{"want": "pause", "pause_seconds": 0}', 400),
        ("POST", "/v1/intent", b'{"want": "pause", "pause_seconds": -1}', 400),
        ("POST", "/v1/intent", b'{"want": "pause", "pause_seconds": 1e308}', 400),
        ("POST", "/v1/intent", b'{"want": "pause", "pause_seconds": NaN}', 400),
        ("POST", "/v1/intent", b'{"want": "start", "pause_seconds": 60}', 400),
        ("GET", "/v1/jobs", b"", 400),
        ("GET", "/v1/jobs?first=1&last=x", b"", 400),
        ("GET", "/v1/jobs?first=0&last=5", b"", 400),
        ("GET", "/v1/jobs?first=-1&last=5", b"", 400),
        ("GET", f"/v1/jobs?first=1&last={JOBS_A_CALL + 1}", b"", 400),
        ("GET", f"/v1/jobs?first={2**63}&last={2**63}", b"", 400),
        ("GET", f"/v1/jobs?first=1&last={'9' * 5000}", b"", 400),
        ("GET", "/v1/jobs?first=%D9%A1&last=%D9%A2", b"", 400),  # digits, but Arabic ones
        ("GET", "/v1/earnings", b"", 400),
        ("GET", "/v1/earnings?edges=now", b"", 400),
        ("GET", "/v1/earnings?edges=300", b"", 400),
        ("GET", "/v1/earnings?edges=300,300", b"", 400),
        ("GET", "/v1/earnings?edges=600,300", b"", 400),
        ("GET", "/v1/earnings?edges=-300,300", b"", 400),
        ("GET", "/v1/earnings?edges=300,999999999999", b"", 400),
        ("GET", f"/v1/earnings?edges={','.join(map(str, range(BUCKETS_A_CALL + 2)))}", b"", 400),
    ],
)
async def test_bad_input_is_refused_in_words(
    node: Node, address: str, method: str, target: str, body: bytes, status: int
) -> None:
    refused, answer = await request(address, method, target, body)
    assert refused == status
    refusal = json.loads(answer)
    assert all(refusal[field] for field in ("what", "why", "next_step", "whose_turn"))
    assert "Traceback" not in answer.decode() and "File " not in answer.decode()
    assert node.status().intent.want is Want.STOP, "a refused request changed something"


async def test_a_mistake_of_ours_is_logged_and_not_shown(
    node: Node, address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(first: int, last: int) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(node.ledger, "jobs", fail)
    status, answer = await request(address, "GET", "/v1/jobs?first=1&last=2")
    assert status == 500
    assert b"secret" not in answer
    assert "secret" in caplog.text


async def test_a_refusal_reaches_the_caller_as_words(node: Node, client: ControlClient) -> None:
    with pytest.raises(UserFacingError, match="did not understand") as refused:
        await client.jobs(0, 5)
    assert "first must be between 1 and" in refused.value.why


async def test_events_come_at_once_then_on_change_and_never_too_often(node: Node, client: ControlClient) -> None:
    loop = asyncio.get_running_loop()
    events = client.events()
    try:
        first = await anext(events)
        assert isinstance(first, Event) and first.new_jobs == ()
        began = loop.time()
        for i in range(50):
            node._on_till(node.ledger.book_job(finished(request_id=f"{i:064x}")))
        second = await anext(events)
        assert isinstance(second, Event)
        assert [job.number for job in second.new_jobs] == list(range(1, 51))
        assert second.status.earnings.jobs_total == 50
        assert loop.time() - began > 0.1, "two messages within a quarter of a second"
        confirmed = node.ledger.confirm(PROXY, f"{7:064x}", 134, NOON)
        node._on_till(confirmed)
        third = await anext(events)
        assert isinstance(third, Event) and third.new_jobs == (confirmed,)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await anext(events)  # nothing changed
    finally:
        await events.aclose()


async def test_a_face_that_leaves_is_forgotten(node: Node, client: ControlClient) -> None:
    events = client.events()
    await anext(events)
    assert len(node.watches) == 1
    await events.aclose()
    async with asyncio.timeout(30):
        while len(node.watches):  # noqa: ASYNC110 - no event of its own
            await asyncio.sleep(0.01)


async def test_a_face_that_shouts_is_hung_up_on(node: Node, address: str) -> None:
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(address)) as session,
        session.ws_connect("http://mulberry/v1/events") as socket,
    ):
        assert (await socket.receive()).type is aiohttp.WSMsgType.TEXT
        with suppress(ConnectionError):
            await socket.send_bytes(bytes(BODY_LIMIT_BYTES * 2))
        async with asyncio.timeout(30):
            while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
    assert (await request(address, "GET", "/v1/hello"))[0] == 200


async def test_the_client_notices_that_the_agent_ended_and_that_it_is_back(
    tmp_path: Path, clock: SettableClock, client: ControlClient, address: str
) -> None:
    with a_workshop(tmp_path, clock) as workshop:
        node = Node(workshop)
        events = client.events()
        try:
            lost = await anext(events)  # nobody is there yet
            assert isinstance(lost, AgentLost)
            for _ in range(2):
                async with listening(make_application(node), address):
                    assert isinstance(await anext(events), Event)
                    assert isinstance(await client.hello(), object)
                assert isinstance(await anext(events), AgentLost)
            with pytest.raises(AgentNotRunning):
                await client.hello()
        finally:
            await events.aclose()
    assert not lies_there(address)


async def test_quit_is_answered_before_the_end(node: Node, client: ControlClient) -> None:
    await client.quit()
    assert node.quitting.is_set()


async def test_a_dead_agents_socket_is_replaced(tmp_path: Path, clock: SettableClock, client: ControlClient) -> None:
    with a_workshop(tmp_path, clock) as workshop:
        address = workshop.folder.control_address
        server = await asyncio.start_unix_server(lambda reader, writer: None, address)
        server.close()
        await server.wait_closed()
        assert lies_there(address), "what kill -9 leaves behind"
        with pytest.raises(AgentNotRunning):
            await client.hello()
        async with listening(make_application(Node(workshop)), address):
            await client.hello()


def test_the_sockets_folder_must_be_ours(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (tmp_path / "link").symlink_to(theirs)
    with pytest.raises(UserFacingError, match="no safe place"):
        make_private(tmp_path / "link")
    theirs.chmod(0o777)
    make_private(theirs)
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(UserFacingError, match="belongs to another user"):
        make_private(tmp_path)


def test_on_windows_it_is_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as Linux can show: the right kind of site is made, with the pipe's name."""
    made: list[tuple[object, str]] = []
    monkeypatch.setattr("mulberry.agent.listening.os.name", "nt")
    monkeypatch.setattr("aiohttp.web.NamedPipeSite", lambda runner, name: made.append((runner, name)))
    runner = object()
    _site(runner, r"\\.\pipe\mulberry-0")  # type: ignore[arg-type]
    monkeypatch.undo()
    assert made == [(runner, r"\\.\pipe\mulberry-0")]


async def test_before_anything_is_read_the_wallet_says_so_and_never_zero(node: Node, client: ControlClient) -> None:
    wallet = await client.wallet()
    assert (wallet.owner_balance, wallet.node_wallet_balance, wallet.head_seqno) == (None, None, None)
    assert (wallet.servers, wallet.note, wallet.minimum) == ((), "", 10**9)
    assert await client.history() == ()
    assert (await client.reconciliation()).differences == ()


async def test_an_owner_without_an_address_still_sees_a_wallet(tmp_path: Path, clock: SettableClock) -> None:
    with a_workshop(tmp_path, clock, profile=DEMO.model_copy(update={"owner_address": ""})) as workshop:
        assert Node(workshop).wallet().owner == ""


async def test_play_money_needs_a_demo_network_that_runs(node: Node, client: ControlClient) -> None:
    with pytest.raises(UserFacingError, match="There is no play money this time") as refused:
        await client.get_play_money()
    assert refused.value.next_step == "Press Start, then ask again."


async def test_where_money_is_real_there_is_no_play_money(tmp_path: Path, clock: SettableClock) -> None:
    with a_workshop(tmp_path, clock, profile=DEMO.model_copy(update={"kind": "test"})) as workshop:
        node = Node(workshop)
        with pytest.raises(UserFacingError, match="no play money on this network") as refused:
            await node.get_play_money()
    assert "where to send TON" in refused.value.next_step


async def test_a_payout_that_cannot_be_is_refused_in_words(node: Node, client: ControlClient) -> None:
    with pytest.raises(UserFacingError, match="Nothing was paid out"):
        await client.payout()


async def test_a_proxy_that_waits_for_nothing_is_not_dialled_and_that_is_said(
    node: Node, client: ControlClient
) -> None:
    with pytest.raises(UserFacingError, match="The proxy was not dialled"):
        await client.dial("demo proxy 1")


async def test_the_history_comes_page_by_page_newest_first(node: Node, client: ControlClient) -> None:
    kept = [
        ChainTransaction(
            role=AccountRole.NODE_WALLET,
            account="0:" + "ab" * 32,
            lt=lt,
            hash=f"{lt:064x}",
            at=NOON,
            kind=TransactionKind.SPAM,
            amount=Nanoton(1),
            fee=Nanoton(0),
            counterparty="",
            comment="<b>free</b> https://evil.example",
            success=True,
        )
        for lt in (3, 2, 1)
    ]
    gap = Gap(kept[0].account, 3, bytes(32), 0)
    node.ledger.chain.open_gap(gap)
    node.ledger.chain.fill(gap, [(item, None) for item in kept], None)
    assert await client.history(0, 2) == tuple(kept[:2])
    assert await client.history(2, 500) == tuple(kept[2:])


@pytest.mark.parametrize(
    "query", ["", "before=0&limit=0", "before=0&limit=501", "before=-1&limit=1", "before=x&limit=1"]
)
async def test_a_history_that_makes_no_sense_is_refused(node: Node, address: str, query: str) -> None:
    assert (await request(address, "GET", f"/v1/history?{query}"))[0] == 400


async def test_the_wallet_comes_with_the_first_event_and_then_when_it_changed(
    node: Node, client: ControlClient
) -> None:
    events = client.events()
    first = await anext(events)
    assert isinstance(first, Event) and first.wallet is not None
    node.watches.tell()
    second = await anext(events)
    assert isinstance(second, Event) and second.wallet is None
    await events.aclose()
