""" "Stop earning and quit", step by step: what has ended, what has not, and only then the window closes."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QVBoxLayout, QWidget

from mulberry.desktop.cards import Text
from mulberry.desktop.progress_cards import draw_steps
from mulberry.desktop.theme import Theme
from mulberry.model.language import tr
from mulberry.model.node import Step

READ_MILLISECONDS = 3_000  # for its owner to read that all has ended, before it closes by itself
STOPPING = tr("Everything is being put away.")
ALL_ENDED = tr("Everything has ended. The window closes now.")
STUCK = tr("Not everything has ended.")


class FarewellDialog(QDialog):
    """`show_steps` until `let_go`; then it closes by itself where all has ended, and asks where not."""

    over = Signal()  # the window may close

    def __init__(self, parent: QWidget, theme: Theme) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWindowTitle(STOPPING)
        self.setMinimumWidth(theme.px(640))
        self.heading = Text(STOPPING, "card-title", wraps=True)
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(12)
        self.grid.setVerticalSpacing(8)
        self.grid.setColumnStretch(2, 1)
        self.buttons = QDialogButtonBox()
        self.close_window = self.buttons.addButton(tr("Close the window"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.stay = self.buttons.addButton(tr("Keep the window open"), QDialogButtonBox.ButtonRole.RejectRole)
        self.close_window.setProperty("look", "main")
        self.stay.setProperty("look", "plain")
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(16)
        column.addWidget(self.heading)
        column.addLayout(self.grid)
        column.addStretch()
        column.addWidget(self.buttons)
        self._closing = QTimer(self, interval=READ_MILLISECONDS, singleShot=True)
        self._closing.timeout.connect(self.accept)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.accepted.connect(self.over)
        self.finished.connect(self._closing.stop)
        self.buttons.hide()
        self._is_over = self._has_ended = False

    def show_steps(self, steps: tuple[Step, ...], *, all_ended: bool) -> None:
        draw_steps(self.grid, steps, self._theme)
        self._has_ended = all_ended
        self._fit()

    def let_go(self) -> None:
        """Nothing more comes: says how it went, and can be closed."""
        self._is_over = True
        self.heading.say(ALL_ENDED if self._has_ended else STUCK)
        self.setWindowTitle(self.heading.text())
        self.stay.setVisible(not self._has_ended)
        self.buttons.show()
        self.close_window.setFocus(Qt.FocusReason.OtherFocusReason)
        if self._has_ended:
            self._closing.start()
        self._fit()

    def _fit(self) -> None:
        self._column.activate()
        self.resize(self.minimumWidth(), self._column.totalHeightForWidth(self.minimumWidth()))

    def reject(self) -> None:
        """Not before it is known how it went: Escape does not end what has begun."""
        if self._is_over:
            super().reject()
