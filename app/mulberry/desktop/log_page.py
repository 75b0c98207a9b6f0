"""The Log page: what agent and window wrote down, as it comes, to be filtered, searched and copied."""

from pathlib import Path

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import (
    QColor,
    QDesktopServices,
    QFontDatabase,
    QHideEvent,
    QKeySequence,
    QShortcut,
    QShowEvent,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextDocument,
)
from PySide6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from mulberry.desktop.cards import MARGIN, Card, Text, choice_button, in_reading_order, plain_button
from mulberry.desktop.connection import View
from mulberry.desktop.log_tail import HEAD, KEPT_LINES, Level, LogTail, matching
from mulberry.desktop.theme import Theme
from mulberry.model.language import number, tr
from mulberry.model.places import DataFolder

LOOK_MILLISECONDS = 1_000  # while the page is looked at
SEARCH_MILLISECONDS = 200  # after the last key
LEVELS = ((tr("All lines"), Level.DEBUG), (tr("Warnings and errors"), Level.WARNING), (tr("Only errors"), Level.ERROR))
EMPTY = tr("Nothing is written down here yet.")
NOTHING_MATCHES = tr("No line has that in it.")
FOR_HELPERS = tr(
    "No prompts, answers or keys are written down. For whoever helps you, `mulberry diagnose` makes a file without "
    "names, paths and addresses, and shows all of it first."
)


