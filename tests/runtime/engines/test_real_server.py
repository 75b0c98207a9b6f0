"""What servers that we did not write make of our requests: Hugging Face's `transformers serve`, and llama.cpp's.

Each runs where a variable names a Python that has it:
MULBERRY_TRANSFORMERS, `pip install torch "transformers[serving]==5.23.0"`;
MULBERRY_LLAMA_CPP, `pip install xllamacpp==2026.10.11549 gguf==0.19.0`.
The models are made here, small and ignorant: what they say is nonsense, but it is said, counted and ended as ever.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mulberry.model.places import resource
from mulberry.runtime.engine import EngineFailed, EngineState, Piece
from mulberry.runtime.engines.openai_server import OpenAiServers, ServerPatience
from mulberry.runtime.wire import Finish, GenerationRequest, Sampling
from tiny_model import ask

PYTHONS = {"transformers": "MULBERRY_TRANSFORMERS", "llama.cpp": "MULBERRY_LLAMA_CPP"}
pytestmark = pytest.mark.timeout(300)

MODEL = "mulberry/ignorant"
REVISION = "0" * 40
MAKE = """
import sys, torch
from transformers import Qwen3Config, Qwen3ForCausalLM
torch.manual_seed(7)
config = Qwen3Config(
    vocab_size=512, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=16, max_position_embeddings=4096, eos_token_id=2, pad_token_id=0, bos_token_id=None,
)
Qwen3ForCausalLM(config).save_pretrained(sys.argv[1])
"""
CUT = " \ufffd"  # whole answers lose their first space, streamed ones the half of a letter at their end
PATIENCE = ServerPatience(between_looks=0.5)


@contextmanager
def transformers(python: str, folder: Path) -> Iterator[str]:
    """It lists what it finds in its cache."""
    repository = folder / "hub" / f"models--{MODEL.replace('/', '--')}"
    snapshot = repository / "snapshots" / REVISION
    environment = os.environ | {"HF_HOME": str(folder), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([python, "-c", MAKE, snapshot], env=environment, check=True, capture_output=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(resource("models/tiny-lm") / name, snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(REVISION, "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["serve", "--device", "cpu", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        serve = [str(Path(python).with_name("transformers")), *words]
        process = subprocess.Popen(serve, env=environment, stdout=log, stderr=log)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def llama_cpp(python: str, folder: Path) -> Iterator[str]:
    program = Path(__file__).parents[2] / "llama_server.py"
    words = [python, str(program), str(resource("models/tiny-lm")), str(folder / "model.gguf")]
    with (folder / "log").open("wb") as log, subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            process.kill()


SERVERS = {"transformers": transformers, "llama.cpp": llama_cpp}


@pytest.fixture(scope="module", params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    if PYTHONS[request.param] not in os.environ:
        pytest.skip(f"{PYTHONS[request.param]} names no Python that has {request.param}")
    return str(request.param)


@pytest.fixture(scope="module")
def server(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL."""
    with SERVERS[kind](os.environ[PYTHONS[kind]], tmp_path_factory.mktemp("server")) as url:
        yield url


@asynccontextmanager
async def serving(url: str, model: str = MODEL) -> AsyncIterator[OpenAiServers]:
    engine = OpenAiServers((url,), model, patience=PATIENCE)
    try:
        await engine.start()
        yield engine
    finally:
        await engine.stop()


async def pieces(engine: OpenAiServers, request: GenerationRequest) -> list[Piece]:
    return [piece async for piece in engine.generate(request)]


def text_of(answer: list[Piece]) -> str:
    return "".join(piece.text for piece in answer)


