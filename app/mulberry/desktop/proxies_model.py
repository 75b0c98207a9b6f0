"""The proxies as a table: those that work first, each staying where it is while its state does."""

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QModelIndex, QObject, Qt

from mulberry.desktop.proxies_wording import STATES, Quality, cell, heading, source
from mulberry.desktop.text_table import AnyIndex, TextTable
from mulberry.model.node import ProxyStatus

QUALITIES = (
    Quality.STATE,
    Quality.PROXY,
    Quality.PROOF,
    Quality.REQUESTS,
    Quality.SUCCESS,
    Quality.OWED,
    Quality.PAYABLE,
    Quality.PAID,
    Quality.UNDERPAID,
)
_ORDER = {state: place for place, state in enumerate(STATES)}


class ProxiesModel(TextTable):
    """`show` is told all proxies each time; rows move only when a proxy comes, goes or changes its state."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(dict(enumerate(map(heading, QUALITIES))), parent)
        self._proxies: list[ProxyStatus] = []
        self._now: datetime | None = None
        self._as_of: datetime | None = None

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._proxies)

    def text(self, row: int, column: int) -> str:
        return cell(self._proxies[row], QUALITIES[column], self._now)

    def tool_tip(self, row: int, column: int) -> str:
        return source(self._proxies[row], QUALITIES[column], self._as_of) if self._as_of is not None else ""

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{heading(QUALITIES[index.column()])}: {self.text(index.row(), index.column())}"
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return self.tool_tip(index.row(), index.column())
        return super().data(index, role)

    def proxy(self, row: int) -> ProxyStatus | None:
        return self._proxies[row] if 0 <= row < len(self._proxies) else None

    def show(self, proxies: Sequence[ProxyStatus], now: datetime | None, as_of: datetime) -> None:
        """`now` None: the agent is silent, and what is shown is of the time `as_of`."""
        ordered = sorted(proxies, key=lambda proxy: _ORDER[proxy.state])
        self._now, self._as_of = now, as_of
        if list(map(_who, ordered)) == list(map(_who, self._proxies)):
            self._proxies = ordered
            self.all_changed()
        elif len(ordered) == len(self._proxies):
            self._move_to(ordered)
        else:
            self.beginResetModel()
            self._proxies = ordered
            self.endResetModel()

    def row_of(self, wanted: ProxyStatus) -> int | None:
        """Where the same proxy is now, also when only since then its key is known."""
        same = (row for row, proxy in enumerate(self._proxies) if _is_same(proxy, wanted))
        return next(same, None)

    def _move_to(self, ordered: list[ProxyStatus]) -> None:
        """Other places for the same number of rows: the table keeps its scroll position."""
        self.layoutAboutToBeChanged.emit()
        before, self._proxies = self._proxies, ordered
        for index in self.persistentIndexList():
            row = self.row_of(before[index.row()])
            self.changePersistentIndex(index, self.index(row, index.column()) if row is not None else QModelIndex())
        self.layoutChanged.emit()


def _who(proxy: ProxyStatus) -> tuple[str, str]:
    return proxy.name, proxy.public_key


def _is_same(one: ProxyStatus, other: ProxyStatus) -> bool:
    return one.name == other.name and (one.public_key == other.public_key or "" in (one.public_key, other.public_key))
