"""onnxruntime-genai changes with every version; what we say of it must hold for the one that we took.

The same tests run on a stand-in and, where it is installed, on the library itself with the demo model.
"""

import json
import random
import shutil
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import genai_stand_in
from mulberry.model.places import resource
from mulberry.runtime.child.answers import Answer, News
from mulberry.runtime.child.genai import VERSION, GenaiBatcher, LibraryMissing, installed, the_library
from mulberry.runtime.child.prompt import PromptRefused
from mulberry.runtime.child.provider import ProviderUnusable
from mulberry.runtime.child.service import ChildEngine
from mulberry.runtime.child.text import AnswerText, token_bytes
from mulberry.runtime.engine import EngineFailed
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.supervisor import Capacity, Supervisor
from mulberry.runtime.wire import Finish, GenerationRequest, Library, Load, Provider, Sampling, Submit
from sandboxes import best_sandbox
from tiny_model import LocalEngine, ask, some_questions, tiny_model, tiny_tokenizer

GREEDY = Sampling(seed=0)
REAL = pytest.mark.skipif(installed() != VERSION, reason=f"onnxruntime-genai {VERSION} is not installed")
BYTES = token_bytes(tiny_tokenizer())
END = frozenset({2})


def load_of(folder: Path, provider: Provider = Provider.CPU) -> Load:
    return Load(str(folder), 256, ("<|im_end|>",), 16, 64, 1, provider=provider, library=Library.GENAI)


@pytest.fixture(params=["stand-in", pytest.param("library", marks=REAL)])
def library(request: pytest.FixtureRequest) -> Any:
    return genai_stand_in if request.param == "stand-in" else the_library()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(resource("models/tiny-lm"), tmp_path / "model"))


@pytest.fixture
def paged(folder: Path) -> Path:
    """As the builder writes it for paged attention."""
    path = folder / "genai_config.json"
    whole = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(whole | {"engine": {"dynamic_batching": {"block_size": 16}}}))
    return folder


def batcher(folder: Path, library: Any, provider: Provider = Provider.CPU) -> GenaiBatcher:
    return GenaiBatcher(load_of(folder, provider), END, clock=lambda: 0.0, library=library)


def answer(number: int, text: str = "123456789", *, limit: int = 30, stops: tuple[str, ...] = ()) -> Answer:
    prompt = tiny_tokenizer().encode(text).ids
    return Answer(number, 0, prompt, limit, GREEDY, AnswerText(BYTES, stops), stream=False)


def run(engine: GenaiBatcher) -> News:
    whole = News()
    while engine.is_busy:
        news = engine.step()
        whole.pieces += news.pieces
        whole.ends += news.ends
    return whole


def alone(folder: Path, library: Any, asked: Answer) -> str:
    engine = batcher(folder, library)
    engine.add(asked)
    return "".join(text for _, _, text in run(engine).pieces)


def test_a_limit_ends_an_answer_for_its_length(folder: Path, library: Any) -> None:
    engine = batcher(folder, library)
    engine.add(answer(1, limit=3))
    assert run(engine).ends == [(1, 0, Finish.LENGTH, 3)]


def test_a_stop_text_ends_it_at_our_word(folder: Path, library: Any) -> None:
    text = alone(folder, library, answer(1))
    stop = text[2:4]
    engine = batcher(folder, library)
    engine.add(answer(1, stops=(stop,)))
    news = run(engine)
    assert "".join(piece for _, _, piece in news.pieces) == text[: text.index(stop)]
    assert [finish for _, _, finish, _ in news.ends] == [Finish.STOP]


def test_many_are_answered_as_if_each_were_alone_whenever_they_come(folder: Path, library: Any) -> None:
    texts = ["123456789", "one two", "Hello there", "three", "nine nine", "10 + 3"]
    engine = batcher(folder, library)
    pieces = []
    for number, text in enumerate(texts):
        engine.add(answer(number, text))
        pieces += engine.step().pieces
    pieces += run(engine).pieces
    together = {number: text for number, _, text in pieces}
    assert [together.get(number, "") for number in range(6)] == [
        alone(folder, library, answer(1, text)) for text in texts
    ]


def test_a_cancelled_request_is_gone_at_the_next_step_and_others_go_on(folder: Path, library: Any) -> None:
    engine = batcher(folder, library)
    for number in (1, 2, 3):
        engine.add(answer(number))
    engine.step()
    engine.cancel(2)
    engine.cancel(77)
    assert engine.running == 2
    assert {number for number, *_ in run(engine).ends} == {1, 3}


def test_the_end_token_counts_though_the_engine_does_not_tell_it(folder: Path) -> None:
    engine = batcher(folder, genai_stand_in)
    asked = answer(1)
    engine.add(asked)
    assert run(engine).ends == [(1, 0, Finish.STOP, len(asked.prompt) + 1)]


@pytest.mark.parametrize(
    ("request_", "parameter"),
    [
        (replace(ask("Hi"), schema="{}"), "response_format"),
        (ask("Hi", sampling=Sampling(seed=0, frequency_penalty=0.5)), "frequency_penalty"),
        (ask("Hi", sampling=Sampling(seed=0, presence_penalty=-0.5)), "presence_penalty"),
        (replace(ask("Hi"), scored=True), "best_of"),
        (ask("Hi", sampling=Sampling(seed=0, temperature=0.5)), "temperature"),
    ],
)
def test_what_it_cannot_keep_is_refused_by_name(folder: Path, request_: GenerationRequest, parameter: str) -> None:
    with pytest.raises(PromptRefused, match="cannot keep") as refused:
        batcher(folder, genai_stand_in).check(request_)
    assert refused.value.parameter == parameter
    batcher(folder, genai_stand_in).check(ask("Hi"))


