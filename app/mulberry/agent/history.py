"""Reads our accounts' transactions from the chain into the ledger, newest to oldest, and remembers what is missing.

What is new is written down as a gap before it is read, and the gap shrinks with each page: a restart, a dead server or
a missing page costs nothing but time.
"""

from dataclasses import replace

from mulberry.agent.chain import Chain
from mulberry.agent.classify import Ours, amount, classify, concerns_us, counterparty, has_worked
from mulberry.agent.history_rows import Gap, HistoryRows
from mulberry.agent.holdings import Holdings
from mulberry.model.wallet import AccountRole, ChainTransaction
from mulberry.ton.address import Address, parse_address
from mulberry.ton.chain.errors import HistoryPruned
from mulberry.ton.chain.nouns import Position, Transaction


class History:
    """The history of one ledger."""

    def __init__(self, rows: HistoryRows, chain: Chain, holdings: Holdings) -> None:
        self._rows = rows
        self._chain = chain
        self._holdings = holdings

    async def follow_all(self) -> bool:
        """Reads all that is missing of our accounts. True: something came. Raises `ChainError`: the rest comes later.

        The node wallet is first: it names our contracts, and these the proxies whose payouts count.
        """
        wallet, owner = self._holdings.parties.wallet.address, self._holdings.parties.owner
        accounts = [(wallet, AccountRole.NODE_WALLET)]
        came = False
        lacking: HistoryPruned | None = None
        for address, role in accounts:
            try:
                came |= await self._follow(address, role)
            except HistoryPruned as problem:  # the others may be there
                lacking = problem
            if address == wallet:
                contracts = sorted(self._holdings.known_contracts())
                accounts += [(parse_address(contract), AccountRole.WORKER_CONTRACT) for contract in contracts]
                accounts.append((owner, AccountRole.OWNER))
        if lacking is not None:
            raise lacking
        return came

    def _not_before(self, role: AccountRole) -> int:
        """A logical time at and below which nothing can concern us: on the owner's account, the node wallet's birth."""
        wallet = self._holdings.parties.wallet.address.raw
        if role is not AccountRole.OWNER or self._rows.gaps(wallet):
            return 0
        return self._rows.oldest(wallet) or 0

    async def _follow(self, address: Address, role: AccountRole) -> bool:
        state = self._holdings.state(address)
        if state is None:
            return False
        account, newest, ours = address.raw, state.last_transaction, self._holdings.ours()
        held = max(self._rows.newest_known(account), self._not_before(role))
        if newest is not None and newest.lt > held:
            self._rows.open_gap(Gap(account, newest.lt, newest.hash, held))
        came = False
        for gap in self._rows.gaps(account):
            left: Gap | None = gap
            while left is not None:
                left, some = await self._fill(address, role, left, ours)
                came |= some
        return came

    async def _fill(self, address: Address, role: AccountRole, gap: Gap, ours: Ours) -> tuple[Gap | None, bool]:
        """One page from the top of the gap; what is left of the gap, and whether anything was kept."""
        page = await self._chain.access.transactions(address, Position(gap.lt, gap.hash))
        new = [transaction for transaction in page.transactions if transaction.position.lt > gap.held]
        kept = [transaction for transaction in new if role is not AccountRole.OWNER or concerns_us(transaction, ours)]
        older = page.older
        rest = replace(gap, lt=older.lt, hash=older.hash) if older is not None and older.lt > gap.held else None
        self._rows.fill(gap, [(row_of(item, address, role, ours), _operation(item)) for item in kept], rest)
        return rest, bool(kept)


def row_of(transaction: Transaction, address: Address, role: AccountRole, ours: Ours) -> ChainTransaction:
    """A transaction as the faces show it."""
    other = counterparty(transaction)
    messages = (transaction.incoming, *transaction.outgoing)
    return ChainTransaction(
        role=role,
        account=address.raw,
        lt=transaction.position.lt,
        hash=transaction.position.hash.hex(),
        at=transaction.made_at,
        kind=classify(transaction, role, ours),
        amount=amount(transaction),
        fee=transaction.fee,
        counterparty=other.raw if other else "",
        comment=next((message.comment for message in messages if message and message.comment), ""),
        success=has_worked(transaction, role),
    )


def _operation(transaction: Transaction) -> int | None:
    incoming = transaction.incoming
    return incoming.operation if incoming is not None else None
