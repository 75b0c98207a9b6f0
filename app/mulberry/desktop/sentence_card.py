"""The card that answers "is it earning?": state, the one sentence, and the large button."""

from datetime import datetime

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout

from mulberry.desktop import wording
from mulberry.desktop.cards import GAP, Card, Text, plain_button
from mulberry.desktop.connection import Link, View
from mulberry.desktop.icons import state_pixmap
from mulberry.desktop.theme import Theme
from mulberry.desktop.wording import Verb
from mulberry.model.clock import Clock
from mulberry.model.control import Command
from mulberry.model.language import tr
from mulberry.model.node import NodeState, Want
from mulberry.model.sentence import sentence, title

STATE_COLOURS = {
    NodeState.STOPPED: "muted",
    NodeState.GETTING_READY: "accent",
    NodeState.EARNING: "earn",
    NodeState.READY: "earn",
    NodeState.PAUSED: "muted",
    NodeState.FINISHING: "accent",
    NodeState.NEEDS_YOU: "warn",
}


class SentenceCard(Card):
    """Follows the observed state. Stopping is never disabled; starting is, until the agent has answered."""

    asked = Signal(object)  # Command
    rules_wanted = Signal()

    def __init__(self, theme: Theme, clock: Clock) -> None:
        super().__init__(tr("State"))
        self._theme = theme
        self._clock = clock
        self._view = View()
        self._verb = wording.START
        self._focus_owed = False  # a disabled button loses the keyboard; it gets it back
        self.shape = QLabel()
        self.title = Text(wording.STARTING_TITLE, "state")
        self.sentence = Text(wording.STARTING, "sentence", wraps=True)
        self.since = Text("", "source", wraps=True)
        self.main = QPushButton(wording.START.text)
        self.main.setProperty("look", "main")
        self.main.setMinimumWidth(theme.px(222))
        self.main.setCursor(Qt.CursorShape.PointingHandCursor)
        self.main.clicked.connect(lambda: self._ask(self._verb))
        self.pause = plain_button(tr("Pause…"))
        self.pause.clicked.connect(self._open_pauses)
        self.rules = plain_button(wording.CHANGE_RULES)
        self.rules.clicked.connect(self.rules_wanted)
        self.stop = plain_button(wording.STOP.text)
        self.stop.clicked.connect(lambda: self._ask(wording.STOP))
        self.pauses = QMenu(self)
        self.pauses.setAccessibleName(tr("Pause for how long"))
        self._lay_out()
        theme.changed.connect(self._draw_shape)
        self.show_view(self._view)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(GAP - 2)
        head.addWidget(self.shape)
        head.addWidget(self.title)
        head.addStretch()
        words = QVBoxLayout()
        words.setSpacing(8)
        words.addLayout(head)
        words.addWidget(self.sentence)
        words.addWidget(self.since)
        second = QHBoxLayout()
        second.addStretch()
        second.addWidget(self.pause)
        second.addWidget(self.rules)
        second.addWidget(self.stop)
        second.addStretch()
        buttons = QVBoxLayout()
        buttons.setSpacing(6)
        buttons.addStretch()
        buttons.addWidget(self.main)
        buttons.addLayout(second)
        buttons.addStretch()
        both = QHBoxLayout()
        both.setContentsMargins(8, 8, 8, 6)
        both.setSpacing(20)
        both.addLayout(words, 1)
        both.addLayout(buttons)
        self.column.addLayout(both)

    def show_view(self, view: View) -> None:
        self._view = view
        status = view.status
        if status is None:
            silent = view.link is Link.SILENT
            self.title.say(wording.NO_ANSWER_TITLE if silent else wording.STARTING_TITLE)
            self.sentence.say(wording.NO_ANSWER if silent else wording.STARTING)
            self.since.say("")
        elif view.is_stale:
            self.title.say(wording.NO_ANSWER_TITLE)
            self.sentence.say(wording.NO_ANSWER)
            as_of = wording.clock_time(status.as_of, self._clock.now())
            self.since.say(tr("Last heard, as of {as_of}: {sentence}", as_of=as_of, sentence=sentence(status)))
        else:
            self.title.say(title(status))
            self.sentence.say(sentence(status))
            self.since.say(wording.since_line(status))
        self._offer(view)
        self._draw_shape()

    def failed(self) -> None:
        """What was asked for did not reach the agent: the buttons say again what they do."""
        self._offer(self._view)

    def _offer(self, view: View) -> None:
        offer = wording.Offer(wording.START) if view.status is None else wording.offer(view.status)
        self._verb = offer.main if view.link is Link.ANSWERS else wording.START
        self.main.setText(self._verb.text)
        self.main.setEnabled(view.link is not Link.STARTING)
        if self._focus_owed and self.main.isEnabled():
            self._focus_owed = False
            self.main.setFocus()
        self.stop.setText(wording.STOP.text)
        self.stop.setVisible(offer.can_stop)
        self.rules.setVisible(view.status is not None and wording.is_held(view.status))
        self.pause.setText(tr("Pause…"))
        self.pause.setVisible(view.link is Link.ANSWERS and offer.can_pause)

    def _ask(self, verb: Verb) -> None:
        if verb is wording.UNTIL_I_RESUME:
            self.pause.setText(verb.pending)
        elif verb.command.want is Want.STOP and self._verb is not wording.STOP:
            self.stop.setText(verb.pending)
        elif verb.command.want is Want.PAUSE:
            self.pause.setText(verb.pending)
        else:
            self.main.setText(verb.pending)
            if verb.command.want is Want.START:
                self._focus_owed = self.main.hasFocus()
                self.main.setEnabled(False)
        command: Command = verb.command
        self.asked.emit(command)

    def _open_pauses(self) -> None:
        self.fill_pauses(self._clock.now())
        self.pauses.popup(self.pause.mapToGlobal(QPoint(0, self.pause.height())))

    def fill_pauses(self, now: datetime) -> None:
        """The menu's entries, reckoned from `now` (aware)."""
        self.pauses.clear()
        for verb in wording.pauses(now):
            action = QAction(verb.text, self.pauses)
            action.triggered.connect(lambda checked=False, verb=verb: self._ask(verb))
            self.pauses.addAction(action)

    def _draw_shape(self) -> None:
        live = self._view.status is not None and not self._view.is_stale
        state = self._view.status.state if self._view.status is not None and live else NodeState.STOPPED
        colour = getattr(self._theme.colours, STATE_COLOURS[state])
        self.shape.setPixmap(state_pixmap(state, colour, self._theme.px(18), self.devicePixelRatioF()))
