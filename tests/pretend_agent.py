"""An agent in memory, for tests of what talks to one: it keeps what it was told and says what the test makes it say."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import datetime

from attestation_samples import DESKTOP
from eligibility_samples import COMPUTER, ELIGIBILITY
from gpu_setup_samples import NOTHING
from jobs_by_hand import found_by_hand
from model_samples import MODELS
from mulberry.client.control import AgentLost, AgentNotRunning
from mulberry.model.control import Command, Event, KeyBackup
from mulberry.model.diagnosis import Diagnosis, DiagnosisFile, DiagnosisWish
from mulberry.model.eligibility import Computer, EligibilityReport
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import GpuSetupStatus, SetupOrder
from mulberry.model.jobs import EarningsBucket, Job
from mulberry.model.jobs_question import JobDetails, JobsChoices, JobsFound, JobsWish
from mulberry.model.key import KeyCheck, KeyState, KeyStatus
from mulberry.model.models import ModelOrder, ModelsStatus
from mulberry.model.money import Nanoton
from mulberry.model.net import NetStatus
from mulberry.model.node import Status
from mulberry.model.proof import AttestationStatus, Envelope
from mulberry.model.rules import Decision
from mulberry.model.settings import SettingsChange, SettingsStatus
from mulberry.model.update import UpdateOrder, UpdateStatus
from mulberry.model.wallet import ChainTransaction, Reconciliation, WalletStatus
from net_samples import A_NET
from samples import NODE_WALLET, NOON, a_job, a_status, a_transaction, a_wallet, an_account
from settings_samples import SETTINGS
from update_samples import A_NEWER_VERSION


class PretendAgent:
    """Speaks as `ControlClient` does. While `runs` is false every call fails as if nobody listened."""

    def __init__(self, *, jobs: int = 0, transactions: int = 0, runs: bool = True) -> None:
        self.runs = runs
        self.commands: list[Command] = []
        self.quits = 0
        self.starts = 0
        self.ledger: list[Job] = [a_job(number) for number in range(1, jobs + 1)]
        self.chain: list[ChainTransaction] = [a_transaction(number) for number in range(transactions, 0, -1)]
        self.payouts: list[str | None] = []
        self.net_asked = 0
        self.dialled: list[str] = []
        self.payout_refusal: UserFacingError | None = None
        self.passphrase = "mulberry silk worm"
        self.done_with_key: list[str] = []
        self.play_money_refusal: UserFacingError | None = None
        self.owners: list[str] = []
        self.owner_refusal: UserFacingError | None = None
        self.gifts = 0
        self.model_status: ModelsStatus = MODELS
        self.orders: list[ModelOrder] = []
        self.models_refusal: UserFacingError | None = None
        self.gpu_setup_status: GpuSetupStatus = NOTHING
        self.setup_orders: list[SetupOrder] = []
        self.setups_asked = 0
        self.setup_refusal: UserFacingError | None = None
        self.eligibility_report: EligibilityReport = ELIGIBILITY
        self.eligibility_asked: list[bool] = []
        self.seen_computer: Computer = COMPUTER
        self.attestation_status: AttestationStatus = DESKTOP
        self.attested = 0
        self.wishes: list[DiagnosisWish] = []
        self.nonces: list[str] = []
        self.attestation_refusal: UserFacingError | None = None
        self.settings_status: SettingsStatus = SETTINGS
        self.settings_changes: list[SettingsChange] = []
        self.settings_refusal: UserFacingError | None = None
        self.decision: Decision = Decision()
        self.job_wishes: list[JobsWish] = []
        self.update_status: UpdateStatus = A_NEWER_VERSION
        self.update_orders: list[UpdateOrder] = []
        self.update_refusal: UserFacingError | None = None
        self._messages: asyncio.Queue[Event | AgentLost] = asyncio.Queue()

    def say(self, status: Status, *new_jobs: Job, wallet: WalletStatus | None = None) -> None:
        self._messages.put_nowait(Event(status, new_jobs, wallet))

    def fall_silent(self) -> None:
        self.runs = False
        self._messages.put_nowait(AgentLost("killed by the test"))

    async def start(self) -> None:
        self.starts += 1
        self.runs = True

    async def command(self, command: Command) -> Status:
        self._answer()
        self.commands.append(command)
        return a_status()

    async def jobs(self, first: int, last: int) -> tuple[Job, ...]:
        self._answer()
        return tuple(self.ledger[first - 1 : last])

    async def find_jobs(self, wish: JobsWish) -> JobsFound:
        self._answer()
        self.job_wishes.append(wish)
        return found_by_hand(self.ledger, wish)

    async def job_choices(self) -> JobsChoices:
        self._answer()
        models, proxies = {job.model for job in self.ledger}, {job.proxy for job in self.ledger}
        return JobsChoices(tuple(sorted(models)), tuple(sorted(proxies)))

    async def job_details(self, number: int) -> JobDetails:
        self._answer()
        return JobDetails(self.ledger[number - 1], None)

    async def earnings(self, edges: Sequence[datetime]) -> tuple[EarningsBucket, ...]:
        self._answer()
        return tuple(EarningsBucket(start, Nanoton(number), 1) for number, start in enumerate(edges[:-1]))

    async def net(self) -> NetStatus:
        self._answer()
        self.net_asked += 1
        return A_NET

    async def payout(self, proxy: str | None = None) -> WalletStatus:
        self._answer()
        if self.payout_refusal is not None:
            raise self.payout_refusal
        self.payouts.append(proxy)
        return a_wallet(waiting=0)

    async def get_play_money(self) -> WalletStatus:
        self._answer()
        if self.play_money_refusal is not None:
            raise self.play_money_refusal
        self.gifts += 1
        return a_wallet()

    async def name_owner(self, address: str) -> WalletStatus:
        self._answer()
        if self.owner_refusal is not None:
            raise self.owner_refusal
        self.owners.append(address)
        return replace(a_wallet(), owner=address)

    async def dial(self, proxy: str) -> Status:
        self._answer()
        self.dialled.append(proxy)
        return a_status()

    async def settings(self) -> SettingsStatus:
        self._answer()
        return self.settings_status

    async def change_settings(self, change: SettingsChange) -> SettingsStatus:
        self._answer()
        if self.settings_refusal is not None:
            raise self.settings_refusal
        self.settings_changes.append(change)
        settings = tuple(
            replace(each, value=each.default if each.name in change.reset else change.values.get(each.name, each.value))
            for each in self.settings_status.settings
        )
        changed = replace(self.settings_status, settings=settings)
        if not change.only_try:
            self.settings_status = changed
        return changed

    async def rules_now(self) -> Decision:
        self._answer()
        return self.decision

    async def models(self) -> ModelsStatus:
        self._answer()
        return self.model_status

    async def order_models(self, order: ModelOrder) -> ModelsStatus:
        self._answer()
        if self.models_refusal is not None:
            raise self.models_refusal
        self.orders.append(order)
        return self.model_status

    async def gpu_setup(self) -> GpuSetupStatus:
        self._answer()
        self.setups_asked += 1
        return self.gpu_setup_status

    async def order_gpu_setup(self, order: SetupOrder) -> GpuSetupStatus:
        self._answer()
        if self.setup_refusal is not None:
            raise self.setup_refusal
        self.setup_orders.append(order)
        return self.gpu_setup_status

    async def eligibility(self, *, fresh: bool = False) -> EligibilityReport:
        self._answer()
        self.eligibility_asked.append(fresh)
        return self.eligibility_report

    async def computer(self) -> Computer:
        self._answer()
        return self.seen_computer

    async def attestation(self) -> AttestationStatus:
        self._answer()
        return self.attestation_status

    async def attest_again(self, *, fetch: bool = False) -> AttestationStatus:
        self._answer()
        if self.attestation_refusal is not None:
            raise self.attestation_refusal
        self.attested += 1
        return replace(self.attestation_status, is_checking=True)

    async def envelope(self, nonce: str = "", question: str = "") -> Envelope:
        self._answer()
        if self.attestation_refusal is not None:
            raise self.attestation_refusal
        self.nonces.append(nonce)
        return Envelope("{}")

    async def diagnosis(self, wish: DiagnosisWish) -> Diagnosis:
        self._answer()
        self.wishes.append(wish)
        return Diagnosis((DiagnosisFile("README.txt", f"All of it.\naddresses: {wish.addresses}\n"),), NOON)

    async def update(self) -> UpdateStatus:
        self._answer()
        return self.update_status

    async def order_update(self, order: UpdateOrder) -> UpdateStatus:
        self._answer()
        if self.update_refusal is not None:
            raise self.update_refusal
        self.update_orders.append(order)
        return self.update_status

    async def history(self, offset: int = 0, limit: int = 100) -> tuple[ChainTransaction, ...]:
        self._answer()
        return tuple(self.chain[offset : offset + limit])

    async def reconciliation(self) -> Reconciliation:
        self._answer()
        return an_account()

    async def unlock_key(self, passphrase: str) -> KeyStatus:
        return self._key("unlock", passphrase)

    async def set_key_passphrase(self, passphrase: str) -> KeyStatus:
        return self._key("passphrase", passphrase)

    async def back_up_key(self, passphrase: str) -> KeyBackup:
        self._key("back up", passphrase)
        return KeyBackup("sealed")

    async def check_key(self, backup: KeyBackup, passphrase: str) -> KeyCheck:
        self._key("check", passphrase)
        return KeyCheck(NODE_WALLET, is_this_nodes=True)

    async def restore_key(self, backup: KeyBackup, passphrase: str, *, replace: bool = False) -> KeyStatus:
        return self._key("replace" if replace else "restore", passphrase)

    def _key(self, verb: str, passphrase: str) -> KeyStatus:
        self._answer()
        if passphrase != self.passphrase:
            raise UserFacingError("The passphrase is not the right one.", "It does not open it.", "Try again.")
        self.done_with_key.append(verb)
        return KeyStatus(KeyState.OPEN)

    async def quit(self) -> None:
        self._answer()
        self.quits += 1
        self.runs = False

    async def events(self) -> AsyncGenerator[Event | AgentLost, None]:
        while True:
            yield await self._messages.get()

    def _answer(self) -> None:
        if not self.runs:
            raise AgentNotRunning("the test's agent does not run")