class LogPage(QWidget):
    def __init__(self, theme: Theme, folder: DataFolder | None) -> None:
        """`folder`: whose logs are shown."""
        super().__init__()
        self._theme = theme
        self._tails = (LogTail(folder.agent_log), LogTail(folder.window_log)) if folder is not None else ()
        self._chosen = 0
        self.sources = (choice_button(tr("Agent")), choice_button(tr("Window")))
        self.newest = plain_button(tr("Go to the newest"))  # made in reading order, which is that of the Tab key
        self.level = QComboBox()
        self.search = QLineEdit()
        self.copy = plain_button(tr("Copy all shown"))
        self.open_folder = plain_button(tr("Open the folder"))
        self.count = Text("", "source")
        self.text = QPlainTextEdit()
        self.helpers = Text(FOR_HELPERS, "source", wraps=True)
        self.help = plain_button(tr("Get help…"))
        self._set_up()
        self._lay_out()
        self._colours = _LevelColours(self.text.document(), theme)
        self._looking = QTimer(self, interval=LOOK_MILLISECONDS)
        self._looking.timeout.connect(self.look)
        self._typing = QTimer(self, interval=SEARCH_MILLISECONDS, singleShot=True)
        self._typing.timeout.connect(self._draw)
        self._connect()

    def _set_up(self) -> None:
        group = QButtonGroup(self)
        for place, button in enumerate(self.sources):
            group.addButton(button, place)
            button.setAccessibleName(tr("Log: {source}", source=button.text()))
        self.sources[0].setChecked(True)
        group.idClicked.connect(self._choose)
        for words, level in LEVELS:
            self.level.addItem(words, level)
        self.level.setAccessibleName(tr("Which lines"))
        self.search.setPlaceholderText(tr("Search"))
        self.search.setAccessibleName(tr("Search in the log"))
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(self._theme.px(260))
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(True)
        self.text.setMaximumBlockCount(KEPT_LINES)
        self.text.setAccessibleName(tr("Log"))
        self.text.setPlaceholderText(EMPTY)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(self._theme.px(12))
        self.text.setFont(font)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(2, 0, 0, 0)
        head.addWidget(Text(tr("Log"), "page-title"))
        head.addSpacing(12)
        for button in self.sources:
            head.addWidget(button)
        head.addSpacing(12)
        head.addWidget(self.count)
        head.addStretch()
        head.addWidget(self.newest)
        tools = QHBoxLayout()
        tools.addWidget(self.level)
        tools.addWidget(self.search, 1)
        tools.addStretch()
        tools.addWidget(self.copy)
        tools.addWidget(self.open_folder)
        card = Card(tr("Log"))
        card.column.setContentsMargins(12, 12, 12, 12)
        card.column.setSpacing(8)
        card.column.addLayout(tools)
        card.column.addWidget(self.text, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(in_reading_order(self, 0, 0, MARGIN, MARGIN))
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(card, 1)
        foot = QHBoxLayout()
        foot.setSpacing(12)
        foot.addWidget(self.helpers, 1)
        foot.addWidget(self.help)
        column.addLayout(foot)
        self.newest.hide()

    def _connect(self) -> None:
        self.level.currentIndexChanged.connect(self._draw)
        self.search.textChanged.connect(self._typing.start)
        self.copy.clicked.connect(self._copy)
        self.open_folder.clicked.connect(self._open_folder)
        bar = self.text.verticalScrollBar()
        self.newest.clicked.connect(lambda: bar.setValue(bar.maximum()))
        bar.valueChanged.connect(lambda: self.newest.setVisible(not self._is_at_the_end))
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self.search.setFocus)

    def show_view(self, view: View) -> None:
        """All that is shown here is read from files."""
        del view

    @property
    def _tail(self) -> LogTail | None:
        return self._tails[self._chosen] if self._tails else None

    @property
    def _is_at_the_end(self) -> bool:
        bar = self.text.verticalScrollBar()
        return bar.value() >= bar.maximum() - 1

    def look(self) -> None:
        """Adds what was written since."""
        tail = self._tail
        if tail is None:
            return
        try:
            begins, new = tail.read()
        except OSError as problem:
            self.count.say(tr("The log cannot be read: {reason}.", reason=problem.strerror or problem))
            return
        if begins:
            self._draw()
        elif new:
            self._append(matching(new, self._lowest, self.search.text()))
        if tail.has_more and self.isVisible():
            QTimer.singleShot(0, self, self.look)

    @property
    def _lowest(self) -> Level:
        level: Level = self.level.currentData()
        return level

    def _append(self, lines: list[str]) -> None:
        follows = self._is_at_the_end
        if lines:
            self.text.appendPlainText("\n".join(lines))
        if follows:
            bar = self.text.verticalScrollBar()
            bar.setValue(bar.maximum())
        self._say()

    def _draw(self) -> None:
        tail = self._tail
        lines = matching(tail.lines, self._lowest, self.search.text()) if tail is not None else []
        self.text.setPlaceholderText(NOTHING_MATCHES if tail is not None and tail.lines else EMPTY)
        self.text.setPlainText("\n".join(lines))
        bar = self.text.verticalScrollBar()
        bar.setValue(bar.maximum())
        self._say()

    def _say(self) -> None:
        tail = self._tail
        kept = len(tail.lines) if tail is not None else 0
        shown = 0 if self.text.document().isEmpty() else self.text.blockCount()
        words = tr("Lines shown: {shown} of {kept}", shown=number(f"{shown:,}"), kept=number(f"{kept:,}"))
        self.count.say(words if kept else "")

    def _choose(self, place: int) -> None:
        self._chosen = place
        self._draw()
        self.look()

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.text.toPlainText())

    def _open_folder(self) -> None:
        if self._tail is not None:
            open_folder(self._tail.path.parent)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._looking.start()
        QTimer.singleShot(0, self, self.look)  # the page is there before its text

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._looking.stop()


def open_folder(folder: Path) -> None:
    """With the desktop's own file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


class _LevelColours(QSyntaxHighlighter):
    """Beside the word that says the level, which stands in every line."""

    def __init__(self, document: QTextDocument, theme: Theme) -> None:
        super().__init__(document)
        self._theme = theme
        theme.changed.connect(self.rehighlight)

    def highlightBlock(self, text: str) -> None:
        head = HEAD.match(text)
        colours = self._theme.colours
        named = {"WARNING": colours.warn, "ERROR": colours.bad, "CRITICAL": colours.bad}
        if head is not None and head[1] in named:
            look = QTextCharFormat()
            look.setForeground(QColor(named[head[1]]))
            self.setFormat(0, len(text), look)
