"""Each request must end in exactly one booking and one last message, whatever engine, customer and network do."""

import asyncio
import json
from typing import Any

import pytest

from conftest import SettableClock
from loopback import until
from mulberry.cocoon import serving as serving_module
from mulberry.cocoon.messages import (
    HttpResponse,
    ProxyParams,
    QueryAnswer,
    QueryAnswerError,
    QueryAnswerErrorEx,
    QueryAnswerEx,
    QueryAnswerPart,
    QueryAnswerPartError,
    QueryAnswerPartEx,
    TokensUsed,
)
from mulberry.cocoon.seams import BackendFailed, BackendRefused, largest_request_bytes
from mulberry.cocoon.tl import decode_as
from mulberry.cocoon.usage import Adjusted, Counted
from mulberry.model.jobs import JobOutcome
from small_proxy import (
    ANSWER,
    COSTS,
    MODEL,
    USAGE,
    MemoryBook,
    Scripted,
    SmallProxy,
    Stepwise,
    at_work,
    request_id,
    run_query,
    run_query_of_old,
)

CHUNKS: list[dict[str, Any]] = [{"choices": [{"delta": {"content": str(n)}}]} for n in range(3)]
LAST_CHUNK = {"choices": [], "usage": USAGE}
RECORDED_TOKENS = TokensUsed(23, 11, 90, 10, 134)
Parts = tuple[SmallProxy, MemoryBook, SettableClock]


@pytest.fixture
def parts(clock: SettableClock) -> Parts:
    return SmallProxy(), MemoryBook(), clock


def headers(response: HttpResponse) -> dict[str, str]:
    return {header.name: header.value for header in response.headers}


async def error_of(parts: Parts, backend: Any, **request: Any) -> QueryAnswerErrorEx:
    """The one message with which a request ends that goes wrong at once."""
    proxy, book, clock = parts
    async with at_work(proxy, backend, book, clock):
        proxy.send(run_query(**request))
        message = await proxy.next()
        assert isinstance(message, QueryAnswerErrorEx)
        assert message.final_info is not None
        assert len(book.served) == 1
        return message


async def test_a_plain_answer_leaves_in_one_piece_counted_as_recorded(parts: Parts) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock):
        proxy.send(run_query())
        message = await proxy.next()
    assert isinstance(message, QueryAnswerEx)
    assert message.final_info is not None
    assert message.final_info.tokens_used == RECORDED_TOKENS
    assert message.final_info.worker_start_time == message.final_info.worker_end_time == clock.now().timestamp()
    assert message.final_info.worker_debug is None
    response = decode_as(HttpResponse, message.answer)
    assert (response.http_version, response.status_code, response.reason) == ("HTTP/1.1", 200, "OK")
    assert headers(response) == {
        "Content-Type": "application/json",
        "X-Cocoon-Worker-Start": "1795348800.000000",
        "X-Cocoon-Worker-End": "1795348800.000000",
        "Content-Length": str(len(response.payload)),
    }
    assert json.loads(response.payload) == ANSWER | {"usage": USAGE | COSTS}
    (served,) = book.served
    assert (served.request_id, served.outcome, served.error) == (request_id(1), JobOutcome.DONE, "")
    assert (served.counted, served.adjusted) == (Counted(34, 11, 100, 10), Adjusted(23, 11, 90, 10))
    assert served.received_at == served.first_answer_at == served.finished_at == clock.now()


async def test_each_chunk_leaves_before_the_next_one_is_made(parts: Parts) -> None:
    proxy, book, clock = parts
    backend = Stepwise()
    async with at_work(proxy, backend, book, clock):
        proxy.send(run_query(stream=True))
        backend.answers.put_nowait(CHUNKS[0])
        message = await proxy.next()
        assert isinstance(message, QueryAnswerEx)
        assert message.final_info is None
        head = decode_as(HttpResponse, message.answer)
        body = head.payload
        for number, chunk in enumerate([*CHUNKS, LAST_CHUNK]):
            if number:
                backend.answers.put_nowait(chunk)
            message = await proxy.next()
            assert isinstance(message, QueryAnswerPartEx)
            assert message.final_info is None
            body += message.answer
            assert book.served == []
        clock.pass_time(seconds=2)
        backend.answers.put_nowait(None)
        last = await proxy.next()
    assert headers(head)["Content-Type"] == "text/event-stream; charset=utf-8"
    assert headers(head)["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in headers(head)
    assert last.answer == b"data: [DONE]\n\n"
    assert last.final_info.tokens_used == RECORDED_TOKENS
    assert last.final_info.worker_end_time - last.final_info.worker_start_time == 2
    events = body.decode().split("\n\n")
    assert [json.loads(event.removeprefix("data: ")) for event in events[:-1]] == [
        *CHUNKS,
        {"choices": [], "usage": USAGE | COSTS},
    ]
    assert (book.served[0].finished_at - book.served[0].received_at).total_seconds() == 2


async def test_a_request_is_on_the_books_when_its_last_message_comes(parts: Parts) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock):
        for number in range(20):
            proxy.send(run_query(number, stream=number % 2 == 0))
            while (await proxy.next()).final_info is None:
                pass
            assert [served.request_id for served in book.served] == [request_id(n) for n in range(number + 1)]


