"""A text's numbers must be its own: no neighbour, no padding and no typed control token may change them."""

import asyncio
import math
import random
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile_models import HOSTILE
from mulberry.runtime.child.encoder import BATCH_TEXTS, TextReader, batches
from mulberry.runtime.child.encoding import ChildEncoder
from mulberry.runtime.child.prompt import PromptRefused
from mulberry.runtime.engine import EngineFailed, EngineRefused
from mulberry.runtime.frames import WireError
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.runs import EncodingRun
from mulberry.runtime.sandbox.provider import Sandbox
from mulberry.runtime.store.judging import judge
from mulberry.runtime.supervisor import CHARACTERS_LIMIT, TEXTS_LIMIT, Capacity, Patience, Supervisor
from mulberry.runtime.wire import (
    Cancel,
    Encode,
    Encoded,
    LoadEncoder,
    Pooling,
    Provider,
    Ready,
    Refused,
    Scaling,
    Step,
    ToParent,
)
from pretended_job import CLOSED, PretendedJob
from sandboxes import best_sandbox
from tiny_encoder import LABELS, encoder_graph, tiny_encoder
from tiny_model import ask, tiny_model

HALF = math.sqrt(0.5)
READY = Ready(0.1, Provider.CPU)


@asynccontextmanager
async def running(model: ModelFolder, sandbox: Sandbox | None = None, **more: Any) -> AsyncIterator[Supervisor]:
    engine = Supervisor(
        model,
        sandbox=sandbox or best_sandbox(),
        jitter=random.Random(1),
        capacity=Capacity(threads=1),
        **more,
    )
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def test_texts_become_vectors_in_the_sandbox(tmp_path: Path) -> None:
    async with running(tiny_encoder(tmp_path / "m")) as engine:
        found = await engine.encode(["good", "bad bad bad", "mulberry good bad", "something else"])
    for row, vector in zip(found.rows, [(1, 0), (0, 1), (HALF, HALF), (0, 0)], strict=True):
        assert row == pytest.approx(vector)
    assert found.tokens == 3 + 5 + 5 + 4  # each text's words, and the two around them


async def test_texts_become_a_score_for_each_label(tmp_path: Path) -> None:
    model = tiny_encoder(tmp_path / "m", "classification")
    async with running(model) as engine:
        (praise, even) = (await engine.encode(["good mulberry", "good bad"])).rows
    assert model.manifest.encoder is not None and model.manifest.encoder.labels == LABELS
    assert praise == pytest.approx((1 / (1 + math.exp(-3)), 1 / (1 + math.exp(3))))
    assert even == pytest.approx((0.5, 0.5))


@pytest.mark.skipif(sys.platform != "linux", reason="sandboxes of Linux")
async def test_an_encoder_is_inspected_like_every_model(tmp_path: Path) -> None:
    verdict = await judge(tiny_encoder(tmp_path / "m"), best_sandbox())
    assert verdict.reasons == ()
    assert dict(verdict.operators)["ReduceSum"] == 1
    hostile, reason = HOSTILE["64 GiB of ones"]
    verdict = await judge(tiny_encoder(tmp_path / "n", graph_file=hostile()), best_sandbox())
    assert reason in verdict.reasons[0]


def order(model: ModelFolder, **changes: Any) -> LoadEncoder:
    shape: dict[str, Any] = {
        "folder": str(model.path),
        "graph": "model.onnx",
        "context_tokens": 64,
        "waiting_limit": 4,
        "threads": 1,
        "provider": Provider.CPU,
        "output": "tokens",
        "width": 2,
        "pooling": Pooling.MEAN,
        "scaling": Scaling.NONE,
        "padding": "[PAD]",
    }
    return LoadEncoder(**(shape | changes))


def answers(encoder: ChildEncoder, *orders: Encode) -> list[ToParent]:
    found = encoder.take(list(orders))
    while encoder.is_busy:
        if (step := encoder.step()) != Step():
            found.append(step)
    return found


async def rows(encoder: ChildEncoder, *texts: str) -> tuple[tuple[float, ...], ...]:
    (found,) = answers(encoder, Encode(1, texts))
    assert isinstance(found, Encoded), found
    run = EncodingRun(1, len(texts), 2, 64, 0.0)
    run.encoded(found.tokens, found.numbers)
    return (await run.result()).rows


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> ChildEncoder:
    return ChildEncoder(order(tiny_encoder(tmp_path_factory.mktemp("encoder") / "m")), lambda note: None)


