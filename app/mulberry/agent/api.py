"""The control API: HTTP and one WebSocket over a socket that only the owner can open. There is no TCP port to find.

Routes and nouns: `model.control`. Every refusal is a `Refusal` in JSON; what went wrong inside is in the log only.
"""

import asyncio
import logging
import math
import re
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Protocol, TypeVar

from aiohttp import WSCloseCode, web

from mulberry.agent.attesting import Attesting
from mulberry.agent.diagnosis import Diagnosing
from mulberry.agent.eligibility import Preflight
from mulberry.agent.gpu_setup import GpuSetup
from mulberry.agent.gpu_setup_api import add_gpu_setup
from mulberry.agent.job_search import JobSearch
from mulberry.agent.jobs_api import add_job_search
from mulberry.agent.ledger import Ledger
from mulberry.agent.model_keeper import ModelKeeper
from mulberry.agent.updates.api import add_updates
from mulberry.agent.updates.keeper import Updates
from mulberry.agent.watching import Watches
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
from mulberry.model.jobs import EarningsBucket, Job
from mulberry.model.key import KeyCheck, KeyStatus
from mulberry.model.language import tr
from mulberry.model.models import ModelOrder, ModelsStatus
from mulberry.model.net import NetStatus
from mulberry.model.node import Status, Want
from mulberry.model.proof import AttestationStatus, Envelope
from mulberry.model.rules import Decision
from mulberry.model.settings import SettingsChange, SettingsStatus
from mulberry.model.wallet import ChainTransaction, Reconciliation, WalletStatus

log = logging.getLogger(__name__)

BODY_LIMIT_BYTES = 64 * 2**10
JOBS_A_CALL = 1000
TRANSACTIONS_A_CALL = 500
BUCKETS_A_CALL = 500
EDGES = re.compile(r"[0-9]{1,11}(,[0-9]{1,11})+", re.ASCII)  # up to the year 5138
LARGEST_NUMBER = 2**63 - 1
LONGEST_PAUSE_SECONDS = 30 * 24 * 3600
EVENT_PAUSE_SECONDS = 0.25  # at most four messages a second to each face

Noun = TypeVar("Noun")


class Desk(Protocol):
    """What the API shows and whom it tells: the node."""

    watches: Watches
    models: ModelKeeper
    eligibility: Preflight
    attesting: Attesting
    diagnosing: Diagnosing
    updates: Updates
    gpu_setup: GpuSetup

    @property
    def ledger(self) -> Ledger: ...

    def hello(self) -> Hello: ...

    def status(self) -> Status: ...

    async def obey(self, want: Want, pause: timedelta | None) -> None:
        """Stores the owner's wish and acts on it. Raises `UserFacingError`: it could not be stored."""
        ...

    def net(self) -> NetStatus: ...

    def wallet(self) -> WalletStatus: ...

    async def pay_out(self, proxy: str | None) -> None:
        """Cashes what waits at one proxy, or everywhere. Raises `UserFacingError`: nothing was to be paid out."""
        ...

    async def get_play_money(self) -> None:
        """Some for the node wallet, on the demo network. Raises `UserFacingError`: none was given."""
        ...

    def name_owner(self, untrusted_address: str) -> None:
        """Who is paid from now on. Raises `UserFacingError`: no money can go there, or the node works."""
        ...

    async def unlock_key(self, passphrase: str) -> None: ...

    async def set_key_passphrase(self, passphrase: str) -> None: ...

    async def back_up_key(self, passphrase: str) -> str:
        """The key under the passphrase, for a file."""
        ...

    async def check_key(self, untrusted_file: str, passphrase: str) -> KeyCheck: ...

    async def restore_key(self, untrusted_file: str, passphrase: str, *, replace: bool) -> None: ...

    def dial(self, proxy: str) -> None:
        """Tries now to reach the proxy of that name. Raises `UserFacingError`: it does not wait for that."""
        ...

    def settings(self) -> SettingsStatus: ...

    def change_settings(self, change: SettingsChange) -> SettingsStatus:
        """Raises `UserFacingError`: nothing is changed, and why."""
        ...

    async def rules_now(self) -> Decision:
        """What the owner's rules hold up now, or would, and which of them this computer gives no sign for."""
        ...

    def reconciliation(self) -> Reconciliation: ...

    def quit(self, *, finish: bool = False) -> None:
        """Asks the whole agent to end, to `finish` after the requests that run; returns at once."""
        ...


