"""What a fuzz target is, and what holds for each of them: its own error, and memory in proportion."""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
ALWAYS_ALLOWED = 128 * 1024  # bytes of memory for whatever does not grow with the input

Check = Callable[[bytes], bool]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Target:
    """One function and the inputs worth making for it, in bytes: limits of the app's own lie below."""

    check: Check
    most_bytes: int

    @property
    def name(self) -> str:
        return self.check.__name__

    @property
    def corpus(self) -> Path:
        return CORPUS / self.name


def read(reader: Callable[[bytes], Result], refusal: type[Exception], untrusted: bytes, *, times: int) -> Result | None:
    """What `reader` makes of the bytes, None when it refuses them, within memory of so many `times` their number.

    Python's memory, and only while tracemalloc runs. What is taken once and not again is no memory of the input's: a
    table that all of Python shares has grown, like the one of interned names.
    """
    taken = 0
    for _ in range(2):
        result = None  # before measuring: the first round's is not given back within the second
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        try:
            result = reader(untrusted)
        except refusal as problem:
            said = str(problem)  # people read it
            assert said.isprintable(), ascii(said)
            assert 0 < len(said) < 400, ascii(said)
        taken = tracemalloc.get_traced_memory()[1] - before
        if taken <= ALWAYS_ALLOWED + times * len(untrusted):
            return result
    raise MemoryError(f"{taken:,} bytes of memory for {len(untrusted):,} bytes of input")