async def test_the_requests_own_coefficient_prices_it(parts: Parts) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock):
        proxy.send(run_query(coefficient=2000))
        assert (await proxy.next()).final_info.tokens_used == TokensUsed(46, 22, 180, 20, 268)


async def test_protocol_1_tells_no_times_and_debug_is_told_when_asked(parts: Parts) -> None:
    proxy, book, clock = parts
    proxy.params = ProxyParams(bytes(32), "owner", "contract", is_test=True, proto_version=1)
    async with at_work(proxy, Scripted(ANSWER), book, clock):
        proxy.send(run_query(enable_debug=True))
        info = (await proxy.next()).final_info
        assert (info.worker_start_time, info.worker_end_time) == (None, None)
        assert info.worker_debug == "first answer after 0.000 s, end after 0.000 s"


async def test_protocol_0_is_answered_in_its_own_words(parts: Parts) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(*CHUNKS, LAST_CHUNK), book, clock):
        proxy.send(run_query_of_old(1, stream=True))
        messages = [await proxy.next() for _ in range(6)]
        assert isinstance(messages[0], QueryAnswer)
        assert [type(message) for message in messages[1:]] == [QueryAnswerPart] * 5
        assert [message.is_completed for message in messages] == [False] * 5 + [True]
        assert messages[-1].tokens_used == RECORDED_TOKENS
    async with at_work(proxy, Scripted(CHUNKS[0], end=BackendFailed("broken")), book, clock):
        proxy.send(run_query_of_old(2, stream=True))
        messages = [await proxy.next() for _ in range(3)]
        assert isinstance(messages[2], QueryAnswerPartError)
    async with at_work(proxy, Scripted(end=BackendFailed("broken")), book, clock):
        proxy.send(run_query_of_old(3))
        message = await proxy.next()
        assert isinstance(message, QueryAnswerError)
        assert (message.error_code, message.error) == (602, "worker: broken")


async def test_too_many_requests_at_once_are_refused_and_not_booked(parts: Parts) -> None:
    proxy, book, clock = parts
    backend = Stepwise()
    async with at_work(proxy, backend, book, clock) as work:
        for number in range(4):
            proxy.send(run_query(number))
        message = await proxy.next()
        assert message.request_id == request_id(3)
        assert (message.error_code, message.error) == (651, "worker: too many active queries")
        assert (backend.running, work.session.running_requests) == (3, 3)
        assert book.served == []
        for answer in [ANSWER, None] * 3:
            backend.answers.put_nowait(answer)
            await asyncio.sleep(0)
        work.session.cancel_all()


async def test_a_request_that_already_runs_ends_the_connection(parts: Parts) -> None:
    proxy, book, clock = parts
    backend = Stepwise()
    async with at_work(proxy, backend, book, clock) as work:
        proxy.send(run_query(1))
        proxy.send(run_query(1))
        with pytest.raises(Exception, match="a request that is already running"):
            await work.running
    assert len(book.served) <= 1


async def test_an_id_may_come_again_when_its_request_is_over(parts: Parts) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(ANSWER), book, clock):
        for _ in range(2):
            proxy.send(run_query(1))
            assert (await proxy.next()).final_info is not None


@pytest.mark.virtual_time
@pytest.mark.parametrize("stream", [False, True])
async def test_the_engine_has_95_percent_of_the_time(parts: Parts, stream: bool) -> None:
    proxy, book, clock = parts
    backend = Stepwise()
    loop = asyncio.get_running_loop()
    async with at_work(proxy, backend, book, clock):
        started = loop.time()
        proxy.send(run_query(timeout=100, stream=stream))
        message = await proxy.next()
        assert (message.error_code, message.error) == (652, "worker: timeout")
        assert loop.time() - started == pytest.approx(95, abs=0.5)
        assert (backend.running, backend.left) == (0, 1)
    assert [served.outcome for served in book.served] == [JobOutcome.FAILED]


