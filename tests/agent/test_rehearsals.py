"""What goes out is tried out first: a payout that would fail, or cost more than it brings, must never be sent."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from conftest import SettableClock
from contract_network import OWNER, ContractNetwork
from mulberry.agent.ledger import Ledger
from mulberry.agent.rehearsals import FAILED_AGAIN_SECONDS
from mulberry.agent.treasury import Treasury
from mulberry.model.errors import UserFacingError
from mulberry.model.rehearsal import Rehearsal, RehearsalImpossible, RehearsalQuestion
from mulberry.model.wallet import PayoutState
from mulberry.ton.chain.access import ChainAccess
from mulberry.ton.chain.errors import NoServer
from treasury_desk import TreasuryDesk, fund, running, until

pytestmark = pytest.mark.virtual_time

FEE = 20_000  # nanoton a token
ENOUGH = 2_000  # tokens: 0.04 TON, above the demo network's threshold


@pytest.fixture
async def desk(network: ContractNetwork, tmp_path: Path, clock: SettableClock) -> AsyncIterator[TreasuryDesk]:
    desk = TreasuryDesk(network, tmp_path / "node", clock)
    await desk.serve()
    yield desk
    await desk.close()


@contextlib.asynccontextmanager
async def deployed(desk: TreasuryDesk, toncoin: float = 5) -> AsyncIterator[tuple[Ledger, Treasury]]:
    """A treasury at work whose wallet and worker contract are made."""
    fund(desk.network, toncoin)
    with contextlib.closing(desk.ledger()) as ledger:
        desk.meet_proxy(ledger)
        async with desk.treasury(ledger) as treasury, running(treasury):
            await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
            yield ledger, treasury


async def test_a_payout_says_what_it_costs_and_costs_that(desk: TreasuryDesk) -> None:
    async with deployed(desk) as (ledger, treasury):
        before = desk.network.balance(desk.network.wallet)
        desk.take_payment(ledger, ENOUGH)
        await until(desk, lambda: treasury.payouts()[0].state is PayoutState.SENT)
        sent = treasury.payouts()[0]
        assert sent.fee is not None
        assert "It costs about 0.0123 TON in fees." in sent.note
        await until(desk, lambda: desk.network.balance(OWNER))
        assert desk.network.balance(OWNER) == ENOUGH * FEE
        passed = before - desk.network.balance(desk.network.wallet) - sent.fee
        assert abs(passed) < 2_000_000  # what each account owes for its storage is paid when its time comes


async def test_making_the_contract_and_a_payout_are_rehearsed_once_each(desk: TreasuryDesk) -> None:
    async with deployed(desk) as (ledger, treasury):
        assert desk.rehearsals == 1
        assert treasury.payouts()[0].fee is None, "a contract's making is no payout"
        desk.take_payment(ledger, ENOUGH)
        await until(desk, lambda: desk.network.balance(OWNER))
        assert desk.rehearsals == 2


async def test_a_wallet_that_lacks_money_is_told_what_it_needs_and_that_is_enough(desk: TreasuryDesk) -> None:
    async with deployed(desk, 0.6) as (ledger, treasury):
        desk.take_payment(ledger, ENOUGH)
        await until(desk, lambda: treasury.payouts()[0].state is PayoutState.BLOCKED)
        note = treasury.payouts()[0].note
        assert "top it up" in note
        lacking = float(note.split(" lacks ")[1].split(" TON")[0])
        fund(desk.network, lacking)
        await until(desk, lambda: desk.network.balance(OWNER) == ENOUGH * FEE)


async def test_one_top_up_of_what_is_asked_for_pays_for_the_contract_and_the_first_payout(desk: TreasuryDesk) -> None:
    with contextlib.closing(desk.ledger()) as ledger:
        desk.meet_proxy(ledger)
        async with desk.treasury(ledger) as treasury, running(treasury):
            await until(desk, lambda: desk.rehearsals == 1 and "top it up" in treasury.status().note)
            lacking = float(treasury.deployment_shortage().split(" lacks ")[1].split(" TON")[0])
            assert 0.8 < lacking < 0.9, "0.3 TON for the contract, 0.5 TON that a payout carries, and their fees"
            fund(desk.network, lacking)
            await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
            desk.take_payment(ledger, ENOUGH)
            await until(desk, lambda: desk.network.balance(OWNER) == ENOUGH * FEE)


async def test_a_payout_that_would_cost_more_than_it_brings_is_not_sent(desk: TreasuryDesk) -> None:
    async with deployed(desk) as (ledger, treasury):
        desk.take_payment(ledger, 100)
        with pytest.raises(UserFacingError, match="more than it brings"):
            await treasury.pay_out(None)
        assert desk.network.balance(OWNER) == 0


async def test_a_payout_that_would_fail_is_not_sent_and_says_who_refuses(desk: TreasuryDesk) -> None:
    async with deployed(desk) as (ledger, treasury):
        # enough by its balance, but the proxy's contract keeps clients' money and something to live on
        desk.take_payment(ledger, desk.network.balance(desk.network.proxy) // FEE)
        await until(desk, lambda: treasury.payouts()[0].state is PayoutState.BLOCKED)
        assert "this payout fails: the proxy's contract refuses (code" in treasury.payouts()[0].note
        with pytest.raises(UserFacingError, match="this payout fails"):
            await treasury.pay_out(None)
        assert desk.network.balance(OWNER) == 0
        assert desk.network.worker_now().tokens == 0, "the payment is still worth its money"


async def test_when_nothing_can_be_rehearsed_fixed_reserves_decide_and_that_is_said(
    desk: TreasuryDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def nobody(question: RehearsalQuestion) -> Rehearsal:
        raise RehearsalImpossible("it took longer than 60 s")

    monkeypatch.setattr(desk, "rehearse", nobody)
    async with deployed(desk) as (ledger, treasury):
        with caplog.at_level(logging.WARNING):
            desk.take_payment(ledger, ENOUGH)
            await until(desk, lambda: treasury.payouts()[0].state is PayoutState.SENT)
        assert treasury.payouts()[0].fee is None
        assert "it took longer than 60 s" in treasury.payouts()[0].note
        assert "fixed reserves decide: it took longer than 60 s" in caplog.text
        await until(desk, lambda: desk.network.balance(OWNER) == ENOUGH * FEE)


async def test_without_the_configuration_fixed_reserves_decide_too(
    desk: TreasuryDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(_: ChainAccess) -> None:
        raise NoServer("Every server refused.")

    monkeypatch.setattr(ChainAccess, "config", none)
    async with deployed(desk) as (ledger, _treasury):
        desk.take_payment(ledger, ENOUGH)
        await until(desk, lambda: desk.network.balance(OWNER) == ENOUGH * FEE)
    assert desk.rehearsals == 0


async def test_what_fails_is_not_tried_again_at_every_block(
    desk: TreasuryDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    async def nobody(question: RehearsalQuestion) -> Rehearsal:
        asked.append(asyncio.get_running_loop().time())
        raise RehearsalImpossible("no memory")

    monkeypatch.setattr(desk, "rehearse", nobody)
    async with deployed(desk, 0.6) as (ledger, treasury):  # by the reserves not enough for a payout
        desk.take_payment(ledger, ENOUGH)
        for _ in range(20):
            fund(desk.network, 0)
            desk.block(seconds=10)
            await asyncio.sleep(10)
        assert treasury.payouts()[0].state is PayoutState.BLOCKED
    payouts = asked[1:]
    assert len(payouts) >= 3, "it is tried again now and then"
    assert all(later - earlier >= FAILED_AGAIN_SECONDS for earlier, later in pairwise(payouts))
