"""The Home page's way to "Can it earn?", there only where something is missing.

It knows none of the nouns behind it, so that the first frame does not wait for them.
"""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout

from mulberry.desktop.cards import Card, Text, narrow, plain_button
from mulberry.model.language import tr


class CanEarnCard(Card):
    """What is missing, and the way to all of it."""

    more_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(tr("Can it earn?"))
        self.line = narrow(Text("", "warn", wraps=True))
        self.more = plain_button(tr("Can it earn?"))
        self.more.setAccessibleName(tr("What this computer lacks for this network"))
        self.more.clicked.connect(self.more_wanted)
        row = QHBoxLayout()
        row.addWidget(self.line, 1)
        row.addWidget(self.more)
        self.column.addLayout(row)
        self.hide()

    def show_line(self, line: str) -> None:
        """An empty one where nothing is missing."""
        self.line.say(line)
        self.setVisible(bool(line))
