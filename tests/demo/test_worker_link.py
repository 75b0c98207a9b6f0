"""A worker that breaks the protocol must lose its own connection, with a reason, and nobody else's."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from nacl.signing import SigningKey

from demo_worker import PARAMS, ByHand, connected_worker, worker_by_hand
from mulberry.cocoon.channel import Channel, QueryRefused
from mulberry.cocoon.messages import (
    CompareBalanceWithProxy,
    CompareBalanceWithProxyResult,
    ConnectedToProxy,
    ConnectToProxy,
    EnabledDisabled,
    ExtendedCompareBalanceWithProxy,
    ExtendedCompareBalanceWithProxyResult,
    HttpHeader,
    HttpResponse,
    NewCoefficient,
    ProxyHandshakeComplete,
    QueryAnswerErrorEx,
    QueryAnswerEx,
    QueryAnswerPartEx,
    QueryFinalInfo,
    TcpPong,
    TokensUsed,
    UpdatePaymentStatus,
    WorkerParams,
    WorkerRequestPayment,
)
from mulberry.cocoon.tl import Message, encode
from mulberry.demo.accounts import Accounts
from mulberry.demo.proxy import DemoProxy
from mulberry.demo.reply import Reply, RequestFailed
from mulberry.model.network import load_profile
from mulberry.model.root_contract import ProxyAddress

pytestmark = pytest.mark.virtual_time

PROFILE = load_profile("demo")
BODY = b"{}"
CHAT = "/v1/chat/completions"
DONE = QueryFinalInfo(TokensUsed(1, 2, 3, 4, 10))
HEAD = HttpResponse("HTTP/1.1", 200, "OK", (HttpHeader("Content-Length", "2"),), b"")


@dataclass
class Scene:
    proxy: DemoProxy
    port: int

    async def dial(self) -> tuple[Channel, ByHand]:
        worker = ByHand()
        return await Channel.dial(ProxyAddress("127.0.0.1", self.port), worker, random=Random(1)), worker

    async def ready(self, params: WorkerParams = PARAMS) -> tuple[Channel, ByHand]:
        """A worker that has shaken hands."""
        return await worker_by_hand(self.port, params)


@pytest.fixture
async def scene(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Scene]:
    caplog.set_level("INFO", "mulberry.cocoon.channel")
    with Accounts(tmp_path / "accounts.sqlite3") as accounts:
        proxy = DemoProxy(PROFILE, PROFILE.root_parameters(), SigningKey(bytes(range(32))), accounts, Random(5))
        port = await proxy.listen("127.0.0.1", 0)
        yield Scene(proxy, port)
        await proxy.close()


async def read(reply: Reply) -> bytes:
    await reply.head()
    body = b""
    while (data := await reply.more()) is not None:
        body += data
    return body


HOSTILE: dict[str, tuple[list[Any], str]] = {
    # what the worker sends, with the running request's id put in for None; and the reason
    "an unknown id": ([QueryAnswerPartEx(bytes(32), b"x")], "does not run"),
    "a body before its head": ([QueryAnswerPartEx(None, b"x")], "before its head"),  # type: ignore[arg-type]
    "two heads": ([QueryAnswerEx(None, encode(HEAD))] * 2, "second head"),  # type: ignore[arg-type]
    "a head that is none": ([QueryAnswerEx(None, encode(TcpPong(1)))], "http.response"),  # type: ignore[arg-type]
    "a head that is noise": ([QueryAnswerEx(None, b"noise")], "head of an answer"),  # type: ignore[arg-type]
    "status 99": ([QueryAnswerEx(None, encode(replace(HEAD, status_code=99)))], "status 99"),  # type: ignore[arg-type]
    "status 204": ([QueryAnswerEx(None, encode(replace(HEAD, status_code=204)))], "status 204"),  # type: ignore[arg-type]
    "a wrong sum": (
        [QueryAnswerEx(None, encode(HEAD), QueryFinalInfo(TokensUsed(1, 2, 3, 4, 11)))],  # type: ignore[arg-type]
        "add up",
    ),
    "negative tokens": (
        [QueryAnswerEx(None, encode(HEAD), QueryFinalInfo(TokensUsed(-5, 0, 5, 0, 0)))],  # type: ignore[arg-type]
        "add up",
    ),
    "an error without its end": ([QueryAnswerErrorEx(None, 602, "no")], "final info"),  # type: ignore[arg-type]
    "an impossible coefficient": ([NewCoefficient(-1)], "coefficient"),
    "a proxy's message": ([WorkerRequestPayment(bytes(32), None, 0, 0, 0, "")], "out of place"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("said", "why"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_each_breach_closes_that_connection_only(
    scene: Scene, said: list[Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    channel, worker = await scene.ready()
    reply = scene.proxy.ask(CHAT, BODY)
    query = await worker.asked()
    async with connected_worker(PROFILE, scene.port) as other:
        for message in said:
            if getattr(message, "request_id", b"") is None:
                message = replace(message, request_id=query.request_id)
            if isinstance(message, WorkerRequestPayment):
                message = replace(message, signed_payment=query.signed_payment)
            channel.send(message)
        await channel.wait_closed()
        assert why in caplog.text
        with pytest.raises(RequestFailed, match="connection to the worker ended"):
            await read(reply)
        question = b'{"messages":[{"content":"hi","role":"user"}],"model":"mulberry/tiny-lm"}'
        assert (await scene.proxy.ask(CHAT, question).head()).status_code == 200
        assert other.session.is_connected


async def test_an_answer_ends_once(scene: Scene) -> None:
    channel, worker = await scene.ready()
    reply = scene.proxy.ask(CHAT, BODY)
    end = QueryAnswerEx((await worker.asked()).request_id, encode(HEAD), DONE)
    channel.send(end)
    channel.send(end)
    await channel.wait_closed()
    assert await read(reply) == b""


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n" * 10,
        bytes.fromhex("0c00000001000000") + bytes(12),  # the first frame is not number 0
        bytes.fromhex("ffffffff00000000"),  # of 4 GiB
        bytes.fromhex("0400000000000000deadbeef"),
    ],
)
async def test_noise_instead_of_frames_closes_the_connection(scene: Scene, raw: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(raw)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


OUT_OF_ORDER: list[Message] = [
    CompareBalanceWithProxy(0, 0, 0),
    ExtendedCompareBalanceWithProxy(0, b""),
    ProxyHandshakeComplete(False),
    UpdatePaymentStatus(),
]


@pytest.mark.parametrize("message", OUT_OF_ORDER, ids=lambda message: message.tl_name)
async def test_the_handshake_has_an_order(scene: Scene, message: Message) -> None:
    channel, _ = await scene.dial()
    with pytest.raises(Exception, match=r"closed|out of place"):
        await channel.query(message)
    await channel.wait_closed()


async def test_work_before_the_handshake_closes_the_connection(scene: Scene) -> None:
    channel, _ = await scene.dial()
    channel.send(EnabledDisabled(0))
    await channel.wait_closed()


async def test_a_handshake_that_never_ends_is_ended(scene: Scene) -> None:
    channel, _ = await scene.dial()
    started = asyncio.get_running_loop().time()
    await channel.wait_closed()
    assert asyncio.get_running_loop().time() - started < 40


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"model": ""}, "no such model"),
        ({"model": "mulberry/tiny-lm2@1"}, "no such model"),
        ({"coefficient": -1}, "out of range"),
        ({"coefficient": 10**9}, "out of range"),
        ({"max_active_requests": 0}, "out of range"),
        ({"proxy_cnt": 0}, "out of range"),
        ({"worker_owner_address": "nobody"}, "owner"),
        ({"min_proto_version": 3, "max_proto_version": 4}, "no common protocol"),
        ({"min_proto_version": 0, "max_proto_version": 0}, "no common protocol"),
        ({"min_proto_version": None, "max_proto_version": None}, "no common protocol"),
    ],
)
async def test_impossible_parameters_are_refused_in_words(scene: Scene, change: dict[str, Any], why: str) -> None:
    channel, _ = await scene.dial()
    with pytest.raises(QueryRefused, match=why):
        await channel.query(ConnectToProxy(replace(PARAMS, **change)))
    channel.close("done")
    await channel.wait_closed()


@pytest.mark.parametrize(("newest", "agreed"), [(1, 1), (2, 2), (9, 2)])
async def test_the_newest_common_protocol_is_taken(scene: Scene, newest: int, agreed: int) -> None:
    channel, _ = await scene.dial()
    answer = await channel.query(ConnectToProxy(replace(PARAMS, max_proto_version=newest)))
    assert isinstance(answer, ConnectedToProxy)
    assert answer.params.proto_version == agreed
    channel.close("done")
    await channel.wait_closed()


async def test_each_connection_gets_its_share_rounded_up(scene: Scene) -> None:
    _, worker = await scene.ready(replace(PARAMS, max_active_requests=3, proxy_cnt=2))
    for _ in range(3):
        scene.proxy.ask(CHAT, BODY)
    await worker.asked()
    await worker.asked()
    await asyncio.sleep(1)
    assert worker.inbox.empty()


async def test_a_worker_that_knows_more_is_asked_again(scene: Scene) -> None:
    """Unsaved promises may be lost with a proxy's power, committed tokens may not."""
    for committed, code in ((0, 0), (1, 1)):
        channel, _ = await scene.dial()
        await channel.query(ConnectToProxy(PARAMS))
        result = await channel.query(CompareBalanceWithProxy(0, committed, 5))
        assert isinstance(result, CompareBalanceWithProxyResult)
        assert result.error_code != 0
        settled = await channel.query(ExtendedCompareBalanceWithProxy(committed, b""))
        assert settled == ExtendedCompareBalanceWithProxyResult(code)
        channel.close("done")
        await channel.wait_closed()


