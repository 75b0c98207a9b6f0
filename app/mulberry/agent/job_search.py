"""Finds jobs in a ledger of any length, for whoever looks through them. It reads on a thread and a connection of its
own, so nothing that is booked waits for it.

The numbers of the jobs found are put into a temporary table, in their order, once a question; pages come out of that
table, the last one as fast as the first. Two such tables are kept: one is looked through while another is saved.
There are no indexes for this in the ledger: one for each order would double what a job costs to book, for an order
that is asked for now and then. Where all jobs are asked for in the order of a number, the first page is found by the
bounds that the ledger keeps of each stretch of jobs: those with the best bounds are read, more of them until no other
can hold a job that belongs before.
"""

import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mulberry.agent import ledger_rows as rows
from mulberry.agent.ledger_schema import STRETCH
from mulberry.agent.own_thread import on_own_thread
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import Job, ProxyWord
from mulberry.model.jobs_question import (
    JOBS_A_PAGE,
    LONGEST_SEARCHED_TEXT,
    Covering,
    JobDetails,
    JobOrder,
    JobsChoices,
    JobsFound,
    JobsQuestion,
    JobsWish,
)
from mulberry.model.language import tr

LONGEST_SECONDS = 60.0
STEPS_BETWEEN_LOOKS = 100_000  # of SQLite's machine, a few milliseconds
TABLES = ("found_here", "found_there")
MOST_CHOICES = 200
MORE_STRETCHES = 4  # times as many, where those looked at were not enough
NAME_LIMIT = 1000  # characters of a model or a proxy that is looked for

Found = TypeVar("Found")

