"""The node wallet's key on the Wallet page: where it lies, and what its owner can do with it."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from mulberry.desktop import key_wording
from mulberry.desktop.cards import Card, Row, Text, plain_button
from mulberry.desktop.connection import View
from mulberry.desktop.key_wording import KeyVerb
from mulberry.model.key import UNREAD_KEY, KeyState
from mulberry.model.language import tr

BUTTONS = {
    KeyVerb.UNLOCK: tr("Unlock…"),
    KeyVerb.PROTECT: tr("Keep under a passphrase…"),
    KeyVerb.BACK_UP: tr("Back up…"),
    KeyVerb.CHECK: tr("Check a backup…"),
    KeyVerb.RESTORE: tr("Restore…"),
}


class KeyCard(Card):
    asked = Signal(object)  # KeyVerb

    def __init__(self) -> None:
        super().__init__(tr("Node wallet's key"))
        self.key = UNREAD_KEY
        self.state = Text("", "value", wraps=True)
        self.guards = Text(key_wording.WHAT_IT_GUARDS, "source", wraps=True)
        self.buttons = {verb: plain_button(text) for verb, text in BUTTONS.items()}
        for verb, button in self.buttons.items():
            button.clicked.connect(partial(self.asked.emit, verb))
        of_this_key = self._side_by_side(KeyVerb.UNLOCK, KeyVerb.PROTECT, KeyVerb.BACK_UP)
        of_backups = self._side_by_side(KeyVerb.CHECK, KeyVerb.RESTORE)
        self.column.addWidget(Row((Text(tr("Node wallet's key"), "label"), 1), (of_this_key, 0), (of_backups, 0)))
        self.column.addWidget(self.state)
        self.column.addWidget(self.guards)

    def _side_by_side(self, *verbs: KeyVerb) -> QWidget:
        group = QWidget()
        row = QHBoxLayout(group)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for verb in verbs:
            row.addWidget(self.buttons[verb])
        row.addStretch()
        return group

    def show_view(self, view: View) -> None:
        self.key = view.wallet.key if view.wallet is not None else UNREAD_KEY
        self.state.say(key_wording.state_line(self.key))
        needs_you = self.key.state in (KeyState.LOCKED, KeyState.UNAVAILABLE)
        self.state.mark("look", "warn" if needs_you else "value")
        offered = key_wording.offered(self.key)
        for verb, button in self.buttons.items():
            button.setVisible(verb in offered)
            button.setEnabled(not view.is_stale)
        self.buttons[KeyVerb.PROTECT].setText(key_wording.passphrase_button(self.key))
