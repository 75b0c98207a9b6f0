"""Operators' tools read this page, and any web page in the owner's browser may try to: true numbers, and no way in."""

import json
import math
import re
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from agent_workshop import DEMO, a_workshop
from conftest import SettableClock
from ledger_entries import ACCOUNT, PROXY, finished, payment
from mulberry.agent.history_rows import CashOut, SeenContract
from mulberry.agent.node import Node
from mulberry.agent.settings import load_settings
from mulberry.agent.stats_page import stats_page
from mulberry.agent.stats_words import OperatorFacts, json_stats, metrics, page
from mulberry.agent.traffic import NAMES, PERIODS_SECONDS, Traffic
from mulberry.cocoon.seams import Served
from mulberry.cocoon.usage import Adjusted, Counted
from mulberry.model.engine import EngineStats
from mulberry.model.jobs import JobOutcome
from mulberry.model.language import tr
from mulberry.model.money import Nanoton
from mulberry.model.node import NodeState, ReasonKind, Want
from mulberry.model.payments import Counters
from mulberry.ton.address import parse_address
from samples import NOON, a_status, a_wallet, on_a_gpu


def served(outcome: JobOutcome = JobOutcome.DONE, *, seconds: float = 2.0) -> Served:
    return Served(
        request_id=bytes(32),
        outcome=outcome,
        error="",
        received_at=NOON,
        first_answer_at=None,
        finished_at=NOON + timedelta(seconds=seconds),
        counted=Counted(34, 11, 100, 10),
        adjusted=Adjusted(23, 11, 90, 10),
        request_bytes=110,
        answer_bytes=468,
    )


def facts(**changes: object) -> OperatorFacts:
    """Two requests, one payment cashed and a larger one on its way."""
    traffic = Traffic(lambda: 0.0)
    traffic.count(served())
    traffic.count(served(JobOutcome.FAILED, seconds=1))
    account = replace(ACCOUNT, counters=Counters(100, 120, 134))
    told = OperatorFacts(
        status=on_a_gpu(a_status()),
        wallet=a_wallet(),
        profile=DEMO,
        coefficient=1500,
        parameters=DEMO.root_parameters(),
        accounts=(account,),
        contracts=(SeenContract(account.worker_contract, PROXY, "", Nanoton(20), 60, True, NOON),),
        sent=frozenset({CashOut(account.worker_contract, 100)}),
        traffic=traffic.stats(),
    )
    return replace(told, **changes)  # type: ignore[arg-type]


# What is said


@pytest.mark.usefixtures("in_brackets")
def test_tools_read_english_and_people_their_own_language() -> None:
    engine = EngineStats(tr("the CPU"), 16, 0, 0, 0.0, 0, 1.0, None)
    told = facts(status=replace(a_status(), engines=(engine,)))
    assert 'name="the CPU"' in metrics(told)
    assert "⟦" not in metrics(told) + json.dumps(json_stats(told), ensure_ascii=False)
    assert 'lang="de"' in page(told)
    assert "⟦running requests⟧" in page(told)


def test_the_json_has_exactly_the_reference_workers_keys() -> None:
    told = json.loads(json.dumps(json_stats(facts())))
    assert told.keys() == {"status", "stats", "wallet", "localconfig", "root_contract_config", "proxies"}
    assert told["status"].keys() == {
        "wallet_balance", "actual_image_hash", "actual_model", "ton_last_synced_at", "enabled", "git_commit",
        "git_commit_data",
    }  # fmt: skip
    assert list(told["stats"]) == list(NAMES)
    assert told["localconfig"].keys() == {"root_address", "owner_address", "model", "coefficient", "check_proxy_hash"}
    assert told["proxies"][0].keys() == {
        "sc_inited", "proxy_sc_address", "proxy_public_key", "sc_address", "earned_tokens_committed_to_blockchain",
        "earned_tokens_committed_to_proxy_db", "earned_tokens_max_known", "cached_out_tokens",
        "expected_cached_out_tokens", "running_request", "params_version",
    }  # fmt: skip


