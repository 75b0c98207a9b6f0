"""The words around the sentence promise money and describe what a click does: they must be exact."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mulberry.desktop import wording
from mulberry.model.errors import WhoseTurn
from mulberry.model.jobs import JobOutcome
from mulberry.model.money import Nanoton
from mulberry.model.node import NO_SANDBOX, Intent, NodeState, OwnServer, Reason, ReasonKind, Want
from samples import NOON, PROXY_KEY, RTX_4090, a_job, a_status


@pytest.mark.parametrize(
    ("state", "text", "want"),
    [
        (NodeState.STOPPED, "Start earning", Want.START),
        (NodeState.GETTING_READY, "Stop now", Want.STOP),
        (NodeState.EARNING, "Finish and stop", Want.FINISH),
        (NodeState.READY, "Finish and stop", Want.FINISH),
        (NodeState.PAUSED, f"Go on now (paused until {NOON.astimezone() + timedelta(hours=1):%H:%M})", Want.START),
        (NodeState.FINISHING, "Go on earning", Want.START),
        (NodeState.NEEDS_YOU, "Try again", Want.START),
    ],
)
def test_the_large_button_follows_the_state(state: NodeState, text: str, want: Want) -> None:
    verb = wording.offer(a_status(state)).main
    assert (verb.text, verb.command.want) == (text, want)


@pytest.mark.parametrize("state", NodeState)
def test_whatever_runs_can_be_stopped_at_once(state: NodeState) -> None:
    offer = wording.offer(a_status(state))
    assert (offer.main is wording.STOP or offer.can_stop) is (state is not NodeState.STOPPED)


def test_who_is_held_up_by_a_rule_of_their_own_is_offered_to_stop_not_to_press_in_vain() -> None:
    for state in (NodeState.PAUSED, NodeState.FINISHING):
        held = replace(a_status(state), intent=Intent(Want.START, NOON))
        assert wording.offer(held) == wording.Offer(wording.STOP, can_pause=True)
    over_its_cap = Reason(ReasonKind.PAUSED_BY_RULE, "It may draw 450 W.", "Set its limit.", WhoseTurn.YOU)
    needs_you = replace(a_status(NodeState.NEEDS_YOU), reasons=(over_its_cap,))
    assert wording.offer(needs_you) == wording.Offer(wording.STOP, can_pause=True)
    assert wording.offer(a_status(NodeState.NEEDS_YOU)).main is wording.TRY_AGAIN


def test_a_pause_that_ends_on_another_day_says_which() -> None:
    until = NOON + timedelta(days=1)
    paused = replace(a_status(NodeState.PAUSED), intent=Intent(Want.PAUSE, NOON, until))
    assert wording.offer(paused).main.text == f"Go on now (paused until {until.astimezone():%d %b %H:%M})"


def test_the_pauses_are_those_that_people_ask_for_and_the_last_has_no_end() -> None:
    *with_an_end, last = wording.pauses(NOON)
    assert [verb.text for verb in with_an_end] == ["For 1 hour", "For 3 hours", "Until tomorrow 8:00"]
    assert last.command == wording.STOP.command
    assert wording.STOP.text in last.text, "a pause without an end is to stop, and is called so"


@pytest.mark.parametrize("hour", [0, 3, 7, 8, 9, 23])
def test_until_tomorrow_ends_at_eight_on_the_next_day(hour: int) -> None:
    now = datetime(2026, 11, 22, hour, 59, 59, tzinfo=UTC)
    until_tomorrow = wording.pauses(now)[2]
    assert until_tomorrow.command.pause_seconds is not None
    end = (now + timedelta(seconds=until_tomorrow.command.pause_seconds)).astimezone()
    assert (end.hour, end.minute, end.date()) == (8, 0, now.astimezone().date() + timedelta(days=1))


def test_the_source_names_who_says_so_and_when() -> None:
    status = a_status()
    local = status.as_of.astimezone()
    assert wording.source_line(status) == f"the proxy's word, as of {local:%H:%M:%S}"


def test_yesterday_is_compared_only_where_there_was_one() -> None:
    status = a_status(jobs=1284)
    assert wording.beside_today(status) == "1,284 jobs"
    earnings = replace(status.earnings, today=Nanoton(112), yesterday=Nanoton(100))
    assert wording.beside_today(replace(status, earnings=earnings)) == "1,284 jobs · +12 % on yesterday"


def test_the_small_line_counts_what_waits_for_the_owner() -> None:
    status = a_status(NodeState.NEEDS_YOU)
    assert wording.since_line(status).endswith("12 jobs · nothing waits for you")  # it is the network's turn
    yours = replace(status, reasons=(replace(status.reasons[0], whose_turn=WhoseTurn.YOU),))
    assert wording.since_line(yours).endswith("1 thing waits for you")
    own_wish = replace(yours.reasons[0], kind=ReasonKind.STOPPED_BY_OWNER)
    stopped = replace(yours, reasons=(own_wish,))
    assert wording.since_line(stopped).endswith("nothing waits for you")


def test_an_estimate_is_never_shown_as_earned() -> None:
    assert wording.earned_text(a_job(7, confirmed=False)) == "about 0.00000080 TON"
    assert wording.earned_text(a_job(7)) == "0.00000080 TON"
    assert wording.earned_text(a_job(7, confirmed=False, outcome=JobOutcome.FAILED)) == "–"


def test_unknown_is_a_dash_and_not_zero() -> None:
    assert wording.money_or_unknown(None) == "–"
    assert wording.money_or_unknown(Nanoton(0)) == "0.0000 TON"


def test_nothing_earned_is_not_divided_by() -> None:
    status = a_status()
    nothing = replace(status.earnings, earned=Nanoton(0), payable=Nanoton(0))
    assert wording.percent_signed(replace(status, earnings=nothing)) == 0


def test_nearly_all_is_not_shown_as_all() -> None:
    status = a_status()
    assert wording.percent_signed(status) == 83  # 26,800 of 32,160 is 83.3 %
    nearly = replace(status.earnings, earned=Nanoton(1000), payable=Nanoton(999))
    assert wording.percent_signed(replace(status, earnings=nearly)) == 99


def test_a_gpu_is_told_by_memory_driver_and_slot() -> None:
    assert wording.gpu_details(RTX_4090) == "24 GB · driver 580.95.05 · 01:00.0"


def test_a_proxy_is_named_or_shown_by_its_key_and_marked_as_a_test() -> None:
    proxies = a_status().proxies
    assert wording.proxy_name(PROXY_KEY, proxies, is_demo=True) == "demo-proxy · TEST"
    assert wording.proxy_name("ab" * 32, proxies, is_demo=False) == "abababab…"


def test_a_time_of_another_day_carries_its_date() -> None:
    local = NOON.astimezone()
    assert wording.clock_time(NOON, NOON) == f"{local:%H:%M:%S}"
    assert wording.clock_time(NOON, NOON + timedelta(days=2)) == f"{local:%d %b %H:%M}"


@pytest.mark.parametrize(("seconds", "text"), [(0.2124, "212 ms"), (9.5, "9,500 ms"), (12.34, "12.3 s")])
def test_a_latency_has_a_unit_that_fits(seconds: float, text: str) -> None:
    assert wording.latency_text(seconds) == text


def test_what_stands_around_the_jobs_is_said_and_never_more_than_was_tested() -> None:
    held = wording.sandbox_line(replace(a_status(), sandbox="Landlock and seccomp: 13 of 13 checks passed"))
    assert held == "Jobs run in a sandbox, tested at its last start: Landlock and seccomp: 13 of 13 checks passed."
    bare = wording.sandbox_line(replace(a_status(), sandbox=NO_SANDBOX))
    assert bare.startswith("No sandbox holds here: only jobs of this computer are run.")
    assert wording.SANDBOX_WAY_OUT in bare
    assert wording.sandbox_line(a_status()) == ""
    assert "confidential" not in (held + bare).lower()


def test_who_has_jobs_run_elsewhere_reads_where_and_nothing_of_a_sandbox_here() -> None:
    far = replace(a_status(), own_servers=(OwnServer("gpu.example", is_here=False, is_encrypted=True),))
    assert wording.sandbox_line(far).startswith("Prompts leave this computer for gpu.example")
    assert "everything runs on this computer" in wording.demo_banner(a_status())
    assert "this computer" not in wording.demo_banner(far)
    assert "CPU" not in wording.no_gpu_title(far)
