"""A rehearsal: what messages to the chain would do and what that costs, found out before anything is sent.

Addresses are raw. Question and answer go between two processes as JSON, cells in them as base64 of their bags.
"""

from dataclasses import dataclass

from mulberry.model.money import Nanoton


class RehearsalImpossible(Exception):
    """Whether the messages would do what they should is not known. The text says why, as half a sentence."""


@dataclass(frozen=True, slots=True)
class RehearsedTransaction:
    """One transaction that would take place. `fee`: all that it costs, with gas, storage and transport."""

    account: str
    success: bool
    exit_code: int | None  # 0 and 1 are success; None: no code would run
    result_code: int | None  # of sending the messages that the code makes, 0 is success
    gas_fee: Nanoton
    forward_fee: Nanoton
    fee: Nanoton
    balance: Nanoton  # of the account, afterwards


@dataclass(frozen=True, slots=True)
class Delivery:
    """Money that would arrive somewhere. `operation`: the first 32 bits of what comes with it."""

    source: str
    destination: str
    amount: Nanoton
    operation: int | None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would happen, in order. `refused`: why a message from outside would not be taken, "" if all are."""

    transactions: tuple[RehearsedTransaction, ...]
    deliveries: tuple[Delivery, ...]
    refused: str = ""

    @property
    def fee(self) -> Nanoton:
        """What all of it costs, whoever pays."""
        return Nanoton(sum(transaction.fee for transaction in self.transactions))

    def balance(self, account: str) -> Nanoton | None:
        """What `account` would hold at the end; None: nothing happens there."""
        balances = {transaction.account: transaction.balance for transaction in self.transactions}
        return balances.get(account)


@dataclass(frozen=True, slots=True)
class RehearsalQuestion:
    """What to rehearse: `messages`, one after the other, among `accounts` (raw address to ShardAccount)."""

    config: str
    accounts: dict[str, str]
    messages: tuple[str, ...]
    unixtime: int


@dataclass(frozen=True, slots=True)
class RehearsalAnswer:
    """One of the two."""

    rehearsal: Rehearsal | None
    impossible: str = ""