def make_application(desk: Desk) -> web.Application:
    """The API as an aiohttp application; `agent.listening` puts it on a socket."""
    application = web.Application(middlewares=[_refusals_in_words], client_max_size=BODY_LIMIT_BYTES)
    faces = _Faces(desk)
    application.add_routes(
        [
            web.get("/v1/hello", faces.hello),
            web.get("/v1/status", faces.status),
            web.post("/v1/intent", faces.intent),
            web.get("/v1/jobs", faces.jobs),
            web.get("/v1/earnings", faces.earnings),
            web.get("/v1/net", faces.net),
            web.get("/v1/wallet", faces.wallet),
            web.post("/v1/payout", faces.payout),
            web.post("/v1/play-money", faces.play_money),
            web.post("/v1/owner", faces.owner),
            web.post("/v1/key/unlock", faces.unlock_key),
            web.post("/v1/key/passphrase", faces.set_key_passphrase),
            web.post("/v1/key/backup", faces.back_up_key),
            web.post("/v1/key/check", faces.check_key),
            web.post("/v1/key/restore", faces.restore_key),
            web.post("/v1/dial", faces.dial),
            web.get("/v1/models", faces.models),
            web.post("/v1/models", faces.order_models),
            web.get("/v1/settings", faces.settings),
            web.post("/v1/settings", faces.change_settings),
            web.get("/v1/rules", faces.rules),
            web.get("/v1/attestation", faces.attestation),
            web.post("/v1/attestation", faces.attest_again),
            web.post("/v1/attestation/envelope", faces.envelope),
            web.get("/v1/eligibility", faces.eligibility),
            web.get("/v1/computer", faces.computer),
            web.get("/v1/diagnosis", faces.diagnosis),
            web.get("/v1/history", faces.history),
            web.get("/v1/reconciliation", faces.reconciliation),
            web.post("/v1/quit", faces.quit),
            web.get("/v1/events", faces.events),
        ]
    )
    add_updates(application, desk.updates)
    add_gpu_setup(application, desk.gpu_setup)
    add_job_search(application, JobSearch(desk.ledger.path))
    application.on_shutdown.append(faces.hang_up)
    return application