async def test_it_is_waited_for_and_then_streams_with_a_usage(server: str) -> None:
    async with serving(server) as engine:
        answer = await pieces(engine, ask("What is 7 + 5?", max_tokens=12))
        assert len(answer) > 1 and text_of(answer)
        assert answer[-1].finish is not None and answer[-1].usage is not None
        assert 5 < answer[-1].usage.prompt_tokens < 40
        assert 0 < answer[-1].usage.completion_tokens <= 12
        whole = await pieces(engine, replace(ask("What is 7 + 5?", max_tokens=12), stream=False))
        assert text_of(whole).strip(CUT) == text_of(answer).strip(CUT)
        assert whole[-1].usage is not None
        assert replace(whole[-1].usage, cached_tokens=answer[-1].usage.cached_tokens) == answer[-1].usage


async def test_an_answer_as_long_as_allowed_ends_so(server: str) -> None:
    async with serving(server) as engine:
        answer = await pieces(engine, GenerationRequest(("One two",), Sampling(seed=3), max_tokens=3, stream=False))
    assert answer[-1].usage is not None and answer[-1].usage.completion_tokens <= 3
    assert answer[-1].finish is (Finish.LENGTH if answer[-1].usage.completion_tokens == 3 else Finish.STOP)


async def test_several_answers_are_all_counted(server: str) -> None:
    async with serving(server) as engine:
        got = await pieces(engine, replace(ask("Hello", max_tokens=4, choices=3), stream=False))
    assert sorted(piece.choice for piece in got if piece.finish) == [0, 1, 2]
    (usage,) = (piece.usage for piece in got if piece.usage)
    assert 4 < usage.completion_tokens <= 12 and usage.prompt_tokens < 40


async def test_the_same_seed_says_the_same(server: str) -> None:
    async with serving(server) as engine:
        hot = replace(ask("Hello", max_tokens=20), sampling=Sampling(seed=11, temperature=1.5), stream=False)
        first, second = text_of(await pieces(engine, hot)), text_of(await pieces(engine, hot))
    assert first == second


async def test_who_hangs_up_leaves_the_server_to_others(server: str) -> None:
    async with serving(server) as engine:
        endless = engine.generate(ask("Hello", max_tokens=2000))
        assert (await anext(endless)).choice == 0
        await endless.aclose()
        assert (await pieces(engine, ask("Hello", max_tokens=3)))[-1].usage is not None
        assert engine.status.state is EngineState.READY


SCORED = GenerationRequest(("a",), Sampling(seed=1), max_tokens=3, stream=False, scored=True)
FORMED = replace(ask("Hello", max_tokens=400, stop=tuple("eiortQ")), schema='{"type": "boolean"}')


@pytest.mark.parametrize(("request_", "why"), [(SCORED, "which best_of needs"), (FORMED, "in the form")])
async def test_what_a_server_passes_over_in_silence_is_not_sold(
    kind: str, server: str, request_: GenerationRequest, why: str
) -> None:
    """transformers reads neither `logprobs` nor `response_format`; an answer without is not what was asked for."""
    async with serving(server) as engine:
        if kind == "llama.cpp":
            request_ = replace(request_, stop=())
            answer = await pieces(engine, request_)
            assert request_ is not SCORED or (answer[-1].log_probability or 0) < 0
            assert request_.schema is None or json.loads(text_of(answer)) in (True, False)
        else:
            with pytest.raises(EngineFailed, match=why):
                await pieces(engine, request_)
        assert (await pieces(engine, ask("Hello", max_tokens=3)))[-1].usage is not None


async def test_a_stop_text_ends_the_answer_before_it(server: str) -> None:
    async with serving(server) as engine:
        answer = await pieces(engine, ask("Hello", max_tokens=200, stop=tuple("aeiou")))
    assert not set("aeiou") & set(text_of(answer)) and answer[-1].finish is Finish.STOP


async def test_a_model_that_it_does_not_have_is_waited_for(server: str) -> None:
    engine = OpenAiServers((server,), "some/other", patience=PATIENCE)
    starting = asyncio.create_task(engine.start())
    async with asyncio.timeout(60):
        while "does not serve some/other" not in engine.status.note:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.05)
    starting.cancel()
    await asyncio.wait((starting,))
