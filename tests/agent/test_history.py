"""What the history calls failed makes an owner look for his money: only what failed may be called so."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from conftest import SettableClock
from contract_network import TON, ContractNetwork
from mulberry.model.money import Nanoton
from mulberry.model.wallet import TransactionKind
from treasury_desk import TreasuryDesk, running

pytestmark = pytest.mark.virtual_time


async def test_money_for_a_wallet_that_has_no_code_yet_has_arrived(
    network: ContractNetwork, tmp_path: Path, clock: SettableClock
) -> None:
    wallet = network.wallet.address
    network.chain.faucet(wallet, Nanoton(5 * TON))
    network.chain.make_block()
    desk = TreasuryDesk(network, tmp_path / "node", clock)
    desk.connected = set
    await desk.serve()
    try:
        with contextlib.closing(desk.ledger()) as ledger:
            async with desk.treasury(ledger) as treasury, running(treasury):
                async with asyncio.timeout(60):
                    while not ledger.chain.transactions(0, 1):  # noqa: ASYNC110 - the history tells nobody here
                        await asyncio.sleep(1)
            (arrived,) = ledger.chain.transactions(0, 9)
    finally:
        await desk.close()
    (on_chain,) = network.chain.transactions(wallet)
    assert (arrived.hash, arrived.kind, arrived.amount) == (on_chain.hash.hex(), TransactionKind.TOP_UP, 5 * TON)
    assert arrived.success
