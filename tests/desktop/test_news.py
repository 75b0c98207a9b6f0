"""Notifications that repeat, storm or lie are switched off; then the one that matters is never seen."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.desktop.news import (
    LONGEST_MESSAGE,
    Kind,
    Message,
    Seen,
    Told,
    digest,
    fit,
    is_quiet,
    news,
    seen_now,
    wanted,
)
from mulberry.model.errors import WhoseTurn
from mulberry.model.money import Nanoton
from mulberry.model.node import Intent, NodeState, Reason, ReasonKind, Status, Want
from mulberry.model.rules import Decision, Hold, Rule
from mulberry.model.settings import Page, Setting, SettingsStatus, Shape
from samples import NOON, a_status

HELD = Reason(ReasonKind.PAUSED_BY_RULE, "A program fills the screen.", "It goes on by itself.", WhoseTurn.NOBODY)


class Owner:
    """Hears what is told to them, with the time as the test moves it."""

    def __init__(self) -> None:
        self.now: datetime = NOON
        self.told = Told()
        self.heard: list[Message] = []

    def see(self, status: Status, **passes: float) -> list[str]:
        self.now += timedelta(**passes)
        messages, self.told = news(self.told, status, self.now)
        self.heard += messages
        return [message.text for message in messages]


def paid(amount: int, *, is_demo: bool = False) -> Status:
    status = a_status()
    network = replace(status.network, is_demo=is_demo)
    return replace(status, network=network, earnings=replace(status.earnings, paid=Nanoton(amount)))


def held(state: NodeState = NodeState.PAUSED) -> Status:
    return replace(a_status(state), intent=Intent(Want.START, NOON), reasons=(HELD,))


def test_how_things_stand_at_first_is_no_news() -> None:
    assert Owner().see(paid(5_000_000_000)) == []
    assert Owner().see(held()) == []


def test_a_payout_is_told_with_its_amount_and_play_money_is_called_so() -> None:
    owner = Owner()
    owner.see(paid(1_000_000_000))
    assert owner.see(paid(3_500_000_000), minutes=1) == ["2.5000 TON arrived in your wallet."]
    owner.see(paid(3_500_000_000, is_demo=True), hours=1)
    assert owner.see(paid(4_500_000_000, is_demo=True)) == ["1.0000 TON of play money arrived."]


def test_many_payouts_are_one_message_and_no_nanoton_is_lost() -> None:
    owner = Owner()
    owner.see(paid(0))
    owner.see(paid(1_000_000_000))
    for number in range(2, 30):
        assert owner.see(paid(number * 1_000_000_000), minutes=1) == []
    assert owner.see(paid(30_000_000_000), minutes=2) == ["29.0000 TON arrived in your wallet."]


def test_what_needs_the_owner_is_told_once_an_hour_however_it_flaps() -> None:
    owner = Owner()
    owner.see(a_status())
    said = 0
    for _ in range(60):
        said += len(owner.see(a_status(NodeState.NEEDS_YOU), seconds=30))
        said += len(owner.see(a_status(NodeState.GETTING_READY), seconds=29))
    assert said == 1
    assert owner.see(a_status(NodeState.NEEDS_YOU), hours=1) == [
        "No proxy answers at 127.0.0.1:4000. Mulberry tries again by itself."
    ]


def test_another_need_is_told_at_once() -> None:
    owner = Owner()
    owner.see(a_status(NodeState.NEEDS_YOU))
    full = Reason(ReasonKind.DISK_FULL, "The disk is full.", "Make room.", WhoseTurn.YOU)
    assert owner.see(replace(a_status(NodeState.NEEDS_YOU), reasons=(full,)), seconds=1) == [
        "The disk is full. Make room."
    ]


def test_a_rule_that_pauses_and_lets_go_is_told_and_flapping_is_not() -> None:
    owner = Owner()
    owner.see(a_status())
    assert len(owner.see(held(), seconds=1)) == 1
    assert owner.see(a_status(), minutes=1) == []
    assert owner.see(held(), minutes=1) == []
    assert owner.see(a_status(), minutes=4) == ["Your rules let the work go on."]


def test_the_owners_own_pause_is_no_news_to_them() -> None:
    owner = Owner()
    owner.see(a_status())
    assert owner.see(a_status(NodeState.PAUSED)) == []
    assert owner.see(a_status(), hours=1) == []


def test_a_clock_that_was_put_back_does_not_silence_for_long() -> None:
    owner = Owner()
    owner.see(paid(0))
    owner.see(paid(1))
    assert owner.see(paid(2), days=-300) != []


def test_another_ledger_is_no_payout() -> None:
    owner = Owner()
    owner.see(paid(5_000_000_000))
    assert owner.see(paid(0), hours=1) == []
    assert owner.see(paid(1_000_000_000), hours=1) == ["1.0000 TON arrived in your wallet."]


def switches(**values: bool) -> SettingsStatus:
    return SettingsStatus(
        tuple(Setting(name, name, "", Page.NOTIFICATIONS, Shape.SWITCH, value, True) for name, value in values.items())
    )


def test_only_what_is_switched_on_is_told() -> None:
    both = (Message(Kind.PAYOUT, "money"), Message(Kind.PAUSED, "pause"))
    assert wanted(both, switches(notify_payout=True, notify_paused=False)) == both[:1]
    assert wanted(both, switches()) == (), "an agent that knows no switches is not asked to allow it"


def test_each_kind_has_a_setting_of_that_name() -> None:
    from mulberry.agent.computer_settings import ComputerSettings

    assert {kind.value for kind in Kind} <= set(ComputerSettings.model_fields)


def test_it_is_quiet_while_a_program_fills_the_screen() -> None:
    assert is_quiet(Decision((Hold(Rule.FULL_SCREEN, "A program fills the screen."),)))
    assert not is_quiet(Decision((Hold(Rule.BATTERY, "The computer runs on its battery."),)))


def later(status: Status, *, earned: int, jobs: int, paid: int) -> Status:
    earnings = status.earnings
    grown = replace(
        earnings,
        earned=Nanoton(earnings.earned + earned),
        jobs_total=earnings.jobs_total + jobs,
        paid=Nanoton(earnings.paid + paid),
    )
    return replace(status, earnings=grown)


def test_who_comes_back_reads_what_happened() -> None:
    before = a_status()
    after = later(before, earned=1_800_000_000, jobs=1234, paid=500_000_000)
    told = digest(seen_now(before, NOON), after, ("The disk was full.",), NOON + timedelta(hours=9, minutes=12))
    assert told is not None and told.kind is Kind.AWAY
    assert told.text.split("\n") == [
        "While you were away (9 h 12 min):",
        "Earned: 1.8000 TON (play money). Jobs: 1,234. Paid out: 0.5000 TON (play money).",
        "Needed you: The disk was full.",
    ]


@pytest.mark.parametrize(
    ("minutes", "jobs", "network"), [(29, 5, "demo"), (600, 0, "demo"), (600, 5, "other"), (600, -5, "demo")]
)
def test_a_short_while_nothing_or_another_ledger_is_no_digest(minutes: int, jobs: int, network: str) -> None:
    seen = replace(seen_now(a_status(), NOON), network=network)
    status = later(a_status(), earned=0, jobs=jobs, paid=0)
    assert digest(seen, status, (), NOON + timedelta(minutes=minutes)) is None


@given(st.text(max_size=2 * LONGEST_MESSAGE))
def test_a_strangers_words_are_text_and_short(untrusted: str) -> None:
    shown = fit(f"<b>{untrusted}</b> & \u202e")
    assert len(shown) <= LONGEST_MESSAGE + 1
    assert not set("<>&\n\u202e") & set(shown)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([paid(0), paid(10**9), held(), a_status(), a_status(NodeState.NEEDS_YOU)]),
            st.integers(0, 120),
        ),
        max_size=200,
    )
)
def test_nothing_makes_a_storm(seen: list[tuple[Status, int]]) -> None:
    owner = Owner()
    for status, seconds in seen:
        owner.see(status, seconds=seconds)
    passed = (owner.now - NOON).total_seconds()
    assert len(owner.heard) <= 3 + passed / 300 + passed / 1800 + passed / 3600


def test_what_is_kept_of_the_last_look_is_small() -> None:
    assert seen_now(a_status(), NOON) == Seen(NOON, "demo", Nanoton(32_160), Nanoton(0), 12)


def test_a_newer_version_is_told_once_also_when_it_was_known_before() -> None:
    owner, newer = Owner(), replace(a_status(), newer_version="0.2.0")
    assert owner.see(newer) == ["Version 0.2.0 of Mulberry is there. The About page says what is new."]
    assert owner.see(newer, days=30) == []
    assert len(owner.see(replace(newer, newer_version="0.2.1"))) == 1
    assert owner.see(a_status()) == [], "it was skipped, installed or put off"
    assert len(owner.see(newer)) == 1, "and put off is not for ever"
    assert {message.kind for message in owner.heard} == {Kind.UPDATE}
