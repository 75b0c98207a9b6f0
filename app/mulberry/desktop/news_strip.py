"""What was told, in a strip over the pages, until its owner closes it."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout

from mulberry.desktop.cards import Text, plain_button
from mulberry.model.language import tr

MESSAGES_SHOWN = 3


class NewsStrip(QFrame):
    """The newest messages, one under the other."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "card")
        self.setAccessibleName(tr("News"))
        self.words = Text("", "value", wraps=True)
        self.close_button = plain_button(tr("Close"))
        self.close_button.setAccessibleName(tr("Close the news"))
        self.close_button.clicked.connect(self._close)
        self._messages: list[str] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 10, 16, 10)
        row.addWidget(self.words, 1)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def add(self, text: str) -> None:
        self._messages = [*self._messages, text][-MESSAGES_SHOWN:]
        self.words.say("\n".join(self._messages))
        self.show()
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))  # nothing takes the focus for it

    def _close(self) -> None:
        self._messages = []
        self.hide()
