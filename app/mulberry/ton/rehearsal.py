"""What messages would do and what that costs, found out before anything is sent.

They are executed by TON's own code on copies of proven accounts, one after the other, and so is what these send to
each other. An account that is not known is a sink: what is sent there has arrived. Nothing here is sent, so nothing
need be signed: the contracts find every signature right.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pytoniq_core.boc.cell import Cell

from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.cells import CellWriter
from mulberry.ton.chain.account_proof import NO_ACCOUNT, read_account_cell
from mulberry.ton.chain.dictionary import entries
from mulberry.ton.chain.errors import ChainError
from mulberry.ton.chain.fields import Fields
from mulberry.ton.chain.nouns import AccountState, Message
from mulberry.ton.chain.transactions import read_execution, read_message, read_transaction
from mulberry.ton.emulator.executor import Emulator, EmulatorError, NotAccepted, encode

# What TON's executor reads: the config contract, the burned, versions, workchains, prices of storage, gas and
# transport, the special accounts, limits of sizes, and the accounts that are suspended or computed elsewhere.
CONFIG_PARAMETERS = (0, 5, 8, 12, 18, 19, 20, 21, 24, 25, 31, 43, 44, 45)
MAX_TRANSACTIONS = 16
MAX_DEPTH = 8  # of what a message leads to; a payout is four deep
MAX_SENT = 255
OUT_MESSAGE_KEY_BITS = 15
LT_STEP = 1_000_000
NO_RANDOMNESS = bytes(32)


class RehearsalImpossible(Exception):
    """Whether the messages would do what they should is not known. The text says why, as half a sentence."""


@dataclass(frozen=True, slots=True)
class RehearsedTransaction:
    """One transaction that would take place. `fee`: all that it costs, with gas, storage and transport."""

    account: str  # raw address
    success: bool
    exit_code: int | None
    result_code: int | None
    gas_fee: Nanoton
    forward_fee: Nanoton
    fee: Nanoton
    balance: Nanoton  # of the account, afterwards


@dataclass(frozen=True, slots=True)
class Delivery:
    """Money that would arrive somewhere; `operation` as in `nouns.Message`."""

    source: str  # raw addresses, "" where there is none
    destination: str
    amount: Nanoton
    operation: int | None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would happen, in order. `refused`: why the first message would not even be taken; then nothing happens."""

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


def shard_account(state: AccountState) -> Cell:
    """The account in the form in which TON's code takes it."""
    if state.cell is None or state.last_transaction is None:
        return CellWriter().reference(NO_ACCOUNT).bytes(bytes(32)).uint(0, 64).cell()
    last = state.last_transaction
    return CellWriter().reference(state.cell).bytes(last.hash).uint(last.lt, 64).cell()


def rehearse(
    emulator: Emulator, config: Cell, accounts: Mapping[Address, Cell], messages: Sequence[Cell], *, at: datetime
) -> Rehearsal:
    """What `messages` would do at `at`, one after the other.

    `config`: a dictionary of `CONFIG_PARAMETERS`. `accounts`: the known ones, as `shard_account` makes them.
    Raises `RehearsalImpossible`.
    """
    try:
        return _Rehearsing(emulator, encode(config), dict(accounts), int(at.timestamp())).run(messages)
    except (EmulatorError, ChainError) as problem:
        raise RehearsalImpossible(str(problem)) from problem


class _Rehearsing:
    def __init__(self, emulator: Emulator, config: bytes, accounts: dict[Address, Cell], unixtime: int) -> None:
        self._emulator = emulator
        self._config = config
        self._accounts = accounts
        self._unixtime = unixtime
        self._lt = max((_last_lt(account) for account in accounts.values()), default=0) + LT_STEP
        self._transactions: list[RehearsedTransaction] = []
        self._deliveries: list[Delivery] = []

    def run(self, messages: Sequence[Cell]) -> Rehearsal:
        refused = ""
        for message in messages:
            refused = self._send(message)
            if refused:
                break
        return Rehearsal(tuple(self._transactions), tuple(self._deliveries), refused)

    def _send(self, message: Cell) -> str:
        """Executes `message` and all that follows from it; why it is refused, if it is."""
        waiting = deque([(message, 1)])
        while waiting:
            cell, depth = waiting.popleft()
            envelope = read_message(cell)
            if envelope.source is not None:
                self._deliveries.append(_delivery(envelope))
            if envelope.destination is None or envelope.destination not in self._accounts:
                continue
            if depth > MAX_DEPTH or len(self._transactions) == MAX_TRANSACTIONS:
                raise RehearsalImpossible("it leads to more transactions than are looked at")
            sent = self._execute(cell, envelope.destination)
            if isinstance(sent, NotAccepted):
                return sent.reason if sent.exit_code is None else f"{sent.reason} (code {sent.exit_code})"
            waiting.extend((following, depth + 1) for following in sent)
        return ""

    def _execute(self, message: Cell, account: Address) -> list[Cell] | NotAccepted:
        """One transaction; the messages that it sends."""
        done = self._emulator.execute(
            self._config,
            self._accounts[account],
            message,
            unixtime=self._unixtime,
            lt=self._lt,
            random_seed=NO_RANDOMNESS,
            any_signature=True,
        )
        if isinstance(done, NotAccepted):
            return done
        transaction, execution = read_transaction(done.transaction, account), read_execution(done.transaction)
        _, balance, _, _ = read_account_cell(Fields(done.shard_account).reference(), account)
        self._accounts[account] = done.shard_account
        self._transactions.append(
            RehearsedTransaction(
                account=account.raw,
                success=execution.success,
                exit_code=execution.exit_code,
                result_code=execution.result_code,
                gas_fee=execution.gas_fee,
                forward_fee=Nanoton(sum(message.forward_fee for message in transaction.outgoing)),
                fee=transaction.fee,
                balance=balance,
            )
        )
        sent = _sent(done.transaction)
        self._lt += len(sent) + 2
        return sent


def _last_lt(account: Cell) -> int:
    fields = Fields(account)
    fields.skip(256)
    return fields.uint(64)


def _delivery(message: Message) -> Delivery:
    source, destination = (place.raw if place else "" for place in (message.source, message.destination))
    return Delivery(source, destination, message.value, message.operation)


def _sent(transaction: Cell) -> list[Cell]:
    messages = Fields(Fields(transaction).reference())
    messages.maybe_reference()  # what came in
    root = messages.maybe_reference()
    leaves = entries(root, OUT_MESSAGE_KEY_BITS, max_entries=MAX_SENT) if root is not None else ()
    return [leaf.reference() for _, leaf in leaves]
