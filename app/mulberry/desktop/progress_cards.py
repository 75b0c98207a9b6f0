"""What stands between the owner and earning: the start-up's steps, and the reasons with their next steps."""

from PySide6.QtWidgets import QGridLayout

from mulberry.desktop.cards import Card, Text, clear
from mulberry.desktop.theme import Theme
from mulberry.model.errors import WhoseTurn
from mulberry.model.language import tr, tr_count
from mulberry.model.node import NodeState, Reason, ReasonKind, Status, Step, StepState

STEP_SIGNS = {
    StepState.WAITING: "·",
    StepState.RUNNING: "…",
    StepState.DONE: "✓",
    StepState.SKIPPED: "–",
    StepState.BLOCKED: "!",
}
STEP_WORDS = {
    StepState.WAITING: tr("waiting"),
    StepState.RUNNING: tr("running"),
    StepState.DONE: tr("done"),
    StepState.SKIPPED: tr("skipped"),
    StepState.BLOCKED: tr("blocked"),
}
SAID_BY_THE_SENTENCE = {
    ReasonKind.STOPPED_BY_OWNER,
    ReasonKind.PAUSED_BY_OWNER,
    ReasonKind.FINISHING_FOR_OWNER,
    ReasonKind.NO_REQUESTS,
}
MOST_SHOWN = 3  # a longer list is not read
TURNS = {
    WhoseTurn.YOU: tr("It is your turn."),
    WhoseTurn.NETWORK: tr("It is the network's turn."),
    WhoseTurn.NVIDIA: tr("It is NVIDIA's turn."),
    WhoseTurn.INTEL: tr("It is Intel's turn."),
    WhoseTurn.NOBODY: tr("It goes on by itself."),
}


class StepsCard(Card):
    """The start-up's named tasks while they run, or where one of them is stuck."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Getting ready"))
        self._theme = theme
        self._shown: tuple[Step, ...] = ()
        self.column.addWidget(Text(tr("Getting ready"), "label"))
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
        draw_steps(self.grid, steps, self._theme)


def draw_steps(grid: QGridLayout, steps: tuple[Step, ...], theme: Theme) -> None:
    """One row a step: its sign, its name and its note."""
    clear(grid)
    for row, step in enumerate(steps):
        look = {StepState.RUNNING: "strong", StepState.BLOCKED: "warn"}.get(step.state, "source")
        sign = Text(STEP_SIGNS[step.state], look)
        sign.setAccessibleName(STEP_WORDS[step.state])
        sign.setMinimumWidth(theme.px(14))
        grid.addWidget(sign, row, 0)
        grid.addWidget(Text(step.name, look), row, 1)
        grid.addWidget(Text(step.note, "source", wraps=True), row, 2)


class ReasonsCard(Card):
    """The reasons that the sentence does not already say in full, each with its next step and whose turn it is.

    Those that wait for the owner come first; of a long list the first few, and how many more there are.
    """

    def __init__(self) -> None:
        super().__init__(tr("What holds things up"))
        self._shown: tuple[Reason, ...] = ()
        self.heading = Text(tr("Good to know"), "label")
        self.column.addWidget(self.heading)
        self.grid = QGridLayout()
        self.grid.setVerticalSpacing(4)
        self.more = Text("", "source", wraps=True)
        self.column.addLayout(self.grid)
        self.column.addWidget(self.more)
        self.hide()

    def show_status(self, status: Status | None) -> None:
        reasons = status.reasons if status is not None else ()
        said = reasons[:1] if reasons and reasons[0].kind is ReasonKind.PAUSED_BY_RULE else ()
        reasons = tuple(reason for reason in reasons if reason.kind not in SAID_BY_THE_SENTENCE and reason not in said)
        self.setVisible(bool(reasons))
        if reasons == self._shown:
            return
        self._shown = reasons
        more = len(reasons) - MOST_SHOWN
        self.more.say(tr_count("{count} more comes after these.", "{count} more come after these.", more))
        self.more.setVisible(more > 0)
        stopping = any(reason.stops_work for reason in reasons)
        self.heading.say(tr("What holds things up") if stopping else tr("Good to know"))
        clear(self.grid)
        to_do = sorted(reasons, key=lambda reason: reason.whose_turn is not WhoseTurn.YOU)
        for row, reason in enumerate(to_do[:MOST_SHOWN]):
            is_rule = reason.kind is ReasonKind.PAUSED_BY_RULE  # the owner's own wish is no warning
            self.grid.addWidget(
                Text(reason.evidence, "warn" if reason.stops_work and not is_rule else "strong", wraps=True), 2 * row, 0
            )
            turn = TURNS[reason.whose_turn]
            self.grid.addWidget(Text(f"{reason.next_step} {turn}".strip(), "value", wraps=True), 2 * row + 1, 0)


def _shows_steps(status: Status) -> bool:
    if status.state is NodeState.GETTING_READY:
        return True
    return status.state is NodeState.NEEDS_YOU and any(step.state is StepState.BLOCKED for step in status.steps)
