"""Money is moved by this code alone, so each step is played on a real chain: made, signed, cashed, found again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from conftest import SettableClock
from contract_network import OWNER, STRANGER, TON, ContractNetwork
from mulberry.agent.ledger import Ledger
from mulberry.agent.totals import reconciliation
from mulberry.agent.treasury import Treasury
from mulberry.demo.chain.faults import Faults, Lie
from mulberry.demo.chain.lite_server import LiteServer
from mulberry.model.errors import UserFacingError
from mulberry.model.money import Nanoton
from mulberry.model.wallet import AccountRole, PayoutState, TransactionKind
from mulberry.ton.address import parse_address
from mulberry.ton.messages import comment
from treasury_desk import TreasuryDesk, fund, running, until

pytestmark = pytest.mark.virtual_time

FEE = 20_000  # nanoton a token
ENOUGH = 2_000  # tokens: 0.04 TON, above the demo network's threshold
WORTH_ITS_FEES = 700  # tokens: 0.014 TON, above what a payout costs and below the threshold


@pytest.fixture
async def desk(network: ContractNetwork, tmp_path: Path, clock: SettableClock) -> AsyncIterator[TreasuryDesk]:
    desk = TreasuryDesk(network, tmp_path / "node", clock)
    await desk.serve()
    yield desk
    await desk.close()


class WrongClock(SettableClock):
    """Another clock, off by a fixed time."""

    def __init__(self, right: SettableClock, off: timedelta) -> None:
        super().__init__()
        self._right = right
        self._off = off

    def now(self) -> datetime:
        return self._right.now() + self._off


@contextlib.asynccontextmanager
async def at_work(desk: TreasuryDesk) -> AsyncIterator[tuple[Ledger, Treasury]]:
    """A treasury that runs, with a proxy met and the ledger closed at the end."""
    with contextlib.closing(desk.ledger()) as ledger:
        desk.meet_proxy(ledger)
        async with desk.treasury(ledger) as treasury, running(treasury):
            yield ledger, treasury


def kinds(ledger: Ledger, role: AccountRole) -> list[TransactionKind]:
    """Oldest first."""
    return [item.kind for item in reversed(ledger.chain.transactions(0, 500)) if item.role is role]


def paid(ledger: Ledger, clock: SettableClock, amount: int) -> bool:
    return ledger.totals(clock.now()).paid == amount


def owner_has(network: ContractNetwork) -> int:
    return network.balance(OWNER)


async def test_from_an_empty_chain_to_the_first_payout(desk: TreasuryDesk) -> None:
    fund(desk.network)
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
        desk.take_payment(ledger, ENOUGH)
        await until(desk, lambda: owner_has(desk.network))
        await until(desk, lambda: reconciliation(ledger, treasury.sent(), desk.clock.now()).paid)
        assert reconciliation(ledger, treasury.sent(), desk.clock.now()).is_settled
        status = treasury.status()
        assert owner_has(desk.network) == status.paid == ENOUGH * FEE
        assert status.owner_balance is not None and status.owner_balance.amount == ENOUGH * FEE
        assert status.note == "" and status.payouts[0].waiting == 0
        assert status.payouts[0].state is PayoutState.COLLECTING and status.payouts[0].last_paid_at is not None
        await until(desk, lambda: kinds(ledger, AccountRole.NODE_WALLET)[-1:] == [TransactionKind.EXCESS])
        assert kinds(ledger, AccountRole.NODE_WALLET) == ["top-up", "deployed", "cash-out", "excess returned"]
        assert kinds(ledger, AccountRole.WORKER_CONTRACT) == ["deployed", "cash-out"]
        assert kinds(ledger, AccountRole.OWNER) == ["payout"]


async def test_what_a_proxy_signed_is_cashed_after_it_was_put_aside(desk: TreasuryDesk) -> None:
    """Nobody is connected to it any more, and its contract was not even made before."""
    fund(desk.network)
    desk.connected = set
    async with at_work(desk) as (ledger, _):
        desk.take_payment(ledger, ENOUGH)
        await until(desk, lambda: owner_has(desk.network) == ENOUGH * FEE)
        await until(desk, partial(paid, ledger, desk.clock, ENOUGH * FEE))


async def test_a_payout_below_the_threshold_waits_until_its_owner_asks(desk: TreasuryDesk) -> None:
    fund(desk.network)
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
        desk.take_payment(ledger, WORTH_ITS_FEES)
        with pytest.raises(AssertionError):
            await until(desk, lambda: owner_has(desk.network), blocks=5)
        assert treasury.payouts()[0].state is PayoutState.COLLECTING
        await treasury.pay_out(None)
        await until(desk, lambda: owner_has(desk.network) == WORTH_ITS_FEES * FEE)


async def test_what_was_earned_for_a_former_owner_waits_for_that_owner_and_says_so(desk: TreasuryDesk) -> None:
    fund(desk.network)
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
    with contextlib.closing(desk.ledger()) as ledger:
        async with desk.treasury(ledger, owner=STRANGER) as treasury, running(treasury):
            desk.take_payment(ledger, ENOUGH)
            desk.network.chain.faucet(parse_address(treasury.wallet_address), Nanoton(5 * TON))
            await until(desk, lambda: treasury.payouts()[0].state is PayoutState.BLOCKED)
            assert f"earned for {OWNER.friendly()}" in treasury.payouts()[0].note
    async with at_work(desk):
        await until(desk, lambda: owner_has(desk.network) == ENOUGH * FEE)


async def test_a_payout_that_is_not_worth_its_gas_is_refused_in_words(desk: TreasuryDesk) -> None:
    fund(desk.network)
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
        desk.take_payment(ledger, 1)
        with pytest.raises(UserFacingError) as refused:
            await treasury.pay_out(None)
        assert "0.0010 TON" in refused.value.why
        with pytest.raises(UserFacingError, match="met no proxy"):
            await treasury.pay_out("00" * 32)


async def test_without_gas_nothing_is_signed_and_the_wallet_says_what_it_lacks(desk: TreasuryDesk) -> None:
    fund(desk.network, 0.8)
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
        desk.take_payment(ledger, ENOUGH)
        await until(desk, lambda: treasury.payouts()[0].state is PayoutState.BLOCKED)
        assert "top it up" in treasury.payouts()[0].note
        assert treasury.status().top_up_advice.startswith("Too little")
        fund(desk.network, 1)
        await until(desk, lambda: owner_has(desk.network))


async def test_an_empty_wallet_makes_no_contract_and_says_so(desk: TreasuryDesk) -> None:
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: "top it up" in treasury.status().note)
        assert ledger.chain.newest_request(desk.network.wallet.address.raw) is None


async def test_a_payment_is_not_cashed_before_the_proxys_contract_can_pay(
    desk: TreasuryDesk,
) -> None:
    fund(desk.network)
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
        too_much = 101 * TON // FEE
        desk.take_payment(ledger, too_much)
        await until(desk, lambda: "would be lost" in treasury.payouts()[0].note)
        assert treasury.payouts()[0].state is PayoutState.BLOCKED
        desk.network.say(desk.network.proxy, None, amount=10 * TON)
        await until(desk, lambda: owner_has(desk.network) == too_much * FEE)


async def test_a_request_that_never_arrives_is_sent_again_and_replaced_only_when_it_cannot_arrive_any_more(
    desk: TreasuryDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server takes messages and drops them, as if the chain did not hear."""
    fund(desk.network)
    wallet = desk.network.wallet.address.raw
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
        taken: list[bytes] = []

        def drop(boc: bytes) -> bytes:
            taken.append(boc)
            return b""

        monkeypatch.setattr(desk.network.chain, "send_external", drop)
        desk.take_payment(ledger, ENOUGH)
        await until(desk, lambda: len(taken) > 3)
        first = ledger.chain.newest_request(wallet)
        assert first is not None and set(taken) == {first.boc}
        assert treasury.payouts()[0].state is PayoutState.SENT
        await treasury.pay_out(None)  # it is under way: nothing more to do
        await until(desk, lambda: len(set(taken)) == 2)
        second = ledger.chain.newest_request(wallet)
        assert second is not None and second.seqno == first.seqno
        assert desk.clock.now() > first.valid_until
        monkeypatch.undo()
        await until(desk, lambda: owner_has(desk.network) == ENOUGH * FEE)