def test_with_paged_attention_answers_are_drawn_by_their_seed(paged: Path) -> None:
    engine = batcher(paged, genai_stand_in, Provider.CUDA)
    warm = Sampling(seed=-1, temperature=0.7, top_p=0.9)
    engine.check(ask("Hi", sampling=warm))
    for choice in range(2):
        asked = answer(1)
        asked.choice, asked.sampling = choice, warm
        engine.add(asked)
    said = [request.said for request in engine._answers]
    assert said == [
        {"limit": 30, "drawn": True, "temperature": 0.7, "top_p": 0.9, "top_k": 0, "seed": seed}
        for seed in (2**64 - 1, 0)
    ]


def test_a_gpus_memory_is_ours_to_give_and_no_prompt_speeds_up_a_strangers(paged: Path) -> None:
    engine = batcher(paged, genai_stand_in, Provider.CUDA)
    assert engine._engine.settings == {
        "dynamic_batching": {"max_batch_size": 16, "num_blocks": 16 * 256 // 16, "prefix_caching": False}
    }


def test_a_model_without_paged_attention_is_not_for_a_gpu(folder: Path) -> None:
    with pytest.raises(ValueError, match="paged attention"):
        batcher(folder, genai_stand_in, Provider.CUDA)


def test_a_model_that_came_to_lie_elsewhere_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genai_stand_in.Model, "device_type", "WebGPU")
    with pytest.raises(ProviderUnusable, match="WebGPU"):
        batcher(folder, genai_stand_in)


def test_a_failed_engine_ends_the_process_and_all_its_requests(folder: Path) -> None:
    engine = batcher(folder, genai_stand_in)
    engine.add(answer(1))
    engine._engine.is_broken = True
    with pytest.raises(RuntimeError, match="ENGINE_EXECUTION_FAILURE"):
        engine.step()


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ((), "tools"),
        (("model",), "vision"),
        (("model", "decoder"), "pipeline"),
        (("model", "decoder", "session_options"), "custom_ops_library"),
        (("model", "decoder", "session_options"), "ep_library"),
    ],
)
def test_a_configuration_that_says_more_than_it_must_is_refused(
    folder: Path, section: tuple[str, ...], key: str
) -> None:
    path = folder / "genai_config.json"
    whole = json.loads(path.read_text("utf-8"))
    place = whole
    for name in section:
        place = place[name]
    place[key] = "libstrange.so"
    path.write_text(json.dumps(whole))
    with pytest.raises(ValueError, match=key):
        batcher(folder, genai_stand_in)


@pytest.mark.parametrize("there", [None, "0.17.0"])
def test_another_version_is_as_good_as_none(there: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(package: str) -> str:
        if there is None:
            raise metadata.PackageNotFoundError
        return there

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(LibraryMissing, match=f"{VERSION}, which is {'not installed' if there is None else 'there'}"):
        the_library()


@REAL
def test_the_demo_model_says_the_same_with_it_as_with_our_own() -> None:
    engine = ChildEngine(load_of(resource("models/tiny-lm")), lambda note: None)
    questions = some_questions(8)
    engine.take([Submit(number, ask(one.text)) for number, one in enumerate(questions)])
    texts = dict.fromkeys(range(8), "")
    counts: dict[int, tuple[Finish, int]] = {}
    assert not engine.read_prompts()
    while engine.is_busy:
        step = engine.step()
        for number, _, text in step.pieces:
            texts[number] += text
        counts |= {number: (finish, count) for number, _, finish, count in step.ends}
    own = LocalEngine()
    assert list(texts.values()) == [own.answer(number, ask(one.text)) for number, one in enumerate(questions)]
    assert counts == {number: own.ends[number, 0] for number in range(8)}


@REAL
async def test_it_runs_in_the_sandbox() -> None:
    tiny = tiny_model()
    variant = tiny.manifest.variants[0].model_copy(update={"library": "genai"})
    model = ModelFolder(tiny.path, tiny.manifest.model_copy(update={"variants": (variant,)}))
    engine = Supervisor(model, sandbox=best_sandbox(), jitter=random.Random(0), capacity=Capacity(threads=1))
    await engine.start()
    try:
        assert engine.status.confinement is not None and engine.status.confinement.holds
        pieces = [piece async for piece in engine.generate(ask("Count from 3 to 9"))]
        assert "".join(piece.text for piece in pieces) == "3, 4, 5, 6, 7, 8, 9."
    finally:
        await engine.stop()


@pytest.mark.skipif(installed() is not None, reason="onnxruntime-genai is installed")
async def test_where_it_is_missing_the_owner_is_told_which_version_to_install() -> None:
    tiny = tiny_model()
    variant = tiny.manifest.variants[0].model_copy(update={"library": "genai"})
    model = ModelFolder(tiny.path, tiny.manifest.model_copy(update={"variants": (variant,)}))
    engine = Supervisor(model, sandbox=best_sandbox(), jitter=random.Random(0), capacity=Capacity(threads=1))
    with pytest.raises(EngineFailed, match=f"onnxruntime-genai {VERSION}, which is not installed"):
        await engine.start()