async def test_company_changes_no_text(encoder: ChildEncoder) -> None:
    dice = random.Random(7)
    texts = [" ".join(dice.choices(["good", "bad", "mulberry"], k=dice.randint(1, 60))) for _ in range(100)]
    alone = [(await rows(encoder, text))[0] for text in texts]
    for together, single in zip(await rows(encoder, *texts), alone, strict=True):
        assert together == pytest.approx(single, rel=1e-5)


async def test_a_typed_control_token_is_text(encoder: ChildEncoder) -> None:
    """`[PAD]` would be (100, 100); the pieces of it that the vocabulary lacks are nothing."""
    (row,) = await rows(encoder, "[PAD]")
    assert row == (0, 0)


async def test_a_tokenizer_that_cuts_texts_is_told_not_to(encoder: ChildEncoder) -> None:
    (row,) = await rows(encoder, "bad good good good good")
    assert row == pytest.approx((12 / 7, 3 / 7))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_text"),
        ("   ", "empty_text"),
        ("good " * 63, "context_length_exceeded"),
        ("x" * (1 << 19), "too_long"),
        ("good \ud800", "no_text"),
    ],
)
async def test_a_text_that_cannot_be_read_refuses_its_request_alone(
    encoder: ChildEncoder, text: str, code: str
) -> None:
    refused, encoded = answers(encoder, Encode(1, ("good", text)), Encode(2, ("good",)))
    assert isinstance(refused, Refused) and code in refused.code and refused.number == 1
    assert refused.text.startswith("text 2 of 2: it has ")
    assert isinstance(encoded, Encoded) and encoded.number == 2


async def test_a_request_too_many_is_refused(encoder: ChildEncoder) -> None:
    found = answers(encoder, *(Encode(number, ("good",)) for number in range(1, 7)))
    assert [type(answer) for answer in found] == [Refused, Refused, Encoded, Encoded, Encoded, Encoded]
    assert isinstance(found[0], Refused) and found[0].http_status == 503


def test_a_cancelled_request_is_read_no_further(encoder: ChildEncoder) -> None:
    encoder.take([Encode(1, ("good",) * 100), Encode(2, ("good",)), Encode(3, ("bad",))])
    encoder.step()
    encoder.step()
    encoder.take([Cancel(1), Cancel(3)])
    assert [answer for answer in answers(encoder) if isinstance(answer, Encoded) and answer.number != 2] == []
    assert not encoder.is_busy


def test_numbers_that_are_none_are_not_told_as_such(tmp_path: Path) -> None:
    broken = encoder_graph(table=b"\x00\x00\xc0\x7f" * 14)
    hollow = ChildEncoder(order(tiny_encoder(tmp_path / "m", graph_file=broken)), lambda note: None)
    (refused,) = answers(hollow, Encode(1, ("good",)))
    assert isinstance(refused, Refused) and refused.http_status == 500


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"output": "nothing"}, "no output nothing"),
        ({"width": 3}, "expected are floats of"),
        ({"pooling": Pooling.NONE}, "expected are floats of"),
        ({"output": "sums"}, "expected are floats of"),
        ({"padding": "[NONE]"}, "does not know the token"),
    ],
)
def test_a_manifest_that_does_not_fit_to_the_graph_is_found_while_loading(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        ChildEncoder(order(tiny_encoder(tmp_path / "m"), **changes), lambda note: None)


def test_a_graph_that_wants_more_than_texts_is_no_encoder() -> None:
    model = tiny_model()
    with pytest.raises(ValueError, match="inputs are not an encoder's"):
        ChildEncoder(order(model, padding=model.manifest.stop_tokens[0]), lambda note: None)


@given(st.lists(st.integers(1, 2_000), max_size=100))
def test_every_text_is_read_once_and_with_its_like(lengths: list[int]) -> None:
    found = batches(lengths, 1_000)
    assert sorted(place for batch in found for place in batch) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) <= BATCH_TEXTS
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= 1_000


def test_a_text_of_a_megabyte_is_not_tokenised(tmp_path: Path) -> None:
    reader = TextReader(tiny_encoder(tmp_path / "m").path, 64, "[PAD]")
    with pytest.raises(PromptRefused, match="1,048,576 bytes, allowed are 262,144"):
        reader.ids("x" * (1 << 20))


