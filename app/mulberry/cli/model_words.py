"""What the terminal prints of models. Pure, but for the one line that is written over and over."""

from collections.abc import Iterator
from types import TracebackType
from typing import Self, TextIO

from mulberry.model.models import CopyProgress, StoreStatus, size_in_words
from mulberry.runtime.store.judging import Verdict

STEP_PERCENT = 10  # where the line cannot be written over


def of_store(status: StoreStatus) -> Iterator[str]:
    """`mulberry models list`."""
    if not status.models:
        yield "No models are imported. The demo network's own comes with Mulberry."
    for model in status.models:
        use = ", in use" if model.in_use else ""
        yield f"{model.name} {model.version}: {model.title or 'unreadable'}{use}"
        imported = f", imported {model.imported_at.astimezone():%Y-%m-%d %H:%M}" if model.imported_at else ""
        yield f"  {size_in_words(model.size_bytes)}, licence {model.licence or 'unknown'}{imported}"
        if not model.problem:
            yield f"  {model.kind}: {model.kind.in_words}"
        yield f"  entry {model.entry}"
        if model.source:
            yield f"  from {model.source}"
        if model.problem:
            yield f"  cannot be used: {model.problem}"
    yield of_room(status)
    yield f"in {status.place}"
    for place in status.left_behind:
        yield f"left behind in {place}: `mulberry models collect` removes it"


def of_room(status: StoreStatus) -> str:
    limit = f"your limit is {size_in_words(status.quota_bytes)}" if status.quota_bytes is not None else "no limit"
    return f"{size_in_words(status.used_bytes)} used, {limit}, {size_in_words(status.free_bytes)} free on the disk"


def of_verdict(verdict: Verdict) -> Iterator[str]:
    """`mulberry models inspect`."""
    if verdict.may_serve:
        yield "The inspection has nothing against it."
    for reason in verdict.reasons:
        yield f"Refused: {reason}"
    yield f"{verdict.weights:,} stored numbers, {sum(times for _, times in verdict.operators):,} operators"
    yield f"inspected in {verdict.judged_in}"


class ProgressLine:
    """How far a copy is: one line that is written over in a terminal, one line each tenth elsewhere."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._told: tuple[str, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal and self._told is not None:
            self._out.write("\n")

    def tell(self, progress: CopyProgress) -> None:
        percent = 100 * progress.done_bytes // max(progress.total_bytes, 1)
        told = (progress.note, percent) if self._terminal else ("", percent // STEP_PERCENT)
        if told == self._told:
            return
        self._told = told
        line = f"{percent:3} %  {size_in_words(progress.done_bytes)} of {size_in_words(progress.total_bytes)}"
        self._out.write(f"\r{line}  {progress.note:50.50}" if self._terminal else f"{line}  {progress.note}\n")
        self._out.flush()
