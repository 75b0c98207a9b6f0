"""A large number that answers: hovered or focused, it says what it counts, from where, and as of when."""

from html import escape

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip

from mulberry.desktop.cards import Text
from mulberry.desktop.explanations import EXPLANATIONS, Figure

UNKNOWN = "–"
FOCUS_RING = 2


class Number(Text):
    def __init__(self, figure: Figure) -> None:
        super().__init__(UNKNOWN, "number")
        self._explanation = EXPLANATIONS[figure]
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.tell(UNKNOWN, "")

    def tell(self, value: str, as_of: str) -> None:
        """`as_of`: the time, "" while the value is not known."""
        self.say(value)
        words = self._explanation.words(as_of)
        if words != self.accessibleDescription():
            self.setAccessibleDescription(words)
            self.setToolTip(f"<p>{escape(words)}</p>")
        self.setAccessibleName(f"{self._explanation.name}: {value}")

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            QToolTip.showText(self.mapToGlobal(QPoint(0, self.height())), self.toolTip(), self)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        QToolTip.hideText()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Accent), FOCUS_RING))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
            painter.end()
