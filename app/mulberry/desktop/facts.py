"""Values under their names, side by side as far as there is room. Each answers: what it is, from where, as of when."""

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QToolTip, QWidget

from mulberry.desktop.cards import Text, narrow, tab_after
from mulberry.desktop.network_wording import Fact
from mulberry.desktop.theme import Theme

BORDER = 2  # of a value, see `theme`
ROW_GAP = 6
STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}


class FactValue(Text):
    """Its answer is its tool tip, for the mouse and, while it has the focus, for the keyboard."""

    stepped = Signal(int)

    def __init__(self) -> None:
        super().__init__("", "fact", wraps=True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)  # a long word makes nothing wider
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setIndent(0)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def show_fact(self, fact: Fact) -> None:
        self.say(fact.value)
        self.mark("tone", fact.tone)
        self.setAccessibleName(f"{fact.name}: {fact.value}")
        self.setAccessibleDescription(fact.source)
        self.setToolTip(f"<p>{escape(fact.source)}</p>")

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        QToolTip.showText(self.mapToGlobal(QPoint(0, self.height())), self.toolTip(), self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in STEPS:
            self.stepped.emit(STEPS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)


class Facts(QWidget):
    """One stop of the Tab key; the arrow keys go from value to value. `column_width` is what one of them needs."""

    def __init__(self, theme: Theme, column_width: int) -> None:
        super().__init__()
        self._column_width = theme.px(column_width)
        self._columns = 0
        self._names: list[Text] = []
        self.values: list[FactValue] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(20)
        self._grid.setVerticalSpacing(0)

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """The same number of facts each time."""
        if len(self.values) < len(facts):
            self._make(len(facts))
        for name, shown, fact in zip(self._names, self.values, facts, strict=True):
            name.say(fact.name)
            shown.show_fact(fact)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(event.size().width())

    def _make(self, how_many: int) -> None:
        while len(self.values) < how_many:
            shown, place = FactValue(), len(self.values)
            shown.stepped.connect(lambda step, place=place: self._go(place + step))
            name = narrow(Text("", "source", wraps=True))  # all columns are as wide
            name.setIndent(BORDER)
            name.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom)  # of two, next to their values
            shown.setParent(self)
            tab_after(self.values[-1] if self.values else self, shown)
            self._names.append(name)
            self.values.append(shown)
        self.values[0].setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._columns = 0
        self._arrange(self.width())

    def _go(self, place: int) -> None:
        if not 0 <= place < len(self.values):
            return
        for number, shown in enumerate(self.values):
            here = number == place
            shown.setFocusPolicy(Qt.FocusPolicy.StrongFocus if here else Qt.FocusPolicy.ClickFocus)
        self.values[place].setFocus(Qt.FocusReason.OtherFocusReason)

    def _arrange(self, width: int) -> None:
        """Read column by column, a name above its value."""
        columns = max(1, min(4, width // self._column_width))
        if columns == self._columns or not self.values:
            return
        for column in range(self._columns):
            self._grid.setColumnStretch(column, 0)
        self._columns = columns
        for place, (name, shown) in enumerate(zip(self._names, self.values, strict=True)):
            row, column = divmod(place, columns)
            self._grid.addWidget(name, 3 * row, column)
            self._grid.addWidget(shown, 3 * row + 1, column)
            self._grid.setRowMinimumHeight(3 * row + 2, ROW_GAP)
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)
