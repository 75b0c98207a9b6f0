"""What the chain shows of our accounts: the node wallet, its owner, and our contract with each proxy.

Which contracts are ours is known from the proxies that we met and, on a new computer, from the node wallet's history.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mulberry.agent.chain import Chain
from mulberry.agent.classify import Ours
from mulberry.agent.history_rows import SeenContract
from mulberry.agent.keys import NodeKey
from mulberry.agent.ledger import Ledger
from mulberry.agent.payouts import WalletOnChain
from mulberry.model.root_contract import RootParameters
from mulberry.model.wallet import Balance, TransactionKind
from mulberry.ton.address import Address, parse_address
from mulberry.ton.cells import CellShapeError
from mulberry.ton.contract_data import ContractState, WorkerContract, read_worker_contract
from mulberry.ton.contract_params import read_params
from mulberry.ton.contracts import Birth
from mulberry.ton.wallet import read_node_wallet

if TYPE_CHECKING:
    from mulberry.ton.chain.nouns import AccountState, BlockRef

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parties:
    """Who the money is between. `wallet` is the node wallet's birth for our key and the owner."""

    key: NodeKey
    owner: Address
    wallet: Birth


class Holdings:
    """`head` is the newest block that was heard of; `is_read` is set once everything was read."""

    def __init__(self, chain: Chain, parties: Parties, ledger: Ledger) -> None:
        self.parties = parties
        self.head: BlockRef | None = None
        self.is_read = asyncio.Event()
        self._chain = chain
        self._ledger = ledger
        self._rows = ledger.chain
        self._states: dict[Address, AccountState] = {}
        self._of_others: dict[str, Address] = {}
        self._proven_by = 0

    @property
    def wallet(self) -> WalletOnChain | None:
        """The node wallet as the chain showed it last; None: not read yet."""
        state = self._states.get(self.parties.wallet.address)
        if state is None:
            return None
        seqno, is_blocked = 0, False
        if state.data is not None:
            held = read_node_wallet(state.data)
            seqno, is_blocked = held.seqno, held.blocked
        return WalletOnChain(state.balance, seqno, state.data is not None, is_blocked, state.as_of)

    def state(self, address: Address) -> "AccountState | None":
        """The account as it was read last; None: not read yet."""
        return self._states.get(address)

    def other_owner(self, worker_contract: str) -> Address | None:
        """Whom this contract pays, if the chain showed that it is not the present owner."""
        return self._of_others.get(worker_contract)

    def balance(self, address: Address) -> Balance | None:
        """None: not read yet."""
        state = self._states.get(address)
        if state is None:
            return None
        return Balance(address.friendly(), state.balance, state.as_of, self._proven_by)

    async def read(self, besides: Callable[[], Iterable[Address]]) -> bool:
        """Reads our accounts as they are now, and then those that `besides` names. True: one is not what it was.

        What the newest block has shown already is not asked for again. Raises `ChainError`.
        """
        access = self._chain.access
        self.head = await access.head()
        before = dict(self._states)
        states = {address: await self._newest(address) for address in (self.parties.wallet.address, self.parties.owner)}
        for contract in sorted(self.known_contracts()):
            address = parse_address(contract)
            states[address] = await self._newest(address)
            self._see(states[address])
        self._states.update(states)
        for address in besides():
            self._states[address] = await self._newest(address)
        newest = states[self.parties.wallet.address].proven_by.seqno
        standing = (server.head_seqno for server in access.status())
        self._proven_by = max(sum(seqno is not None and seqno >= newest for seqno in standing), 1)
        self._chain.keep_trusted()
        self.is_read.set()
        return any(_differs(before.get(address), state) for address, state in self._states.items())

    async def _newest(self, address: Address) -> "AccountState":
        known, head = self._states.get(address), self.head
        is_answered = any(server.is_good for server in self._chain.servers())  # else asking says what is the matter
        if known is not None and head is not None and known.proven_by == head.id and is_answered:
            return known
        return await self._chain.access.account(address)

    def known_contracts(self) -> set[str]:
        """Of proxies that we met, and those that the wallet's history names."""
        met = {account.worker_contract for account in self._ledger.accounts()}
        seen = {contract.worker_contract for contract in self._rows.contracts()}
        kinds = TransactionKind.CASH_OUT, TransactionKind.DEPLOY
        return met | seen | self._rows.counterparties(self.parties.wallet.address.raw, *kinds)

    def _see(self, state: "AccountState") -> None:
        """Keeps what a worker contract of ours says of itself."""
        if state.data is None:
            return
        try:
            contract = read_worker_contract(state.data)
            prices = read_params(contract.params, root_address="")
        except CellShapeError as problem:
            log.warning("%s is no worker contract: %s", state.address, problem)
            return
        if contract.owner != self.parties.owner:
            self._of_others[state.address.raw] = contract.owner
            return
        self._rows.see(_seen(state, contract, prices))

    def ours(self) -> Ours:
        """The addresses that we know now."""
        seen, accounts = self._rows.contracts(), self._ledger.accounts()
        workers = {item.worker_contract for item in seen} | {item.worker_contract for item in accounts}
        proxies = {item.proxy_contract for item in seen} | {item.proxy_contract for item in accounts}
        return Ours(
            self.parties.owner,
            self.parties.wallet.address,
            frozenset(map(parse_address, workers)),
            frozenset(map(parse_address, proxies)),
        )


def _differs(before: "AccountState | None", now: "AccountState") -> bool:
    return before is None or (before.balance, before.last_transaction) != (now.balance, now.last_transaction)


def _seen(state: "AccountState", contract: WorkerContract, prices: RootParameters) -> SeenContract:
    return SeenContract(
        worker_contract=state.address.raw,
        proxy=contract.proxy_key.hex(),
        proxy_contract=contract.proxy_contract.raw,
        worker_fee_per_token=prices.worker_fee_per_token,
        tokens=contract.tokens,
        is_open=contract.state is ContractState.OPEN,
        as_of=state.as_of,
    )
