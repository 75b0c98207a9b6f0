"""What the owner reads at a glance is this one sentence: it must be true, short and free of jargon in every state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import GpuReport
from mulberry.model.money import Nanoton
from mulberry.model.node import (
    Earnings,
    Intent,
    NetworkInfo,
    NodeState,
    Reason,
    ReasonKind,
    Status,
    Step,
    StepState,
    Want,
)
from mulberry.model.sentence import sentence, title

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOTHING = Earnings(Nanoton(4_200_000), *(Nanoton(0),) * 5, jobs_today=3, jobs_total=3)
STATUS = Status(
    state=NodeState.STOPPED,
    reasons=(),
    steps=(),
    intent=Intent(Want.START, NOON),
    network=NetworkInfo("demo", "Demo network", is_demo=True),
    model="mulberry/tiny-lm",
    runs_on="the CPU",
    running_requests=0,
    proxies=(),
    earnings=NOTHING,
    gpus=GpuReport((), "No NVIDIA driver is installed.", NOON),
    state_since=NOON,
    as_of=NOON,
    version="0",
)
FULL = Reason(ReasonKind.DISK_FULL, "The ledger cannot be written.", "Make room on its disk.", WhoseTurn.YOU)
NO_REQUESTS = Reason(ReasonKind.NO_REQUESTS, "No requests.", "Nothing to do.", WhoseTurn.NETWORK)
TODAY = "0.0042 TON today (play money)."


def test_a_pause_by_a_rule_is_called_so_and_says_when_it_ends() -> None:
    rule = Reason(
        ReasonKind.PAUSED_BY_RULE, "These are quiet hours.", "It goes on by itself at 07:00.", WhoseTurn.NOBODY
    )
    status = replace(STATUS, state=NodeState.PAUSED, reasons=(rule, FULL))
    assert sentence(status) == "Paused by your rules. These are quiet hours. It goes on by itself at 07:00."


@pytest.mark.parametrize(
    ("state", "running", "said"),
    [
        (NodeState.STOPPED, 0, f"Stopped. {TODAY}"),
        (NodeState.READY, 0, f"Ready, no requests right now. {TODAY}"),
        (NodeState.EARNING, 1, f"1 request now on the CPU. {TODAY}"),
        (NodeState.EARNING, 3, f"3 requests now on the CPU. {TODAY}"),
        (NodeState.EARNING, 0, f"Between two requests on the CPU. {TODAY}"),
        (NodeState.FINISHING, 2, f"Finishing 2 requests, taking no new ones. {TODAY}"),
        (NodeState.FINISHING, 0, f"Putting things away. {TODAY}"),
        (NodeState.GETTING_READY, 0, "Getting ready: starting."),
    ],
)
def test_each_state_has_its_sentence(state: NodeState, running: int, said: str) -> None:
    assert sentence(replace(STATUS, state=state, running_requests=running)) == said


@pytest.mark.parametrize("state", NodeState)
def test_no_state_is_without_words(state: NodeState) -> None:
    status = replace(STATUS, state=state)
    assert title(status)
    assert sentence(status).endswith(".")


def test_real_money_is_not_called_play_money() -> None:
    real = replace(STATUS, network=NetworkInfo("main", "Cocoon", is_demo=False))
    assert sentence(real) == "Stopped. 0.0042 TON today."


def test_getting_ready_names_the_running_step_and_its_progress() -> None:
    steps = (
        Step("Check the model's files", StepState.DONE),
        Step("Load the model", StepState.RUNNING, "12 of 448 kB"),
        Step("Connect to a proxy", StepState.WAITING),
    )
    status = replace(STATUS, state=NodeState.GETTING_READY, steps=steps)
    assert sentence(status) == "Getting ready: load the model, step 2 of 3 (12 of 448 kB)."


def test_a_pause_says_its_end_in_local_time() -> None:
    paused = replace(STATUS, state=NodeState.PAUSED, intent=Intent(Want.PAUSE, NOON, until=NOON))
    assert sentence(paused) == f"Paused by you until {NOON.astimezone():%H:%M}, goes on by itself."
    tomorrow = NOON + timedelta(days=1)
    longer = replace(paused, intent=Intent(Want.PAUSE, NOON, until=tomorrow))
    assert sentence(longer) == f"Paused by you until {tomorrow.astimezone():%d %b %H:%M}, goes on by itself."


def test_what_needs_the_owner_is_said_with_the_next_step() -> None:
    waiting = replace(STATUS, state=NodeState.NEEDS_YOU, reasons=(NO_REQUESTS, FULL))
    assert sentence(waiting) == "The ledger cannot be written. Make room on its disk."
    assert sentence(replace(STATUS, state=NodeState.NEEDS_YOU)) == "Needs you."