def test_the_json_is_true() -> None:
    told = json_stats(facts())
    assert (told["status"]["enabled"], told["status"]["wallet_balance"]) == (True, 4_612_345_678)
    assert told["status"]["ton_last_synced_at"] == int((NOON - timedelta(seconds=3)).timestamp())
    assert json_stats(facts(status=a_status(NodeState.STOPPED)))["status"]["enabled"] is False
    assert told["stats"]["queries"] == [2] * 7
    assert (told["stats"]["success"][0], told["stats"]["failed"][0]) == (1, 1), "the reference counts a failure twice"
    assert told["stats"]["bytes_received"][0] == 220 and told["stats"]["bytes_sent"][0] == 936
    assert told["stats"]["time"][0] == 3
    assert told["stats"]["total_adjusted_tokens_used"][0] == 2 * 134
    assert told["stats"]["cached_adjusted_tokens_used"][0] == 22
    assert told["localconfig"]["coefficient"] == 1500
    assert told["root_contract_config"]["worker_fee_per_token"] == 20_000
    (proxy,) = told["proxies"]
    stages = "committed_to_blockchain", "committed_to_proxy_db", "max_known"
    assert [proxy[f"earned_tokens_{stage}"] for stage in stages] == [100, 120, 134]
    assert (proxy["cached_out_tokens"], proxy["expected_cached_out_tokens"], proxy["running_request"]) == (
        60,
        100,
        True,
    )
    assert proxy["sc_inited"] is True and proxy["proxy_public_key"] == PROXY.upper()
    assert parse_address(proxy["sc_address"]).raw == ACCOUNT.worker_contract


def test_what_is_not_known_is_null_not_zero() -> None:
    told = json_stats(facts(parameters=None, wallet=replace(a_wallet(), node_wallet_balance=None, head_at=None)))
    assert (
        told["status"]["wallet_balance"] is told["status"]["ton_last_synced_at"] is told["root_contract_config"] is None
    )


def test_recent_sums_forget_as_the_reference_workers_do() -> None:
    now = 0.0
    traffic = Traffic(lambda: now)
    traffic.count(served())
    now = 60.0
    traffic.count(served())
    total, *recent = traffic.stats()["queries"]
    assert total == 2
    assert recent == [pytest.approx(1 + math.exp(-60 / period)) for period in PERIODS_SECONDS]


SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.e+-]+)')


def parsed(text: str) -> dict[tuple[str, str], float]:
    """Prometheus' text format 0.0.4, as strictly as its page says it."""
    assert text.endswith("\n")
    kinds: dict[str, str] = {}
    found: dict[tuple[str, str], float] = {}
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds, "a family is told once, in one piece"
            assert kind in ("counter", "gauge") and (kind == "counter") == name.endswith("_total")
            kinds[name] = kind
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        name, labels, value = sample[1], sample[2] or "", float(sample[3])
        assert name == list(kinds)[-1], "samples stand under their family"
        assert (name, labels) not in found
        found[name, labels] = value
    return found


def test_the_metrics_are_prometheus_text() -> None:
    found = parsed(metrics(facts()))
    assert found["mulberry_state", 'state="earning"'] == 1
    assert sum(value for (name, _), value in found.items() if name == "mulberry_state") == 1
    assert found["mulberry_earned_nanoton_total", ""] == 32_160
    assert found["mulberry_queries_total", ""] == 2
    assert any(name == "mulberry_gpu_power_watts" and value == 212 for (name, _), value in found.items())


