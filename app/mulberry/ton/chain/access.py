"""The chain, as the rest of Mulberry sees it."""

import random
from collections.abc import AsyncIterator, Callable

from mulberry.model.clock import Clock
from mulberry.ton.address import Address
from mulberry.ton.chain.config import ChainConfig
from mulberry.ton.chain.nouns import AccountState, BlockId, BlockRef, Position, ServerStatus, TransactionPage


class ChainAccess:
    """Several lite servers as one that does not lie. Runs in the loop in which it is started."""

    def __init__(
        self, config: ChainConfig, *, clock: Clock, random: random.Random, trusted: BlockId | None = None
    ) -> None:
        """`trusted`: what `trusted_block` was in an earlier run; it spares proving all of it again."""

    async def start(self) -> None:
        """Connects in the background and returns at once."""

    async def close(self) -> None:
        """Ends every connection and task."""

    @property
    def trusted_block(self) -> BlockId:
        """The newest key block proven so far. Worth keeping on disk."""
        raise NotImplementedError

    async def head(self) -> BlockRef:
        """The newest masterchain block that a quorum of servers agrees on. Waits for the first. Raises `NoAgreement`."""
        raise NotImplementedError

    async def account(self, address: Address) -> AccountState:
        """The account at the head, proven; absence too. Raises `NoServer`, `NoAgreement`."""
        raise NotImplementedError

    async def transactions(self, address: Address, start: Position, limit: int = 16) -> TransactionPage:
        """Up to `limit` (1 to 16) transactions, `start` itself first, each proven by the hash in the one before.

        `start` must be proven: `AccountState.last_transaction` or `TransactionPage.older`.
        Raises `HistoryPruned`, `NoServer`.
        """
        raise NotImplementedError

    def history(self, address: Address, start: Position) -> AsyncIterator[TransactionPage]:
        """Page after page from `start` to the account's birth. Keep each as it comes: a later one may fail."""
        raise NotImplementedError

    async def send(self, boc: bytes) -> None:
        """Hands an external message to the chain. Returns when a server took it: that is no promise that it is mined.

        The same bytes may be sent again. Raises `MessageRefused`, `NoServer`.
        """

    def status(self) -> tuple[ServerStatus, ...]:
        """How each server does, in the config's order."""
        raise NotImplementedError

    def subscribe(self, listener: Callable[[BlockRef], None]) -> Callable[[], None]:
        """Calls `listener` at each new head; returns what ends that."""
        raise NotImplementedError
