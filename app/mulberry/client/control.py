"""The control API from the caller's side: what the agent knows and what it can be told. Used by window and CLI."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

from mulberry.client.events import connected_events
from mulberry.client.http import StrangeAnswerError, request
from mulberry.model.control import (
    Command,
    DialRequest,
    EnvelopeRequest,
    Event,
    Hello,
    KeyBackup,
    KeyCheckRequest,
    KeyRestoreRequest,
    OwnerRequest,
    Passphrase,
    PayoutRequest,
    Refusal,
)
from mulberry.model.diagnosis import Diagnosis, DiagnosisWish
from mulberry.model.eligibility import Computer, EligibilityReport
from mulberry.model.encoding import from_json, to_json
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.gpu_runtime import GpuSetupStatus, SetupOrder
from mulberry.model.jobs import EarningsBucket, Job
from mulberry.model.jobs_question import JobDetails, JobsChoices, JobsFound, JobsWish
from mulberry.model.key import KeyCheck, KeyStatus
from mulberry.model.language import number, tr
from mulberry.model.models import ModelOrder, ModelsStatus
from mulberry.model.net import NetStatus
from mulberry.model.node import Status
from mulberry.model.places import DataFolder
from mulberry.model.proof import AttestationStatus, Envelope
from mulberry.model.rules import Decision
from mulberry.model.settings import SettingsChange, SettingsStatus
from mulberry.model.update import UpdateOrder, UpdateStatus
from mulberry.model.wallet import ChainTransaction, Reconciliation, WalletStatus

FIRST_RETRY_SECONDS = 0.25
LONGEST_RETRY_SECONDS = 5.0
EVENT_LIMIT_BYTES = 16 * 2**20
MODELS_SECONDS = 60.0  # large files are removed, on a slow disk
PROOF_SECONDS = 180.0  # a TPM or a quoting service may be slow, and each has its own time limit
ELIGIBILITY_SECONDS = 60.0  # a driver may hang, and the chain may be far away
DIAGNOSIS_SECONDS = 15.0  # an agent that hangs is what a diagnosis is made for, and it goes without one
SEARCH_SECONDS = 70.0  # through millions of jobs, on a slow disk; the agent gives up after a minute
KEY_SECONDS = 120.0  # a keyring may ask its owner for a password; a passphrase takes seconds on a slow computer

Noun = TypeVar("Noun")


class AgentNotRunning(UserFacingError):
    """Nobody listens at the agent's address, or who did is gone."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            what=tr("The agent is not running."),
            why=tr("Nobody answers at its control address."),
            next_step=tr("Start it with `mulberry start`, or open the window."),
            detail=detail,
        )


@dataclass(frozen=True, slots=True)
class AgentLost:
    """Among the events: the agent does not answer; what was last heard is stale from now on. `why` is for the log."""

    why: str


