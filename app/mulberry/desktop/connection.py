"""The window's line to the agent: hears its events, sends its owner's commands, fetches what the pages show.

Everything that is shown comes out of here as a Qt signal, and what was last heard is kept when the agent falls silent:
the window then shows it as stale, never as zero.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from PySide6.QtCore import QObject, Signal, SignalInstance

from mulberry.desktop.history import Window
from mulberry.desktop.key_jobs import KeyAgent, KeyJob, do
from mulberry.model.control import Command, Event
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import EarningsBucket, Job
from mulberry.model.node import Status, Want
from mulberry.model.wallet import ChainTransaction, Reconciliation, WalletStatus

if TYPE_CHECKING:  # nouns that no first frame shows
    import asyncio

    from mulberry.model.diagnosis import Diagnosis, DiagnosisWish
    from mulberry.model.eligibility import Computer, EligibilityReport
    from mulberry.model.gpu_runtime import GpuSetupStatus, SetupOrder
    from mulberry.model.jobs_question import JobDetails, JobsChoices, JobsFound, JobsWish
    from mulberry.model.models import ModelOrder, ModelsStatus
    from mulberry.model.net import NetStatus
    from mulberry.model.proof import AttestationStatus, Envelope
    from mulberry.model.rules import Decision
    from mulberry.model.settings import SettingsChange, SettingsStatus
    from mulberry.model.update import UpdateOrder, UpdateStatus

Answer = TypeVar("Answer")


class Agent(KeyAgent, Protocol):
    """What the window needs of `mulberry.client.control.ControlClient`; the same words, the same errors.

    A protocol, because importing the client takes longer than painting the window.
    """

    async def command(self, command: Command) -> Status: ...

    async def jobs(self, first: int, last: int) -> tuple[Job, ...]: ...

    async def find_jobs(self, wish: "JobsWish") -> "JobsFound": ...

    async def job_choices(self) -> "JobsChoices": ...

    async def job_details(self, number: int) -> "JobDetails": ...

    async def earnings(self, edges: Sequence[datetime]) -> tuple[EarningsBucket, ...]: ...

    async def payout(self, proxy: str | None = None) -> WalletStatus: ...

    async def get_play_money(self) -> WalletStatus: ...

    async def name_owner(self, address: str) -> WalletStatus: ...

    async def dial(self, proxy: str) -> Status: ...

    async def settings(self) -> "SettingsStatus": ...

    async def change_settings(self, change: "SettingsChange") -> "SettingsStatus": ...

    async def rules_now(self) -> "Decision": ...

    async def models(self) -> "ModelsStatus": ...

    async def order_models(self, order: "ModelOrder") -> "ModelsStatus": ...

    async def gpu_setup(self) -> "GpuSetupStatus": ...

    async def order_gpu_setup(self, order: "SetupOrder") -> "GpuSetupStatus": ...

    async def update(self) -> "UpdateStatus": ...

    async def order_update(self, order: "UpdateOrder") -> "UpdateStatus": ...

    async def eligibility(self, *, fresh: bool = False) -> "EligibilityReport": ...

    async def computer(self) -> "Computer": ...

    async def attestation(self) -> "AttestationStatus": ...

    async def attest_again(self, *, fetch: bool = False) -> "AttestationStatus": ...

    async def envelope(self, nonce: str = "", question: str = "") -> "Envelope": ...

    async def net(self) -> "NetStatus": ...

    async def history(self, offset: int = 0, limit: int = 100) -> tuple[ChainTransaction, ...]: ...

    async def reconciliation(self) -> Reconciliation: ...

    async def diagnosis(self, wish: "DiagnosisWish") -> "Diagnosis": ...

    async def quit(self) -> None: ...

    def events(self) -> AsyncGenerator[Any, None]:
        """`Event`s; anything else among them means that the agent is silent until the next event."""
        ...


class Link(Enum):
    """How the line to the agent is."""

    STARTING = "starting"  # never heard anything yet
    ANSWERS = "answers"
    SILENT = "silent"  # what was last heard is stale


@dataclass(frozen=True, slots=True)
class View:
    """What there is to show. `status` is None until the agent was first heard, `wallet` until it told about one."""

    link: Link = Link.STARTING
    status: Status | None = None
    wallet: WalletStatus | None = None

    @property
    def is_stale(self) -> bool:
        return self.link is not Link.ANSWERS


@dataclass(frozen=True, slots=True)
class _Line:
    agent: Agent
    start: Callable[[], Awaitable[object]]


class Connection(QObject):
    """Signals are emitted on the loop's thread, which is Qt's. What is sent or asked for before `run` is dropped."""

    viewed = Signal(object)  # View
    jobs_booked = Signal(object)  # tuple[Job, ...]: booked or confirmed since the last event
    jobs_fetched = Signal(int, int, object)  # first, last, tuple[Job, ...]
    jobs_not_fetched = Signal(int, int)
    earnings_fetched = Signal(object, object)  # Window, tuple[EarningsBucket, ...]
    net_read = Signal(object)  # NetStatus
    history_fetched = Signal(int, int, object)  # offset, limit, tuple[ChainTransaction, ...]
    history_not_fetched = Signal(int, int)
    reconciled = Signal(object)  # Reconciliation
    payout_answered = Signal()  # it is under way, or `failed` said why not
    play_money_answered = Signal()  # it is on its way, or `failed` said why not
    key_answered = Signal(str)  # what to tell; "" if nothing
    key_refused = Signal(object)  # UserFacingError
    models_read = Signal(object)  # ModelsStatus
    eligibility_read = Signal(object)  # EligibilityReport
    eligibility_not_read = Signal(object)  # UserFacingError
    computer_read = Signal(object)  # Computer
    attestation_read = Signal(object)  # AttestationStatus
    attestation_not_begun = Signal()  # `failed` said why
    diagnosed = Signal(object, object)  # DiagnosisWish, Diagnosis
    not_diagnosed = Signal(object)  # UserFacingError
    failed = Signal(object)  # UserFacingError

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.view = View()
        self._line: _Line | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, agent: Agent, start: Callable[[], Awaitable[object]]) -> None:
        """Hears `agent` for ever. `start` starts it where it does not run yet, or raises `UserFacingError`."""
        self._line = _Line(agent, start)
        try:
            await self._start_agent(self._line)
            async with aclosing(agent.events()) as messages:
                async for message in messages:
                    self._heard(message)
        finally:
            self._line = None
            await self._end_tasks()

    def send(self, command: Command) -> None:
        """Tells the agent its owner's wish. To start earning also starts an agent that is not running."""
        self._spawn(lambda line: self._send(line, command))

    def fetch_jobs(self, first: int, last: int) -> None:
        """Jobs `first` to `last` by `jobs_fetched`, or `jobs_not_fetched` when the agent does not answer."""
        self._spawn(lambda line: self._fetch_jobs(line.agent, first, last))

    def fetch_earnings(self, window: Window) -> None:
        """The earnings in `window` by `earnings_fetched`; nothing when the agent does not answer."""
        self._spawn(lambda line: self._fetch_earnings(line.agent, window))

    def fetch_net(self) -> None:
        """Net earnings by `net_read`; nothing when the agent does not answer."""
        self._spawn(lambda line: self._fetch(line.agent.net, self.net_read))

    def fetch_history(self, offset: int, limit: int) -> None:
        """At most `limit` transactions, newest first, after the `offset` newest; by `history_fetched` or `…_not_…`."""
        self._spawn(lambda line: self._fetch_history(line.agent, offset, limit))

    def reconcile(self) -> None:
        """The account of app, proxies and chain by `reconciled`; nothing when the agent does not answer."""
        self._spawn(lambda line: self._fetch(line.agent.reconciliation, self.reconciled))

    def pay_out(self, proxy: str) -> None:
        """Asks for what waits at `proxy`, its public key in hexadecimal, to be paid out now."""
        self._spawn(lambda line: self._change_wallet(lambda: line.agent.payout(proxy), self.payout_answered))

    def get_play_money(self) -> None:
        """Asks the demo network for some."""
        self._spawn(lambda line: self._change_wallet(line.agent.get_play_money, self.play_money_answered))

    def do_with_key(self, job: KeyJob) -> None:
        """By `key_answered` or `key_refused`."""
        self._spawn(lambda line: self._do_with_key(line.agent, job))

    def dial(self, proxy: str) -> None:
        """Asks for the proxy of that name to be tried now; its state says the rest, or `failed` why not."""
        self._spawn(lambda line: self._dial(line.agent, proxy))

    def ask(
        self,
        question: Callable[[Agent], Awaitable[Answer]],
        use: Callable[[Answer], None],
        refused: Callable[[UserFacingError], None],
    ) -> bool:
        """Asks the agent, and gives its answer to `use` or why there is none to `refused`. Whether it was asked."""
        self._spawn(lambda line: self._ask(lambda: question(line.agent), use, refused))
        return self._line is not None

    def show_wallet(self, wallet: WalletStatus) -> None:
        """The money as an answer told it, which may be newer than the last event."""
        self._show(replace(self.view, wallet=wallet))

    def fetch_models(self) -> None:
        """What models there are by `models_read`; nothing when the agent does not answer."""
        self._spawn(lambda line: self._fetch(line.agent.models, self.models_read))

    def order_models(self, order: "ModelOrder") -> None:
        """By `models_read`, or `failed` says why not."""
        self._spawn(lambda line: self._order_models(line.agent, order))

    def fetch_eligibility(self, fresh: bool) -> None:
        """Whether this computer can earn, by `eligibility_read` or `…_not_read`; `fresh` asks the chain too."""
        self._spawn(lambda line: self._fetch_eligibility(line.agent, fresh=fresh))

    def fetch_computer(self) -> None:
        """What this computer is, by `computer_read`; nothing when the agent does not answer."""
        self._spawn(lambda line: self._fetch(line.agent.computer, self.computer_read))

    def fetch_attestation(self) -> None:
        """What was proven last, by `attestation_read`; nothing when the agent does not answer."""
        self._spawn(lambda line: self._fetch(line.agent.attestation, self.attestation_read))

    def attest_again(self, fetch: bool) -> None:
        """Has everything looked at anew; by `attestation_read`, which tells that it was begun. `fetch`: missing
        collateral may be fetched."""
        self._spawn(lambda line: self._attest_again(line.agent, fetch=fetch))

    def make_envelope(self, nonce: str, use: "Callable[[Envelope], None]") -> None:
        """A statement with its evidence, made now, into `use`; or `failed` says why not."""
        self._spawn(lambda line: self._make_envelope(line.agent, nonce, use))

    def diagnose(self, wish: "DiagnosisWish") -> None:
        """What may be handed to whoever helps, by `diagnosed` or `not_diagnosed`."""
        self._spawn(lambda line: self._diagnose(line.agent, wish))

    def _heard(self, message: object) -> None:
        if not isinstance(message, Event):
            self._show(replace(self.view, link=Link.SILENT))
            return
        self._show(View(Link.ANSWERS, message.status, message.wallet or self.view.wallet))
        if message.new_jobs:
            self.jobs_booked.emit(message.new_jobs)

    def _show(self, view: View) -> None:
        self.view = view
        self.viewed.emit(view)

    async def _start_agent(self, line: _Line) -> None:
        try:
            await line.start()
        except UserFacingError as problem:
            self._show(replace(self.view, link=Link.SILENT))
            self.failed.emit(problem)

    async def _send(self, line: _Line, command: Command) -> None:
        try:
            if command.want is Want.START and self.view.link is Link.SILENT:
                await line.start()
            await line.agent.command(command)
        except UserFacingError as problem:
            self.failed.emit(problem)

    async def _fetch_jobs(self, agent: Agent, first: int, last: int) -> None:
        try:
            jobs = await agent.jobs(first, last)
        except UserFacingError:  # the view says that it is stale; the rows stay as they are
            self.jobs_not_fetched.emit(first, last)
        else:
            self.jobs_fetched.emit(first, last, jobs)

    async def _fetch_earnings(self, agent: Agent, window: Window) -> None:
        try:
            buckets = await agent.earnings(window.edges)
        except UserFacingError:  # the chart stays as it is
            return
        self.earnings_fetched.emit(window, buckets)

    async def _fetch_history(self, agent: Agent, offset: int, limit: int) -> None:
        try:
            transactions = await agent.history(offset, limit)
        except UserFacingError:  # the rows stay as they are
            self.history_not_fetched.emit(offset, limit)
        else:
            self.history_fetched.emit(offset, limit, transactions)

    async def _change_wallet(self, ask: Callable[[], Awaitable[WalletStatus]], answered: SignalInstance) -> None:
        try:
            wallet = await ask()
        except UserFacingError as problem:
            self.failed.emit(problem)
        else:
            self.show_wallet(wallet)
        answered.emit()

    async def _do_with_key(self, agent: Agent, job: KeyJob) -> None:
        try:
            told = await do(agent, job)
        except UserFacingError as problem:
            self.key_refused.emit(problem)
        else:
            self.key_answered.emit(told)

    async def _dial(self, agent: Agent, proxy: str) -> None:
        try:
            await agent.dial(proxy)
        except UserFacingError as problem:
            self.failed.emit(problem)

    async def _ask(
        self,
        ask: Callable[[], Awaitable[Answer]],
        use: Callable[[Answer], None],
        refused: Callable[[UserFacingError], None],
    ) -> None:
        try:
            answer = await ask()
        except UserFacingError as problem:
            refused(problem)
        else:
            use(answer)

    async def _fetch(self, ask: Callable[[], Awaitable[object]], read: SignalInstance) -> None:
        try:
            answer = await ask()
        except UserFacingError:  # the page stays as it is
            return
        read.emit(answer)

    async def _fetch_eligibility(self, agent: Agent, *, fresh: bool) -> None:
        try:
            report = await agent.eligibility(fresh=fresh)
        except UserFacingError as problem:
            if self.view.link is not Link.STARTING:  # else it is asked when the agent is there
                self.eligibility_not_read.emit(problem)
        else:
            self.eligibility_read.emit(report)

    async def _attest_again(self, agent: Agent, *, fetch: bool) -> None:
        try:
            status = await agent.attest_again(fetch=fetch)
        except UserFacingError as problem:
            self.failed.emit(problem)
            self.attestation_not_begun.emit()
        else:
            self.attestation_read.emit(status)

    async def _make_envelope(self, agent: Agent, nonce: str, use: "Callable[[Envelope], None]") -> None:
        try:
            envelope = await agent.envelope(nonce)
        except UserFacingError as problem:
            self.failed.emit(problem)
        else:
            use(envelope)

    async def _diagnose(self, agent: Agent, wish: "DiagnosisWish") -> None:
        try:
            diagnosis = await agent.diagnosis(wish)
        except UserFacingError as problem:
            self.not_diagnosed.emit(problem)
        else:
            self.diagnosed.emit(wish, diagnosis)

    async def _order_models(self, agent: Agent, order: "ModelOrder") -> None:
        try:
            models = await agent.order_models(order)
        except UserFacingError as problem:
            self.failed.emit(problem)
        else:
            self.models_read.emit(models)

    def _spawn(self, work: Callable[[_Line], Coroutine[Any, Any, None]]) -> None:
        if self._line is None:
            return
        import asyncio  # nothing runs before the first frame

        task = asyncio.get_running_loop().create_task(work(self._line))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end_tasks(self) -> None:
        import asyncio

        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
