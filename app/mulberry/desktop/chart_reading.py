"""Reading a chart step by step: with the arrow keys, or with the mouse over it."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QWidget


def next_step(key: Qt.Key, read: int | None, count: int) -> int | None:
    """Which of `count` steps `key` goes to from `read`, None being beyond the last. Raises `KeyError`: no such key."""
    last = count - 1
    here = last + 1 if read is None else read
    return {
        Qt.Key.Key_Left: max(0, here - 1),
        Qt.Key.Key_Right: min(last, here + 1),
        Qt.Key.Key_Home: 0,
        Qt.Key.Key_End: last,
        Qt.Key.Key_Escape: None,
    }[key]


class ReadsSteps(QObject):
    """Tells `read` which step of `chart` is read now; None: none. `place_at`: the step so far from its left."""

    def __init__(
        self,
        chart: QWidget,
        count: Callable[[], int],
        place_at: Callable[[float], int],
        read: Callable[[int | None], None],
    ) -> None:
        super().__init__(chart)
        self._count = count
        self._place_at = place_at
        self._read = read
        self._here: int | None = None
        chart.setMouseTracking(True)
        chart.installEventFilter(self)

    def forget(self) -> None:
        """The steps are others now."""
        self._here = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        del watched
        if event.type() is QEvent.Type.Leave:
            self._go(None)
        elif not self._count():
            return False
        elif event.type() is QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            self._go(max(0, min(self._count() - 1, self._place_at(event.position().x()))))
        elif event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            try:
                self._go(next_step(Qt.Key(event.key()), self._here, self._count()))
            except KeyError:
                return False
            return True
        return False

    def _go(self, step: int | None) -> None:
        if step != self._here:
            self._here = step
            self._read(step)
