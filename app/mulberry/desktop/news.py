"""What is worth telling an owner who does not look: decided by pure functions of what was told and what is.

Each looks at how things stand, not at single events: so nothing is told twice, a storm of events is one message, and
what must wait, because a program fills the screen, is told as it then stands.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from mulberry.model.language import number, tr
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.node import NodeState, ReasonKind, Status, Want
from mulberry.model.sentence import sentence
from mulberry.model.text import plain

if TYPE_CHECKING:
    from mulberry.model.rules import Decision
    from mulberry.model.settings import SettingsStatus

LONGEST_MESSAGE = 300  # characters; a notification is a glance
PAYOUTS_EVERY = timedelta(minutes=30)
SAME_NEED_EVERY = timedelta(hours=1)
PAUSES_EVERY = timedelta(minutes=5)
AWAY_FROM = timedelta(minutes=30)
NEEDS_LISTED = 3
NO_MARKUP = str.maketrans({"<": "‹", ">": "›", "&": "+"})  # some notification services read the text as markup


class Kind(StrEnum):
    """The value is the name of the setting that switches it."""

    PAYOUT = "notify_payout"
    NEEDS_YOU = "notify_needs_you"
    PAUSED = "notify_paused"
    AWAY = "notify_away"
    UPDATE = "notify_update"


@dataclass(frozen=True, slots=True)
class Message:
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the owner knows. None: nothing was heard yet, and how things stand first is no news."""

    paid: Nanoton | None = None
    paid_at: datetime | None = None
    is_held: bool | None = None
    held_at: datetime | None = None
    needs: tuple[tuple[ReasonKind, datetime], ...] = ()
    newer_version: str = ""


def news(told: Told, status: Status, now: datetime) -> tuple[tuple[Message, ...], Told]:
    """What is to be told now, and what is known once it was."""
    messages: list[Message] = []
    for look in (_payout, _need, _pause, _newer_version):
        text, told = look(told, status, now)
        if text is not None:
            messages.append(replace(text, text=fit(text.text)))
    return tuple(messages), told


def _payout(told: Told, status: Status, now: datetime) -> tuple[Message | None, Told]:
    paid = status.earnings.paid
    if told.paid is None or paid < told.paid:  # another ledger
        return None, replace(told, paid=paid)
    if paid == told.paid or not _is_over(told.paid_at, now, PAYOUTS_EVERY):
        return None, told
    amount = format_ton(Nanoton(paid - told.paid))
    text = (
        tr("{amount} of play money arrived.", amount=amount)
        if status.network.is_demo
        else tr("{amount} arrived in your wallet.", amount=amount)
    )
    return Message(Kind.PAYOUT, text), replace(told, paid=paid, paid_at=now)


def _need(told: Told, status: Status, now: datetime) -> tuple[Message | None, Told]:
    if status.state is not NodeState.NEEDS_YOU or not status.reasons:
        return None, told
    kind = status.reasons[0].kind
    recent = tuple(need for need in told.needs if not _is_over(need[1], now, SAME_NEED_EVERY))
    if any(known is kind for known, _ in recent):
        return None, told
    return Message(Kind.NEEDS_YOU, sentence(status)), replace(told, needs=(*recent, (kind, now)))


def _pause(told: Told, status: Status, now: datetime) -> tuple[Message | None, Told]:
    if status.intent.want is not Want.START:  # the owner's own doing is no news to them
        return None, replace(told, is_held=False)
    is_held = status.state is NodeState.PAUSED
    if told.is_held is None:
        return None, replace(told, is_held=is_held)
    if is_held == told.is_held or status.state is NodeState.FINISHING or not _is_over(told.held_at, now, PAUSES_EVERY):
        return None, told
    text = sentence(status) if is_held else tr("Your rules let the work go on.")
    return Message(Kind.PAUSED, text), replace(told, is_held=is_held, held_at=now)


def _newer_version(told: Told, status: Status, now: datetime) -> tuple[Message | None, Told]:
    """Once, also when it was known before the window opened: its owner can skip it, and hears no more."""
    del now
    version = status.newer_version
    if version in ("", told.newer_version):
        return None, replace(told, newer_version=version)
    text = tr("Version {version} of Mulberry is there. The About page says what is new.", version=plain(version, 20))
    return Message(Kind.UPDATE, text), replace(told, newer_version=version)


def wanted(messages: tuple[Message, ...], settings: "SettingsStatus") -> tuple[Message, ...]:
    """Those whose switch is on. A setting that the agent does not know is off."""
    on = {setting.name for setting in settings.settings if setting.value is True}
    return tuple(message for message in messages if message.kind in on)


def is_quiet(decision: "Decision") -> bool:
    """Whether a program fills the screen, as far as the rule for that looks."""
    from mulberry.model.rules import Rule

    return any(hold.rule is Rule.FULL_SCREEN for hold in decision.holds)


@dataclass(frozen=True, slots=True)
class Seen:
    """How things stood when the owner last looked."""

    at: datetime
    network: str
    earned: Nanoton
    paid: Nanoton
    jobs: int


def seen_now(status: Status, now: datetime) -> Seen:
    return Seen(now, status.network.name, status.earnings.earned, status.earnings.paid, status.earnings.jobs_total)


def digest(seen: Seen, status: Status, needs: tuple[str, ...], now: datetime) -> Message | None:
    """What happened since; None after a short while, and where nothing did. `needs` is what needed the owner."""
    away = now - seen.at
    earned = status.earnings.earned - seen.earned
    paid, jobs = status.earnings.paid - seen.paid, status.earnings.jobs_total - seen.jobs
    is_same_ledger = seen.network == status.network.name and min(earned, paid, jobs) >= 0
    if away < AWAY_FROM or not is_same_ledger or not (earned or paid or jobs or needs):
        return None
    money = _money_line(Nanoton(earned), Nanoton(paid), jobs, is_play=status.network.is_demo)
    lines = [tr("While you were away ({length}):", length=_length(away)), money]
    lines += [tr("Needed you: {need}", need=fit(need)) for need in needs[-NEEDS_LISTED:]]
    return Message(Kind.AWAY, "\n".join(lines))


def _money_line(earned: Nanoton, paid: Nanoton, jobs: int, *, is_play: bool) -> str:
    told = {"earned": format_ton(earned), "jobs": number(f"{jobs:,}"), "paid": format_ton(paid)}
    if is_play:
        return tr("Earned: {earned} (play money). Jobs: {jobs}. Paid out: {paid} (play money).", **told)
    return tr("Earned: {earned}. Jobs: {jobs}. Paid out: {paid}.", **told)


def fit(untrusted: str) -> str:
    """As one line without markup, cut."""
    return plain(untrusted, LONGEST_MESSAGE).translate(NO_MARKUP)


def _length(away: timedelta) -> str:
    minutes = int(away.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return tr("{days} d {hours} h", days=days, hours=hours)
    if hours:
        return tr("{hours} h {minutes} min", hours=hours, minutes=minutes % 60)
    return tr("{minutes} min", minutes=minutes)


def _is_over(then: datetime | None, now: datetime, pause: timedelta) -> bool:
    """Whether so much time has passed, also where the clock was put back."""
    return then is None or not now - pause < then <= now
