"""What was told, in a corner over the pages, until its owner closes it or has had the time to read it.

It lies over them, so that nothing under the mouse moves when it comes and goes.
"""

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from mulberry.desktop.cards import Text, plain_button
from mulberry.model.language import tr

MESSAGES_SHOWN = 3
WIDEST = 480
FROM_THE_EDGES = 16
LOOK_MILLISECONDS = 1_000
READ_SECONDS = 30  # of a window that is looked at, after the newest message


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
        self._seen_seconds = 0
        self._looking = QTimer(self, interval=LOOK_MILLISECONDS)
        self._looking.timeout.connect(self.look)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 10, 16, 10)
        row.addWidget(self.words, 1)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def add(self, text: str) -> None:
        self._messages = [*self._messages, text][-MESSAGES_SHOWN:]
        self.words.say("\n".join(self._messages))
        self._seen_seconds = 0
        self._looking.start()
        self._place()  # where it is shown first must not be under the mouse by chance
        self.show()
        self.raise_()
        self._place()
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))  # nothing takes the focus for it

    def float_over(self, pages: QWidget) -> None:
        self.setParent(pages)
        self.hide()
        pages.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutDirectionChange):
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        """At the bottom, where lines end."""
        pages = self.parentWidget()
        if pages is None or not self._messages:
            return
        width = min(WIDEST, pages.width() - 2 * FROM_THE_EDGES)
        height = max(self.heightForWidth(width), self.minimumSizeHint().height())
        is_mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        left = FROM_THE_EDGES if is_mirrored else pages.width() - width - FROM_THE_EDGES
        self.setGeometry(left, pages.height() - height - FROM_THE_EDGES, width, height)

    def look(self) -> None:
        """Once a second. Nothing goes while it is under the mouse, or its button has the keyboard."""
        is_held = self.underMouse() or self.close_button.hasFocus()
        if self.isVisible() and self.isActiveWindow() and not is_held:
            self._seen_seconds += 1
        if self._seen_seconds >= READ_SECONDS:
            self._close()

    def _close(self) -> None:
        self._looking.stop()
        self._messages = []
        self.hide()
