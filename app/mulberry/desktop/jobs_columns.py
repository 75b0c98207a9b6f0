"""The columns of every table of jobs: their headings, their texts, and by what each of them sorts."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import IntEnum

from mulberry.desktop.wording import clock_time, earned_text, latency_text
from mulberry.model.jobs import Job, JobOutcome, ProxyWord
from mulberry.model.jobs_question import JobOrder
from mulberry.model.language import dated, number, tr
from mulberry.model.text import plain

LONGEST_NAME = 100  # characters shown
NOT_HERE_YET = "…"


class Column(IntEnum):
    TIME = 0
    MODEL = 1
    TOKENS = 2
    LATENCY = 3
    EARNED = 4
    OUTCOME = 5
    PROXY = 6
    WORD = 7
    NUMBER = 8
    REQUEST = 9


HEADINGS: Mapping[int, str] = {
    Column.TIME: tr("Time"),
    Column.MODEL: tr("Model"),
    Column.TOKENS: tr("Tokens"),
    Column.LATENCY: tr("Latency"),
    Column.EARNED: tr("Earned"),
    Column.OUTCOME: tr("Outcome"),
    Column.PROXY: tr("Proxy"),
    Column.WORD: tr("Proxy's count"),
    Column.NUMBER: tr("Number"),
    Column.REQUEST: tr("Request"),
}
OF_WORDS = (Column.MODEL, Column.OUTCOME, Column.PROXY, Column.WORD, Column.REQUEST)  # not of amounts
USUAL = (Column.TIME, Column.MODEL, Column.TOKENS, Column.LATENCY, Column.EARNED, Column.OUTCOME, Column.PROXY)
REMEMBERED = "jobs_columns"  # in the window's memory
OUTCOME_WORDS: Mapping[JobOutcome, str] = {
    JobOutcome.DONE: tr("done"),
    JobOutcome.FAILED: tr("failed"),
    JobOutcome.REFUSED: tr("refused"),
    JobOutcome.CANCELLED: tr("cancelled"),
}
PROXY_WORDS: Mapping[ProxyWord, str] = {
    ProxyWord.NONE_YET: tr("none yet"),
    ProxyWord.AS_COUNTED: tr("as counted"),
    ProxyWord.FEWER: tr("fewer"),
    ProxyWord.MORE: tr("more"),
}
LONGEST_USUAL: Mapping[int, str] = {
    Column.TIME: dated(datetime(2222, 11, 22, 22, 22), "%d %b %H:%M"),  # noqa: DTZ001 - for its width alone
    Column.MODEL: "tiny-lm",
    Column.TOKENS: number("1,000 + 1,000"),
    Column.LATENCY: latency_text(2.0),
    Column.EARNED: "0.00000888 TON",
    Column.OUTCOME: max(OUTCOME_WORDS.values(), key=len),
    Column.PROXY: "demo proxy 1 · TEST",
    Column.WORD: max(PROXY_WORDS.values(), key=len),
    Column.NUMBER: "1,000,000",
    Column.REQUEST: "88888888…",
}
ORDERS: Mapping[Column, JobOrder] = {
    Column.TIME: JobOrder.NUMBER,
    Column.MODEL: JobOrder.MODEL,
    Column.TOKENS: JobOrder.TOKENS,
    Column.LATENCY: JobOrder.LATENCY,
    Column.EARNED: JobOrder.EARNED,
    Column.OUTCOME: JobOrder.OUTCOME,
    Column.PROXY: JobOrder.PROXY,
    Column.WORD: JobOrder.WORD,
    Column.NUMBER: JobOrder.NUMBER,
    Column.REQUEST: JobOrder.REQUEST,
}


def written(columns: Iterable[Column]) -> str:
    """For the window's memory, by names that outlive another order."""
    return " ".join(column.name for column in columns)


def remembered(untrusted: object) -> tuple[Column, ...]:
    """What `written` wrote; the usual ones where that names none."""
    names = untrusted.split() if isinstance(untrusted, str) else ()
    return tuple(column for column in Column if column.name in names) or USUAL


def word_text(job: Job) -> str:
    nothing_to_say = job.word is ProxyWord.NONE_YET and not job.adjusted_tokens
    return "–" if nothing_to_say else PROXY_WORDS[job.word]


TEXTS: Mapping[Column, Callable[[Job], str]] = {
    Column.MODEL: lambda job: plain(job.model.rpartition("/")[2], LONGEST_NAME),
    Column.TOKENS: lambda job: number(f"{job.prompt_tokens:,} + {job.completion_tokens:,}"),
    Column.LATENCY: lambda job: latency_text(job.latency_seconds),
    Column.EARNED: earned_text,
    Column.OUTCOME: lambda job: OUTCOME_WORDS[job.outcome],
    Column.WORD: word_text,
    Column.NUMBER: lambda job: number(f"{job.number:,}"),
    Column.REQUEST: lambda job: plain(f"{job.request_id[:8]}…"),
}


def cell_text(job: Job, column: int, now: datetime | None, proxy_names: Mapping[str, str]) -> str:
    if column == Column.TIME:
        return clock_time(job.finished_at, now)
    if column == Column.PROXY:
        return plain(proxy_names.get(job.proxy) or f"{job.proxy[:8]}…", LONGEST_NAME)
    return TEXTS[Column(column)](job)


def cell_tip(job: Job, column: int) -> str:
    """What a cell says beside its text."""
    return plain(job.error) if column == Column.OUTCOME else ""
