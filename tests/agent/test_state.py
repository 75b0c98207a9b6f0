"""The one state decides what the owner believes: each combination of facts must give the state a person would name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.agent import reasons
from mulberry.agent.startup import START_UP
from mulberry.agent.state import Facts, derive_state
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.money import Nanoton
from mulberry.model.node import Intent, NodeState, Reason, ReasonKind, Step, StepState, Want
from mulberry.model.rules import Hold, Rule

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WANTS = {
    Want.START: Intent(Want.START, NOON),
    Want.FINISH: Intent(Want.FINISH, NOON),
    Want.STOP: Intent(Want.STOP, NOON),
    Want.PAUSE: Intent(Want.PAUSE, NOON, until=NOON + timedelta(hours=1)),
}
DONE = tuple(Step(task.name, StepState.DONE) for task in START_UP)
BEGUN = (replace(DONE[0], state=StepState.RUNNING), *(replace(step, state=StepState.WAITING) for step in DONE[1:]))
WORKING = Facts(WANTS[Want.START], True, DONE, running_requests=0, busy=False, connected_proxies=1)

UNREACHABLE = reasons.proxy_unreachable("p", "refused")
HELD = reasons.paused_by_rule(Hold(Rule.BATTERY, "The computer runs on its battery."), None)
CAPPED = reasons.paused_by_rule(
    Hold(Rule.POWER_CAP, "It may draw 450 W.", gpu="GPU-1", next_step="Set its limit."), None
)
FULL = reasons.disk_full("no room")
RESTARTS = reasons.engine_restarts("It broke.")
NOTICE = reasons.underpaid(1, 5)


@pytest.mark.parametrize(
    ("facts", "state", "kinds"),
    [
        (WORKING, NodeState.READY, [ReasonKind.NO_REQUESTS]),
        (replace(WORKING, running_requests=2), NodeState.EARNING, []),
        (replace(WORKING, busy=True), NodeState.EARNING, []),
        (replace(WORKING, steps=BEGUN), NodeState.GETTING_READY, []),
        (replace(WORKING, steps=(), connected_proxies=0), NodeState.GETTING_READY, []),
        (
            replace(WORKING, connected_proxies=0, of_proxies=(UNREACHABLE,)),
            NodeState.GETTING_READY,
            [ReasonKind.PROXY_UNREACHABLE],
        ),
        # one proxy of two is gone: work goes on, and it is said
        (replace(WORKING, busy=True, of_proxies=(UNREACHABLE,)), NodeState.EARNING, [ReasonKind.PROXY_UNREACHABLE]),
        (replace(WORKING, found=(RESTARTS,)), NodeState.GETTING_READY, [ReasonKind.ENGINE_FAILED]),
        (replace(WORKING, busy=True, found=(NOTICE,)), NodeState.EARNING, [ReasonKind.UNDERPAID]),
        # what waits for the owner comes first, whatever else holds
        (
            replace(WORKING, found=(NOTICE, RESTARTS, FULL), running_requests=3),
            NodeState.NEEDS_YOU,
            [ReasonKind.DISK_FULL, ReasonKind.ENGINE_FAILED, ReasonKind.UNDERPAID],
        ),
        (replace(WORKING, intent=WANTS[Want.FINISH]), NodeState.FINISHING, [ReasonKind.FINISHING_FOR_OWNER]),
        (
            replace(WORKING, intent=WANTS[Want.FINISH], working=False),
            NodeState.STOPPED,
            [ReasonKind.STOPPED_BY_OWNER],
        ),
        # not stopped before everything is given back
        (replace(WORKING, intent=WANTS[Want.STOP]), NodeState.FINISHING, [ReasonKind.FINISHING_FOR_OWNER]),
        (replace(WORKING, intent=WANTS[Want.STOP], working=False), NodeState.STOPPED, [ReasonKind.STOPPED_BY_OWNER]),
        (replace(WORKING, intent=WANTS[Want.PAUSE]), NodeState.FINISHING, [ReasonKind.FINISHING_FOR_OWNER]),
        (replace(WORKING, intent=WANTS[Want.PAUSE], working=False), NodeState.PAUSED, [ReasonKind.PAUSED_BY_OWNER]),
        # the owner's rules stand above everything that work would wait for
        (replace(WORKING, held=(HELD,)), NodeState.FINISHING, [ReasonKind.PAUSED_BY_RULE]),
        (
            replace(WORKING, held=(HELD,), working=False, found=(FULL, NOTICE)),
            NodeState.PAUSED,
            [ReasonKind.PAUSED_BY_RULE, ReasonKind.UNDERPAID],
        ),
        # a rule that only the owner can end is theirs to end, when nothing else holds
        (replace(WORKING, held=(CAPPED,), working=False), NodeState.NEEDS_YOU, [ReasonKind.PAUSED_BY_RULE]),
        (replace(WORKING, held=(CAPPED,)), NodeState.FINISHING, [ReasonKind.PAUSED_BY_RULE]),
        (replace(WORKING, held=(HELD, CAPPED), working=False), NodeState.PAUSED, [ReasonKind.PAUSED_BY_RULE] * 2),
        # a full disk does not keep a stopped node from being stopped; a notice is still told
        (
            replace(WORKING, intent=WANTS[Want.STOP], working=False, found=(FULL, NOTICE)),
            NodeState.STOPPED,
            [ReasonKind.STOPPED_BY_OWNER, ReasonKind.UNDERPAID],
        ),
    ],
)
def test_facts_and_their_state(facts: Facts, state: NodeState, kinds: list[ReasonKind]) -> None:
    derived, found = derive_state(facts)
    assert derived is state
    assert [reason.kind for reason in found] == kinds


any_facts = st.builds(
    Facts,
    intent=st.sampled_from(list(WANTS.values())),
    working=st.booleans(),
    steps=st.sampled_from([DONE, BEGUN, ()]),
    running_requests=st.integers(0, 3),
    busy=st.booleans(),
    connected_proxies=st.integers(0, 2),
    found=st.lists(st.sampled_from([FULL, RESTARTS, NOTICE]), unique=True).map(tuple),
    of_proxies=st.lists(st.sampled_from([UNREACHABLE, reasons.proxy_distrusted("q", "why")])).map(tuple),
)


@given(any_facts)
def test_no_combination_contradicts_itself(facts: Facts) -> None:
    state, found = derive_state(facts)
    waits_for_owner = any(reason.stops_work and reason.whose_turn is WhoseTurn.YOU for reason in found)
    if facts.intent.want is Want.START:
        assert (state is NodeState.NEEDS_YOU) == waits_for_owner
        assert state not in (NodeState.STOPPED, NodeState.PAUSED, NodeState.FINISHING)
    else:
        assert state in (NodeState.STOPPED, NodeState.PAUSED, NodeState.FINISHING)
        assert (state is NodeState.FINISHING) == facts.working
    if state in (NodeState.EARNING, NodeState.READY):
        assert facts.connected_proxies
        assert not any(reason.stops_work for reason in found)


PROBLEM = UserFacingError("It is broken.", "A part is missing.", "Mend it.", WhoseTurn.YOU)
EVERY_REASON = [
    reasons.updating("0.2.0"),
    reasons.stopped_by_owner(),
    reasons.paused_by_owner(NOON),
    reasons.finishing_for_owner(0),
    reasons.finishing_for_owner(1),
    reasons.finishing_for_owner(2),
    reasons.no_requests(),
    HELD,
    CAPPED,
    reasons.proxy_unreachable("demo proxy 1", "connection refused"),
    reasons.proxy_refused("demo proxy 1", "unknown model"),
    reasons.proxy_distrusted("demo proxy 1", "its key changed"),
    reasons.engine_restarts("The engine's process ended with signal 9."),
    reasons.engine_gave_up("It broke too often and was not started again."),
    reasons.model_unusable(PROBLEM),
    reasons.network_unusable(PROBLEM),
    reasons.key_unavailable(PROBLEM),
    reasons.chain_unreachable("No server answered."),
    reasons.chain_unreachable("127.0.0.1:1: no connection (OSError)"),
    reasons.wallet_empty(Nanoton(0), Nanoton(10**9), "UQ" + "A" * 46),
    reasons.disk_full("database or disk is full"),
    reasons.ledger_set_aside(Path("ledger.corrupt-1.sqlite3")),
    reasons.settings_set_aside(Path("settings.broken-1.json")),
    reasons.proxy_not_proven("demo proxy 1", "its quote is another one's"),
    reasons.proxy_owes_too_much("demo proxy 1", Nanoton(2), Nanoton(1)),
    reasons.proxy_pays_too_little("demo proxy 1", Nanoton(2), Nanoton(1)),
    reasons.stats_page_unavailable(12_000, "Address already in use"),
    reasons.underpaid(1, 1),
    reasons.underpaid(2000, 1),
    reasons.bug(KeyError("secret prompt"), NOON),
]


def test_every_kind_of_reason_has_its_words() -> None:
    assert {reason.kind for reason in EVERY_REASON} == set(ReasonKind)


@pytest.mark.parametrize("reason", EVERY_REASON, ids=lambda reason: reason.kind.name)
def test_a_reason_is_whole_sentences_and_shows_no_innards(reason: Reason) -> None:
    for text in (reason.evidence, reason.next_step):
        assert not text[0].islower() and text.endswith(".") and ".." not in text
        assert "0x" not in text and "Traceback" not in text and "secret prompt" not in text
