"""Three books on the same money, read from the files that they lie in: the agent's, the proxy's, the chain's.

The ledger is asked in plain SQL and the chain block by block, so that the agent's sums are not judged by themselves.
All amounts are nanoton. Read when agent and demo network have ended.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mulberry.demo.accounts import Accounts
from mulberry.demo.chain.keeping import KeptChain
from mulberry.model.clock import SystemClock
from mulberry.ton.address import Address, parse_address
from mulberry.ton.chain.bags import read_bag
from mulberry.ton.chain.transactions import read_transaction
from mulberry.ton.contract_data import read_worker_contract
from mulberry.ton.emulator.cache import default_cache_folder
from mulberry.ton.emulator.executor import Emulator
from mulberry.ton.messages import Operation

MOST_CELLS = 10_000


@dataclass(frozen=True, slots=True)
class LedgerBook:
    """The app's. `fee` is nanoton a token, `largest` the most that one job was counted."""

    worker_contract: Address
    proxy_contract: Address
    fee: int
    jobs: int
    requests: int  # different ones
    counted: int
    unconfirmed: int  # of `counted`
    largest: int
    disputed: int  # jobs that the proxy counts differently
    earned: int
    payable: int
    paid: int


@dataclass(frozen=True, slots=True)
class ProxyBook:
    earned: int
    signed: int


@dataclass(frozen=True, slots=True)
class ChainBook:
    cashed: int  # what our contract was told to have been paid for
    arrived: int  # at the owner's address, from the proxy's contract


def read_ledger(path: Path) -> LedgerBook:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        ((contract, proxy_contract, fee, earned),) = database.execute(
            "SELECT worker_contract, proxy_contract, worker_fee_per_token, max_known FROM accounts"
        ).fetchall()
        jobs, requests, counted, largest = database.execute(
            "SELECT count(*), count(DISTINCT request_id), sum(adjusted_tokens), max(adjusted_tokens) FROM jobs"
        ).fetchone()
        (unconfirmed,) = database.execute(
            "SELECT coalesce(sum(adjusted_tokens), 0) FROM jobs WHERE number NOT IN (SELECT job FROM confirmations)"
        ).fetchone()
        (disputed,) = database.execute(
            "SELECT count(*) FROM jobs JOIN confirmations ON job = number WHERE tokens != adjusted_tokens"
        ).fetchone()
        (payable,) = database.execute("SELECT max(tokens) FROM payments").fetchone()
        (paid,) = database.execute("SELECT coalesce(sum(amount), 0) FROM transactions WHERE kind = 'payout'").fetchone()
    return LedgerBook(
        parse_address(contract),
        parse_address(proxy_contract),
        fee,
        jobs,
        requests,
        counted * fee,
        unconfirmed * fee,
        largest * fee,
        disputed,
        earned * fee,
        payable * fee,
        paid,
    )


def read_proxy(path: Path, ledger: LedgerBook) -> ProxyBook:
    with Accounts(path) as accounts:
        account = accounts.find(ledger.worker_contract)
    assert account is not None, "the proxy does not know the worker's contract"
    return ProxyBook(account.counters.max_known * ledger.fee, account.counters.committed_to_blockchain * ledger.fee)


def read_chain(path: Path, owner: Address, ledger: LedgerBook) -> ChainBook:
    emulator = Emulator.load(default_cache_folder())
    with KeptChain(path, bytes(32), SystemClock(), emulator) as kept:
        data = kept.chain.account(ledger.worker_contract).data
        assert data is not None, "the worker's contract is not on the chain"
        arrived = 0
        for transaction in kept.chain.transactions(owner):
            (cell,) = read_bag(transaction.bag, roots=range(1, 2), max_cells=MOST_CELLS)
            incoming = read_transaction(cell, owner).incoming
            if incoming and incoming.source == ledger.proxy_contract and incoming.operation == Operation.PAYOUT:
                arrived += incoming.value
    return ChainBook(read_worker_contract(data).tokens * ledger.fee, arrived)


def disagreements(
    ledger: LedgerBook, proxy: ProxyBook, chain: ChainBook, *, answered: int, answers: int, lost: int
) -> list[str]:
    """Sentences; none when the three books and the customers agree.

    `answered`: what the `answers` that customers have in whole are worth. `lost`: requests that may have reached the
    worker and of which their customers have no whole answer. Such a request may be counted by the agent only, or by
    agent and proxy; what a customer has is counted by both.
    """
    checks = (
        (ledger.jobs == ledger.requests, "A request is booked twice."),
        (ledger.disputed == 0, "The proxy counts a job differently."),
        (answers <= ledger.jobs <= answers + lost, "Not every request is one job."),
        (answered <= proxy.earned, "The proxy lost what a customer has."),
        (proxy.earned <= ledger.counted, "The proxy earned for work that the agent did not book."),
        (proxy.earned - answered <= lost * ledger.largest, "The proxy earned more than customers asked for."),
        (ledger.counted - proxy.earned <= ledger.unconfirmed, "The agent holds a confirmation of what was not earned."),
        (ledger.earned == proxy.earned, "Agent and proxy do not agree on what was earned."),
        (proxy.signed == proxy.earned, "The proxy did not sign all of it."),
        (ledger.payable == proxy.signed, "The agent does not hold the newest payment."),
        (chain.cashed == ledger.payable, "Not all payments were cashed."),
        (chain.arrived == chain.cashed, "What was cashed did not arrive."),
        (ledger.paid == chain.arrived, "The agent's history does not agree with the chain."),
    )
    return [said for holds, said in checks if not holds]
