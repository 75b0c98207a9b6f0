"""A treasury on a real local chain with its lite server, for tests: a node between start-up and payout."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from agent_workshop import DEMO
from conftest import SettableClock
from contract_network import OWNER, PROXY_OWNER, TON, ContractNetwork
from mulberry.agent.chain import Chain
from mulberry.agent.holdings import Parties
from mulberry.agent.keys import NodeKey
from mulberry.agent.ledger import KnownProxy, Ledger, open_ledger
from mulberry.agent.till import Till
from mulberry.agent.treasury import Treasury
from mulberry.demo.chain.lite_server import LiteServer, global_config
from mulberry.model.money import Nanoton
from mulberry.model.network import NetworkProfile
from mulberry.model.payments import Counters, ProxyAccount, SignedPayment
from mulberry.model.places import DataFolder
from mulberry.model.rehearsal import Rehearsal, RehearsalImpossible, RehearsalQuestion
from mulberry.ton.address import Address
from mulberry.ton.rehearsal import answer
from mulberry.ton.wallet import node_wallet


class TreasuryDesk:
    """The chain's side (`network`), and the node's: a ledger in `folder` that outlives one treasury."""

    def __init__(self, network: ContractNetwork, folder: Path, clock: SettableClock) -> None:
        self.network = network
        self.clock = clock
        self.folder = DataFolder(folder)
        self.folder.create()
        self.servers = [LiteServer(network.chain)]
        self.profile: NetworkProfile = DEMO
        self.connected: Callable[[], set[str]] = lambda: {network.worker.address.raw}
        self.changes = 0
        self.rehearsals = 0

    async def serve(self) -> None:
        for server in self.servers:
            await server.start()
        self.profile = DEMO.model_copy(
            update={
                "chain": None,
                "lite_servers": global_config(*self.servers),
                "root_contract_address": self.network.root.address.raw,
                "payout": DEMO.payout,
            }
        )

    async def close(self) -> None:
        for server in self.servers:
            await server.close()

    def ledger(self) -> Ledger:
        return open_ledger(self.folder.ledger, self.clock)

    def meet_proxy(self, ledger: Ledger) -> ProxyAccount:
        """As the proxy's book does at the first connection."""
        network = self.network
        key = bytes(network.proxy_key.verify_key).hex()
        ledger.meet("proxy", KnownProxy(key, PROXY_OWNER.raw), self.clock.now())
        return ledger.open_account(
            ProxyAccount(
                proxy=key,
                proxy_contract=network.proxy.address.raw,
                worker_contract=network.worker.address.raw,
                counters=Counters(),
                worker_fee_per_token=network.prices.worker_fee_per_token,
            )
        )

    def take_payment(self, ledger: Ledger, tokens: int) -> SignedPayment:
        """As the proxy's book does when the proxy signs."""
        payment = self.network.payment(tokens)
        ledger.grow_counters(payment.worker_contract, committed_to_db=tokens, max_known=tokens)
        ledger.add_payment(payment)
        return payment

    @contextlib.asynccontextmanager
    async def treasury(self, ledger: Ledger, owner: Address = OWNER) -> AsyncIterator[Treasury]:
        """One that has read the root contract, as after the start-up. It is not running yet."""
        chain = Chain(lambda: self.profile, self.folder, clock=self.clock, random=random.Random(1))
        network = self.network
        treasury = Treasury(
            chain,
            Parties(
                NodeKey(network.wallet_key, "in a test"),
                owner,
                node_wallet(network.codes.wallet, bytes(network.wallet_key.verify_key), owner),
            ),
            Till(ledger, self.clock),
            lambda: self.profile,
            clock=self.clock,
            connected=lambda: self.connected(),
            on_change=self._count,
            ask=self.rehearse,
        )
        try:
            await chain.open()
            await treasury.refresh_root()
            yield treasury
        finally:
            await chain.close()

    async def rehearse(self, question: RehearsalQuestion) -> Rehearsal:
        """With the local chain's own emulator, instead of a process for each."""
        self.rehearsals += 1
        found = answer(self.network.chain.emulator, question)
        if found.rehearsal is None:
            raise RehearsalImpossible(found.impossible)
        return found.rehearsal

    def _count(self) -> None:
        self.changes += 1

    def block(self, seconds: float = 5) -> None:
        """Time passes, and the chain goes on."""
        self.clock.pass_time(seconds=seconds)
        self.network.chain.make_block()


@contextlib.asynccontextmanager
async def running(treasury: Treasury) -> AsyncIterator[None]:
    """Runs it meanwhile."""
    run = asyncio.create_task(treasury.run())
    try:
        yield
    finally:
        run.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await run


def fund(network: ContractNetwork, toncoin: float = 5) -> None:
    """Money for the node wallet, from nowhere."""
    network.chain.faucet(network.wallet.address, Nanoton(int(toncoin * TON)))
    network.chain.make_block()


async def until(desk: TreasuryDesk, done: Callable[[], object], *, blocks: int = 40) -> None:
    """Blocks are made until `done()` holds."""
    for _ in range(blocks):
        for _ in range(8):
            if done():
                return
            await asyncio.sleep(1)
        desk.block()
    raise AssertionError("it did not come to that")
