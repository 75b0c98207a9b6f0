"""What strangers send must never surprise us: no foreign error, no memory out of proportion, nothing believed unsigned.

The corpus is replayed everywhere. Where atheris runs, each target is fuzzed for a few seconds from there, with a fixed
seed; `python3 dev.py fuzz` does it for longer with random ones.
"""

import importlib.util
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from fuzz import run
from fuzz.target import Target, read
from fuzz.targets import PLANTED, TARGETS
from mulberry.cocoon.tl import MESSAGES, decode

SECONDS = 3  # for each target; with the start of their processes a minute or two in all
SEED = 1

each_target = pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris exists for Linux on x86-64 only"
)


@pytest.fixture
def memory_measured() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def inputs(target: Target) -> list[Path]:
    return sorted(target.corpus.iterdir())


@each_target
@pytest.mark.usefixtures("memory_measured")
def test_the_corpus_breaks_nothing(target: Target) -> None:
    """Also, it reaches both ends: inputs that are accepted, and inputs that are refused."""
    accepted = set()
    for path in inputs(target):
        try:
            accepted.add(target.check(path.read_bytes()))
        except Exception as problem:
            problem.add_note(f"with the input {path}")
            raise
    assert accepted == {True, False}


def test_the_corpus_has_every_message_of_the_table() -> None:
    for row in MESSAGES.values():
        example = TARGETS["messages"].corpus / row.tl_name
        assert isinstance(decode(example.read_bytes()), row)


@each_target
def test_the_corpus_stays_small(target: Target) -> None:
    sizes = [path.stat().st_size for path in inputs(target)]
    assert max(sizes) <= target.most_bytes
    assert sum(sizes) <= 128 * 1024


@needs_atheris
@each_target
@pytest.mark.timeout(SECONDS + 2 * run.START_SECONDS)
def test_a_while_of_fuzzing_breaks_nothing(target: Target, tmp_path: Path) -> None:
    found = run.fuzz(target, SECONDS, tmp_path, seed=SEED)
    assert found is None, found


@needs_atheris
@pytest.mark.timeout(2 * run.START_SECONDS)
def test_a_broken_property_is_found_and_its_input_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "FOUND", tmp_path / "found")
    found = run.fuzz(PLANTED, 20, tmp_path / "new", seed=SEED)
    assert found is not None
    assert "AssertionError" in found
    (kept,) = (tmp_path / "found").iterdir()
    assert str(kept) in found
    assert b"!" in kept.read_bytes()


@pytest.mark.usefixtures("memory_measured")
def test_memory_out_of_proportion_is_seen() -> None:
    def take(size: int) -> None:
        read(lambda _: bytes(size), ValueError, bytes(1000), times=2)

    take(10_000)
    with pytest.raises(MemoryError, match="for 1,000 bytes"):
        take(10_000_000)