async def test_parts_are_passed_on_as_they_are_and_the_worker_is_told_its_worth(scene: Scene) -> None:
    channel, worker = await scene.ready()
    reply = scene.proxy.ask(CHAT, BODY)
    query = await worker.asked()
    channel.send(QueryAnswerEx(query.request_id, encode(replace(HEAD, payload=b"a"))))
    assert (await reply.head()).headers == HEAD.headers
    assert await reply.more() == b"a"
    channel.send(QueryAnswerPartEx(query.request_id, b"\x00\xff"))
    assert await reply.more() == b"\x00\xff"
    channel.send(QueryAnswerPartEx(query.request_id, b"", DONE))
    assert await reply.more() is None
    told = await worker.inbox.get()
    assert isinstance(told, WorkerRequestPayment)
    assert (told.request_id, told.request_tokens, told.max_tokens, told.db_tokens) == (query.request_id, 10, 10, 0)


@pytest.mark.parametrize(
    ("code", "status"), [(621, 400), (651, 503), (652, 504), (653, 503), (602, 502), (0, 502), (-1, 502)]
)
async def test_the_workers_errors_become_http(scene: Scene, code: int, status: int) -> None:
    channel, worker = await scene.ready()
    reply = scene.proxy.ask(CHAT, BODY)
    query = await worker.asked()
    channel.send(
        QueryAnswerErrorEx(query.request_id, code, "worker: \x1b[31mno", QueryFinalInfo(TokensUsed(0, 0, 0, 0, 0)))
    )
    with pytest.raises(RequestFailed) as failure:
        await reply.head()
    assert failure.value.status == status
    assert "\x1b" not in failure.value.message


async def test_a_worker_that_sits_on_a_request_is_given_up(scene: Scene) -> None:
    channel, worker = await scene.ready()
    reply = scene.proxy.ask(CHAT, BODY)
    await worker.asked()
    with pytest.raises(RequestFailed, match="in time"):
        await reply.head()
    await channel.wait_closed()


async def test_an_answer_that_nobody_reads_is_not_kept(scene: Scene) -> None:
    channel, worker = await scene.ready()
    reply = scene.proxy.ask(CHAT, BODY)
    query = await worker.asked()
    channel.send(QueryAnswerEx(query.request_id, encode(HEAD)))
    for _ in range(5):
        channel.send(QueryAnswerPartEx(query.request_id, bytes(8 * 2**20)))
        await channel.drained()
    channel.send(QueryAnswerPartEx(query.request_id, b"", DONE))
    assert isinstance(await worker.inbox.get(), WorkerRequestPayment)  # the work was done, and is paid
    with pytest.raises(RequestFailed, match="fast enough"):
        await reply.more()
