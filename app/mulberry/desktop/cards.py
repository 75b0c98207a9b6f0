"""The pieces that pages are laid out of: texts, cards, bars and rows that wrap when the window is narrow."""

from PySide6.QtCore import QEvent, QMargins, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QGuiApplication, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from mulberry.desktop.theme import Theme
from mulberry.model.language import tr
from mulberry.model.text import plain

GAP = 16
MARGIN = 32
WIDEST_WORD = 60  # average letters that a text asks room for


class Text(QLabel):
    """A label whose text is text: no markup, no turned reading direction, no endless line, for names and errors come
    from strangers. `look`: see `theme`."""

    def __init__(self, text: str, look: str, *, wraps: bool = False) -> None:
        super().__init__(plain(text, lines=True))
        self._said = text
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("look", look)
        self.setWordWrap(wraps)
        if wraps:
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def minimumSizeHint(self) -> QSize:
        """A stranger's endless word makes nothing wider: it is cut off."""
        least = super().minimumSizeHint()
        return QSize(min(least.width(), WIDEST_WORD * self.fontMetrics().averageCharWidth()), least.height())

    def say(self, text: str) -> None:
        """Shows `text`, without work where it is there already."""
        if text != self._said:
            self._said = text
            self.setText(plain(text, lines=True))

    def mark(self, name: str, value: bool | str) -> None:
        """Sets a property that the style sheet asks for."""
        if self.property(name) != value:
            self.setProperty(name, value)
            self.style().unpolish(self)
            self.style().polish(self)


def can_be_seen(widget: QWidget) -> bool:
    """Neither hidden nor in a window that is minimised; of one that is, Qt says that it is visible."""
    return widget.isVisible() and not widget.window().isMinimized()


class Card(QFrame):
    """A calm surface; what it holds goes into `column`."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setProperty("look", "card")
        self.setAccessibleName(name)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(20, GAP, 20, GAP)
        self.column.setSpacing(4)


def in_reading_order(widget: QWidget, before: int, top: int, after: int, bottom: int) -> QMargins:
    """Margins that are mirrored where `widget` is read from right to left, which Qt does not do by itself."""
    return QMargins(after, top, before, bottom) if widget.isRightToLeft() else QMargins(before, top, after, bottom)


class _Sheet(QWidget):
    """As high as its cards need at its width. Qt's own hint reckons wrapped texts at their narrowest: far too high."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("page")

    def minimumSizeHint(self) -> QSize:
        least = super().minimumSizeHint()
        return QSize(least.width(), 0) if self.hasHeightForWidth() else least


