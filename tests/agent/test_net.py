"""Gross, electricity and net of an agent's own ledger, and the rule that rests when work costs more than it brings."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from agent_workshop import a_workshop
from conftest import SettableClock
from ledger_entries import PROXY, finished
from mulberry.agent.computer_settings import ComputerSettings
from mulberry.agent.ledger import Ledger, open_ledger
from mulberry.agent.ledger_schema import MIGRATIONS
from mulberry.agent.net import JUDGED_AGAIN_SECONDS, Net
from mulberry.agent.node import Node
from mulberry.agent.shift import Shift
from mulberry.agent.toncoin_price import ToncoinPrice
from mulberry.model.encoding import from_json, to_json
from mulberry.model.money import NANOTON_PER_TON
from mulberry.model.net import QUARTER_SECONDS, RESTS, NetStatus, Worked
from mulberry.model.network import load_profile
from mulberry.model.node import NodeState, ReasonKind, Want
from mulberry.model.settings import SettingsChange
from samples import NOON
from time_zones import local_zone

QUARTER = QUARTER_SECONDS * 1000
SETTINGS = ComputerSettings(
    electricity_price=312, toncoin_price=2950, toncoin_price_typed_at=NOON - timedelta(days=1), stop_at_loss=True
)


class NoSensors:
    """Nothing works in these tests: what was drawn is put into the ledger."""

    def energy(self, uuid: str) -> int | None:
        raise AssertionError(f"asked for {uuid}")

    def power(self, uuid: str) -> int | None:
        raise AssertionError(f"asked for {uuid}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path, clock: SettableClock) -> Iterator[Ledger]:
    with closing(open_ledger(path, clock)) as ledger:
        yield ledger


def net(
    ledger: Ledger, clock: SettableClock, settings: ComputerSettings = SETTINGS, *, is_play_money: bool = False
) -> Net:
    toncoin = ToncoinPrice(settings.toncoin_price_wish, clock, is_play_money=is_play_money)
    return Net(ledger.energy, clock, NoSensors(), lambda: None, settings, toncoin, lambda problem: None)


def drew(ledger: Ledger, hours_ago: float, quarters: int, price: int | None = 312) -> None:
    """Some work at 300 W, which began so long before noon."""
    begin = NOON - timedelta(hours=hours_ago)
    starts = [begin + timedelta(seconds=QUARTER_SECONDS * number) for number in range(quarters)]
    ledger.energy.add(
        Worked(start, "EUR", price, QUARTER, by_counter=QUARTER, gpu_millijoules=300 * QUARTER) for start in starts
    )


def earned(ledger: Ledger, hours_ago: float, ton: float) -> None:
    """One job of so much, at a nanoton a token."""
    number, tokens = ledger.newest_job() + 1, round(ton * NANOTON_PER_TON)
    name = f"{number:064x}"
    ledger.book_job(finished(name, fee=1, adjusted=tokens, finished_at=NOON - timedelta(hours=hours_ago)))
    ledger.confirm(PROXY, name, tokens, NOON)


def test_today_and_a_month_from_the_ledger(ledger: Ledger, clock: SettableClock) -> None:
    with local_zone("UTC"):
        drew(ledger, hours_ago=4, quarters=16)
        drew(ledger, hours_ago=24 * 10, quarters=4)
        earned(ledger, hours_ago=2, ton=1)
        earned(ledger, hours_ago=24 * 10 - 0.5, ton=2)
        found = net(ledger, clock).status()
    today, month = found.today, found.last_30_days
    assert (today.gross, today.worked_seconds, today.cost.value) == (NANOTON_PER_TON, 4 * 3600, 374)
    assert (today.worth.value, today.net.value, today.per_hour.value) == (2950, 2576, 644)
    assert (month.gross, month.worked_seconds, month.cost.value) == (3 * NANOTON_PER_TON, 5 * 3600, 468)
    assert (found.currency, found.toncoin_price.value, found.electricity_price.value) == ("EUR", 2950, 312)
    assert found.at_loss.value is False
    assert from_json(NetStatus, to_json(NetStatus, found)) == found


def test_earnings_from_before_energy_was_counted_have_no_cost(ledger: Ledger, clock: SettableClock) -> None:
    earned(ledger, hours_ago=48, ton=1)
    before = net(ledger, clock).status()
    assert before.last_7_days.cost.evidence == (
        "Electricity is counted from the next Start on; some of these earnings are older."
    )
    assert before.today.cost.value == 0, "nothing was earned and nothing drawn today"
    with local_zone("UTC"):
        drew(ledger, hours_ago=1, quarters=4)
        found = net(ledger, clock).status()
    assert found.today.cost.value == 94
    assert not found.last_7_days.cost.is_known and not found.last_7_days.net.is_known
    assert "counted from 2026-11-22 11:00" in found.last_7_days.net.evidence


def test_play_money_is_worth_nothing_and_its_electricity_is_real(ledger: Ledger, clock: SettableClock) -> None:
    drew(ledger, hours_ago=1, quarters=4)
    earned(ledger, hours_ago=0.5, ton=7)
    found = net(ledger, clock, is_play_money=True).status()
    assert found.today.cost.value == 94
    assert [each.value for each in (found.toncoin_price, found.today.worth, found.today.net, found.at_loss)] == [
        None
    ] * 4
    assert found.today.net.evidence == "Play money has no price."


def test_a_day_is_the_local_one_also_where_hours_begin_at_a_quarter(ledger: Ledger, clock: SettableClock) -> None:
    """In Kathmandu it is 17:45 at noon UTC, and the day began at 18:15 UTC."""
    drew(ledger, hours_ago=17.75 + 1, quarters=8)
    with local_zone("Asia/Kathmandu"):
        assert net(ledger, clock).status().today.worked_seconds == 3600


def test_what_a_wrong_clock_wrote_into_the_future_is_not_todays(ledger: Ledger, clock: SettableClock) -> None:
    drew(ledger, hours_ago=-24 * 400, quarters=4)
    earned(ledger, hours_ago=-24 * 400, ton=1)
    found = net(ledger, clock).status().last_30_days
    assert (found.gross, found.worked_seconds, found.cost.value) == (0, 0, 0)


async def test_the_rule_judges_each_minute_and_only_when_it_is_on(ledger: Ledger, clock: SettableClock) -> None:
    drew(ledger, hours_ago=3, quarters=12)
    assert net(ledger, clock, SETTINGS.model_copy(update={"stop_at_loss": False})).at_loss().value is None
    judge = net(ledger, clock)
    assert judge.at_loss().value is True
    earned(ledger, hours_ago=0.1, ton=1)
    assert judge.at_loss().value is True, "it asks each second: the ledger is not read each time"
    judge.use(SETTINGS)
    assert judge.at_loss().value is False


@pytest.mark.virtual_time
async def test_after_a_rest_it_tries_again(ledger: Ledger, clock: SettableClock) -> None:
    drew(ledger, hours_ago=3, quarters=12)
    judge = net(ledger, clock)
    assert judge.at_loss().value is True
    clock.pass_time(hours=5)
    await asyncio.sleep(JUDGED_AGAIN_SECONDS)
    assert judge.at_loss().value is True
    clock.moment = NOON + RESTS
    await asyncio.sleep(JUDGED_AGAIN_SECONDS)
    assert judge.at_loss().value is None
    assert judge.at_loss().evidence.startswith("it has not worked for an hour yet"), "a part of a rule's sentence"


async def test_a_cheaper_hour_ends_the_loss(ledger: Ledger, clock: SettableClock) -> None:
    prices = tuple(9000 if hour == 12 else 10 for hour in range(24))
    drew(ledger, hours_ago=3, quarters=12)
    earned(ledger, hours_ago=1, ton=0.5)
    with local_zone("UTC"):
        judge = net(ledger, clock, SETTINGS.model_copy(update={"electricity_prices": prices}))
        assert judge.status().at_loss.value is True
        clock.pass_time(hours=1)
        assert judge.status().at_loss.value is False


def test_what_was_drawn_is_added_and_never_changed_or_taken_away(
    path: Path, ledger: Ledger, clock: SettableClock
) -> None:
    drew(ledger, hours_ago=1, quarters=1)
    drew(ledger, hours_ago=1, quarters=1)
    drew(ledger, hours_ago=1, quarters=1, price=None)
    assert [(each.price, each.milliseconds) for each in ledger.energy.since(NOON - timedelta(days=1))] == [
        (None, QUARTER),
        (312, 2 * QUARTER),
    ]
    with closing(sqlite3.connect(path)) as hand:
        for wrong in ("DELETE FROM energy", "UPDATE energy SET of_gpu = 0", "UPDATE energy SET price = 1"):
            with pytest.raises(sqlite3.IntegrityError):
                hand.execute(wrong)


def test_quarters_of_one_price_are_added_up_and_those_without_one_are_not(ledger: Ledger) -> None:
    for price in (312, 400, None):
        drew(ledger, hours_ago=1, quarters=4, price=price)
    every = ledger.energy.since(NOON - timedelta(days=1))
    sums = ledger.energy.sums(NOON - timedelta(days=1), NOON)
    assert [each.milliseconds for each in sums if each.price] == [4 * QUARTER] * 2
    assert [each for each in sums if each.price is None] == [each for each in every if each.price is None]
    assert ledger.energy.sums(NOON, NOON + timedelta(days=1)) == []


def test_a_ledger_from_before_takes_energy_too(path: Path, clock: SettableClock) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.executescript("".join(MIGRATIONS[:3]) + "PRAGMA user_version = 3")
    with closing(open_ledger(path, clock)) as ledger:
        assert ledger.energy.first() is None
        drew(ledger, hours_ago=1, quarters=1)
        assert ledger.energy.first() == NOON - timedelta(hours=1)


@pytest.mark.virtual_time
async def test_a_node_counts_from_start_to_stop_at_the_settings_of_then(tmp_path: Path, clock: SettableClock) -> None:
    with a_workshop(tmp_path, clock) as workshop:
        node = Node(workshop, make_shift=lambda shop, on_change: Shift(shop, on_change, tasks=()))
        work = asyncio.create_task(node.run())
        node.change_settings(SettingsChange({"base_watt": 100, "electricity_price": 6000}))
        await asyncio.sleep(600)
        assert node.net().today.worked_seconds == 0
        await node.obey(Want.START, None)
        await asyncio.sleep(600)
        node.change_settings(SettingsChange({"base_watt": 200}))
        await asyncio.sleep(600)
        await node.obey(Want.STOP, None)
        await asyncio.sleep(600)
        found = node.net()
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
    assert 1200 <= found.today.worked_seconds < 1210
    assert found.today.cost.value == 300, "10 minutes of 100 W and 10 of 200 W at 6.000"
    assert found.today.energy.evidence == "The computer's own power, as you typed it; no GPU worked."


@pytest.mark.virtual_time
async def test_a_node_rests_at_a_loss_and_goes_on_when_toncoin_is_dearer(tmp_path: Path, clock: SettableClock) -> None:
    with a_workshop(tmp_path, clock, profile=load_profile("mainnet")) as workshop:
        drew(workshop.till.ledger, hours_ago=3, quarters=12)
        earned(workshop.till.ledger, hours_ago=1, ton=0.08)
        node = Node(workshop, make_shift=lambda shop, on_change: Shift(shop, on_change, tasks=()))
        work = asyncio.create_task(node.run())
        prices: dict[str, JsonValue] = {"electricity_price": 312, "toncoin_price": 2950}
        node.change_settings(SettingsChange(prices | {"stop_at_loss": True}))
        await node.obey(Want.START, None)
        await asyncio.sleep(5)
        held = node.status()
        assert (held.state, held.reasons[0].kind) == (NodeState.PAUSED, ReasonKind.PAUSED_BY_RULE)
        assert held.reasons[0].evidence == "Electricity costs more now than the work earns."
        node.change_settings(SettingsChange({"toncoin_price": 4000}))
        await asyncio.sleep(5)
        assert node.status().state is not NodeState.PAUSED
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
