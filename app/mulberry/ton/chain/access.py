"""The chain, as the rest of Mulberry sees it: several lite servers as one that does not lie."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from pytoniq_core.boc.cell import Cell

from mulberry.model.clock import Clock
from mulberry.model.language import tr
from mulberry.ton.address import Address
from mulberry.ton.chain.account_proof import prove_account
from mulberry.ton.chain.config import ChainConfig
from mulberry.ton.chain.config_proof import EXECUTION_PARAMETERS, prove_config
from mulberry.ton.chain.connection import Connect
from mulberry.ton.chain.errors import HistoryPruned, MessageRefused, NoServer, ServerFailed, ServerRefused
from mulberry.ton.chain.lite_api import (
    MAX_TRANSACTIONS,
    UntrustedHead,
    UntrustedLink,
    ask_account,
    ask_block_proof,
    ask_config,
    ask_to_send,
    ask_transactions,
    read_account,
    read_block_proof,
    read_config,
    read_sent,
    read_transactions,
)
from mulberry.ton.chain.nouns import AccountState, BlockId, BlockRef, Position, ServerStatus, TransactionPage
from mulberry.ton.chain.off_loop import checked
from mulberry.ton.chain.pool import ServerPool
from mulberry.ton.chain.proof_chain import ProofChain
from mulberry.ton.chain.pytoniq_client import connect as connect_by_pytoniq
from mulberry.ton.chain.server import Server
from mulberry.ton.chain.transactions import prove_page

KNOWN_MESSAGE = "duplicate message"  # a node's answer to one that it holds already


class ChainAccess:
    """Runs in the loop in which it is started. `clock` is only compared with the chain's."""

    def __init__(
        self,
        config: ChainConfig,
        *,
        clock: Clock,
        random: random.Random,
        trusted: BlockId | None = None,
        connect: Connect = connect_by_pytoniq,
    ) -> None:
        """`trusted`: what `trusted_block` was in an earlier run; it spares proving all of it again."""
        newer = trusted is not None and trusted.seqno > config.pinned.seqno
        self._proofs = ProofChain(trusted if trusted is not None and newer else config.pinned)
        self._proving = asyncio.Lock()
        self._pool = ServerPool(config, connect, random, self._tell)
        self._config: tuple[BlockId, Cell] | None = None  # and the key block that brought it
        self._clock = clock
        self._listeners: list[Callable[[BlockRef], None]] = []
        self.clock_ahead: timedelta | None = None  # of the newest head, when we heard of it; a minute is too much

    async def start(self) -> None:
        """Connects in the background and returns at once."""
        self._pool.start()

    async def close(self) -> None:
        """Ends every connection and task."""
        await self._pool.close()

    @property
    def trusted_block(self) -> BlockId:
        """The newest key block proven so far. Worth keeping on disk."""
        return self._proofs.trusted_block

    def status(self) -> tuple[ServerStatus, ...]:
        """How each server does."""
        return self._pool.status()

    def subscribe(self, listener: Callable[[BlockRef], None]) -> Callable[[], None]:
        """Calls `listener` at each new head; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def head(self) -> BlockRef:
        """The newest masterchain block that a quorum of servers names. Waits for the first.

        Raises `NoServer`, `NoAgreement`.
        """
        return _ref(await self._pool.head())

    async def account(self, address: Address) -> AccountState:
        """The account at the head, proven; absence too. Raises `NoServer`, `NoAgreement`, `Unreadable`."""
        block = await self._proven_head()
        question = ask_account(block, address)

        async def ask(server: Server) -> AccountState:
            answer = await server.ask(question)
            return await checked(lambda: prove_account(read_account(answer), block, address), len(answer))

        try:
            return await self._pool.of_any(ask, at_least=block.seqno)
        except ServerRefused as problem:
            raise NoServer(tr("Every server refused: {problem}", problem=problem)) from problem

    async def config(self) -> Cell:
        """The network's configuration, proven: a dictionary of what decides how messages are executed and priced.

        It only changes with a key block, so it is mostly known already. Raises `NoServer`, `NoAgreement`.
        """
        block = await self._proven_head()
        key_block = self._proofs.trusted_block
        if self._config is not None and self._config[0] == key_block:
            return self._config[1]
        question = ask_config(block, EXECUTION_PARAMETERS)

        async def ask(server: Server) -> Cell:
            answer = await server.ask(question)
            return await checked(lambda: prove_config(read_config(answer), block, EXECUTION_PARAMETERS), len(answer))

        try:
            config = await self._pool.of_any(ask, at_least=block.seqno)
        except ServerRefused as problem:
            raise NoServer(tr("Every server refused: {problem}", problem=problem)) from problem
        self._config = key_block, config
        return config

    async def transactions(self, address: Address, start: Position, limit: int = MAX_TRANSACTIONS) -> TransactionPage:
        """Up to `limit` (1 to 16) transactions, `start` itself first, each proven by the hash in the one before.

        `start` must be proven: `AccountState.last_transaction` or `TransactionPage.older`.
        Raises `HistoryPruned`, `NoServer`, `Unreadable`.
        """
        if not 1 <= limit <= MAX_TRANSACTIONS:
            raise ValueError(f"a page of {limit} transactions")
        question = ask_transactions(address, start, limit)

        async def ask(server: Server) -> TransactionPage:
            try:
                answer = await server.ask(question)
                return await checked(lambda: prove_page(read_transactions(answer), address, start, limit), len(answer))
            except ServerRefused as problem:
                server.pruned |= problem.lacks_it
                raise

        try:
            return await self._pool.of_any(ask)
        except ServerRefused as problem:
            if problem.lacks_it:
                raise HistoryPruned(tr("No server keeps transactions that old. An archive server would.")) from problem
            raise NoServer(tr("Every server refused: {problem}", problem=problem)) from problem

    async def history(self, address: Address, start: Position) -> AsyncIterator[TransactionPage]:
        """Page after page from `start` to the account's birth. Keep each as it comes: a later one may fail."""
        position: Position | None = start
        while position is not None:
            page = await self.transactions(address, position)
            yield page
            position = page.older

    async def send(self, boc: bytes) -> None:
        """Hands an external message to the chain. Returns when a server took it: that is no promise that it is mined.

        All servers get it, for each passes it on. The same bytes may be sent again.
        Raises `MessageRefused`, `NoServer`.
        """
        question = ask_to_send(boc)

        async def hand_to(server: Server) -> None:
            try:
                read_sent(await server.ask(question))
            except ServerRefused as problem:
                if KNOWN_MESSAGE not in problem.text:
                    raise

        results = await asyncio.gather(*(hand_to(s) for s in self._pool.usable()), return_exceptions=True)
        problems = [result for result in results if result is not None]
        for problem in problems:
            if not isinstance(problem, ServerFailed):
                raise problem
        if len(problems) < len(results):
            return
        refusal = next((problem for problem in problems if isinstance(problem, ServerRefused)), None)
        if refusal is not None:
            raise MessageRefused(refusal.text) from refusal
        raise NoServer(tr("No server could be asked to pass the message on."))

    async def _proven_head(self) -> BlockId:
        async with self._proving:
            while True:
                head = (await self._pool.head()).block
                try:
                    await self._pool.of_any(partial(self._prove, head), at_least=head.seqno)
                except ServerRefused as problem:
                    if not problem.lacks_it:
                        raise NoServer(tr("Every server refused: {problem}", problem=problem)) from problem
                    self._pool.disown(head, f"it names block {head}, which nobody can prove")
                else:
                    return head

    async def _prove(self, head: BlockId, server: Server) -> None:
        async def ask(known: BlockId, target: BlockId) -> tuple[UntrustedLink, ...]:
            return read_block_proof(await server.ask(ask_block_proof(known, target)))

        await self._proofs.prove(head, ask)

    def _tell(self, head: UntrustedHead) -> None:
        ref = _ref(head)
        self.clock_ahead = self._clock.now() - ref.made_at
        for listener in self._listeners:
            asyncio.get_running_loop().call_soon(listener, ref)  # its mistakes are not the servers'


def _ref(head: UntrustedHead) -> BlockRef:
    return BlockRef(head.block, datetime.fromtimestamp(head.made_at, UTC))
