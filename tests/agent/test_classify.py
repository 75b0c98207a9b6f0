"""Anyone may write anything into a message: what we call a payout decides what the owner believes he was paid."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mulberry.agent.classify import Ours, amount, classify, concerns_us, counterparty, has_worked
from mulberry.model.money import Nanoton
from mulberry.model.wallet import AccountRole, TransactionKind
from mulberry.ton.address import Address
from mulberry.ton.cells import CellWriter
from mulberry.ton.chain.nouns import Message, Position, Transaction
from mulberry.ton.messages import Operation

OWNER, WALLET, WORKER, PROXY, STRANGER = (Address(bytes([number]) * 32) for number in range(1, 6))
OURS = Ours(OWNER, WALLET, frozenset({WORKER}), frozenset({PROXY}))
TON = 10**9
ON_OWNER, ON_WALLET, ON_WORKER = AccountRole.OWNER, AccountRole.NODE_WALLET, AccountRole.WORKER_CONTRACT
OUTSIDE = None


def message(source: Address | None, destination: Address | None, value: int = TON, operation: int | None = None, *,
            bounced: bool = False, elsewhere: bool = False, comment: str | None = None) -> Message:  # fmt: skip
    return Message(
        source=source,
        destination=destination,
        elsewhere=elsewhere,
        value=Nanoton(value),
        forward_fee=Nanoton(0),
        bounce=False,
        bounced=bounced,
        operation=operation,
        comment=comment,
        body=CellWriter().cell(),
        lt=1,
        hash=bytes(32),
    )


def transaction(incoming: Message | None, *outgoing: Message, returned: bool = False) -> Transaction:
    made_at = datetime(2026, 11, 22, tzinfo=UTC)
    return Transaction(Position(2, bytes(32)), None, made_at, incoming, outgoing, Nanoton(1), True, returned, 0)


@pytest.mark.parametrize(
    ("role", "happened", "kind"),
    [
        (ON_OWNER, transaction(message(PROXY, OWNER, operation=Operation.PAYOUT)), "payout"),
        (ON_OWNER, transaction(message(STRANGER, OWNER, operation=Operation.PAYOUT)), "foreign"),
        (ON_OWNER, transaction(message(PROXY, OWNER)), "foreign"),
        (ON_OWNER, transaction(message(WORKER, OWNER, operation=Operation.EXCESSES)), "excess returned"),
        (ON_OWNER, transaction(message(WALLET, OWNER)), "withdrawal"),
        (ON_OWNER, transaction(message(OUTSIDE, OWNER, 0), message(OWNER, WALLET)), "top-up"),
        (
            ON_OWNER,
            transaction(message(OUTSIDE, OWNER, 0), message(OWNER, WALLET, operation=Operation.WALLET_COMMAND)),
            "withdrawal",
        ),
        (ON_OWNER, transaction(message(WALLET, OWNER, bounced=True)), "bounced"),
        (ON_OWNER, transaction(message(STRANGER, OWNER)), "foreign"),
        (ON_WALLET, transaction(message(OUTSIDE, WALLET, 0), message(WALLET, WORKER)), "deployed"),
        (
            ON_WALLET,
            transaction(message(OUTSIDE, WALLET, 0), message(WALLET, WORKER, operation=Operation.PAYMENT)),
            "cash-out",
        ),
        (
            ON_WALLET,
            transaction(message(OUTSIDE, WALLET, 0), message(WALLET, WORKER, operation=Operation.LAST_PAYMENT)),
            "cash-out",
        ),
        (ON_WALLET, transaction(message(OUTSIDE, WALLET, 0), message(WALLET, OWNER)), "withdrawal"),
        (ON_WALLET, transaction(message(OUTSIDE, WALLET, 0)), "foreign"),
        (ON_WALLET, transaction(message(PROXY, WALLET, operation=Operation.EXCESSES)), "excess returned"),
        (ON_WALLET, transaction(message(STRANGER, WALLET, operation=Operation.EXCESSES)), "foreign"),
        (ON_WALLET, transaction(message(WORKER, WALLET, bounced=True)), "bounced"),
        (ON_WALLET, transaction(message(STRANGER, WALLET), returned=True), "bounced"),
        (ON_WALLET, transaction(message(OWNER, WALLET)), "top-up"),
        (ON_WALLET, transaction(message(OWNER, WALLET, 1)), "top-up"),
        (ON_WALLET, transaction(message(OWNER, WALLET, operation=Operation.WALLET_COMMAND)), "withdrawal"),
        (ON_WALLET, transaction(message(OUTSIDE, WALLET, elsewhere=True)), "top-up"),
        (ON_WALLET, transaction(message(STRANGER, WALLET, comment="hello", operation=0)), "top-up"),
        (ON_WALLET, transaction(message(STRANGER, WALLET, 1, comment="claim at t.me/x", operation=0)), "spam"),
        (ON_WALLET, transaction(message(STRANGER, WALLET, operation=Operation.PAYOUT)), "foreign"),
        (ON_WALLET, transaction(None), "foreign"),
        (ON_WORKER, transaction(message(WALLET, WORKER)), "deployed"),
        (ON_WORKER, transaction(message(WALLET, WORKER, operation=Operation.PAYMENT)), "cash-out"),
        (ON_WORKER, transaction(message(STRANGER, WORKER, 1)), "spam"),
        (ON_WORKER, transaction(message(PROXY, WORKER, operation=Operation.EXCESSES)), "excess returned"),
        (ON_WORKER, transaction(None), "foreign"),
    ],
)
def test_each_kind_is_known_by_operation_and_address(role: AccountRole, happened: Transaction, kind: str) -> None:
    assert classify(happened, role, OURS) == TransactionKind(kind)


def test_of_the_owners_account_only_what_concerns_the_node_is_kept() -> None:
    assert concerns_us(transaction(message(PROXY, OWNER)), OURS)
    assert concerns_us(transaction(message(OUTSIDE, OWNER, 0), message(OWNER, WALLET)), OURS)
    assert not concerns_us(transaction(message(STRANGER, OWNER)), OURS)
    assert not concerns_us(transaction(None), OURS)
    assert concerns_us(transaction(message(STRANGER, OWNER, operation=Operation.PAYOUT)), OURS), "known later, perhaps"


def test_amounts_are_what_came_less_what_went() -> None:
    sent = transaction(message(OUTSIDE, WALLET, 0), message(WALLET, WORKER, 5), message(WALLET, OWNER, 2))
    assert (amount(sent), counterparty(sent)) == (-7, WORKER)
    passed_on = transaction(message(STRANGER, WALLET, 9), message(WALLET, OWNER, 2))
    assert (amount(passed_on), counterparty(passed_on)) == (7, STRANGER)
    assert (amount(transaction(None)), counterparty(transaction(None))) == (0, None)


def failed(happened: Transaction, exit_code: int | None = 33) -> Transaction:
    """As it would be with that exit code; None: no code ran."""
    return replace(happened, success=False, exit_code=exit_code)


@pytest.mark.parametrize(
    ("role", "happened", "worked"),
    [
        (ON_OWNER, failed(transaction(message(PROXY, OWNER, operation=Operation.PAYOUT)), None), True),
        (ON_WALLET, failed(transaction(message(STRANGER, WALLET)), None), True),
        (ON_WALLET, failed(transaction(message(STRANGER, WALLET), returned=True), None), False),
        (ON_OWNER, failed(transaction(message(PROXY, OWNER))), True),
        (ON_WALLET, failed(transaction(message(OWNER, WALLET, operation=Operation.WALLET_COMMAND))), False),
        (ON_WORKER, failed(transaction(message(WALLET, WORKER, operation=Operation.PAYMENT)), None), False),
        (ON_WORKER, failed(transaction(message(WALLET, WORKER, operation=Operation.PAYMENT))), False),
        (ON_WALLET, failed(transaction(message(OUTSIDE, WALLET, 0), message(WALLET, WORKER))), False),
        (ON_WALLET, failed(transaction(None)), False),
        (ON_OWNER, transaction(message(PROXY, OWNER)), True),
    ],
)
def test_money_that_arrived_has_not_failed_and_a_command_that_was_refused_has(
    role: AccountRole, happened: Transaction, worked: bool
) -> None:
    assert has_worked(happened, role) is worked