def test_each_job_process_is_told_and_what_is_not_known_of_it_is_left_out() -> None:
    told = EngineStats("NVIDIA H200", 16, 3, 1, 812.5, 2, 61.0, 2**30, "GPU-1")
    loading = EngineStats("NVIDIA H200", 16, gpu="GPU-2")
    status = replace(a_status(), engines=(told, loading))
    found = parsed(metrics(facts(status=status)))
    first, second = (f'engine="{number}",name="NVIDIA H200",gpu="GPU-{number}"' for number in (1, 2))
    of_first = {name: value for (name, labels), value in found.items() if labels == first}
    assert of_first == {
        "mulberry_engine_places": 16,
        "mulberry_engine_running": 3,
        "mulberry_engine_waiting": 1,
        "mulberry_engine_tokens_per_second": 812.5,
        "mulberry_engine_restarts_total": 2,
        "mulberry_engine_ready_seconds": 61,
        "mulberry_engine_memory_bytes": 2**30,
    }
    assert ("mulberry_engine_ready_seconds", second) not in found
    shown = page(facts(status=status))
    assert "<td>812.5</td><td>2</td><td>61 s</td><td>1,024 MiB</td>" in shown
    assert "<td>not ready</td><td>not known</td>" in shown
    assert "What runs the model" not in page(facts())


HOSTILE = '<script>alert("1")</script>\\\n"; DROP'


def test_a_strangers_text_is_only_text() -> None:
    status = a_status()
    engine = EngineStats(HOSTILE, 16)
    hostile = replace(status, proxies=(replace(status.proxies[0], name=HOSTILE, note=HOSTILE),), engines=(engine,))
    assert "<script" not in page(facts(status=hostile))
    assert "&lt;script&gt;" in page(facts(status=hostile))
    found = parsed(metrics(facts(status=hostile)))
    assert any("DROP" in labels for _, labels in found)


# Who may ask


def free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Page:
    """A node's page, as a tool asks for it."""

    def __init__(self, node: Node, port: int, token: Path) -> None:
        self.node = node
        self.port = port
        self.token_file = token
        self.token = token.read_text().strip()

    async def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"http://127.0.0.1:{self.port}{path}", headers=headers) as answer,
        ):
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            return answer.status, await answer.text()


@pytest_asyncio.fixture
async def served_page(tmp_path: Path, clock: SettableClock) -> AsyncIterator[Page]:
    with a_workshop(tmp_path, clock) as workshop:
        node = Node(workshop)
        node.ledger.open_account(ACCOUNT)
        node.ledger.book_job(finished())
        node.ledger.add_payment(payment(134))
        port, token = free_port(), workshop.folder.stats_token
        async with stats_page(node, port, token, pytest.fail):
            yield Page(node, port, token)
    assert not token.exists()


async def test_the_three_pages_are_for_everybody_on_this_computer(served_page: Page) -> None:
    assert "Demo network" in (await served_page.ask("/stats"))[1]
    assert json.loads((await served_page.ask("/jsonstats"))[1])["status"]["enabled"] is False
    found = parsed((await served_page.ask("/metrics"))[1])
    assert found["mulberry_jobs_total", ""] == 1
    key = f'key="{PROXY}"'
    assert [
        value
        for (name, labels), value in found.items()
        if name == "mulberry_proxy_payable_nanoton_total" and key in labels
    ] == [2680]


@pytest.mark.parametrize("path", ["/stats", "/jsonstats", "/metrics", "/request/enable?token={token}"])
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:12000", "", "[::1", "10.0.0.1"]
)
async def test_another_name_that_leads_here_is_refused(served_page: Page, path: str, host: str) -> None:
    status, said = await served_page.ask(path.format(token=served_page.token), Host=host)
    assert status in (400, 403)
    assert "jobs" not in said and served_page.node.status().intent.want is Want.STOP


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:9", "LOCALHOST:80"])
async def test_this_computers_own_names_are_fine(served_page: Page, host: str) -> None:
    assert (await served_page.ask("/stats", Host=host))[0] == 200


