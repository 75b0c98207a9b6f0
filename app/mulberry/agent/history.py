"""Reads our accounts' transactions from the chain into the ledger, newest to oldest, and remembers what is missing.

What is new is written down as a gap before it is read, and the gap shrinks with each page: a restart, a dead server or
a missing page costs nothing but time.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from mulberry.agent.classify import Ours, amount, classify, concerns_us, counterparty
from mulberry.agent.history_rows import Gap, HistoryRows
from mulberry.model.wallet import AccountRole, ChainTransaction
from mulberry.ton.address import Address
from mulberry.ton.chain.nouns import Position, Transaction

if TYPE_CHECKING:
    from mulberry.ton.chain.access import ChainAccess


class History:
    """The history of one ledger."""

    def __init__(self, rows: HistoryRows) -> None:
        self._rows = rows

    async def follow(
        self,
        access: "ChainAccess",
        address: Address,
        role: AccountRole,
        newest: Position | None,
        ours: Ours,
        *,
        not_before: int = 0,
    ) -> bool:
        """Reads all that is missing of the account up to `newest`, its proven last transaction. True: something came.

        `not_before`: a logical time at and below which nothing can concern us. Raises `ChainError`: the pages read
        so far are kept, and the next call goes on from there.
        """
        account = address.raw
        held = max(self._rows.newest_known(account), not_before)
        if newest is not None and newest.lt > held:
            self._rows.open_gap(Gap(account, newest.lt, newest.hash, held))
        came = False
        for gap in self._rows.gaps(account):
            left: Gap | None = gap
            while left is not None:
                left, some = await self._fill(access, address, role, left, ours)
                came |= some
        return came

    async def _fill(
        self, access: "ChainAccess", address: Address, role: AccountRole, gap: Gap, ours: Ours
    ) -> tuple[Gap | None, bool]:
        """One page from the top of the gap; what is left of the gap, and whether anything was kept."""
        page = await access.transactions(address, Position(gap.lt, gap.hash))
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
        success=transaction.success,
    )


def _operation(transaction: Transaction) -> int | None:
    incoming = transaction.incoming
    return incoming.operation if incoming is not None else None
