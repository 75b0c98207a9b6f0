"""The About page: versions, where things lie, and the licences of what is used. The window asks nobody."""

from collections.abc import Iterable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QApplication, QGridLayout, QHBoxLayout, QPlainTextEdit, QPushButton

from mulberry.desktop.cards import Card, Page, Text, narrow, plain_button
from mulberry.desktop.connection import View
from mulberry.desktop.log_page import open_folder
from mulberry.desktop.theme import Theme
from mulberry.desktop.update_card import UpdateCard
from mulberry.model.language import english, tr
from mulberry.model.places import DataFolder

WHAT_IT_IS = tr(
    "Mulberry lends your NVIDIA GPU to Cocoon, a network on TON that answers AI requests and pays in Toncoin. "
    "Mulberry is free software under the Apache License 2.0."
)
WHAT_IT_USES = tr("It uses the work of these packages, each under its own licence as the package says it:")


class Pairs(QGridLayout):
    """Names and values; the values can be marked and copied."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._values: list[Text] = []
        self._theme = theme
        self.setHorizontalSpacing(20)
        self.setVerticalSpacing(6)
        self.setColumnStretch(1, 1)

    def show_pairs(self, pairs: Iterable[tuple[str, str]]) -> None:
        """The same number of pairs each time."""
        for row, (name, value) in enumerate(pairs):
            if row == len(self._values):
                self._add(row, name)
            self._values[row].say(value)
            self._values[row].setAccessibleName(f"{name}: {value}")

    def _add(self, row: int, name: str) -> None:
        flags = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        value = narrow(Text("", "fact", wraps=True))
        value.setTextInteractionFlags(flags)
        label = Text(name, "source")
        label.setMinimumWidth(self._theme.px(180))
        self._values.append(value)
        self.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
        self.addWidget(value, row, 1)


class AboutPage(Page):
    def __init__(self, theme: Theme, folder: DataFolder | None) -> None:
        """`folder`: whose data is spoken of."""
        super().__init__()
        self._agent_version: str | None = None
        self._folder = folder
        self._is_filled = False
        self.versions = Pairs(theme)
        self.places = Pairs(theme)
        self.updates = UpdateCard(theme)
        self.parts = QPlainTextEdit()
        self.parts.setReadOnly(True)
        self.parts.setTabChangesFocus(True)
        self.parts.setAccessibleName(tr("Packages and their licences"))
        self.parts.setMinimumHeight(theme.px(260))
        self.copy = plain_button(tr("Copy the versions"))
        self.copy.clicked.connect(self._copy)
        self.open_folder = plain_button(tr("Open the folder"))
        self.open_folder.clicked.connect(self._open_folder)
        title = Text(tr("About"), "page-title")
        title.setContentsMargins(2, 0, 0, 0)
        self.column.addWidget(title)
        self._add_card("Mulberry", Text(WHAT_IT_IS, "value", wraps=True), self.versions, self.copy)
        self.column.addWidget(self.updates)
        self._add_card(tr("Where your data lies"), None, self.places, self.open_folder)
        licences = Card(tr("Licences"))
        licences.column.setSpacing(10)
        licences.column.addWidget(Text(tr("Licences"), "card-title"))
        licences.column.addWidget(Text(WHAT_IT_USES, "value", wraps=True))
        licences.column.addWidget(self.parts)
        self.column.addWidget(licences)
        self.column.addStretch()

    def _add_card(self, name: str, words: Text | None, pairs: Pairs, button: QPushButton) -> None:
        card = Card(name)
        card.column.setSpacing(10)
        head = QHBoxLayout()
        head.addWidget(Text(name, "card-title"))
        head.addStretch()
        head.addWidget(button)
        card.column.addLayout(head)
        if words is not None:
            card.column.addWidget(words)
        card.column.addLayout(pairs)
        self.column.addWidget(card)

    def show_view(self, view: View) -> None:
        version = view.status.version if view.status is not None else None
        if version != self._agent_version:
            self._agent_version = version
            if self._is_filled:
                self._fill()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._is_filled:
            self._is_filled = True
            self._fill()
            QTimer.singleShot(0, self, self._list_parts)  # a hundred small files to read: the page is there before

    def _fill(self) -> None:
        from mulberry.desktop import about

        self.versions.show_pairs(about.versions(self._agent_version))
        if self._folder is not None:
            self.places.show_pairs(about.where_things_lie(self._folder))

    def _list_parts(self) -> None:
        from mulberry.desktop import about

        self.parts.setPlainText("\n".join(f"{part.name} {part.version}: {part.licence}" for part in about.parts()))

    def _copy(self) -> None:
        """In English, for whoever helps."""
        from mulberry.desktop import about

        lines = (f"{english(name)}: {english(value)}" for name, value in about.versions(self._agent_version))
        QApplication.clipboard().setText("\n".join(lines))

    def _open_folder(self) -> None:
        if self._folder is not None:
            open_folder(self._folder.path)