class ControlClient:
    """Talks to the one agent of a data folder. Holds no connection between calls.

    Every call raises `AgentNotRunning`, or `UserFacingError` when the agent refuses or does not answer in time.
    """

    def __init__(self, folder: DataFolder, *, timeout_seconds: float = 10.0) -> None:
        self._address = folder.control_address
        self._timeout_seconds = timeout_seconds

    async def hello(self) -> Hello:
        return await self._ask(Hello, "GET", "/v1/hello")

    async def status(self) -> Status:
        return await self._ask(Status, "GET", "/v1/status")

    async def command(self, command: Command) -> Status:
        """Tells the agent its owner's wish; returns the status right after it was stored."""
        return await self._ask(Status, "POST", "/v1/intent", to_json(Command, command))

    async def jobs(self, first: int, last: int) -> tuple[Job, ...]:
        """The jobs with numbers `first` to `last`, both included, at most 1,000; ascending; missing ones left out."""
        query = urlencode({"first": first, "last": last})
        return await self._ask(tuple[Job, ...], "GET", f"/v1/jobs?{query}")

    async def find_jobs(self, wish: JobsWish) -> JobsFound:
        """The jobs that answer a question, a page of them; the first page of a new question at once, the rest when
        the whole ledger was searched. Raises `UserFacingError` too when that takes too long."""
        body = to_json(JobsWish, wish)
        return _understood(JobsFound, await self._call("POST", "/v1/jobs/found", body, SEARCH_SECONDS))

    async def job_choices(self) -> JobsChoices:
        """What jobs can be chosen by."""
        return _understood(JobsChoices, await self._call("GET", "/v1/jobs/choices", b"", SEARCH_SECONDS))

    async def job_details(self, number: int) -> JobDetails:
        """The job as it is now, and the payment that covers it. Raises `UserFacingError` too when there is none."""
        return _understood(JobDetails, await self._call("GET", f"/v1/jobs/{number}", b"", SEARCH_SECONDS))

    async def earnings(self, edges: Sequence[datetime]) -> tuple[EarningsBucket, ...]:
        """The buckets between neighbouring `edges` (aware, ascending, whole seconds; at most 501), empty ones too."""
        query = urlencode({"edges": ",".join(str(int(edge.timestamp())) for edge in edges)}, safe=",")
        return await self._ask(tuple[EarningsBucket, ...], "GET", f"/v1/earnings?{query}")

    async def net(self) -> NetStatus:
        """What the work brings when its electricity is paid: today, in 7 and in 30 days."""
        return await self._ask(NetStatus, "GET", "/v1/net")

    async def wallet(self) -> WalletStatus:
        """The money on TON, as it was read last."""
        return await self._ask(WalletStatus, "GET", "/v1/wallet")

    async def payout(self, proxy: str | None = None) -> WalletStatus:
        """Pays out now what waits at `proxy` (its public key in hexadecimal), or at every one; the wallet after that.

        Raises `UserFacingError` too when nothing waits that is worth its gas.
        """
        request = to_json(PayoutRequest, PayoutRequest(proxy))
        return await self._ask(WalletStatus, "POST", "/v1/payout", request)

    async def settings(self) -> SettingsStatus:
        """All settings of the network and the computer."""
        return await self._ask(SettingsStatus, "GET", "/v1/settings")

    async def change_settings(self, change: SettingsChange) -> SettingsStatus:
        """Changes all of them or none; with `only_try` says what would hold. Raises `UserFacingError` too for values
        that cannot be had."""
        return await self._ask(SettingsStatus, "POST", "/v1/settings", to_json(SettingsChange, change))

    async def rules_now(self) -> Decision:
        """What the owner's rules hold up now, or would if work were wanted."""
        return await self._ask(Decision, "GET", "/v1/rules")

    async def get_play_money(self) -> WalletStatus:
        """Asks the demo network for some; it arrives with one of the next blocks. The wallet right after the asking.

        Raises `UserFacingError` too when none was given.
        """
        return await self._ask(WalletStatus, "POST", "/v1/play-money")

    async def dial(self, proxy: str) -> Status:
        """Tries now to reach the proxy of that name. Raises `UserFacingError` too when it does not wait for that."""
        return await self._ask(Status, "POST", "/v1/dial", to_json(DialRequest, DialRequest(proxy)))

    async def models(self) -> ModelsStatus:
        """What is imported, how much room it takes, and the import or move that is under way."""
        return _understood(ModelsStatus, await self._call("GET", "/v1/models", b"", MODELS_SECONDS))

    async def order_models(self, order: ModelOrder) -> ModelsStatus:
        """Does it, or begins what takes long and returns; `models` tells how that goes."""
        body = to_json(ModelOrder, order)
        return _understood(ModelsStatus, await self._call("POST", "/v1/models", body, MODELS_SECONDS))

    async def gpu_setup(self) -> GpuSetupStatus:
        """What computes on the GPUs, what installing it would take, and the installation that is under way."""
        return _understood(GpuSetupStatus, await self._call("GET", "/v1/gpu-setup", b"", MODELS_SECONDS))

    async def order_gpu_setup(self, order: SetupOrder) -> GpuSetupStatus:
        """Does it, or begins what takes long and returns; `gpu_setup` tells how that goes."""
        body = to_json(SetupOrder, order)
        return _understood(GpuSetupStatus, await self._call("POST", "/v1/gpu-setup", body, MODELS_SECONDS))

    async def eligibility(self, *, fresh: bool = False) -> EligibilityReport:
        """Whether this computer may earn, looked at now, for every network. `fresh`: the chain is asked anew, which
        may take half a minute; else the root contract is as it was seen last."""
        target = f"/v1/eligibility?fresh={int(fresh)}"
        return _understood(EligibilityReport, await self._call("GET", target, b"", ELIGIBILITY_SECONDS))

    async def computer(self) -> Computer:
        """What this computer is and has, looked at now."""
        return _understood(Computer, await self._call("GET", "/v1/computer", b"", ELIGIBILITY_SECONDS))

    async def diagnosis(self, wish: DiagnosisWish) -> Diagnosis:
        """What may be handed to whoever helps, made now: chosen facts, without what `wish` does not allow."""
        query = urlencode({"addresses": int(wish.addresses), "earnings": int(wish.earnings)})
        return _understood(Diagnosis, await self._call("GET", f"/v1/diagnosis?{query}", b"", DIAGNOSIS_SECONDS))

    async def history(self, offset: int = 0, limit: int = 100) -> tuple[ChainTransaction, ...]:
        """At most `limit` (to 500) transactions of our accounts, newest first, without the `offset` newest ones."""
        query = urlencode({"before": offset, "limit": limit})
        return await self._ask(tuple[ChainTransaction, ...], "GET", f"/v1/history?{query}")

    async def name_owner(self, address: str) -> WalletStatus:
        """Makes this the address that is paid; the wallet after that. Refused while the node works."""
        return await self._ask(WalletStatus, "POST", "/v1/owner", to_json(OwnerRequest, OwnerRequest(address)))

    async def unlock_key(self, passphrase: str) -> KeyStatus:
        """Opens the key that lies under a passphrase; what waited for it goes on."""
        return await self._ask_for_key(KeyStatus, "unlock", to_json(Passphrase, Passphrase(passphrase)))

    async def set_key_passphrase(self, passphrase: str) -> KeyStatus:
        """Moves the key under a passphrase, or under another one."""
        return await self._ask_for_key(KeyStatus, "passphrase", to_json(Passphrase, Passphrase(passphrase)))

    async def back_up_key(self, passphrase: str) -> KeyBackup:
        """What to write into a backup file; `client.key_backup` writes it and checks it."""
        return await self._ask_for_key(KeyBackup, "backup", to_json(Passphrase, Passphrase(passphrase)))

    async def check_key(self, backup: KeyBackup, passphrase: str) -> KeyCheck:
        """Whose key a backup is."""
        request = to_json(KeyCheckRequest, KeyCheckRequest(backup, passphrase))
        return await self._ask_for_key(KeyCheck, "check", request)

    async def restore_key(self, backup: KeyBackup, passphrase: str, *, replace: bool = False) -> KeyStatus:
        """Makes a backup's key this node's; refused where there is another one, unless `replace`."""
        request = to_json(KeyRestoreRequest, KeyRestoreRequest(backup, passphrase, replace))
        return await self._ask_for_key(KeyStatus, "restore", request)

    async def reconciliation(self) -> Reconciliation:
        """App, proxies and chain side by side."""
        return await self._ask(Reconciliation, "GET", "/v1/reconciliation")

    async def attestation(self) -> AttestationStatus:
        """What this computer shows and what that proves, as it was looked at last."""
        return await self._ask(AttestationStatus, "GET", "/v1/attestation")

    async def attest_again(self, *, fetch: bool = False) -> AttestationStatus:
        """Begins to look anew and returns; `attestation` tells when that is done (`is_checking`). `fetch`: its owner
        agrees that missing collateral is fetched from Intel."""
        return await self._ask(AttestationStatus, "POST", f"/v1/attestation?fetch={int(fetch)}")

    async def envelope(self, nonce: str = "", question: str = "") -> Envelope:
        """A statement made now with all evidence: for anyone, for a verifier who asked with `nonce` (hexadecimal), or
        for one who sent a file with a `question`.

        Raises `UserFacingError` too when nonce or question are none.
        """
        body = to_json(EnvelopeRequest, EnvelopeRequest(nonce, question))
        return _understood(Envelope, await self._call("POST", "/v1/attestation/envelope", body, PROOF_SECONDS))

    async def update(self) -> UpdateStatus:
        """What is known of newer versions of Mulberry."""
        return await self._ask(UpdateStatus, "GET", "/v1/update")

    async def order_update(self, order: UpdateOrder) -> UpdateStatus:
        """Does it, or begins what takes long and returns; `update` tells how that goes."""
        return await self._ask(UpdateStatus, "POST", "/v1/update", to_json(UpdateOrder, order))

    async def quit(self, *, finish: bool = False) -> None:
        """Ends the agent with everything it started: at once, or, to `finish`, after the requests that run.

        It returns before that. The owner's wish stays as it is.
        """
        await self._call("POST", "/v1/quit?finish" if finish else "/v1/quit", b"", self._timeout_seconds)

    async def events(self) -> AsyncGenerator[Event | AgentLost, None]:
        """The status at once, then whenever it changes. Connects again, for ever, and says so by one `AgentLost`."""
        pause = FIRST_RETRY_SECONDS
        heard = True
        while True:
            try:
                async with aclosing(connected_events(self._address, EVENT_LIMIT_BYTES)) as messages:
                    async for untrusted_text in messages:
                        pause, heard = FIRST_RETRY_SECONDS, True
                        yield from_json(Event, untrusted_text)
                why = "the agent ended the connection"
            except (OSError, ValueError) as problem:
                why = f"{type(problem).__name__}: {problem}"
            if heard:
                yield AgentLost(why)
                heard = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_RETRY_SECONDS)

    async def _ask_for_key(self, kind: type[Noun], verb: str, body: bytes) -> Noun:
        return _understood(kind, await self._call("POST", f"/v1/key/{verb}", body, KEY_SECONDS))

    async def _ask(self, kind: type[Noun], method: str, target: str, body: bytes = b"") -> Noun:
        return _understood(kind, await self._call(method, target, body, self._timeout_seconds))

    async def _call(self, method: str, target: str, body: bytes, timeout_seconds: float) -> bytes:
        try:
            async with asyncio.timeout(timeout_seconds):
                status, untrusted_answer = await request(self._address, method, target, body)
        except TimeoutError as late:
            raise UserFacingError(
                what=tr("The agent does not answer."),
                why=tr("It was silent for {seconds} seconds.", seconds=number(f"{timeout_seconds:g}")),
                next_step=tr("Try again; if it stays so, look into agent.log."),
            ) from late
        except OSError as problem:
            raise AgentNotRunning(f"{self._address}: {problem}") from problem
        except StrangeAnswerError as stranger:
            raise _not_understood(str(stranger)) from stranger
        if status != 200:
            raise _refused(status, untrusted_answer)
        return untrusted_answer


def _understood(kind: type[Noun], untrusted_answer: bytes) -> Noun:
    try:
        return from_json(kind, untrusted_answer)
    except ValueError as mistakes:
        raise _not_understood(str(mistakes)) from mistakes


def _refused(status: int, untrusted_answer: bytes) -> UserFacingError:
    try:
        refusal = from_json(Refusal, untrusted_answer)
        return UserFacingError(refusal.what, refusal.why, refusal.next_step, WhoseTurn(refusal.whose_turn))
    except ValueError:
        return _not_understood(f"status {status}, {len(untrusted_answer):,} bytes")


def _not_understood(detail: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The agent gave an answer that this program does not understand."),
        why=tr("The two may be of different versions."),
        next_step=tr("End the agent and start it again."),
        detail=detail,
    )
