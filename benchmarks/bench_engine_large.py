"""The engine with a model that does real work: `python benchmarks/bench_engine_large.py`.

The model has random weights, 217 million of them, and is made on the fly, as onnxruntime-genai's builder makes one: of
four bits in blocks of 32, or as `--bits`, `--block` and `--last-only` say, which compare the speed only. One thread on
the CPU. Measured are the batcher's share of a step of 16
answers, how soon a cancelled prompt of seconds lets go, and our speed against onnxruntime-genai's, turn and turn about,
so that the ratios hold on any computer. For the last one it must be there, in exactly this version, and not bring its
own onnxruntime:

    python -m pip install --no-deps onnxruntime-genai-cuda==0.18.0
"""

import argparse
import json
import os
import random
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bench_engine import count_decoding
from mulberry.runtime.child.connection import Connection
from mulberry.runtime.child.genai import LibraryMissing, the_library
from mulberry.runtime.child.interruption import watching
from mulberry.runtime.child.service import ChildEngine
from mulberry.runtime.process import child_environment
from mulberry.runtime.wire import TO_CHILD_LIMIT_BYTES, Cancel, GenerationRequest, Load, Sampling, Submit, pack
from random_model import Shape, write_model

SHAPE = Shape()
AT_ONCE = 16
ANSWER_TOKENS = 48
ROUNDS = {1: 15, AT_ONCE: 3}
OVERHEAD_STEPS = 20
INTERRUPTIONS = 20
LONG_PROMPT_TOKENS = 700
PROMPTS = tuple(f"{number * number} mulberry trees and {number} farmers" for number in range(11, 11 + AT_ONCE))


def load_of(folder: Path) -> Load:
    return Load(str(folder), SHAPE.context, ("<|im_end|>",), AT_ONCE, 64, threads=1)


def requests(sampling: Sampling = Sampling(seed=0), max_tokens: int = ANSWER_TOKENS) -> list[GenerationRequest]:  # noqa: B008
    return [GenerationRequest((prompt,), sampling, max_tokens, stream=False) for prompt in PROMPTS]


def compare_overhead(folder: Path) -> None:
    """The processor time outside of `OnnxModel.decode` against that of the whole step."""
    print(f"a step of {AT_ONCE} | whole ms | batcher ms | share (goal: under 5 %)")
    warm = Sampling(seed=0, temperature=0.8, top_p=0.9, frequency_penalty=0.1)
    for title, changes in (
        ("plain", {}),
        ("drawn", {"sampling": warm}),
        ("drawn of all", {"sampling": replace(warm, top_p=1.0)}),
        ("as JSON", {"schema": '{"type":"string"}'}),
    ):
        engine = ChildEngine(load_of(folder), lambda note: None)
        spent = count_decoding(engine)
        asked = [replace(request, max_tokens=1000, **changes) for request in requests()]
        engine.take([Submit(number, request) for number, request in enumerate(asked)])
        while len(engine._batcher._rows) < AT_ONCE:  # type: ignore[union-attr]
            engine.read_prompts()
            engine.step()
        shares, wholes, owns = [], [], []
        for _ in range(OVERHEAD_STEPS):
            spent.clear()
            begin = time.process_time()
            engine.step()
            whole = time.process_time() - begin
            wholes.append(1000 * whole)
            owns.append(1000 * (whole - sum(spent)))
            shares.append(1 - sum(spent) / whole)
        print(
            f"{title:12} | {statistics.median(wholes):8.1f} | {statistics.median(owns):10.2f} "
            f"| {statistics.median(shares):.2%}"
        )


def compare_interruption(folder: Path) -> None:
    """From the agent's cancelling until the engine has nothing to do any more, at any moment of a prompt's reading."""
    ours, theirs = socket.socketpair()
    dice = random.Random(0)
    with ours, theirs:
        connection = Connection(theirs)
        engine = ChildEngine(load_of(folder), lambda note: None, watch=watching(connection))
        prompt = GenerationRequest(("7" * LONG_PROMPT_TOKENS,), Sampling(seed=0), max_tokens=1)
        begin = time.perf_counter()
        engine.take([Submit(0, prompt)])
        work_off(engine, connection)
        whole = time.perf_counter() - begin
        waits = []
        for number in range(1, INTERRUPTIONS + 1):
            told: list[float] = []

            def tell(number: int = number, told: list[float] = told) -> None:
                told.append(time.perf_counter())
                ours.sendall(pack(Cancel(number), TO_CHILD_LIMIT_BYTES))

            timer = threading.Timer(dice.uniform(0.05, 0.6) * whole, tell)
            engine.take([Submit(number, prompt)])
            timer.start()
            work_off(engine, connection)
            ended = time.perf_counter()
            timer.join()
            if ended > told[0]:  # else it was faster than ever
                waits.append(1000 * (ended - told[0]))
    print(f"a prompt of {LONG_PROMPT_TOKENS} tokens | {whole:.1f} s to read")
    free = f"{statistics.median(waits):.0f} ms, {max(waits):.0f} ms at most"
    print(f"{len(waits)} times cancelled | free after {free} (goal: 100)")


def work_off(engine: ChildEngine, connection: Connection) -> None:
    while engine.is_busy:
        engine.take(connection.receive(wait=False))
        engine.read_prompts()
        engine.step()


