"""What goes over the control API, both ways. Encoded as JSON by pydantic from these dataclasses."""

from dataclasses import dataclass, field
from datetime import datetime

from mulberry.model.jobs import Job
from mulberry.model.node import Status, Want
from mulberry.model.wallet import WalletStatus

API_VERSION = 1


@dataclass(frozen=True, slots=True)
class Command:
    """`POST /v1/intent`. `pause_seconds` goes with PAUSE and only with it."""

    want: Want
    pause_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PayoutRequest:
    """`POST /v1/payout`: pay out now what waits at `proxy` (its public key, 64 hexadecimal digits), or at all."""

    proxy: str | None = None


@dataclass(frozen=True, slots=True)
class OwnerRequest:
    """`POST /v1/owner`: whom to pay from now on, as the owner typed it."""

    untrusted_address: str


@dataclass(frozen=True, slots=True)
class Passphrase:
    """`POST /v1/key/unlock`, `/v1/key/passphrase` and `/v1/key/backup`. It travels over the owner's own socket only."""

    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyBackup:
    """The answer of `/v1/key/backup`: what to write into the owner's file; and a part of what checks or restores it."""

    content: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyCheckRequest:
    """`POST /v1/key/check`."""

    backup: KeyBackup
    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyRestoreRequest:
    """`POST /v1/key/restore`. Another key is replaced, and kept aside, only if `replace` says so."""

    backup: KeyBackup
    passphrase: str = field(repr=False)
    replace: bool = False


@dataclass(frozen=True, slots=True)
class DialRequest:
    """`POST /v1/dial`: try now, not only when its pause is over, to reach the proxy of that name."""

    proxy: str


@dataclass(frozen=True, slots=True)
class EnvelopeRequest:
    """`POST /v1/attestation/envelope`: a statement made now. `nonce` is what a verifier asked with, hexadecimal;
    `question` the content of its file (`attestation.questions`), which has a nonce of its own."""

    nonce: str = ""
    question: str = ""


@dataclass(frozen=True, slots=True)
class Hello:
    """`GET /v1/hello`: who answers."""

    api_version: int
    version: str
    pid: int
    network: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One WebSocket message of `/v1/events`: the newest status, and the jobs booked or confirmed since the last one.

    A job whose confirmation came later is sent a second time, under the same number, with `confirmed_tokens`.
    `wallet` comes when it has changed, and with the first message.
    """

    status: Status
    new_jobs: tuple[Job, ...] = ()
    wallet: WalletStatus | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The body of every answer that is not 200: a `UserFacingError` in flat form."""

    what: str
    why: str
    next_step: str
    whose_turn: str
