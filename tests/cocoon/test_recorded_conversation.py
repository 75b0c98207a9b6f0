"""We must speak exactly what the public programs speak: their recorded bytes are the judge."""

import pytest

from mulberry.cocoon.frames import FrameReader, FrameWriter
from mulberry.cocoon.messages import (
    CompareBalanceWithProxyResult,
    ConnectedToProxy,
    ConnectToProxy,
    HttpRequest,
    HttpResponse,
    QueryAnswerEx,
    QueryAnswerPartEx,
    RunQueryEx,
    SignedPayment,
    TcpConnect,
    TcpPacket,
    TcpQuery,
    TcpQueryAnswer,
    TokensUsed,
    WorkerParams,
    WorkerRequestPayment,
)
from mulberry.cocoon.requests import Path, check_request
from mulberry.cocoon.tl import Message, decode, decode_as, encode
from recorded import bodies, stream

DIRECTIONS = ["worker-to-proxy.bin", "proxy-to-worker.bin"]
OWNER = "UQAuz15H1ZHrZ_psVrAra7HealMIVeFq0wguqlmFno1f3B-m"


def inner(untrusted_body: bytes) -> Message:
    """What a frame carries."""
    outer = decode(untrusted_body)
    return decode(outer.data) if isinstance(outer, TcpPacket | TcpQuery | TcpQueryAnswer) else outer


@pytest.mark.parametrize("name", DIRECTIONS)
def test_every_recorded_object_is_read_and_written_back_byte_for_byte(name: str) -> None:
    assert len(bodies(name)) > 25
    for body in bodies(name):
        outer = decode(body)
        assert encode(outer) == body
        if isinstance(outer, TcpPacket | TcpQuery | TcpQueryAnswer):
            assert encode(decode(outer.data)) == outer.data
            message = decode(outer.data)
            if isinstance(message, RunQueryEx):
                assert encode(decode_as(HttpRequest, message.query)) == message.query
            if isinstance(message, QueryAnswerEx):
                assert encode(decode_as(HttpResponse, message.answer)) == message.answer


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("step", [1, 7, 1000, 1_000_000])
def test_the_recorded_stream_gives_the_same_frames_in_pieces_of_any_size(name: str, step: int) -> None:
    reader, writer = FrameReader(), FrameWriter()
    data = stream(name)
    found = [body for start in range(0, len(data), step) for body in reader.feed(data[start : start + step])]
    assert tuple(found) == bodies(name)
    assert b"".join(writer.pack(body) for body in found) == data


def test_the_recorded_handshake_says_what_it_says() -> None:
    worker, proxy = bodies("worker-to-proxy.bin"), bodies("proxy-to-worker.bin")
    assert decode(worker[0]) == TcpConnect(5559027014256048831)
    assert inner(worker[1]) == ConnectToProxy(
        WorkerParams(
            worker_owner_address=OWNER,
            model="Qwen/Qwen3-8B@abc123def456:" + "0" * 64,
            coefficient=1000,
            is_test=True,
            proxy_cnt=1,
            max_active_requests=60,
            min_proto_version=1,
            max_proto_version=2,
        )
    )
    connected = inner(proxy[1])
    assert isinstance(connected, ConnectedToProxy)
    assert connected.params.proxy_public_key.hex().startswith("559087582b7e5ea2")
    assert connected.params.proxy_owner_address == OWNER
    assert (connected.params.is_test, connected.params.proto_version) == (True, 2)
    assert connected.worker_sc_address == "UQDLYGhRHNqXquKXJazsjMBUUhXtmZ_Nom43-_sztpg80bUO"
    compared = inner(proxy[2])
    assert isinstance(compared, CompareBalanceWithProxyResult)
    assert isinstance(compared.signed_payment, SignedPayment)
    assert len(compared.signed_payment.data) == 180


def test_the_recorded_request_and_its_price_say_what_they_say() -> None:
    run, payment = inner(bodies("proxy-to-worker.bin")[5]), inner(bodies("proxy-to-worker.bin")[6])
    assert isinstance(run, RunQueryEx)
    assert (run.coefficient, run.timeout, run.enable_debug) == (1000, 108.3, False)
    request = check_request(decode_as(HttpRequest, run.query), "Qwen/Qwen3-8B")
    assert (request.path, request.stream) == (Path.CHAT, False)
    assert request.body["messages"] == [{"content": "hello", "role": "user"}]
    end = inner(bodies("worker-to-proxy.bin")[6])
    assert isinstance(end, QueryAnswerPartEx)
    assert end.request_id == run.request_id
    assert end.final_info is not None
    assert end.final_info.tokens_used == TokensUsed(23, 11, 90, 10, 134)
    assert end.final_info.worker_end_time == 1795329892.8071146
    assert isinstance(payment, WorkerRequestPayment)
    assert (payment.request_tokens, payment.max_tokens, payment.db_tokens) == (134, 134, 0)
