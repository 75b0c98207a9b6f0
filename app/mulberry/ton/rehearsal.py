"""What messages would do and what that costs, found out before anything is sent.

They are executed by TON's own code on copies of proven accounts, one after the other, and so is what these send to
each other. An account that is not known is a sink: what is sent there has arrived. Nothing here is sent, so nothing
need be signed: the contracts find every signature right.
"""

import base64
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pytoniq_core.boc.cell import Cell

from mulberry.model.encoding import from_json, to_json
from mulberry.model.money import Nanoton
from mulberry.model.rehearsal import (
    Delivery,
    Rehearsal,
    RehearsalAnswer,
    RehearsalImpossible,
    RehearsalQuestion,
    RehearsedTransaction,
)
from mulberry.ton.address import Address, parse_address
from mulberry.ton.chain.account_proof import read_account_cell
from mulberry.ton.chain.bags import read_bag
from mulberry.ton.chain.config_proof import PARAMETER_BITS
from mulberry.ton.chain.dictionary import entries, find
from mulberry.ton.chain.errors import ChainError
from mulberry.ton.chain.fields import Fields
from mulberry.ton.chain.nouns import Message
from mulberry.ton.chain.transactions import read_execution, read_message, read_transaction
from mulberry.ton.emulator.cache import default_cache_folder
from mulberry.ton.emulator.executor import Emulator, EmulatorError, NotAccepted, encode

NEWEST_VERSION = 12  # of TON's machine, that the vendored emulator knows
VERSION_PARAMETER = 8
MAX_TRANSACTIONS = 16
MAX_QUESTION_BYTES = 16 << 20
MAX_QUESTION_CELLS = 100_000  # of each of its cells
MAX_DEPTH = 8  # of what a message leads to; a payout is four deep
MAX_SENT = 255
OUT_MESSAGE_KEY_BITS = 15
LT_STEP = 1_000_000
NO_RANDOMNESS = bytes(32)


def rehearse(
    emulator: Emulator, config: Cell, accounts: Mapping[Address, Cell], messages: Sequence[Cell], *, at: datetime
) -> Rehearsal:
    """What `messages` would do at `at`, one after the other.

    `config`: as `ChainAccess.config` has it. `accounts`: the known ones, as `AccountState.shard_account`.
    Raises `RehearsalImpossible`.
    """
    try:
        _check_version(config)
        for address, account in accounts.items():
            _check_code(address, account)
        return _Rehearsing(emulator, encode(config), dict(accounts), int(at.timestamp())).run(messages)
    except (EmulatorError, ChainError) as problem:
        raise RehearsalImpossible(str(problem)) from problem


def answer(emulator: Emulator, untrusted: RehearsalQuestion) -> RehearsalAnswer:
    """The same for whoever asks from another process."""
    try:
        config, *messages = (_read(text) for text in (untrusted.config, *untrusted.messages))
        accounts = {parse_address(raw): _read(text) for raw, text in untrusted.accounts.items()}
        at = datetime.fromtimestamp(untrusted.unixtime, UTC)
        return RehearsalAnswer(rehearse(emulator, config, accounts, messages, at=at))
    except (RehearsalImpossible, ChainError, ValueError, OverflowError) as problem:
        return RehearsalAnswer(None, str(problem))


def answer_a_process() -> None:
    """The command `mulberry rehearse`: a `RehearsalQuestion` on stdin, a `RehearsalAnswer` on stdout."""
    untrusted = sys.stdin.buffer.read(MAX_QUESTION_BYTES + 1)
    if len(untrusted) > MAX_QUESTION_BYTES:
        found = RehearsalAnswer(None, "the question is too long")
    else:
        question = from_json(RehearsalQuestion, untrusted)
        found = answer(Emulator.load(default_cache_folder()), question)
    sys.stdout.buffer.write(to_json(RehearsalAnswer, found))


def _read(untrusted: str) -> Cell:
    return read_bag(base64.b64decode(untrusted, validate=True), roots=range(1, 2), max_cells=MAX_QUESTION_CELLS)[0]


def _check_version(config: Cell) -> None:
    """A newer machine than ours may know instructions and prices that ours does not."""
    leaf = find(config, VERSION_PARAMETER, PARAMETER_BITS)
    if leaf is None:
        raise RehearsalImpossible("the network does not say which machine it runs")
    fields = Fields(leaf.reference())
    fields.expect(0xC4, 8, "the machine's version")
    version = fields.uint(32)
    if version > NEWEST_VERSION:
        raise RehearsalImpossible(f"the network runs version {version} of TON's machine, and Mulberry's is older")


def _check_code(address: Address, account: Cell) -> None:
    """Code may lie in a library of the masterchain, which is not at hand."""
    _, _, code, _ = read_account_cell(Fields(account).reference(), address)
    waiting, seen = [code] if code is not None else [], set[bytes]()
    while waiting:
        cell = waiting.pop()
        if cell.is_exotic:
            raise RehearsalImpossible(f"the code of {address} lies in a library")
        if cell.hash not in seen:
            seen.add(cell.hash)
            waiting.extend(cell.refs)


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
