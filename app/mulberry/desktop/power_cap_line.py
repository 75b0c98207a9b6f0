"""The owner's power cap on a GPU's card: whether it is kept, and what sets the driver's limit. That it is kept is told
only after the driver has said so.
"""

import sys
from datetime import datetime

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from mulberry.desktop.administrator import Administrator, Ending
from mulberry.desktop.cards import CommandLine, Text, narrow, plain_button
from mulberry.model.clock import Clock
from mulberry.model.gpu import GpuInfo
from mulberry.model.language import number, tr
from mulberry.model.power_cap import (
    Keeping,
    PowerCap,
    PowerLimit,
    command_line,
    in_watts,
    keeping,
    over_the_cap,
    setting_command,
    way_out,
)
from mulberry.model.text import plain

ASKING = tr("Your system asks for your password…")
RESTS = tr("Until its limit is that low, it does no work.")
BY_HAND = tr("This sets it, in a terminal:")
BY_HAND_ON_WINDOWS = tr("This sets it, in a terminal that was opened as administrator:")
IS_READ = tr("Done. What the driver allows now is being read.")


def standing(name: str, cap: PowerCap, limit: PowerLimit) -> tuple[str, str]:
    """How the cap of the GPU of that name stands, and the look of that."""
    watts, allowed = number(f"{cap.watt:,}"), in_watts(limit.now or 0)
    match keeping(cap.watt, limit):
        case Keeping.KEPT:
            kept = tr("Your power cap of {cap} W is kept: the driver allows {limit} W.", cap=watts, limit=allowed)
            return kept, "source"
        case Keeping.UNKNOWN:
            what = tr("Your power cap of {cap} W cannot be kept: the driver does not say what it may draw.", cap=watts)
            return what, "warn"
    return over_the_cap(name, cap.watt, limit), "warn"


def consequence(cap: PowerCap, limit: PowerLimit) -> str:
    """What follows while it is not kept, and what can be done where no button and no command here does it."""
    match keeping(cap.watt, limit):
        case Keeping.KEPT | Keeping.UNKNOWN:
            return ""
        case Keeping.TO_BE_SET if setting_command(cap) is not None:
            return RESTS
    return f"{RESTS} {way_out(cap, limit)}"


def ending_words(ending: Ending, said: str) -> str:
    """What became of the attempt; "": there is nothing to tell, as when its owner has put it aside."""
    match ending:
        case Ending.DONE:
            return IS_READ
        case Ending.PUT_ASIDE:
            return ""
        case Ending.NOT_ALLOWED:
            return tr("Your system did not allow it, or has nothing that asks you for the password.")
        case Ending.TOO_LONG:
            return tr("Nobody answered your system's question, so it was given up.")
    if not said:
        return tr("It could not be set.")
    return tr("It could not be set: {said}", said=plain(said, 200))


class PowerCapLine(QWidget):
    """Hidden where there is no cap."""

    def __init__(self, clock: Clock, administrator: Administrator | None = None) -> None:
        super().__init__()
        self._clock = clock
        self._cap: PowerCap | None = None
        self._limit = PowerLimit()
        self._is_stale = False
        self._set_at: datetime | None = None  # and not read since
        self._needs_hands = False  # nobody here asks for the password
        self.administrator = administrator or Administrator(parent=self)
        self.administrator.ended.connect(self._ended)
        self.standing = narrow(Text("", "source", wraps=True))
        self.consequence = narrow(Text("", "value", wraps=True))
        self.set = plain_button("")
        self.set.clicked.connect(self._ask)
        self.note = narrow(Text("", "value", wraps=True))
        self.by_hand = narrow(Text(BY_HAND_ON_WINDOWS if sys.platform == "win32" else BY_HAND, "source", wraps=True))
        self.command = CommandLine()
        button = QHBoxLayout()
        button.addWidget(self.set)
        button.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(4)
        column.addWidget(self.standing)
        column.addWidget(self.consequence)
        column.addLayout(button)
        for widget in (self.note, self.by_hand, self.command):
            column.addWidget(widget)
        self.hide()

    def show_cap(self, gpu: GpuInfo, cap: PowerCap | None, as_of: datetime) -> None:
        """`as_of` is when the GPU was read."""
        is_another = cap != self._cap and not self.administrator.is_busy
        self._cap, self._limit = cap, PowerLimit.of(gpu)
        self.setVisible(cap is not None)
        if cap is None:
            return
        if is_another or keeping(cap.watt, self._limit) is Keeping.KEPT:  # what was tried before is over
            self._set_at, self._needs_hands = None, False
            self.note.say("")
        words, look = standing(gpu.name, cap, self._limit)
        self.set.setText(tr("Set it to {cap} W…", cap=number(f"{cap.watt:,}")))
        self.set.setAccessibleName(f"{gpu.name}: {self.set.text()}")
        self.standing.say(words)
        self.standing.mark("look", look)
        self.consequence.say(consequence(cap, self._limit))
        self.consequence.setVisible(bool(self.consequence.text()))
        if self._set_at is not None and as_of > self._set_at:
            self._set_at = None
            self.note.say(tr("It was set without an error, and the driver still allows more."))
        self._offer(cap)

    def show_readiness(self, *, is_stale: bool) -> None:
        self._is_stale = is_stale
        if self._cap is not None:
            self._offer(self._cap)

    def _offer(self, cap: PowerCap) -> None:
        """The button where the system can ask; the command where it cannot, or did not help."""
        words = setting_command(cap) if keeping(cap.watt, self._limit) is Keeping.TO_BE_SET else None
        can_ask = words is not None and self.administrator.can_run(words[0])
        self.set.setVisible(can_ask)
        self.set.setEnabled(not self._is_stale and not self.administrator.is_busy)
        is_by_hand = words is not None and (not can_ask or self._needs_hands)
        self.by_hand.setVisible(is_by_hand)
        self.command.say(command_line(cap))
        self.command.setVisible(is_by_hand)
        self.note.setVisible(bool(self.note.text()))

    def _ask(self) -> None:
        words = setting_command(self._cap) if self._cap is not None else None
        if self._cap is not None and words is not None:
            self._set_at = None
            self.note.say(ASKING)
            self.administrator.run(words)
            self._offer(self._cap)

    def _ended(self, ending: Ending, said: str) -> None:
        self._set_at = self._clock.now() if ending is Ending.DONE else None
        self._needs_hands = ending is Ending.NOT_ALLOWED
        self.note.say(ending_words(ending, said))
        if self._cap is not None:
            self._offer(self._cap)
