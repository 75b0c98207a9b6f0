"""Where the attention cache lies must be nobody's business: the way of a GPU's memory is run here on the CPU's."""

import ctypes
import mmap
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.runtime.child import cache
from mulberry.runtime.child.cache import Cache, DeviceCache, HostCache
from mulberry.runtime.wire import Cancel, GenerationRequest, Provider, Sampling, Submit
from tiny_model import LocalEngine, ask, some_questions

SHAPE = 2, 4, 3, 5, 2  # parts, slots, heads, context, head size
TOKENS = 5


def numbers(kept: Cache, kind: type[np.generic], part: int, row: int) -> list[float]:
    """A row's, read at its address."""
    count = SHAPE[2] * SHAPE[3] * SHAPE[4]
    memory = ctypes.string_at(kept.address(part, row), count * np.dtype(kind).itemsize)
    listed: list[float] = np.frombuffer(memory, kind).tolist()
    return listed


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


def write(kept: Cache, kind: type[np.generic], part: int, row: int, first: float) -> list[float]:
    count = SHAPE[2] * SHAPE[3] * SHAPE[4]
    content = np.arange(first, first + count).astype(kind)
    ctypes.memmove(kept.address(part, row), content.ctypes.data, content.nbytes)
    listed: list[float] = content.tolist()
    return listed


@pytest.mark.parametrize("kind", [np.float32, np.float16])
@given(copies=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=6))
def test_a_copied_row_is_the_same_in_every_part_and_no_other_changes(
    kind: type[np.generic], copies: list[tuple[int, int]]
) -> None:
    for kept in (HostCache(SHAPE, kind), DeviceCache(SHAPE, kind, Provider.CPU)):
        expected = {
            (part, row): write(kept, kind, part, row, 100 * part + 10 * row) for part in range(2) for row in range(4)
        }
        for source, target in copies:
            if source != target:
                kept.copy(source, target, TOKENS)
                for part in range(2):
                    expected[part, target] = expected[part, source]
        assert {place: numbers(kept, kind, *place) for place in expected} == expected


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read in /proc")
def test_short_answers_take_little_memory_however_long_they_may_become() -> None:
    shape = 2, 16, 4, 2048, 64  # 64 MiB, each row in 2 of its own
    before = resident_bytes()
    kept = HostCache(shape, np.float32)
    for part in range(2):
        for row in range(16):
            ctypes.memset(kept.address(part, row), 1, 1000)
    for row in range(1, 16):
        kept.copy(0, row, 10)
    assert resident_bytes() - before < 8 << 20


def test_a_gpu_keeps_its_cache_itself() -> None:
    assert cache.CACHES[Provider.CUDA] is DeviceCache


def test_answers_are_the_same_whoever_joins_and_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = some_questions(20)
    alone = {number: LocalEngine().answer(1, ask(question.text)) for number, question in enumerate(questions, 1)}
    monkeypatch.setitem(cache.CACHES, Provider.CPU, DeviceCache)
    dice = random.Random(3)
    engine = LocalEngine(slots=4)
    for number, question in enumerate(questions, 1):
        engine.take(Submit(number, ask(question.text)))
        for _ in range(dice.randrange(6)):
            engine.step()
        if number % 5 == 0:
            engine.take(Cancel(number - 1))
    engine.run()
    answers = {number: engine.texts[number, 0] for number, _ in engine.ends}
    assert len(answers) >= 16
    assert answers == {number: alone[number] for number in answers}


def test_prompts_of_one_request_share_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = "one two three " * 15, "one two three " * 15 + "x"
    requests = [GenerationRequest((prompt,), Sampling(seed=0), max_tokens=20) for prompt in prompts]
    apart = [LocalEngine().answer(1, request) for request in requests]
    monkeypatch.setitem(cache.CACHES, Provider.CPU, DeviceCache)
    engine = LocalEngine()
    engine.take(Submit(1, GenerationRequest(prompts, Sampling(seed=0), max_tokens=20)))
    engine.run()
    assert engine.cached[1] > 0
    assert [engine.texts[1, choice] for choice in range(2)] == apart
