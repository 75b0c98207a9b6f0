"""`curl` and the `openai` client must get from this door what they get from any other OpenAI-compatible one."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from nacl.signing import SigningKey

from demo_worker import Worker, connected_worker, worker_by_hand
from mulberry.cocoon.messages import (
    HttpHeader,
    HttpResponse,
    QueryAnswerEx,
    QueryAnswerPartEx,
    QueryFinalInfo,
    TokensUsed,
)
from mulberry.cocoon.tl import encode
from mulberry.demo.accounts import Accounts
from mulberry.demo.exchanges import Exchanges
from mulberry.demo.faucet import Faucet
from mulberry.demo.front import BODY_LIMIT_BYTES, Front
from mulberry.demo.network import serving
from mulberry.demo.proxy import DemoProxy
from mulberry.demo.traffic import TrafficFile
from mulberry.model.clock import SystemClock
from mulberry.model.money import Nanoton
from mulberry.model.network import NetworkProfile, Traffic, load_profile
from mulberry.ton.address import Address

CHAT = "/v1/chat/completions"


@dataclass
class Network:
    profile: NetworkProfile
    proxy: DemoProxy
    port: int
    exchanges: Exchanges
    traffic: TrafficFile
    folder: Path
    http: aiohttp.ClientSession
    given: list[tuple[Address, Nanoton]]  # by the faucet

    def question(self, text: str = "hello there", **options: Any) -> dict[str, Any]:
        return {"model": self.profile.model_base_name, "messages": [{"role": "user", "content": text}], **options}


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    profile = load_profile("demo")
    exchanges, given = Exchanges(), list[tuple[Address, Nanoton]]()
    traffic = TrafficFile(tmp_path / "traffic.json", profile.traffic, SystemClock())
    with Accounts(tmp_path / "accounts.sqlite3") as accounts:
        proxy = DemoProxy(profile, profile.root_parameters(), SigningKey(bytes(range(32))), accounts, Random(5))
        port = await proxy.listen("127.0.0.1", 0)
        faucet = Faucet(lambda address, nanoton: given.append((address, nanoton)))
        front = Front(proxy, profile.model_base_name, traffic, exchanges, faucet)
        async with serving(front.application()) as url, aiohttp.ClientSession(url) as http:
            yield Network(profile, proxy, port, exchanges, traffic, tmp_path, http, given)
        await proxy.close()


@pytest.fixture
async def worker(network: Network) -> AsyncIterator[Worker]:
    async with connected_worker(network.profile, network.port) as worker:
        yield worker


async def error_of(response: aiohttp.ClientResponse) -> tuple[int, str, str]:
    error = (await response.json())["error"]
    return response.status, error["code"], error["message"]


async def test_the_model_is_listed(network: Network) -> None:
    async with network.http.get("/v1/models") as response:
        assert [model["id"] for model in (await response.json())["data"]] == ["mulberry/tiny-lm"]


async def test_a_chat_in_one_piece(network: Network, worker: Worker) -> None:
    async with network.http.post(CHAT, json=network.question("What is 7 + 5?")) as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert "X-Cocoon-Worker-Start" in response.headers
        answer = await response.json()
    assert answer["choices"][0]["message"]["content"] == "What is 7 + 5?"
    assert answer["usage"]["total_cost"] == 8 * network.profile.root_parameters().price_per_token


async def test_a_completion(network: Network, worker: Worker) -> None:
    body = {"model": network.profile.model_base_name, "prompt": "once upon"}
    async with network.http.post("/v1/completions", json=body) as response:
        assert (await response.json())["choices"][0]["text"] == "once upon"


async def test_a_stream_arrives_word_by_word(network: Network, worker: Worker) -> None:
    worker.engine.gate.clear()
    async with network.http.post(CHAT, json=network.question("one two", stream=True)) as response:
        assert response.content_type == "text/event-stream"
        first = await response.content.readuntil(b"\n\n")  # while the engine still waits
        assert json.loads(first.removeprefix(b"data: "))["choices"][0]["delta"]["content"] == "one "
        worker.engine.gate.set()
        rest = await response.content.read()
    assert b"two " in rest
    assert rest.endswith(b"data: [DONE]\n\n")


async def test_the_old_command_line_client_without_a_content_type_is_served(network: Network, worker: Worker) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}  # what `curl -d` says
    data = json.dumps(network.question())
    async with network.http.post(CHAT, data=data, headers=headers) as response:
        assert response.status == 200


async def test_the_customers_key_does_not_reach_the_worker(network: Network, worker: Worker) -> None:
    """The openai client always sends one; the proxy passes on the body and nothing else of the request."""
    headers = {"Authorization": "Bearer sk-secret"}
    async with network.http.post(CHAT, json=network.question(), headers=headers) as response:
        assert b"secret" not in await response.read()


async def test_without_a_worker_customers_are_told_to_come_back(network: Network) -> None:
    async with network.http.post(CHAT, json=network.question()) as response:
        assert await error_of(response) == (503, "no_worker", "No worker is connected right now.")
        assert int(response.headers["Retry-After"]) > 0


async def test_more_requests_than_slots_wait_their_turn(network: Network) -> None:
    async with connected_worker(network.profile, network.port, slots=2) as worker:
        worker.engine.gate.clear()

        async def ask(number: int) -> str:
            async with network.http.post(CHAT, json=network.question(f"number {number}")) as response:
                answer = await response.json()
            text: str = answer["choices"][0]["message"]["content"]
            return text

        asking = [asyncio.create_task(ask(number)) for number in range(7)]
        await worker.until_running(2)
        worker.engine.gate.set()
        assert await asyncio.gather(*asking) == [f"number {number}" for number in range(7)]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_request"),
        (b"{", 400, "invalid_request"),
        (b"[]", 400, "invalid_request"),
        (b'{"model": NaN}', 400, "invalid_request"),
        (b'{"model": 1}', 400, "invalid_request"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, 400, "invalid_request"),
        (b"\xff\xfe", 400, "invalid_request"),
        (b"{}", 400, "invalid_request"),
        (b'{"model": "gpt-4"}', 404, "model_not_found"),
        (b'{"model": "mulberry/tiny-lm"}', 400, "invalid_request"),  # the worker misses the messages
        (b'{"model": "mulberry/tiny-lm", "messages": [], "tools": []}', 400, "invalid_request"),
    ],
)
async def test_wrong_requests_are_told_what_is_wrong(
    network: Network, worker: Worker, body: bytes, status: int, code: str
) -> None:
    async with network.http.post(CHAT, data=body) as response:
        told = await error_of(response)
    assert told[:2] == (status, code)
    assert told[2]


async def test_the_workers_own_words_reach_the_customer(network: Network, worker: Worker) -> None:
    async with network.http.post(CHAT, json=network.question(tools=[])) as response:
        assert "unknown option 'tools' in request" in (await error_of(response))[2]


async def test_too_large_a_body_is_refused(network: Network) -> None:
    async with network.http.post(CHAT, data=BytesIO(b" " * (BODY_LIMIT_BYTES + 1))) as response:
        assert (await error_of(response))[:2] == (413, "request_entity_too_large")


async def test_what_does_not_exist_is_refused_in_json(network: Network) -> None:
    async with network.http.get("/v1/embeddings") as response:
        assert (await error_of(response))[:2] == (404, "not_found")
    async with network.http.get(CHAT) as response:
        assert (await error_of(response))[:2] == (405, "method_not_allowed")
        assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:80", "", "[::1", "localhost.evil.example:1"]
)
async def test_a_rebound_name_is_refused(network: Network, host: str) -> None:
    async with network.http.get("/v1/models", headers={"Host": host}) as response:
        assert response.status in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "127.0.0.1", "[::1]:80", "LOCALHOST"])
async def test_every_name_of_this_computer_is_taken(network: Network, host: str) -> None:
    async with network.http.get("/v1/models", headers={"Host": host}) as response:
        assert response.status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
async def test_a_foreign_page_is_refused(network: Network, worker: Worker, origin: str) -> None:
    async with network.http.post(CHAT, json=network.question(), headers={"Origin": origin}) as response:
        assert (await error_of(response))[:2] == (403, "foreign_origin")
    assert not worker.book.served


async def test_a_worker_that_leaves_in_the_middle_ends_the_answer(network: Network) -> None:
    async with connected_worker(network.profile, network.port) as worker:
        worker.engine.gate.clear()
        in_one_piece = asyncio.create_task(network.http.post(CHAT, json=network.question()).__aenter__())
        async with network.http.post(CHAT, json=network.question("a b", stream=True)) as stream:
            await stream.content.readuntil(b"\n\n")
            await worker.until_running(2)
            worker.session.close("gone")
            event = json.loads((await stream.content.read()).removeprefix(b"data: "))
            assert event["error"]["code"] in ("worker_gone", "worker_stopped")
        async with await in_one_piece as response:
            assert (await error_of(response))[0] in (502, 503)


async def test_a_customer_that_leaves_costs_nothing_but_the_work(network: Network, worker: Worker) -> None:
    worker.engine.gate.clear()
    async with network.http.post(CHAT, json=network.question("a b", stream=True)) as response:
        await response.content.readuntil(b"\n\n")
        response.close()
    worker.engine.gate.set()
    await worker.book.until_confirmed(1)  # the protocol cannot cancel: it was run to its end, and is paid
    async with network.http.post(CHAT, json=network.question()) as response:
        assert response.status == 200


async def test_traffic_is_read_changed_and_kept(network: Network) -> None:
    plan = {"requests_per_minute": 7.5, "jobs": 3, "seed": None}
    async with network.http.post("/demo/traffic", json=plan) as response:
        assert await response.json() == plan
    async with network.http.get("/demo/traffic") as response:
        assert await response.json() == plan
    again = TrafficFile(network.folder / "traffic.json", Traffic(), SystemClock())
    assert again.plan == Traffic(requests_per_minute=7.5, jobs=3)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"requests_per_minute": -1}', b'{"requests_per_minute": 1e9}', b'{"jobs": 1.5}', b'{"x": 1}']
)
async def test_impossible_traffic_is_refused_and_changes_nothing(network: Network, body: bytes) -> None:
    before = network.traffic.plan
    async with network.http.post("/demo/traffic", data=body) as response:
        assert (await error_of(response))[0] == 400
    assert network.traffic.plan == before


async def test_exchanges_are_listed_from_a_number_on(network: Network) -> None:
    for answer in ("4", "5"):
        network.exchanges.add(question="2 + 2", answer=answer, expected="4", latency_ms=1.23456)
    async with network.http.get("/demo/exchanges?after=1") as response:
        assert await response.json() == [
            {
                "number": 2,
                "question": "2 + 2",
                "answer": "5",
                "expected": "4",
                "right": False,
                "latency_ms": 1.235,
                "error": "",
            }
        ]
    async with network.http.get("/demo/exchanges?after=x") as response:
        assert (await error_of(response))[0] == 400


async def test_foreign_customers_prompts_are_not_kept(network: Network, worker: Worker) -> None:
    async with network.http.post(CHAT, json=network.question("my secret")) as response:
        assert response.status == 200
    async with network.http.get("/demo/exchanges") as response:
        assert await response.json() == []


async def say(network: Network, *answers: tuple[HttpResponse, bytes | None]) -> asyncio.Task[aiohttp.ClientResponse]:
    """Asks one question that a worker answers word for word; None instead of a second part closes its connection."""
    channel, worker = await worker_by_hand(network.port)
    asking = asyncio.create_task(network.http.post(CHAT, json=network.question()).__aenter__())
    query = await worker.asked()
    for head, part in answers:
        channel.send(QueryAnswerEx(query.request_id, encode(head)))
        if part is not None:
            channel.send(QueryAnswerPartEx(query.request_id, part, QueryFinalInfo(TokensUsed(0, 0, 0, 0, 0))))
    if answers[-1][1] is None:
        await asyncio.wait({asking})
        channel.close("gone")
    return asking


def head_with(**headers: str) -> HttpResponse:
    named = tuple(HttpHeader(name.replace("_", "-"), value) for name, value in headers.items())
    return HttpResponse("HTTP/1.1", 200, "OK", named, b"")


async def test_headers_of_one_connection_are_not_passed_on(network: Network) -> None:
    head = head_with(Connection="Close", Keep_Alive="1", Content_Length="999", X_Mine="yes", Content_Type="text/plain")
    async with await (await say(network, (head, b"four"))) as response:
        assert response.headers["X-Mine"] == "yes"
        assert response.headers["Content-Length"] == "4"  # the worker's own number was wrong
        assert "Keep-Alive" not in response.headers
        assert await response.text() == "four"


@pytest.mark.parametrize(
    "head",
    [
        head_with(X_Evil="a\r\nSet-Cookie: b"),
        head_with(X_Evil="a\0"),
        head_with(X_Evil="\u2028"),
        HttpResponse("HTTP/1.1", 200, "OK", (HttpHeader("X Evil:", "a"),), b""),
        HttpResponse("HTTP/1.1", 200, "OK", (HttpHeader("", "a"),), b""),
    ],
)
async def test_a_workers_header_that_is_not_http_stays_outside(network: Network, head: HttpResponse) -> None:
    async with await (await say(network, (head, b"x"))) as response:
        assert (await error_of(response))[:2] == (502, "worker_error")
        assert not any("Evil" in name or "Cookie" in name for name in response.headers)


async def test_a_cut_answer_that_is_no_event_stream_is_not_taken_for_whole(network: Network) -> None:
    head = head_with(Content_Type="application/x-ndjson", Transfer_Encoding="chunked")
    async with await (await say(network, (head, None))) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_play_money_is_given_once_a_minute_and_address(network: Network) -> None:
    mine, yours = Address(b"\x01" * 32), Address(b"\x02" * 32)
    for text in (mine.raw, yours.friendly(bounceable=True)):
        async with network.http.post("/demo/faucet", json={"address": text}) as response:
            assert (response.status, await response.json()) == (200, {"nanoton": 5 * 10**9})
    async with network.http.post("/demo/faucet", json={"address": mine.friendly()}) as response:
        assert (await error_of(response))[:2] == (429, "too_soon")
        assert 0 < int(response.headers["Retry-After"]) <= 60
    assert network.given == [(mine, 5 * 10**9), (yours, 5 * 10**9)]


@pytest.mark.parametrize(
    "untrusted_body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"address": 7}',
        b'{"address": "' + b"9" * 100_000 + b'"}',
        b'{"address": "-1:' + b"0" * 64 + b'"}',
    ],
)
async def test_nothing_is_given_to_what_is_no_address(network: Network, untrusted_body: bytes) -> None:
    async with network.http.post("/demo/faucet", data=untrusted_body) as response:
        assert (await error_of(response))[:2] == (400, "invalid_request")
    assert network.given == []