async def test_a_refusal_of_the_engine_is_an_ordinary_http_answer(parts: Parts) -> None:
    proxy, book, clock = parts
    body = {"error": {"message": "the prompt is too long"}}
    async with at_work(proxy, Scripted(end=BackendRefused(400, body)), book, clock):
        proxy.send(run_query(stream=True))
        message = await proxy.next()
    assert isinstance(message, QueryAnswerEx)
    response = decode_as(HttpResponse, message.answer)
    assert (response.status_code, response.reason) == (400, "Bad Request")
    assert json.loads(response.payload) == body
    assert headers(response)["Content-Type"] == "application/json"
    assert message.final_info is not None
    assert message.final_info.tokens_used.total == 0
    assert [(served.outcome, served.error) for served in book.served] == [(JobOutcome.REFUSED, "HTTP status 400")]


async def test_what_no_context_could_hold_is_refused_unread(parts: Parts) -> None:
    """The public client dies of an error message, so this is an ordinary answer."""
    proxy, book, clock = parts
    limit = largest_request_bytes(context_tokens=256)
    async with at_work(proxy, Scripted(ANSWER), book, clock, largest_request_bytes=limit):
        proxy.send(run_query(1, body=b"[" * limit))
        message = await proxy.next()
        response = decode_as(HttpResponse, message.answer)
        assert response.status_code == 400
        assert json.loads(response.payload)["error"]["code"] == "context_length_exceeded"
        proxy.send(run_query(2))
        assert decode_as(HttpResponse, (await proxy.next()).answer).status_code == 200
    assert [served.outcome for served in book.served] == [JobOutcome.REFUSED, JobOutcome.DONE]


async def test_a_failure_before_the_answer_is_told(parts: Parts) -> None:
    message = await error_of(parts, Scripted(end=BackendFailed("the model process ended")))
    assert (message.error_code, message.error) == (602, "worker: the model process ended")
    assert parts[1].served[0].outcome is JobOutcome.FAILED
    assert parts[1].served[0].error == "worker: the model process ended"


async def test_a_large_refusal_to_a_proxy_that_left_is_no_bug(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving_module, "PART_LIMIT_BYTES", 1000)
    proxy, book, clock = parts

    class RefusesLate(Scripted):
        async def answer(self, request: Any) -> Any:
            proxy.channel.close("gone")
            work.session.close("gone")
            raise BackendRefused(400, {"error": "x" * 3000})
            yield

    async with at_work(proxy, RefusesLate(), book, clock) as work:
        proxy.send(run_query())
        await work.running
    assert [served.outcome for served in book.served] == [JobOutcome.CANCELLED]
    assert "bug" not in caplog.text


async def test_a_failure_in_the_middle_of_a_stream_is_told_with_what_was_counted(parts: Parts) -> None:
    proxy, book, clock = parts
    early_usage = {"choices": [], "usage": {"prompt_tokens": 7}}
    async with at_work(proxy, Scripted(early_usage, end=BackendFailed("the model process ended")), book, clock):
        proxy.send(run_query(stream=True))
        await proxy.next()
        await proxy.next()
        message = await proxy.next()
        assert message.error == "worker: the model process ended"
        assert message.final_info.tokens_used == TokensUsed(7, 0, 0, 0, 7)
    assert book.served[0].counted == Counted(prompt=7)


@pytest.mark.parametrize(
    ("backend", "stream", "text"),
    [
        (Scripted(), False, "worker: the engine gave no answer"),
        (Scripted(), True, "worker: the engine gave no answer"),
        (Scripted(ANSWER, ANSWER), False, "worker: the engine gave more than one answer"),
        (Scripted({"usage": {"prompt_tokens": -1}}), False, "worker: the engine cannot count"),
        (Scripted({"usage": {"prompt_tokens": -1}}), True, "worker: the engine cannot count"),
    ],
    ids=["nothing", "nothing streamed", "two answers", "nonsense", "nonsense streamed"],
)
async def test_an_engine_that_talks_nonsense_fails_the_request(
    parts: Parts, backend: Scripted, stream: bool, text: str
) -> None:
    message = await error_of(parts, backend, stream=stream)
    assert message.error_code == 602
    assert message.error.startswith(text)


async def test_a_refusal_in_the_middle_of_a_stream_is_a_failure(parts: Parts) -> None:
    proxy, book, clock = parts
    async with at_work(proxy, Scripted(CHUNKS[0], end=BackendRefused(400, {})), book, clock):
        proxy.send(run_query(stream=True))
        messages = [await proxy.next() for _ in range(3)]
        assert "had begun to answer" in messages[2].error
    assert book.served[0].outcome is JobOutcome.FAILED


