"""The chain's history of our accounts as a table, newest first, fetched page by page as far as somebody scrolls.

Nobody knows its length until its end was seen. A page is asked for by its distance from the newest, and new
transactions push the others down: so what comes is only taken where it overlaps with what is here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum

from PySide6.QtCore import QModelIndex, QObject, Signal

from mulberry.desktop.text_table import AnyIndex, TextTable
from mulberry.desktop.wallet_wording import (
    LONGEST_COMMENT,
    UNVERIFIED,
    kind_text,
    short_address,
    signed_ton,
)
from mulberry.desktop.wording import clock_time
from mulberry.model.language import tr
from mulberry.model.money import format_ton
from mulberry.model.text import plain
from mulberry.model.wallet import ChainTransaction

PAGE_TRANSACTIONS = 100
MOST_TRANSACTIONS = 5_000  # kept in the window; `mulberry history` knows them all


class Column(IntEnum):
    TIME = 0
    ACCOUNT = 1
    KIND = 2
    AMOUNT = 3
    FEE = 4
    WITH = 5
    COMMENT = 6


HEADINGS: Mapping[int, str] = {
    Column.TIME: tr("Time"),
    Column.ACCOUNT: tr("Account"),
    Column.KIND: tr("What"),
    Column.AMOUNT: tr("Amount"),
    Column.FEE: tr("Fee"),
    Column.WITH: tr("With"),
    Column.COMMENT: tr("Comment"),
}


class TransactionsModel(TextTable):
    """Emits `wanted` for a page; `put` or `not_available` answers it."""

    wanted = Signal(int, int)  # offset from the newest, how many at most

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(HEADINGS, parent)
        self._rows: list[ChainTransaction] = []
        self._has_more = True
        self._asked: set[int] = set()
        self._names: Mapping[str, str] = {}
        self._now: datetime | None = None

    # What the table shows

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._rows)

    def tool_tip(self, row: int, column: int) -> str:
        if column == Column.KIND and self._rows[row].kind.is_unverified:
            return UNVERIFIED
        return self.copied(row, column) if column in (Column.WITH, Column.COMMENT) else ""

    def text(self, row: int, column: int) -> str:
        one = self._rows[row]
        match Column(column):
            case Column.TIME:
                return clock_time(one.at, self._now)
            case Column.ACCOUNT:
                return one.role.words
            case Column.KIND:
                return kind_text(one)
            case Column.AMOUNT:
                return signed_ton(one.amount)
            case Column.FEE:
                return format_ton(one.fee)
            case Column.WITH:
                return self._names.get(one.counterparty) or short_address(one.counterparty) or "–"
            case Column.COMMENT:
                return plain(one.comment, LONGEST_COMMENT).strip()

    def copied(self, row: int, column: int) -> str:
        """As `text`, but with whole addresses and times."""
        if column == Column.WITH:
            return self._rows[row].counterparty
        if column == Column.TIME:
            return self._rows[row].at.isoformat()
        return self.text(row, column)

    def transaction(self, row: int) -> ChainTransaction:
        return self._rows[row]

    @property
    def is_cut(self) -> bool:
        """Whether there are more than the window keeps."""
        return self._has_more and len(self._rows) >= MOST_TRANSACTIONS

    # Asking

    def canFetchMore(self, parent: AnyIndex) -> bool:
        return not parent.isValid() and self._has_more and 0 < len(self._rows) < MOST_TRANSACTIONS

    def fetchMore(self, parent: AnyIndex) -> None:
        del parent
        self._ask(len(self._rows) - 1)  # with the last one again, to see that the two fit together

    def refresh(self) -> None:
        """Asks for the newest ones."""
        self._ask(0)

    def _ask(self, offset: int) -> None:
        if offset not in self._asked:
            self._asked.add(offset)
            self.wanted.emit(offset, PAGE_TRANSACTIONS)

    # What is learnt from the agent

    def set_context(self, now: datetime, names: Mapping[str, str]) -> None:
        """The present moment, and our accounts' names by their raw addresses."""
        named_anew = names != self._names
        self._now, self._names = now, names
        if named_anew:
            self.all_changed()

    def put(self, offset: int, limit: int, page: Sequence[ChainTransaction]) -> None:
        """The agent's answer: at most `limit` transactions after the `offset` newest."""
        self._asked.discard(offset)
        if offset == 0:
            self._put_newest(page, limit)
        else:
            self._put_older(page, limit)

    def not_available(self, offset: int, limit: int) -> None:
        """The agent did not answer; it is asked again when that page is next looked at."""
        del limit
        self._asked.discard(offset)

    def _put_newest(self, page: Sequence[ChainTransaction], limit: int) -> None:
        """New ones above what is here where the two fit together, else what is here has a hole and goes."""
        new = next((n for n in range(len(page)) if _fits(page[n:], self._rows)), None)
        if new is None:
            self.beginResetModel()
            self._rows = list(page)
            self._has_more = len(page) >= limit
            self.endResetModel()
            return
        older = page[new + len(self._rows) :]
        if new > 0:
            self.beginInsertRows(QModelIndex(), 0, new - 1)
            self._rows[:0] = page[:new]
            self.endInsertRows()
        self._append(older)
        self._has_more = len(page) >= limit  # also where the end was seen: the agent may have found older ones since

    def _put_older(self, page: Sequence[ChainTransaction], limit: int) -> None:
        """What follows the last row. Where so many new ones came that it is not in `page`, all is read anew."""
        last = next((n for n, one in enumerate(page) if self._rows and one == self._rows[-1]), None)
        if last is None:
            self.refresh()
            return
        self._has_more = len(page) >= limit
        self._append(page[last + 1 :])

    def _append(self, older: Sequence[ChainTransaction]) -> None:
        if older:
            self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows) + len(older) - 1)
            self._rows += older
            self.endInsertRows()


def _fits(page: Sequence[ChainTransaction], rows: Sequence[ChainTransaction]) -> bool:
    """Whether both begin with the same transactions, as far as both reach."""
    return bool(rows) and all(one == other for one, other in zip(page, rows, strict=False))