@dataclass(frozen=True, slots=True)
class Contender:
    """`answer` writes whole answers to the first so many prompts and returns how many tokens."""

    name: str
    at_once: int
    answer: Callable[[], int]


def our_own(folder: Path) -> list[Contender]:
    engine = ChildEngine(load_of(folder), lambda note: None)

    def answer(count: int) -> int:
        engine.take([Submit(number, request) for number, request in enumerate(requests()[:count])])
        tokens = 0
        while engine.is_busy:
            engine.read_prompts()
            tokens += sum(written for _, _, _, written in engine.step().ends)
        return tokens

    return [Contender("ours", count, partial(answer, count)) for count in (1, AT_ONCE)]


def theirs(folder: Path) -> list[Contender]:
    """Its loop for one answer, one after the other; for 16 of the same length together; and its engine.

    Raises `LibraryMissing`.
    """
    library = the_library()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    prompts = [np.array(tokenizer.encode(prompt).ids, np.int32) for prompt in PROMPTS]
    config = library.Config(str(folder))
    config.clear_providers()
    settings = {"model": {"decoder": {"session_options": {"intra_op_num_threads": 1}}}}
    config.overlay(json.dumps(settings | {"engine": {"static_batching": {"max_batch_size": AT_ONCE}}}))
    model = library.Model(config)

    def loop(tokens: NDArray[np.int32]) -> int:
        length = tokens.shape[-1]
        rows = int(tokens.size // length)
        parameters = library.GeneratorParams(model)
        parameters.set_search_options(max_length=length + ANSWER_TOKENS, batch_size=rows, do_sample=False)
        generator = library.Generator(model, parameters)
        generator.append_tokens(tokens)
        while not generator.is_done():
            generator.generate_next_token()
        return rows * ANSWER_TOKENS

    def together() -> int:
        shortest = min(map(len, prompts))
        return loop(np.array([prompt[:shortest] for prompt in prompts]))

    def by_engine() -> int:
        engine = library.Engine(model)
        events = engine.create_event_buffer(64)
        asked = []  # what nobody holds is cancelled
        for prompt in prompts:
            request = engine.create_request()
            asked.append(request)
            options = library.TurnOptions(request)
            options.set_max_generated_tokens(ANSWER_TOKENS)
            options.set_do_sample(False)
            request.begin_turn(prompt, options)
        while engine.has_pending_requests():
            engine.run(events)
        return AT_ONCE * ANSWER_TOKENS

    return [
        Contender("its loop", 1, lambda: loop(prompts[0])),
        Contender("its loop, one after the other", AT_ONCE, lambda: sum(map(loop, prompts))),
        Contender("its engine", AT_ONCE, by_engine),
        Contender("its loop, all in one batch", AT_ONCE, together),
    ]


@cache
def contenders(is_ours: bool, folder: Path) -> list[Contender]:
    return our_own(folder) if is_ours else theirs(folder)


def names(is_ours: bool, folder: Path) -> list[tuple[str, int]]:
    return [(contender.name, contender.at_once) for contender in contenders(is_ours, folder)]


def speed(is_ours: bool, folder: Path, place: int) -> float:
    """Whole answers with their prompts' reading, in tokens a second of the processor: others take the clock's."""
    contender = contenders(is_ours, folder)[place]
    begin = time.process_time()
    tokens = contender.answer()
    return tokens / (time.process_time() - begin)


def compare_speed(folder: Path) -> None:
    """A process for each side, and the two directly one after the other: the computer's speed changes by the second.
    Ours has the environment of a job process.
    """
    alone = partial(ProcessPoolExecutor, 1, get_context("spawn"))
    with alone() as ours, alone() as its:
        before = dict(os.environ)
        os.environ.update(child_environment({}))
        ours.submit(os.getpid).result()
        for added in os.environ.keys() - before.keys():
            del os.environ[added]
        places = {at_once: place for place, (_, at_once) in enumerate(ours.submit(names, True, folder).result())}
        try:
            others = its.submit(names, False, folder).result()
        except LibraryMissing as missing:
            print(f"{missing}; the first lines of this file say how")
            return
        print("whole answers | onnxruntime-genai, tokens/s                | ours, tokens/s | ours against it")
        for place, (name, at_once) in enumerate(others):
            pairs = []
            for _ in range(ROUNDS[at_once]):
                own = ours.submit(speed, True, folder, places[at_once]).result()
                pairs.append((own, its.submit(speed, False, folder, place).result()))
            own, other = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(mine / theirs for mine, theirs in pairs)
            print(f"{at_once:4} at once  | {name:30} {other:11.0f} | {own:14.0f} | x{ratio:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bits", type=int, choices=(4, 8, 32), default=SHAPE.bits, help="of a weight")
    parser.add_argument("--block", type=int, choices=(32, 64, 128), default=SHAPE.block, help="weights with one scale")
    parser.add_argument("--last-only", action="store_true", help="no logits but the last token's (prune_lm_head)")
    shape = replace(SHAPE, **vars(parser.parse_args()))
    with tempfile.TemporaryDirectory(prefix="mulberry-bench-") as place:
        folder = Path(place)
        write_model(folder, shape)
        millions = shape.parameters / 1e6
        print(f"{millions:.0f} million random weights of {shape.bits} bits, one thread, load {os.getloadavg()[0]:.1f}")
        if shape == SHAPE:
            compare_overhead(folder)
            compare_interruption(folder)
        compare_speed(folder)


if __name__ == "__main__":
    main()