class _Faces:
    """The answers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._sockets: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()

    async def hello(self, _: web.Request) -> web.Response:
        return _json(Hello, self._desk.hello())

    async def status(self, _: web.Request) -> web.Response:
        return _json(Status, self._desk.status())

    async def intent(self, request: web.Request) -> web.Response:
        command = from_json(Command, await request.read())
        await self._desk.obey(command.want, _pause(command))
        return _json(Status, self._desk.status())

    async def jobs(self, request: web.Request) -> web.Response:
        first, last = _number(request, "first", 1, LARGEST_NUMBER), _number(request, "last", 0, LARGEST_NUMBER)
        if last - first >= JOBS_A_CALL:
            raise ValueError(f"more than {JOBS_A_CALL:,} jobs in one call")
        return _json(tuple[Job, ...], tuple(self._desk.ledger.jobs(first, last)))

    async def earnings(self, request: web.Request) -> web.Response:
        edges = _edges(request.query.get("edges", ""))
        return _json(tuple[EarningsBucket, ...], tuple(self._desk.ledger.earnings(edges)))

    async def net(self, _: web.Request) -> web.Response:
        return _json(NetStatus, self._desk.net())

    async def wallet(self, _: web.Request) -> web.Response:
        return _json(WalletStatus, self._desk.wallet())

    async def payout(self, request: web.Request) -> web.Response:
        asked = from_json(PayoutRequest, await request.read())
        await self._desk.pay_out(asked.proxy)
        return _json(WalletStatus, self._desk.wallet())

    async def play_money(self, _: web.Request) -> web.Response:
        await self._desk.get_play_money()
        return _json(WalletStatus, self._desk.wallet())

    async def owner(self, request: web.Request) -> web.Response:
        self._desk.name_owner(from_json(OwnerRequest, await request.read()).untrusted_address)
        return _json(WalletStatus, self._desk.wallet())

    async def unlock_key(self, request: web.Request) -> web.Response:
        await self._desk.unlock_key(from_json(Passphrase, await request.read()).passphrase)
        return _json(KeyStatus, self._desk.wallet().key)

    async def set_key_passphrase(self, request: web.Request) -> web.Response:
        await self._desk.set_key_passphrase(from_json(Passphrase, await request.read()).passphrase)
        return _json(KeyStatus, self._desk.wallet().key)

    async def back_up_key(self, request: web.Request) -> web.Response:
        passphrase = from_json(Passphrase, await request.read()).passphrase
        return _json(KeyBackup, KeyBackup(await self._desk.back_up_key(passphrase)))

    async def check_key(self, request: web.Request) -> web.Response:
        asked = from_json(KeyCheckRequest, await request.read())
        return _json(KeyCheck, await self._desk.check_key(asked.backup.content, asked.passphrase))

    async def restore_key(self, request: web.Request) -> web.Response:
        asked = from_json(KeyRestoreRequest, await request.read())
        await self._desk.restore_key(asked.backup.content, asked.passphrase, replace=asked.replace)
        return _json(KeyStatus, self._desk.wallet().key)

    async def dial(self, request: web.Request) -> web.Response:
        self._desk.dial(from_json(DialRequest, await request.read()).proxy)
        return _json(Status, self._desk.status())

    async def models(self, _: web.Request) -> web.Response:
        return _json(ModelsStatus, await self._desk.models.status())

    async def order_models(self, request: web.Request) -> web.Response:
        await self._desk.models.obey(from_json(ModelOrder, await request.read()))
        return _json(ModelsStatus, await self._desk.models.status())

    async def settings(self, _: web.Request) -> web.Response:
        return _json(SettingsStatus, self._desk.settings())

    async def change_settings(self, request: web.Request) -> web.Response:
        change = from_json(SettingsChange, await request.read())
        return _json(SettingsStatus, self._desk.change_settings(change))

    async def rules(self, _: web.Request) -> web.Response:
        return _json(Decision, await self._desk.rules_now())

    async def attestation(self, _: web.Request) -> web.Response:
        return _json(AttestationStatus, self._desk.attesting.status())

    async def attest_again(self, request: web.Request) -> web.Response:
        self._desk.attesting.begin(fetch=_switch(request, "fetch"))
        return _json(AttestationStatus, self._desk.attesting.status())

    async def envelope(self, request: web.Request) -> web.Response:
        asked = from_json(EnvelopeRequest, await request.read())
        return _json(Envelope, await self._desk.attesting.envelope(asked.nonce, asked.question))

    async def eligibility(self, request: web.Request) -> web.Response:
        return _json(EligibilityReport, await self._desk.eligibility.report(fresh=_switch(request, "fresh")))

    async def computer(self, _: web.Request) -> web.Response:
        return _json(Computer, await self._desk.eligibility.computer())

    async def diagnosis(self, request: web.Request) -> web.Response:
        wish = DiagnosisWish(_switch(request, "addresses"), _switch(request, "earnings"))
        return _json(Diagnosis, await self._desk.diagnosing.diagnosis(wish))

    async def history(self, request: web.Request) -> web.Response:
        before, limit = (
            _number(request, "before", 0, LARGEST_NUMBER),
            _number(request, "limit", 1, TRANSACTIONS_A_CALL),
        )
        return _json(tuple[ChainTransaction, ...], tuple(self._desk.ledger.chain.transactions(before, limit)))

    async def reconciliation(self, _: web.Request) -> web.Response:
        return _json(Reconciliation, self._desk.reconciliation())

    async def quit(self, request: web.Request) -> web.Response:
        self._desk.quit(finish="finish" in request.query)
        return web.json_response({})

    async def events(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, max_msg_size=BODY_LIMIT_BYTES)
        await socket.prepare(request)
        self._sockets.add(socket)
        telling = asyncio.create_task(self._tell(socket), name="tell a face")
        try:
            async for _ in socket:  # a face has nothing to say here; reading is how we learn that it left
                pass
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await telling
        return socket

    async def _tell(self, socket: web.WebSocketResponse) -> None:
        told: WalletStatus | None = None
        with self._desk.watches.watching() as watch:
            while True:
                await watch.change()
                wallet = self._desk.wallet()
                news = wallet if told is None or replace(told, as_of=wallet.as_of) != wallet else None
                told = wallet
                event = Event(new_jobs=watch.take_jobs(), status=self._desk.status(), wallet=news)
                await socket.send_str(to_json(Event, event).decode())
                await asyncio.sleep(EVENT_PAUSE_SECONDS)

    async def hang_up(self, _: web.Application) -> None:
        for socket in set(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the agent ends")


def _pause(command: Command) -> timedelta | None:
    """Raises `ValueError`: a pause without a sensible length, or a length without a pause."""
    seconds = command.pause_seconds
    if command.want is not Want.PAUSE:
        if seconds is not None:
            raise ValueError("pause_seconds goes with a pause only")
        return None
    if seconds is None or not math.isfinite(seconds) or not 1 <= seconds <= LONGEST_PAUSE_SECONDS:
        raise ValueError(f"a pause lasts between 1 second and {LONGEST_PAUSE_SECONDS // 86400} days")
    return timedelta(seconds=seconds)


def _edges(untrusted: str) -> list[datetime]:
    """Where buckets meet, in unix seconds. Raises `ValueError`."""
    if not EDGES.fullmatch(untrusted):
        raise ValueError("edges must be unix seconds with commas between them")
    seconds = [int(edge) for edge in untrusted.split(",")]
    if len(seconds) > BUCKETS_A_CALL + 1 or any(end <= begin for begin, end in pairwise(seconds)):
        raise ValueError(f"edges must ascend, for at most {BUCKETS_A_CALL:,} buckets")
    return [datetime.fromtimestamp(edge, UTC) for edge in seconds]


def _switch(request: web.Request, name: str) -> bool:
    untrusted = request.query.get(name, "0")
    if untrusted not in ("0", "1"):
        raise ValueError(f"{name} must be 0 or 1")
    return untrusted == "1"


def _number(request: web.Request, name: str, smallest: int, largest: int) -> int:
    untrusted = request.query.get(name, "")
    if not untrusted.isascii() or not untrusted.isdecimal() or len(untrusted) > 20:
        raise ValueError(f"{name} must be a whole number")
    if not smallest <= int(untrusted) <= largest:
        raise ValueError(f"{name} must be between {smallest:,} and {largest:,}")
    return int(untrusted)


def _json(kind: type[Noun], value: Noun, status: int = 200) -> web.Response:
    return web.Response(body=to_json(kind, value), content_type="application/json", status=status)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _refusals_in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except UserFacingError as error:
        refusal = Refusal(error.what, error.why, error.next_step, error.whose_turn)
        return _json(Refusal, refusal, status=409)
    except ValueError as mistake:
        return _json(Refusal, _not_understood(str(mistake)), status=400)
    except web.HTTPException as refused:
        return _json(Refusal, _not_understood(f"{refused.reason}: {request.method} {request.path}"), refused.status)
    except Exception:
        log.exception("a request to the control API failed: %s %s", request.method, request.path)
        what = tr("The agent made a mistake of its own.")
        return _json(
            Refusal, Refusal(what, tr("The details are in agent.log."), tr("Try again."), WhoseTurn.YOU), status=500
        )


def _not_understood(why: str) -> Refusal:
    what = tr("The agent did not understand the request.")
    next_step = tr("If a program of Mulberry asked, it may be of another version: start the agent anew.")
    return Refusal(what, why[:2000], next_step, WhoseTurn.YOU)