ACTIONS = ["payout", "enable", "disable", "change_coefficient?coefficient=2000"]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_nothing_changes_without_the_token(served_page: Page, action: str, method: str) -> None:
    before = served_page.node.status().intent
    joint = "&" if "?" in action else "?"
    for wrong in ("", f"{joint}token=", f"{joint}token=wrong", f"{joint}token=%FF%00"):
        assert (await served_page.ask(f"/request/{action}{wrong}", method))[0] in (400, 401)
    for header in ("Bearer", "Bearer x", f"Basic {served_page.token}"):
        assert (await served_page.ask(f"/request/{action}", method, Authorization=header))[0] == 401
    assert served_page.node.status().intent == before
    assert served_page.node.operator_facts().coefficient == 1000


async def test_the_token_is_for_its_owner_alone_and_another_one_after_each_start(
    served_page: Page, tmp_path: Path
) -> None:
    assert stat.S_IMODE(served_page.token_file.stat().st_mode) == 0o600
    assert len(served_page.token) >= 40
    other = tmp_path / "other.token"
    async with stats_page(served_page.node, free_port(), other, pytest.fail):
        assert other.read_text().strip() != served_page.token


async def test_control_actions_act(served_page: Page, clock: SettableClock) -> None:
    node, bearer = served_page.node, f"Bearer {served_page.token}"
    assert await_ok(await served_page.ask("/request/enable", "POST", Authorization=bearer))
    assert node.status().intent.want is Want.START
    assert await_ok(await served_page.ask(f"/request/disable?token={served_page.token}"))
    assert node.status().intent.want is Want.FINISH
    assert await_ok(await served_page.ask("/request/change_coefficient?coefficient=2500", Authorization=bearer))
    assert json.loads((await served_page.ask("/jsonstats"))[1])["localconfig"]["coefficient"] == 2500
    folder = node._workshop.folder
    assert load_settings(folder.settings, clock).coefficient == 2500, "a restart keeps it"


def await_ok(answer: tuple[int, str]) -> bool:
    return answer[0] == 200


@pytest.mark.parametrize("wrong", ["", "-1", "1e3", "1000000000", "٣", "99999999999999"])
async def test_a_coefficient_that_is_none_is_refused(served_page: Page, wrong: str) -> None:
    path = f"/request/change_coefficient?coefficient={wrong}&token={served_page.token}"
    assert (await served_page.ask(path))[0] == 400
    assert served_page.node.operator_facts().coefficient == 1000


async def test_a_payout_is_asked_for_by_key_or_by_contract_and_refused_in_words(served_page: Page) -> None:
    proxies = (PROXY, PROXY.upper(), ACCOUNT.proxy_contract, parse_address(ACCOUNT.worker_contract).friendly())
    for name in (f"proxy={proxy}&" for proxy in proxies):
        status, said = await served_page.ask(f"/request/payout?{name}token={served_page.token}")
        assert status == 409 and "not connected to TON" in said
    status, said = await served_page.ask(f"/request/payout?proxy=nobody&token={served_page.token}")
    assert (status, "proxy not found" in said) == (400, True)


async def test_a_taken_port_is_said_and_stops_no_work(tmp_path: Path, clock: SettableClock) -> None:
    with a_workshop(tmp_path, clock) as workshop, closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        node = Node(workshop)
        async with stats_page(node, taken.getsockname()[1], workshop.folder.stats_token, node.stats_page_failed):
            (reason,) = [reason for reason in node.status().reasons if reason.kind is ReasonKind.STATS_PAGE_UNAVAILABLE]
            assert "in use" in reason.evidence and not reason.stops_work


async def test_without_a_port_nothing_listens_and_there_is_no_token(tmp_path: Path, clock: SettableClock) -> None:
    with a_workshop(tmp_path, clock) as workshop:
        async with stats_page(Node(workshop), None, workshop.folder.stats_token, pytest.fail):
            assert not workshop.folder.stats_token.exists()