async def test_killed_in_the_middle_of_a_payout_it_goes_on_with_the_same_bytes(desk: TreasuryDesk) -> None:
    fund(desk.network)
    wallet = desk.network.wallet.address.raw
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
        desk.take_payment(ledger, ENOUGH)
        treasury.nudge()
        await until(desk, lambda: treasury.payouts()[0].state is PayoutState.SENT, blocks=1)
        signed = ledger.chain.newest_request(wallet)
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: owner_has(desk.network))
        for _ in range(5):
            desk.block()
            await asyncio.sleep(5)
        assert ledger.chain.newest_request(wallet) == signed
    assert owner_has(desk.network) == ENOUGH * FEE


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_wrong_by_an_hour_loses_no_payout(desk: TreasuryDesk, hours: int) -> None:
    """Messages are timed by the chain's clock; the owner is told about his."""
    fund(desk.network)

    right = desk.clock
    desk.clock = WrongClock(right, timedelta(hours=hours))
    async with at_work(desk) as (ledger, treasury):
        desk.clock = right
        await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
        desk.take_payment(ledger, ENOUGH)
        await until(desk, lambda: owner_has(desk.network) == ENOUGH * FEE)
        assert "1.0 hours" in treasury.status().note


async def test_a_payment_that_the_disk_has_changed_is_not_cashed(desk: TreasuryDesk) -> None:
    fund(desk.network)
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
        forged = desk.network.payment(ENOUGH, key=desk.network.wallet_key)
        ledger.add_payment(forged)
        await until(desk, lambda: treasury.payouts()[0].state is PayoutState.BLOCKED)
        assert "signature" in treasury.payouts()[0].note
        foreign = desk.network.payment(ENOUGH + 1, contract=STRANGER)
        ledger.add_payment(replace(foreign, worker_contract=forged.worker_contract))
        assert "somebody else" in treasury.payouts()[0].note