_ESTIMATE = "adjusted_tokens * worker_fee_per_token"
_ORDERS = {
    JobOrder.NUMBER: "jobs.number",
    JobOrder.MODEL: "model",
    JobOrder.TOKENS: "prompt_tokens + completion_tokens",
    JobOrder.LATENCY: "finished_at - received_at",
    JobOrder.EARNED: f"coalesce(confirmations.tokens * worker_fee_per_token, iif(outcome = 'done', {_ESTIMATE}, 0))",
    JobOrder.OUTCOME: "outcome",
    JobOrder.WORD: "confirmations.tokens - adjusted_tokens",
    JobOrder.PROXY: "proxy",
    JobOrder.REQUEST: "request_id",
}
_WORDS = {
    ProxyWord.NONE_YET: "confirmations.job IS NULL",
    ProxyWord.AS_COUNTED: "confirmations.tokens = adjusted_tokens",
    ProxyWord.FEWER: "confirmations.tokens < adjusted_tokens",
    ProxyWord.MORE: "confirmations.tokens > adjusted_tokens",
}
_BOUNDS = {  # the columns of `extremes`, for the smallest and for the largest first
    JobOrder.TOKENS: ("least_tokens", "most_tokens"),
    JobOrder.LATENCY: ("shortest", "longest"),
    JobOrder.EARNED: ("least_earned", "most_earned"),
}
_JOBS = "FROM jobs LEFT JOIN confirmations ON confirmations.job = jobs.number"
_PAGE = """
SELECT jobs.*, confirmations.tokens FROM temp.{table} AS found JOIN jobs ON jobs.number = found.number
LEFT JOIN confirmations ON confirmations.job = jobs.number WHERE found.row BETWEEN ? AND ? ORDER BY found.row
"""
_OF_STRETCHES = f"""
SELECT jobs.*, confirmations.tokens, {{order}}
FROM (SELECT stretch FROM extremes ORDER BY {{bound}} {{way}}, stretch {{way}} LIMIT ?)
CROSS JOIN jobs ON jobs.number BETWEEN stretch * {STRETCH} AND stretch * {STRETCH} + {STRETCH - 1}
LEFT JOIN confirmations ON confirmations.job = jobs.number
WHERE jobs.number <= ? ORDER BY {{order}} {{way}}, jobs.number {{way}} LIMIT ?
"""  # noqa: S608 - numbers of ours
_NEXT_STRETCH = "SELECT {bound}, stretch FROM extremes ORDER BY {bound} {way}, stretch {way} LIMIT 1 OFFSET ?"
_MODELS_SINCE = "SELECT DISTINCT model FROM jobs WHERE number > ? AND number <= ?"
_PROXIES = f"SELECT DISTINCT proxy FROM tallies ORDER BY proxy LIMIT {MOST_CHOICES}"  # noqa: S608 - a number of ours
_ACCOUNTS = "SELECT worker_contract, max_known FROM accounts WHERE proxy = ? AND worker_fee_per_token = ?"
_CONFIRMED_UP_TO = """
SELECT sum(tokens) FROM confirmations JOIN jobs ON jobs.number = job
WHERE proxy = ? AND worker_fee_per_token = ? AND job <= ?
"""
_CONFIRMED = "SELECT confirmed FROM tallies WHERE proxy = ? AND worker_fee_per_token = ?"
_FIRST_COVERING = """
SELECT payments.tokens, received_at, coalesce(contracts.tokens >= payments.tokens, 0)
FROM payments LEFT JOIN contracts USING (worker_contract)
WHERE worker_contract = ? AND payments.tokens >= ? ORDER BY payments.tokens LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class _Answer:
    """Where the numbers of the jobs found are, and how many."""

    table: str
    total: int


class JobSearch:
    """Searches the ledger at `path`. Every method raises `UserFacingError` where a search takes too long."""

    def __init__(self, path: Path) -> None:
        self._reader = _Reader(path)

    async def find(self, wish: JobsWish) -> JobsFound:
        """Raises `ValueError` for a wish that is none."""
        _check(wish)
        return await self._read(lambda reader: reader.find(wish))

    async def choices(self) -> JobsChoices:
        return await self._read(lambda reader: reader.choices())

    async def details(self, number: int) -> JobDetails | None:
        """None: there is no job of that number."""
        return await self._read(lambda reader: reader.details(number))

    async def _read(self, ask: "Callable[[_Reader], Found]") -> Found:
        return await on_own_thread(lambda: ask(self._reader), "job search")

    def close(self) -> None:
        self._reader.close()


class _Reader:
    """Its methods may be called from any thread; they take turns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._found: OrderedDict[JobsQuestion, _Answer] = OrderedDict()  # what was looked at last is the last
        self._models: set[str] = set()  # of the jobs up to this one
        self._models_upto = 0
        self._ends_at = 0.0
        self._is_closed = False

    def find(self, wish: JobsWish) -> JobsFound:
        with self._reading() as connection:
            if wish.question not in self._found:
                if not wish.is_whole and wish.offset == 0:
                    return JobsFound(self._first(connection, wish), None)
                self._search(connection, wish.question)
            self._found.move_to_end(wish.question)
            answer = self._found[wish.question]
            places = wish.offset + 1, wish.offset + wish.limit
            page = connection.execute(_PAGE.format(table=answer.table), places)
            return JobsFound(tuple(map(rows.job, page)), answer.total)

    def choices(self) -> JobsChoices:
        """Jobs never change: each is looked at once for its model."""
        with self._reading() as connection:
            newest = connection.execute("SELECT coalesce(max(number), 0) FROM jobs").fetchone()[0]
            models = connection.execute(_MODELS_SINCE, (self._models_upto, newest)).fetchall()
            self._models.update(name for (name,) in models if len(name) <= NAME_LIMIT)
            self._models_upto = newest
            proxies = tuple(name for (name,) in connection.execute(_PROXIES) if len(name) <= NAME_LIMIT)
            return JobsChoices(tuple(sorted(self._models)[:MOST_CHOICES]), proxies)

    def details(self, number: int) -> JobDetails | None:
        with self._reading() as connection:
            row = connection.execute(rows.JOBS, (number, number)).fetchone()
            if row is None:
                return None
            job = rows.job(row)
            return JobDetails(job, self._covering(connection, job))

    def close(self) -> None:
        """Ends what is being read."""
        self._is_closed = True
        self._ends_at = 0.0
        with self._turn:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _first(self, connection: sqlite3.Connection, wish: JobsWish) -> tuple[Job, ...]:
        if _asks_for_all_by_a_number(wish.question):
            return self._first_of_stretches(connection, wish)
        rest, values = _sql(wish.question)
        query = f"SELECT jobs.*, confirmations.tokens {rest} LIMIT ?"
        return tuple(map(rows.job, connection.execute(query, (*values, wish.limit))))

    def _first_of_stretches(self, connection: sqlite3.Connection, wish: JobsWish) -> tuple[Job, ...]:
        question, looked_at = wish.question, wish.limit
        words = {
            "order": _ORDERS[question.order],
            "bound": _BOUNDS[question.order][question.is_descending],
            "way": "DESC" if question.is_descending else "ASC",
        }
        upto = 2**63 - 1 if question.upto is None else question.upto
        while True:
            found = connection.execute(_OF_STRETCHES.format(**words), (looked_at, upto, wish.limit)).fetchall()
            following = connection.execute(_NEXT_STRETCH.format(**words), (looked_at,)).fetchone()
            if following is None or (len(found) == wish.limit and _is_before(found[-1], following, question)):
                return tuple(rows.job(row[:-1]) for row in found)
            looked_at *= MORE_STRETCHES

    def _search(self, connection: sqlite3.Connection, question: JobsQuestion) -> None:
        rest, values = _sql(question)
        while len(self._found) >= len(TABLES):
            self._found.popitem(last=False)
        used = {answer.table for answer in self._found.values()}
        table = next(name for name in TABLES if name not in used)
        connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
        connection.execute(f"CREATE TABLE temp.{table} (row INTEGER PRIMARY KEY, number INTEGER NOT NULL)")
        connection.execute(f"INSERT INTO temp.{table} (number) SELECT jobs.number {rest}", values)
        total = connection.execute(f"SELECT coalesce(max(row), 0) FROM temp.{table}").fetchone()[0]  # noqa: S608
        self._found[question] = _Answer(table, total)

    def _covering(self, connection: sqlite3.Connection, job: Job) -> Covering | None:
        """What the contract owed before this ledger began is older than all of its jobs."""
        dealings = job.proxy, job.worker_fee_per_token
        accounts = connection.execute(_ACCOUNTS, dealings).fetchall()
        if not job.confirmed_tokens or len(accounts) != 1:  # with two contracts of one price, nobody can tell
            return None
        [(contract, known)] = accounts
        confirmed = connection.execute(_CONFIRMED, dealings).fetchone()[0]
        up_to_this = connection.execute(_CONFIRMED_UP_TO, (*dealings, job.number)).fetchone()[0]
        found = connection.execute(_FIRST_COVERING, (contract, max(0, known - confirmed) + up_to_this)).fetchone()
        return None if found is None else Covering(found[0], rows.when(found[1]), bool(found[2]))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            self._ends_at = time.monotonic() + LONGEST_SECONDS
            try:
                yield self._opened()
            except sqlite3.OperationalError as problem:
                if problem.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise
                raise _interrupted() from problem

    def _opened(self) -> sqlite3.Connection:
        if self._is_closed:
            raise _interrupted()
        if self._connection is None:
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            self._connection.set_progress_handler(self._is_late, STEPS_BETWEEN_LOOKS)
        return self._connection

    def _is_late(self) -> bool:
        return time.monotonic() > self._ends_at


