"""Which pages of a long table are asked for: what was looked at last comes first, and what flew by is forgotten."""

from collections import OrderedDict

from PySide6.QtCore import QObject, QTimer, Signal

REQUESTS_AT_ONCE = 2


class PageWishes(QObject):
    """Emits `due` for a page that is to be asked for; `answered` or `not_answered` ends that."""

    due = Signal(int)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._wanted: OrderedDict[int, None] = OrderedDict()  # the newest wish last
        self._asked: set[int] = set()
        self._ask_soon = QTimer(self, singleShot=True, interval=0)
        self._ask_soon.timeout.connect(self._ask)

    def want(self, page: int) -> None:
        if page < 0 or page in self._asked:
            return
        self._wanted[page] = None
        self._wanted.move_to_end(page)
        if not self._ask_soon.isActive():
            self._ask_soon.start()

    def answered(self, page: int) -> None:
        self._asked.discard(page)
        if self._wanted:
            self._ask_soon.start()

    def not_answered(self, page: int) -> None:
        """It is asked for when it is next looked at."""
        self._asked.discard(page)

    def forget(self) -> None:
        """Whatever is under way no longer counts."""
        self._asked.clear()

    def _ask(self) -> None:
        while len(self._wanted) > REQUESTS_AT_ONCE:
            self._wanted.popitem(last=False)
        while self._wanted and len(self._asked) < REQUESTS_AT_ONCE:
            page, _ = self._wanted.popitem()
            self._asked.add(page)
            self.due.emit(page)
