"""One round of the chain: queued messages become transactions, and what these send becomes more of them."""

import logging
from collections import deque
from collections.abc import Mapping
from hashlib import sha256

from pytoniq_core.boc.builder import Builder
from pytoniq_core.boc.cell import Cell

from mulberry.demo.chain import layout
from mulberry.demo.chain.account import NO_ACCOUNT, exists, read_account
from mulberry.demo.chain.dictionary import Dictionary
from mulberry.demo.chain.messages import Message, Transaction, read_transaction
from mulberry.ton.emulator.executor import Emulator, EmulatorError, NotAccepted

MAX_TRANSACTIONS = 1_000  # in one round; what is left waits for the next

logger = logging.getLogger(__name__)


class Round:
    """The accounts of each workchain while a round is executed, and its transactions."""

    def __init__(
        self,
        emulator: Emulator,
        config: bytes,
        accounts: Mapping[int, Dictionary[int]],
        *,
        unixtime: int,
        start_lt: int,
        seed: bytes,
    ) -> None:
        self.accounts = dict(accounts)
        self.transactions: dict[int, list[Transaction]] = {workchain: [] for workchain in accounts}
        self.start_lt = start_lt
        self.next_lt = start_lt + 1
        self._before = dict(accounts)
        self._emulator = emulator
        self._config = config
        self.unixtime = unixtime
        self._seed = seed

    def run(self, queue: deque[Message]) -> None:
        """Takes from `queue` and adds to it, until it is empty or the round is full."""
        done = 0
        while queue and done < MAX_TRANSACTIONS:
            message = queue.popleft()
            transaction = self._execute(message)
            if transaction is not None:
                done += 1
                queue.extend(transaction.sent)

    def account_blocks(self, workchain: int) -> Dictionary[int]:
        """What a block says of each account that had transactions."""
        histories: dict[bytes, Dictionary[int]] = {}
        for transaction in self.transactions[workchain]:
            history = histories.get(transaction.account, Dictionary(layout.LT_KEY_BITS, layout.MONEY))
            value = Builder()
            value.store_ref(transaction.cell)
            histories[transaction.account] = history.set(transaction.lt, value.end_cell(), transaction.fees)
        blocks = Dictionary(layout.ACCOUNT_KEY_BITS, layout.MONEY)
        for account, history in histories.items():
            before, after = (self._account_hash(side[workchain], account) for side in (self._before, self.accounts))
            blocks = blocks.set(_key(account), layout.account_block(account, history, before, after), history.extra)
        return blocks

    def _execute(self, message: Message) -> Transaction | None:
        accounts = self.accounts[message.workchain]
        lt = self.next_lt
        try:
            result = self._emulator.execute(
                self._config,
                accounts.get(_key(message.account)) or NO_ACCOUNT,
                message.cell,
                unixtime=self.unixtime,
                lt=lt,
                random_seed=sha256(self._seed + lt.to_bytes(8, "big")).digest(),
            )
        except EmulatorError as problem:
            logger.warning("a message was dropped: %s", problem)
            return None
        if isinstance(result, NotAccepted):  # an external one whose time has passed since it was queued
            return None
        transaction = read_transaction(result.transaction)
        self.transactions[message.workchain].append(transaction)
        self.next_lt = max(lt, transaction.end_lt) + 1
        self.accounts[message.workchain] = _with_account(accounts, message.account, result.shard_account)
        return transaction

    @staticmethod
    def _account_hash(accounts: Dictionary[int], account: bytes) -> bytes:
        shard_account = accounts.get(_key(account)) or NO_ACCOUNT
        digest: bytes = shard_account.refs[0].hash
        return digest


def _with_account(accounts: Dictionary[int], account: bytes, shard_account: Cell) -> Dictionary[int]:
    if not exists(shard_account):
        return accounts.delete(_key(account))
    return accounts.set(_key(account), shard_account, read_account(shard_account).balance)


def _key(account: bytes) -> int:
    return int.from_bytes(account, "big")