async def test_on_a_new_computer_the_paid_history_comes_from_the_chain_alone(
    desk: TreasuryDesk, tmp_path: Path, clock: SettableClock
) -> None:
    desk.network.chain.faucet(desk.network.wallet.address, Nanoton(5 * TON))
    desk.network.chain.make_block()
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: treasury.is_deployed(desk.network.worker.address.raw))
        for tokens in (ENOUGH, 2 * ENOUGH):
            desk.take_payment(ledger, tokens)
            await until(desk, partial(paid, ledger, desk.clock, tokens * FEE))
        await until(desk, lambda: len(kinds(ledger, AccountRole.NODE_WALLET)) == 6)
        before = ledger.chain.transactions(0, 500)
    elsewhere = TreasuryDesk(desk.network, tmp_path / "new computer", clock)
    elsewhere.profile, elsewhere.connected = desk.profile, set
    with contextlib.closing(elsewhere.ledger()) as ledger:
        async with elsewhere.treasury(ledger) as treasury, running(treasury):
            await until(elsewhere, partial(paid, ledger, clock, 2 * ENOUGH * FEE))
            await until(elsewhere, lambda: len(ledger.chain.transactions(0, 500)) == len(before))
            assert ledger.chain.transactions(0, 500) == before
            told = reconciliation(ledger, treasury.sent(), clock.now())
            assert told.is_settled and told.paid == 2 * ENOUGH * FEE and told.payable == 0
            assert sum(line.amount for line in told.differences) == 0


async def test_of_three_servers_one_lies_one_is_silent_and_the_third_carries_on(
    network: ContractNetwork, tmp_path: Path, clock: SettableClock
) -> None:
    desk = TreasuryDesk(network, tmp_path / "node", clock)
    desk.servers = [LiteServer(network.chain, key_seed=bytes([number])) for number in range(3)]
    desk.servers[2].faults = Faults(delay_seconds=1.0)  # the slowest is asked last, after both of the others
    await desk.serve()
    fund(network)
    async with at_work(desk) as (ledger, treasury):
        await until(desk, lambda: treasury.is_deployed(network.worker.address.raw))
        assert [server.note for server in treasury.status().servers] == ["", "", ""]
        desk.servers[0].faults = Faults(lies=frozenset({Lie.BALANCE}))
        desk.servers[1].faults = Faults(silent=True)
        desk.take_payment(ledger, ENOUGH)
        await until(desk, lambda: paid(ledger, desk.clock, ENOUGH * FEE))
        notes = {server.name: server.note for server in treasury.status().servers}
        lying, silent, good = (notes[f"127.0.0.1:{server.port}"] for server in desk.servers)
        assert lying.startswith("It is lying: an account's state is not the one that the proof names")
        assert silent.startswith("It is silent: no answer within") and good == ""
    await desk.close()


async def test_a_server_without_old_history_leaves_a_gap_that_another_one_fills(
    desk: TreasuryDesk,
) -> None:
    network = desk.network
    fund(network)
    for number in range(40):
        network.say(network.wallet.address, comment(f"number {number}"), amount=20_000_000)
        desk.clock.pass_time(seconds=5)
    desk.servers[0].faults = Faults(pruned_before=network.chain.head.seqno - 10)
    with contextlib.closing(desk.ledger()) as ledger:
        desk.connected = set
        async with desk.treasury(ledger) as treasury, running(treasury):
            await until(desk, lambda: "not complete" in treasury.status().note)
            some = len(ledger.chain.transactions(0, 500))
            assert 0 < some < 41 and len(ledger.chain.gaps()) >= 1
        async with desk.treasury(ledger) as treasury, running(treasury):
            network.say(network.wallet.address, comment("newer"), amount=20_000_000)
            await until(desk, lambda: ledger.chain.transactions(0, 1)[0].comment == "newer")
            desk.servers[0].faults = Faults()
            await until(desk, lambda: not ledger.chain.gaps())
        held = ledger.chain.transactions(0, 500)
        assert [item.hash for item in held] == [
            t.hash.hex() for t in network.chain.transactions(network.wallet.address)
        ]
