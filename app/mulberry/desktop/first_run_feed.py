"""What happens in the first steps when: each decision is done where it belongs, and how far its owner is, is kept."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal

from mulberry.client.first_run import FirstRunFile
from mulberry.desktop.connection import Agent, Connection, View
from mulberry.desktop.window import MainWindow
from mulberry.model.clock import Clock
from mulberry.model.control import Command
from mulberry.model.errors import UserFacingError
from mulberry.model.first_run import FirstRun, FirstStep
from mulberry.model.language import tr
from mulberry.model.node import Want

if TYPE_CHECKING:
    from mulberry.desktop.first_run import FirstSteps
    from mulberry.model.eligibility import EligibilityReport
    from mulberry.model.settings import SettingsChange, SettingsStatus

Answer = TypeVar("Answer")

AGENT_STARTS = UserFacingError(
    tr("The agent does not answer yet."),
    tr("It is being started, and this is kept by it."),
    tr("Try again in a moment."),
)


class FirstRunFeed(QObject):
    network_wanted = Signal(str)  # the window is to go on with it; `moved` or `not_moved` answers

    def __init__(
        self, connection: Connection, window: MainWindow, memory: FirstRunFile, network: str, clock: Clock
    ) -> None:
        """`network` is the one that this window shows."""
        super().__init__(window)
        self._connection = connection
        self._window = window
        self._memory = memory
        self._network = network
        self._clock = clock
        self._report: EligibilityReport | None = None
        self._was_stale = True
        self.moved_to = ""
        self._steps: FirstSteps | None = None
        self.state = memory.load() or FirstRun(network=network)
        window.first_steps_wanted.connect(self.open_again)
        connection.eligibility_read.connect(self._report_read)

    @property
    def steps(self) -> "FirstSteps":
        """Made when it is first seen: most starts never need it."""
        if self._steps is None:
            self._steps = self._made()
        return self._steps

    def open_unless_done(self, *, is_new: bool) -> None:
        """Where its owner `is_new` to this window, or has begun the first steps and not finished them."""
        begun = self._memory.load()
        if (is_new and begun is None) or (begun is not None and not begun.is_done):
            self._open()

    def open_again(self) -> None:
        """From the beginning where they were finished, else where they were left."""
        if self.state.is_done:
            self.state = replace(self.state, step=FirstStep.WELCOME)
        self._open()

    def moved(self, network: str) -> None:
        """The window goes on with that network, from the next page."""
        self.moved_to = network
        self._turn(replace(self.state, network=network, step=FirstStep.OWNER))

    def not_moved(self, problem: UserFacingError) -> None:
        """What was decided could not be done; its page stays."""
        self.steps.done()
        self.steps.say(problem)

    def _open(self) -> None:
        self._window.show_in_front(self.steps)
        self.steps.show_view(self._connection.view)
        self._turn(self.state)

    def _made(self) -> "FirstSteps":
        from mulberry.desktop.first_run import FirstSteps
        from mulberry.model.settings import SettingsChange

        connection, steps = self._connection, FirstSteps(self._window.theme)
        steps.later_wanted.connect(self._close)
        steps.back_wanted.connect(lambda: self._turn(self.state.back()))
        steps.skip_wanted.connect(self._skip)
        steps.continue_wanted.connect(self._continue)
        steps.key.asked.connect(lambda verb: self._window.wallet.key.asked.emit(verb))
        steps.network.file_chosen.connect(self._join)
        steps.when.tried.connect(self._try)
        steps.news.changed.connect(lambda name, value: self._set(SettingsChange({name: value})))
        steps.news.reset_wanted.connect(lambda name: self._set(SettingsChange({}, reset=(name,))))
        section = steps.can_earn.section
        section.wanted.connect(connection.fetch_eligibility)
        connection.eligibility_not_read.connect(section.show_problem)
        connection.viewed.connect(self._viewed)
        connection.failed.connect(steps.say)
        if self._report is not None:
            section.show_report(self._report)
        return steps

    def _report_read(self, report: "EligibilityReport") -> None:
        self._report = report
        if self._steps is not None:
            self.steps.can_earn.section.show_report(report)
            self.steps.filled()

    def _viewed(self, view: View) -> None:
        was_stale, self._was_stale = self._was_stale, view.is_stale
        self.steps.show_view(view)
        if was_stale and not view.is_stale and self.steps.isVisible():
            if self.state.step is FirstStep.CAN_EARN:
                self._connection.fetch_eligibility(False)
            self._ask_for_settings()

    def _show(self) -> None:
        """The page and what it needs to know."""
        self.steps.show_state(self.state)
        match self.state.step:
            case FirstStep.NETWORK:
                self._show_networks()
            case FirstStep.AUTOSTART:
                self._show_autostart()
            case FirstStep.WHEN | FirstStep.NEWS:
                self._ask_for_settings()

    def _turn(self, state: FirstRun) -> None:
        self.state = state
        self._show()
        try:
            self._memory.save(state)
        except UserFacingError as problem:
            self.steps.say(problem)

    def _close(self) -> None:
        """For now; a decision that is half made is not kept."""
        self._send_news()
        self._window.choose("Home")

    def _skip(self) -> None:
        self._send_news()
        if self.state.step is FirstStep.END:
            self._end()
        else:
            self._turn(self.state.forward())

    def _continue(self) -> None:
        self._send_news()
        match self.state.step:
            case FirstStep.WELCOME:
                agreed_at = self.state.agreed_at or self._clock.now()
                self._turn(replace(self.state, agreed_at=agreed_at).forward())
            case FirstStep.NETWORK:
                self._choose_network()
            case FirstStep.OWNER:
                self._name_owner()
            case FirstStep.WHEN:
                self._change_rules()
            case FirstStep.AUTOSTART:
                self._change_autostart()
            case FirstStep.END:
                self._start()
            case _:
                self._turn(self.state.forward())

    def _start(self) -> None:
        from mulberry.desktop.first_run_wording import may_start

        if may_start(self.state, self._connection.view.status):
            self._connection.send(Command(Want.START))
        self._end()

    def _end(self) -> None:
        self._turn(self.state.forward())
        self._window.choose("Home")

    def _do(self, question: Callable[[Agent], Awaitable[Answer]], use: Callable[[Answer], None]) -> None:
        """Asks the agent, and turns the page when it has done it."""

        def answered(answer: Answer) -> None:
            use(answer)
            self.steps.done()
            self._turn(self.state.forward())

        self.steps.wait()
        if not self._connection.ask(question, answered, self.not_moved):
            self.not_moved(AGENT_STARTS)

    def _show_networks(self, chosen: str = "") -> None:
        from mulberry.client.networks import known_networks

        known = known_networks(self._memory.root)
        self.steps.network.show_networks(known, self._network, chosen or self._network, self._report)
        self.steps.filled()
        self.steps.take_focus()

    def _join(self, path: Path) -> None:
        from mulberry.client.networks import join_by_file

        try:
            joined = join_by_file(self._memory.root, path)
        except UserFacingError as problem:
            self.not_moved(problem)
        else:
            self._show_networks(joined.name)

    def _choose_network(self) -> None:
        from mulberry.desktop.first_run_wording import LEAVING

        chosen = self.steps.network.choices.chosen
        if chosen is None or chosen == self._network:
            self._turn(replace(self.state, network=self._network).forward())
        else:
            self.steps.wait(words=LEAVING)
            self.network_wanted.emit(chosen)

    def _name_owner(self) -> None:
        if address := self.steps.owner.typed:
            self._do(lambda agent: agent.name_owner(address), self._connection.show_wallet)
        else:
            self._turn(self.state.forward())

    def _ask_for_settings(self) -> None:
        self._connection.ask(lambda agent: agent.settings(), self._settings_read, self._not_read)

    def _settings_read(self, status: "SettingsStatus") -> None:
        self.steps.when.show_settings(status)
        self.steps.news.show_settings(status)
        self.steps.filled()

    def _not_read(self, problem: UserFacingError) -> None:
        """It is said that the agent does not answer."""
        del problem

    def _try(self, change: "SettingsChange") -> None:
        self._connection.ask(lambda agent: agent.change_settings(change), self.steps.when.show_preview, self._not_read)

    def _change_rules(self) -> None:
        if change := self.steps.when.change:
            self._do(lambda agent: agent.change_settings(change), self._settings_read)
        else:
            self._turn(self.state.forward())

    def _set(self, change: "SettingsChange") -> None:
        """One switch of the news, while its page stays."""

        def refused(problem: UserFacingError) -> None:
            self.not_moved(problem)
            self._ask_for_settings()

        self._connection.ask(lambda agent: agent.change_settings(change), self._settings_read, refused)

    def _send_news(self) -> None:
        if self.state.step is FirstStep.NEWS:
            self.steps.news.send()

    def _show_autostart(self) -> None:
        from mulberry.client.autostart import autostart

        try:
            self.steps.autostart.show_autostart(autostart())
        except UserFacingError as problem:
            self.steps.autostart.show_problem(problem)

    def _change_autostart(self) -> None:
        from mulberry.client.autostart import start_at_login

        try:
            if (decision := self.steps.autostart.decision) is not None:
                start_at_login(decision, self._memory.root, self._network)
        except UserFacingError as problem:
            self.not_moved(problem)
        else:
            self._turn(self.state.forward())
