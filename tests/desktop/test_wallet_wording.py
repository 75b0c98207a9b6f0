"""What is said about money on TON must be right, never rounded up, and never a stranger's words as ours."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mulberry.desktop import wallet_wording as wording
from mulberry.desktop.wording import clock_time
from mulberry.model.money import Nanoton
from mulberry.model.node import NodeState
from mulberry.model.wallet import Payout, PayoutState, ServerStanding, TransactionKind
from samples import NODE_WALLET, NOON, OWNER, a_status, a_transaction, a_wallet


def a_payout(waiting: int, threshold: int = 30_000_000) -> Payout:
    payout = a_wallet().payouts[0]
    return replace(payout, waiting=Nanoton(waiting), threshold=Nanoton(threshold))


def test_a_balance_says_when_it_was_read_and_who_proves_it() -> None:
    balance = a_wallet().owner_balance
    assert balance is not None
    time = clock_time(NOON - timedelta(seconds=3))
    assert wording.balance_source(balance, NOON) == f"as of {time}, proven by 3 servers"
    assert wording.balance_source(replace(balance, proven_by=1), NOON).endswith("proven by 1 server")
    assert wording.balance_source(None, NOON) == "not read yet"


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "Too little to work: 1.0000 TON are missing."),
        (999_999_999, "Too little to work: 0.000000001 TON are missing."),
        (1_000_000_000, "Getting low."),
        (1_499_999_999, "Getting low."),
    ],
)
def test_too_little_on_the_node_wallet_is_said_with_what_is_missing(amount: int, words: str) -> None:
    wallet = a_wallet()
    assert wallet.node_wallet_balance is not None
    low = replace(wallet, node_wallet_balance=replace(wallet.node_wallet_balance, amount=Nanoton(amount)))
    assert low.top_up_advice.startswith(words)


def test_enough_or_unknown_asks_for_nothing() -> None:
    assert a_wallet().top_up_advice == ""
    assert replace(a_wallet(), node_wallet_balance=None).top_up_advice == ""


def test_a_payout_is_told_in_ton_and_drawn_as_a_share() -> None:
    assert wording.waiting_text(a_payout(18_900_000)) == "0.0189 of 0.0300 TON"
    assert wording.share_waiting(a_payout(15_000_000)) == 0.5
    assert wording.share_waiting(a_payout(60_000_000)) == 1.0
    assert wording.share_waiting(a_payout(1, threshold=0)) == 1.0


def test_the_next_payout_is_the_fullest() -> None:
    wallet = replace(a_wallet(), payouts=(a_payout(1), a_payout(2), a_payout(0)))
    assert wording.next_payout(wallet) == a_payout(2)
    assert wording.next_payout(replace(wallet, payouts=())) is None


def test_the_next_payout_is_estimated_from_the_pace_so_far_and_says_so() -> None:
    since = NOON - timedelta(hours=5)
    half = replace(a_payout(15_000_000), collecting_since=since)
    assert wording.payout_estimate(half, NOON) == NOON + timedelta(hours=5)
    time = f"{(NOON + timedelta(hours=5)).astimezone():%H:%M}"
    assert wording.estimate_line(half, a_status()).startswith(f"estimated for {time} at the pace since ")


def test_an_estimate_of_seconds_names_no_time() -> None:
    nearly = replace(a_payout(29_999_999), collecting_since=NOON - timedelta(hours=1))
    assert wording.estimate_line(nearly, a_status()).startswith("estimated within a minute at the pace since ")


def test_nothing_is_estimated_while_nothing_is_earned() -> None:
    half = replace(a_payout(15_000_000), collecting_since=NOON - timedelta(hours=5))
    for state in NodeState:
        works = state in (NodeState.EARNING, NodeState.READY)
        assert bool(wording.estimate_line(half, a_status(state))) is works


@pytest.mark.parametrize(
    "payout",
    [
        replace(a_payout(15_000_000), collecting_since=None),
        replace(a_payout(15_000_000), collecting_since=NOON + timedelta(hours=1)),  # a clock that was set back
        replace(a_payout(15_000_000), state=PayoutState.SENT),
        replace(a_payout(1, threshold=10**18), collecting_since=NOON - timedelta(days=9)),  # not in this life
        a_payout(0),
        a_payout(30_000_000),
    ],
)
def test_no_date_is_promised_where_none_is_known(payout: Payout) -> None:
    assert wording.payout_estimate(payout, NOON) is None
    assert wording.estimate_line(payout, a_status()) == ""


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 11, 22, 14, 5, 59), "14:05"),  # noqa: DTZ001 - local
        (datetime(2026, 11, 23, 9, 20), "23 Nov 09:20"),  # noqa: DTZ001 - local
        (datetime(2026, 11, 25, 9, 20), "25 Nov"),  # noqa: DTZ001 - local
        (datetime(2027, 12, 25, 9, 20), "Dec 2027"),  # noqa: DTZ001 - local
    ],
)
def test_a_moment_is_told_as_exactly_as_it_can_be_meant(moment: datetime, words: str) -> None:
    assert wording.rough_moment(moment.astimezone(), NOON) == words


@pytest.mark.parametrize(
    ("waiting", "state", "can"),
    [
        (1, PayoutState.COLLECTING, True),
        (1, PayoutState.READY, True),
        (1, PayoutState.BLOCKED, True),
        (1, PayoutState.SENT, False),
        (0, PayoutState.COLLECTING, False),
    ],
)
def test_a_payout_can_be_asked_for_unless_it_is_under_way(waiting: int, state: PayoutState, can: bool) -> None:
    assert wording.can_pay_out(replace(a_payout(waiting), state=state)) is can


def test_every_payout_state_has_words() -> None:
    assert set(wording.PAYOUT_STATES) == set(PayoutState)


def test_amounts_carry_their_sign_and_every_nanoton() -> None:
    assert wording.signed_ton(Nanoton(30_000_001)) == "+0.030000001 TON"
    assert wording.signed_ton(Nanoton(-1)) == "-0.000000001 TON"
    assert wording.signed_ton(Nanoton(0)) == "0.0000 TON"
    assert [wording.short_ton(Nanoton(n)) for n in (10**9, 2_100_000_000)] == ["1 TON", "2.1 TON"]


def test_a_failed_transaction_says_so() -> None:
    sent = replace(a_transaction(1), kind=TransactionKind.CASH_OUT, amount=Nanoton(-1), success=False)
    assert wording.kind_text(sent) == "cash-out, failed"
    assert wording.kind_text(replace(sent, success=True)) == "cash-out"


def test_what_nobody_we_know_did_is_called_unverified() -> None:
    assert wording.kind_text(a_transaction(1, TransactionKind.FOREIGN)) == "unverified"
    assert wording.kind_text(a_transaction(1, TransactionKind.SPAM)) == "spam"


def test_our_own_accounts_are_known_by_name() -> None:
    names = wording.known_accounts(a_wallet())
    assert sorted(names.values()) == ["node wallet", "worker contract", "your wallet"]
    assert all(raw.startswith("0:") and len(raw) == 66 for raw in names)
    assert names["0:4a81708d2cf7b15a1b362fbf64880451d698461f52f05f145b36c08517d76873"] == "your wallet"


HOSTILE = ["", "nonsense", "../../evil", f"{OWNER[:-1]}/", f"{OWNER}?x", f" {OWNER[:-1]}", "é" * 48]


@pytest.mark.parametrize("address", HOSTILE)
def test_what_is_no_address_gets_no_link(address: str) -> None:
    assert wording.raw_account(address) is None
    assert wording.explorer_url(address) is None


def test_the_explorer_is_that_of_the_addresss_own_network() -> None:
    assert wording.explorer_url(OWNER) == f"https://tonviewer.com/{OWNER}"
    test_only = f"0Q{OWNER[2:]}"
    assert wording.explorer_url(test_only) == f"https://testnet.tonviewer.com/{test_only}"
    assert wording.payment_link(NODE_WALLET) == f"ton://transfer/{NODE_WALLET}"


def test_addresses_are_cut_in_the_middle() -> None:
    assert wording.short_address("0:" + "ed" * 32) == "0:ededed…eded"
    assert wording.short_address("") == ""


def test_servers_in_trouble_are_named() -> None:
    wallet = a_wallet()
    time = clock_time(NOON - timedelta(seconds=3))
    assert wording.chain_line(wallet, NOON) == f"TON block 4,711 of {time} · 3 of 3 servers good"
    liar = ServerStanding("127.0.0.1:1", False, "It named another block than the others.")
    shown = wording.chain_line(replace(wallet, servers=(liar, *wallet.servers[1:])), NOON)
    assert "2 of 3 servers good · 127.0.0.1:1: It named another block than the others." in shown
    nothing = replace(wallet, servers=(), head_seqno=None, head_at=None)
    assert wording.chain_line(nothing, NOON) == "TON is read while the node works"
    at_rest = replace(wallet, servers=())
    assert wording.chain_line(at_rest, NOON) == f"TON is read while the node works · TON block 4,711 of {time}"


def test_when_it_was_last_paid() -> None:
    payout = a_payout(1)
    assert wording.last_paid_line(replace(payout, last_paid_at=None), NOON) == "No payout yet."
    assert wording.last_paid_line(replace(payout, last_paid_at=NOON - timedelta(seconds=59)), NOON).endswith(
        "just now."
    )
    assert clock_time(NOON - timedelta(minutes=7)) in wording.last_paid_line(payout, NOON)