def _asks_for_all_by_a_number(question: JobsQuestion) -> bool:
    plain = JobsQuestion(upto=question.upto, order=question.order, is_descending=question.is_descending)
    return question.order in _BOUNDS and question == plain


def _is_before(row: tuple[Any, ...], stretch: tuple[Any, int], question: JobsQuestion) -> bool:
    """Whether the job in `row` comes before whatever `stretch`, and those after it, may hold."""
    bound, first = stretch[0], stretch[1] * STRETCH
    if question.is_descending:
        return (row[-1], row[0]) > (bound, first + STRETCH - 1)
    return (row[-1], row[0]) < (bound, first)


def _interrupted() -> UserFacingError:
    return UserFacingError(
        what=tr("The jobs were not searched to the end."),
        why=tr("It took too long."),
        next_step=tr("Look again; fewer days are searched faster."),
    )


def _check(wish: JobsWish) -> None:
    question = wish.question
    if not (0 <= wish.offset < 2**62 and 1 <= wish.limit <= JOBS_A_PAGE):
        raise ValueError(f"between 1 and {JOBS_A_PAGE:,} jobs from a place that is not negative")
    if question.upto is not None and not 0 <= question.upto < 2**63:
        raise ValueError("upto must be a job's number")
    if len(question.text) > LONGEST_SEARCHED_TEXT or max(len(question.model), len(question.proxy)) > NAME_LIMIT:
        raise ValueError("what is looked for is too long")
    if any(moment is not None and moment.utcoffset() is None for moment in (question.since, question.until)):
        raise ValueError("moments need a time zone")


def _sql(question: JobsQuestion) -> tuple[str, tuple[str | int, ...]]:
    """Everything after SELECT's columns, and its values. The words are ours; what was asked for is in the values."""
    asked: list[tuple[str, str | int]] = []
    if len(question.text) == LONGEST_SEARCHED_TEXT:  # all of an id, which is found at once
        asked.append(("request_id = ?", question.text.lower()))
    elif question.text:
        asked.append(("instr(request_id, ?)", question.text.lower()))
    if question.model:
        asked.append(("model = ?", question.model))
    if question.proxy:
        asked.append(("proxy = ?", question.proxy))
    if question.outcome is not None:
        asked.append(("outcome = ?", question.outcome.value))
    if question.since is not None:
        asked.append(("finished_at >= ?", rows.moment(question.since)))
    if question.until is not None:
        asked.append(("finished_at < ?", rows.moment(question.until)))
    if question.upto is not None:
        asked.append(("jobs.number <= ?", question.upto))
    conditions = [condition for condition, _ in asked]
    if question.word is not None:
        conditions.append(_WORDS[question.word])
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    way = "DESC" if question.is_descending else "ASC"
    order = f" ORDER BY {_ORDERS[question.order]} {way}, jobs.number {way}"
    return f"{_JOBS}{where}{order}", tuple(value for _, value in asked)