class Page(QScrollArea):
    """One page that scrolls where the window is low; what it holds goes into `column`."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it scrolls with the keys of what it holds
        sheet = _Sheet()
        self.column = QVBoxLayout(sheet)
        self.column.setContentsMargins(in_reading_order(self, 0, 0, MARGIN, GAP))
        self.column.setSpacing(GAP)
        self.setWidget(sheet)
        self.verticalScrollBar().rangeChanged.connect(self._keep_the_edge)

    def _keep_the_edge(self, lowest: int, highest: int) -> None:
        """The scroll bar takes its room from the margin, so that cards and banner end at one line."""
        bar = self.verticalScrollBar().sizeHint().width() if highest > lowest else 0
        self.column.setContentsMargins(in_reading_order(self, 0, 0, MARGIN - bar, GAP))


class Row(QWidget):
    """Cards side by side; one under the other where they would not fit. Hidden ones take no room."""

    def __init__(self, *cards: tuple[QWidget, int]) -> None:
        """`cards` with their shares of the width."""
        super().__init__()
        self._cards = [card for card, _ in cards]
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(GAP)
        for card, share in cards:
            self._box.addWidget(card, share)

    def minimumSizeHint(self) -> QSize:
        widest = max(_least_width(card) for card in self._shown())
        return QSize(widest, 0)  # the height follows from the width

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(event.size().width())

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.LayoutRequest:  # a card has grown or shrunk
            self._arrange(self.width())
        return super().event(event)

    def _shown(self) -> list[QWidget]:
        return [card for card in self._cards if not card.isHidden()]

    def _arrange(self, width: int) -> None:
        cards = self._shown()
        needed = sum(map(_least_width, cards)) + GAP * (len(cards) - 1)
        wanted = QBoxLayout.Direction.LeftToRight if needed <= width else QBoxLayout.Direction.TopToBottom
        if self._box.direction() is not wanted:
            self._box.setDirection(wanted)
            self.updateGeometry()


def _least_width(card: QWidget) -> int:
    return max(card.minimumSizeHint().width(), card.minimumWidth())


class Bar(QWidget):
    """A horizontal bar, 0 to 1, or nothing where the value is unknown. `role` names its colour in `Colours`."""

    def __init__(self, theme: Theme, name: str, role: str = "accent", *, striped: bool = False) -> None:
        super().__init__()
        self._theme = theme
        self._role = role
        self._striped = striped
        self._share: float | None = None
        self.setAccessibleName(name)
        self.setFixedHeight(theme.px(10 if striped else 8))
        self.setMinimumWidth(theme.px(60))

    def show_share(self, share: float | None, words: str) -> None:
        """`words` is what a screen reader says."""
        self.setAccessibleDescription(words)
        if share != self._share:
            self._share = share
            self.update()

    def paintEvent(self, event: QEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        whole = QRectF(self.rect())
        radius = whole.height() / 2
        painter.setBrush(QColor(self._theme.colours.raised))
        painter.drawRoundedRect(whole, radius, radius)
        if self._theme.colours.hairline > 1:  # with high contrast its end is seen
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(self._theme.colours.edge), 1))
            painter.drawRoundedRect(whole.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
            painter.setPen(Qt.PenStyle.NoPen)
        if self._share:
            colour = QColor(getattr(self._theme.colours, self._role))
            part = QRectF(whole)
            part.setWidth(max(whole.height(), whole.width() * min(1.0, self._share)))
            if self.isRightToLeft():
                part.moveRight(whole.right())
            self._fill(painter, part, colour, radius)
        painter.end()

    def _fill(self, painter: QPainter, part: QRectF, colour: QColor, radius: float) -> None:
        """Solid; or striped with an outline, which says "promised" without its colour too."""
        if not self._striped:
            painter.setBrush(colour)
            painter.drawRoundedRect(part, radius, radius)
            return
        soft = QColor(colour)
        soft.setAlpha(90)
        painter.setBrush(soft)
        painter.drawRoundedRect(part, radius, radius)
        painter.setBrush(QBrush(colour, Qt.BrushStyle.BDiagPattern))
        painter.setPen(QPen(colour, 1.5))
        painter.drawRoundedRect(part.adjusted(0.75, 0.75, -0.75, -0.75), radius, radius)


def plain_button(text: str) -> QPushButton:
    """A quiet second choice."""
    button = QPushButton(text)
    button.setProperty("look", "plain")
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    return button


def choice_button(text: str) -> QPushButton:
    """One of several, of which one is chosen."""
    button = plain_button(text)
    button.setCheckable(True)
    return button


def tab_after(before: QWidget, widget: QWidget) -> None:
    """The Tab key reaches `widget`, which was made later than what follows it, right after `before`."""
    policy = before.focusPolicy()
    before.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # else Qt ignores it
    QWidget.setTabOrder(before, widget)
    before.setFocusPolicy(policy)


def narrow(text: Text) -> Text:
    """A stranger's long word makes nothing wider."""
    text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return text


class CommandLine(QWidget):
    """A command as it is typed, and a button that puts it on the clipboard."""

    def __init__(self, command: str = "") -> None:
        super().__init__()
        self.command = narrow(Text(command, "command", wraps=True))
        self.copy = plain_button(tr("Copy"))
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command.text()))
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.command, 1)
        line.addWidget(self.copy)
        self.say(command)

    def say(self, command: str) -> None:
        self.command.say(command)
        self.copy.setAccessibleName(tr("Copy the command: {command}", command=command))


def clear(layout: QLayout) -> None:
    """Takes everything out of it."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