@pytest.mark.parametrize(
    "texts", [[], ["good"] * (TEXTS_LIMIT + 1), ["x" * (CHARACTERS_LIMIT // 2 + 1)] * 2], ids=["none", "many", "long"]
)
async def test_too_much_is_refused_before_it_is_sent(tmp_path: Path, texts: list[str]) -> None:
    async with running(tiny_encoder(tmp_path / "m")) as engine:
        with pytest.raises(EngineRefused, match="1 to 256 texts"):
            await engine.encode(texts)


async def test_what_a_model_is_not_made_for_is_a_mistake_of_ours(tmp_path: Path) -> None:
    async with running(tiny_encoder(tmp_path / "m")) as engine:
        with pytest.raises(ValueError, match="writes no text"):
            await anext(engine.generate(ask("What is 7 + 5?")))
    writer = Supervisor(tiny_model(), sandbox=best_sandbox(), jitter=random.Random(1))
    with pytest.raises(ValueError, match="writes text"):
        await writer.encode(["good"])
    stopped = Supervisor(tiny_encoder(tmp_path / "n"), sandbox=best_sandbox(), jitter=random.Random(1))
    with pytest.raises(EngineFailed, match="not running"):
        await stopped.encode(["good"])


@pytest.mark.parametrize(
    "lie",
    [
        Encoded(1, 3, "AACAPwAAAAA"),  # broken base64
        Encoded(1, 3, "AACAPw=="),  # one number of two
        Encoded(1, 3, "AACAPwAAAAAAAIA/"),  # three
        Encoded(1, 3, "AADAfwAAAAA="),  # not a number
        Encoded(1, 3, "AACAfwAAAAA="),  # infinite
        Encoded(1, 0, "AACAPwAAAAA="),  # no tokens
        Encoded(1, 65, "AACAPwAAAAA="),  # more than a text has
        Encoded(2, 3, "AACAPwAAAAA="),  # nobody asked for it
        Step(accepted=((1, 3),)),  # an answer in text
    ],
)
async def test_a_process_that_lies_about_numbers_is_ended(tmp_path: Path, lie: ToParent) -> None:
    liar = PretendedJob(CLOSED, READY)
    async with running(tiny_encoder(tmp_path / "m"), liar) as engine:
        asked = asyncio.create_task(engine.encode(["good"]))
        await asyncio.sleep(0)
        liar.say(lie)
        with pytest.raises(EngineFailed, match="sent nonsense"):
            await asked


@given(st.integers(-1, 2**53), st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: b64encode(raw).decode()))
def test_no_word_of_the_process_breaks_the_agent(tokens: int, numbers: str) -> None:
    async def read() -> None:
        run = EncodingRun(1, 2, 2, 64, 0.0)
        try:
            run.encoded(tokens, numbers)
        except WireError:
            return
        found = await run.result()
        assert found.tokens <= 128 and [len(row) for row in found.rows] == [2, 2]

    asyncio.run(read())


async def test_an_encoder_that_hangs_is_ended(tmp_path: Path) -> None:
    silent = PretendedJob(CLOSED, READY)
    async with running(tiny_encoder(tmp_path / "m"), silent, patience=Patience(silence_seconds=0.05)) as engine:
        with pytest.raises(EngineFailed, match="no sign of life"):
            await engine.encode(["good"])


async def test_whoever_gives_up_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running(tiny_encoder(tmp_path / "m")) as engine:
        asked = asyncio.create_task(engine.encode(["good bad"] * 200))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait((asked,))
        assert (await engine.encode(["good"])).rows[0] == pytest.approx((1, 0))


async def test_numbers_for_a_request_of_text_end_the_process() -> None:
    liar = PretendedJob(CLOSED, READY)
    async with running(tiny_model(), liar) as engine:
        asked = asyncio.ensure_future(anext(engine.generate(ask("What is 7 + 5?"))))
        await asyncio.sleep(0)
        liar.say(Encoded(1, 3, ""))
        with pytest.raises(EngineFailed, match="sent nonsense"):
            await asked


async def test_a_run_that_failed_takes_no_numbers() -> None:
    run = EncodingRun(1, 1, 2, 64, 0.0)
    run.fail(EngineFailed("It died."))
    run.encoded(3, "AACAPwAAAAA=")
    with pytest.raises(EngineFailed, match="died"):
        await run.result()
    with pytest.raises(WireError):
        run.encoded(3, "")
