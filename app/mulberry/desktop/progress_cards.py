"""What stands between the owner and earning: the start-up's steps, and the reasons with their next steps."""

from PySide6.QtWidgets import QGridLayout

from mulberry.desktop.cards import Card, Text, clear
from mulberry.desktop.theme import Theme
from mulberry.model.errors import WhoseTurn
from mulberry.model.node import NodeState, Reason, ReasonKind, Status, Step, StepState

STEP_SIGNS = {
    StepState.WAITING: "·",
    StepState.RUNNING: "…",
    StepState.DONE: "✓",
    StepState.SKIPPED: "–",
    StepState.BLOCKED: "!",
}
SAID_BY_THE_SENTENCE = {
    ReasonKind.STOPPED_BY_OWNER,
    ReasonKind.PAUSED_BY_OWNER,
    ReasonKind.FINISHING_FOR_OWNER,
    ReasonKind.NO_REQUESTS,
}
TURNS = {
    WhoseTurn.YOU: "It is your turn.",
    WhoseTurn.NETWORK: "It is the network's turn.",
    WhoseTurn.NVIDIA: "It is NVIDIA's turn.",
    WhoseTurn.INTEL: "It is Intel's turn.",
    WhoseTurn.NOBODY: "It goes on by itself.",
}


class StepsCard(Card):
    """The start-up's named tasks while they run, or where one of them is stuck."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("Getting ready")
        self._theme = theme
        self._shown: tuple[Step, ...] = ()
        self.column.addWidget(Text("Getting ready", "label"))
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(12)
        self.grid.setColumnStretch(2, 1)
        self.column.addLayout(self.grid)
        self.hide()

    def show_status(self, status: Status | None) -> None:
        steps = status.steps if status is not None and _shows_steps(status) else ()
        self.setVisible(bool(steps))
        if steps == self._shown:
            return
        self._shown = steps
        clear(self.grid)
        for row, step in enumerate(steps):
            look = {StepState.RUNNING: "strong", StepState.BLOCKED: "warn"}.get(step.state, "source")
            sign = Text(STEP_SIGNS[step.state], look)
            sign.setAccessibleName(step.state.value)
            sign.setMinimumWidth(self._theme.px(14))
            self.grid.addWidget(sign, row, 0)
            self.grid.addWidget(Text(step.name, look), row, 1)
            self.grid.addWidget(Text(step.note, "source", wraps=True), row, 2)


class ReasonsCard(Card):
    """All reasons that the sentence does not already say in full, each with its next step and whose turn it is."""

    def __init__(self) -> None:
        super().__init__("What holds things up")
        self._shown: tuple[Reason, ...] = ()
        self.heading = Text("Good to know", "label")
        self.column.addWidget(self.heading)
        self.grid = QGridLayout()
        self.grid.setVerticalSpacing(4)
        self.column.addLayout(self.grid)
        self.hide()

    def show_status(self, status: Status | None) -> None:
        reasons = status.reasons if status is not None else ()
        reasons = tuple(reason for reason in reasons if reason.kind not in SAID_BY_THE_SENTENCE)
        self.setVisible(bool(reasons))
        if reasons == self._shown:
            return
        self._shown = reasons
        stopping = any(reason.stops_work for reason in reasons)
        self.heading.say("What holds things up" if stopping else "Good to know")
        clear(self.grid)
        for row, reason in enumerate(reasons):
            self.grid.addWidget(
                Text(reason.evidence, "warn" if reason.stops_work else "strong", wraps=True), 2 * row, 0
            )
            turn = TURNS[reason.whose_turn]
            self.grid.addWidget(Text(f"{reason.next_step} {turn}".strip(), "value", wraps=True), 2 * row + 1, 0)


def _shows_steps(status: Status) -> bool:
    if status.state is NodeState.GETTING_READY:
        return True
    return status.state is NodeState.NEEDS_YOU and any(step.state is StepState.BLOCKED for step in status.steps)