async def test_a_bug_ends_one_request_and_its_words_stay_out_of_the_log(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    message = await error_of(parts, Scripted(end=KeyError("my secret prompt")))
    assert (message.error_code, message.error) == (602, "worker: internal error")
    assert "KeyError" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"not json", "expected json object"),
        (b'{"messages":' + b"[" * 100_000, "the json object is too large: nested more than 64 deep"),
        ({"model": "other", "messages": []}, "model name mismatch"),
        ({"model": MODEL, "messages": [], "tools": []}, "unknown option 'tools' in request"),
    ],
    ids=["not json", "bomb", "model", "unknown"],
)
async def test_an_invalid_request_is_refused_and_never_run(parts: Parts, body: Any, text: str) -> None:
    backend = Scripted(ANSWER)
    message = await error_of(parts, backend, body=body)
    assert (message.error_code, message.error) == (621, f"worker: invalid http request: {text}")
    assert parts[1].served[0].outcome is JobOutcome.REFUSED
    assert backend.requests == []


async def test_a_query_that_is_no_http_request_is_refused(parts: Parts) -> None:
    proxy, book, clock = parts
    query = run_query()
    async with at_work(proxy, Scripted(ANSWER), book, clock):
        proxy.send(type(query)(b"junk", query.signed_payment, 1000, 1.0, query.request_id))
        message = await proxy.next()
        assert message.error_code == 621
        assert message.error == "worker: invalid http request: unexpected constructor 6b6e756a"


async def test_a_proxy_that_goes_away_frees_the_engine(parts: Parts) -> None:
    proxy, book, clock = parts
    backend = Stepwise()
    async with at_work(proxy, backend, book, clock) as work:
        proxy.send(run_query(1, stream=True))
        proxy.send(run_query(2))
        backend.answers.put_nowait(CHUNKS[0])
        await proxy.next()
        proxy.channel.close("gone")
        with pytest.raises(Exception, match="the other side closed"):
            await work.running
        assert (backend.running, backend.left, work.session.running_requests) == (0, 2, 0)
    assert {served.outcome for served in book.served} == {JobOutcome.CANCELLED}
    assert len(book.served) == 2


async def test_the_owners_stop_frees_the_engine_and_is_told(parts: Parts) -> None:
    proxy, book, clock = parts
    backend = Stepwise()
    async with at_work(proxy, backend, book, clock) as work:
        proxy.send(run_query(1))
        await until(lambda: backend.running > 0)
        work.session.cancel_all()
        work.session.cancel_all()
        message = await proxy.next()
        assert (message.error_code, message.error) == (653, "worker: cancelled")
        assert (backend.running, backend.left) == (0, 1)
        await work.session.finish()
    assert [served.outcome for served in book.served] == [JobOutcome.CANCELLED]


async def test_a_stream_waits_for_a_proxy_that_does_not_read(parts: Parts) -> None:
    proxy, book, clock = parts
    made = 0

    class Endless(Scripted):
        async def answer(self, request: Any) -> Any:
            nonlocal made
            while True:
                made += 1
                yield {"choices": [{"delta": {"content": "x" * 100_000}}]}
                await asyncio.sleep(0)

    async with at_work(proxy, Endless(), book, clock) as work:
        proxy.send(run_query(stream=True))
        await proxy.next()
        assert proxy.channel._transport is not None
        proxy.channel._transport.pause_reading()
        before = -1
        while made != before:
            before = made
            for _ in range(50):
                await asyncio.sleep(0)
        assert made < 1000  # a hundred megabytes would be 1,000
        work.session.cancel_all()
        proxy.channel._transport.resume_reading()


async def test_a_large_answer_leaves_in_parts(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "PART_LIMIT_BYTES", 1000)
    proxy, book, clock = parts
    large = {"choices": [{"message": {"content": "x" * 2500}}], "usage": USAGE}
    async with at_work(proxy, Scripted(large), book, clock):
        for stream in (False, True):
            proxy.send(run_query(1, stream=stream))
            head = decode_as(HttpResponse, (await proxy.next()).answer)
            assert headers(head)["Transfer-Encoding"] == "chunked"
            body, info = b"", None
            while info is None:
                part = await proxy.next()
                assert len(part.answer) <= 1000
                body, info = body + part.answer, part.final_info
            assert b"x" * 2500 in body
            assert info.tokens_used == RECORDED_TOKENS


async def test_prompts_and_answers_stay_out_of_the_log(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    proxy, book, clock = parts
    body = {"model": MODEL, "messages": [{"role": "user", "content": "my secret prompt"}]}
    async with at_work(proxy, Scripted({"choices": "my secret answer"}), book, clock):
        proxy.send(run_query(body=body))
        await proxy.next()
        proxy.send(run_query(2, body=body | {"my secret option": 1}))
        assert "my secret option" in (await proxy.next()).error
    assert book.served[1].error == "worker: invalid http request: unknown option … in request"
    assert "secret option" not in caplog.text
    assert "secret prompt" not in caplog.text
    assert "secret answer" not in caplog.text
