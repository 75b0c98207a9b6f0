"""Four parties name a sum each. Whatever the sums are, the owner must see why they differ, to the last nanoton."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from mulberry.agent.reconcile import ProxyFigures, reconcile
from mulberry.model.money import Nanoton
from mulberry.model.wallet import Reconciliation

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROXY = "ab" * 32


def figures(counted: int = 0, answered: int = 0, confirmed: int = 0, earned: int = 0, payable: int = 0,
            cashed: int = 0, sent: int = 0, paid: int = 0) -> ProxyFigures:  # fmt: skip
    amounts = map(Nanoton, (counted, answered, confirmed, earned, payable, cashed, sent, paid))
    return ProxyFigures(PROXY, *amounts)


def told(proxy: ProxyFigures, *, is_complete: bool = True, is_compared: bool = True) -> Reconciliation:
    return reconcile((proxy,), is_compared=is_compared, is_complete=is_complete, as_of=NOON)


def lines(account: Reconciliation) -> dict[str, int]:
    return {line.text: line.amount for line in account.differences}


amounts = st.integers(0, 2**62)


@given(st.lists(st.tuples(*[amounts] * 8), max_size=4))
def test_all_lines_of_every_proxy_sum_to_zero(proxies: list[tuple[int, ...]]) -> None:
    account = reconcile(tuple(figures(*proxy) for proxy in proxies), is_compared=True, is_complete=True, as_of=NOON)
    assert sum(line.amount for line in account.differences) == 0
    assert all(line.amount and line.text.endswith(".") for line in account.differences)
    assert account.is_settled == all(proxy[5] == proxy[7] for proxy in proxies)


def test_when_all_agree_there_are_two_lines() -> None:
    account = told(figures(70, 70, 70, 70, 70, 70, 0, 70))
    assert lines(account) == {"Counted by this computer, job by job.": 70, "Paid on the chain.": -70}
    assert account.is_settled


def test_money_on_its_way_is_named_stage_by_stage() -> None:
    account = told(figures(counted=100, answered=90, confirmed=80, earned=80, payable=60, cashed=30, sent=20, paid=30))
    assert lines(account) == {
        "Counted by this computer, job by job.": 100,
        "Not confirmed by the proxy yet.": -10,
        "Counted differently by the proxy.": -10,
        "Earned by the proxy's word, not signed yet.": -20,
        "Signed, waits for the next payout.": -10,
        "Handed to the chain, which does not show it yet.": -20,
        "Paid on the chain.": -30,
    }
    assert account.is_settled


def test_a_payout_that_has_not_arrived_is_not_settled() -> None:
    account = told(figures(10, 10, 10, 10, 10, 10, 0, 0))
    assert lines(account)["Asked for by your contract, not arrived at your address yet."] == -10
    assert not account.is_settled


def test_a_history_with_gaps_is_not_settled() -> None:
    assert not told(figures(1, 1, 1, 1, 1, 1, 0, 1), is_complete=False).is_settled


def test_nothing_is_settled_before_the_chain_was_read() -> None:
    account = told(figures(), is_compared=False)
    assert not account.is_compared and not account.is_settled


def test_on_a_new_computer_what_was_paid_before_is_explained() -> None:
    account = told(figures(cashed=500, paid=500))
    assert lines(account) == {"Paid for payments that this computer does not hold.": 500, "Paid on the chain.": -500}
    assert account.is_settled
