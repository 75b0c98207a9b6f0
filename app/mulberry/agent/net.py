"""Net earnings: brings together what was earned, what it drew and what both are worth."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from mulberry.agent.computer_settings import ComputerSettings
from mulberry.agent.energy_meter import AtWork, EnergyMeter, GpuSensors, Sensors
from mulberry.agent.energy_rows import EnergyRows
from mulberry.agent.ledger import LedgerFull, local_midnight
from mulberry.agent.toncoin_price import ToncoinPrice
from mulberry.agent.workshop import Workshop
from mulberry.model.clock import Clock
from mulberry.model.gpu import GpuReport
from mulberry.model.host import Finding
from mulberry.model.language import tr
from mulberry.model.net import (
    NO_ELECTRICITY_PRICE,
    NetPeriod,
    NetStatus,
    Worked,
    cost_of,
    is_at_loss,
    last_worked,
    period,
)
from mulberry.model.rules import NOT_LOOKED
from mulberry.model.text import as_a_part

JUDGED_AGAIN_SECONDS = 60.0
DAYS_BACK = (0, 6, 29)  # of the midnights at which today, 7 and 30 days begin
A_DAY = timedelta(days=1)  # later than that is what a clock wrote that was wrong


class Net:
    """`works` says what works now; `toncoin` what a Toncoin costs."""

    def __init__(
        self,
        rows: EnergyRows,
        clock: Clock,
        sensors: Sensors,
        works: Callable[[], AtWork | None],
        settings: ComputerSettings,
        toncoin: ToncoinPrice,
        on_full: Callable[[LedgerFull], None],
    ) -> None:
        self._rows = rows
        self._clock = clock
        self._settings = settings
        self._toncoin = toncoin
        self._prices = settings.rules.prices
        self._meter = EnergyMeter(rows, clock, sensors, works, settings, on_full)
        self._judged: tuple[float, Finding[bool]] | None = None  # when, on the loop's clock

    def use(self, settings: ComputerSettings) -> None:
        """What the owner chose, from now on."""
        self._settings = settings
        self._prices = settings.rules.prices
        self._judged = None
        self._meter.use(settings)
        self._toncoin.use(settings.toncoin_price_wish)

    def look(self) -> None:
        """Work may have begun or ended."""
        self._meter.look()

    async def run(self) -> None:
        """Measures while there is work, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._meter.run(), name="energy meter")
            group.create_task(self._toncoin.run(), name="price of Toncoin")

    def at_loss(self) -> Finding[bool]:
        """Whether work costs more than it brings; for the owner's rule, which asks each second. Why not is a clause."""
        if not self._settings.stop_at_loss:
            return NOT_LOOKED
        now = asyncio.get_running_loop().time()
        if self._judged is None or now - self._judged[0] >= JUDGED_AGAIN_SECONDS:
            judged = self._judge(self._clock.now())
            self._judged = now, replace(judged, evidence=as_a_part(judged.evidence))
        return self._judged[1]

    def status(self) -> NetStatus:
        now = self._clock.now()
        toncoin = self._toncoin.now()
        today, week, month = (self._period(local_midnight(now, back), now, toncoin) for back in DAYS_BACK)
        return NetStatus(
            currency=self._settings.currency,
            toncoin_price=toncoin,
            electricity_price=self._electricity_price(now),
            at_loss=self._judge(now),
            today=today,
            last_7_days=week,
            last_30_days=month,
            as_of=now,
        )

    def _period(self, begin: datetime, now: datetime, toncoin: Finding[int]) -> NetPeriod:
        end = now + A_DAY
        worked = self._rows.sums(begin, end)
        return period(begin, self._rows.earned(begin, end), worked, self._cost(begin, end, worked), toncoin)

    def _cost(self, begin: datetime, end: datetime, worked: list[Worked]) -> Finding[int]:
        first = self._rows.first()
        if self._rows.earned(begin, end if first is None else min(first, end)):
            if first is None:
                told = tr("Electricity is counted from the next Start on; some of these earnings are older.")
            else:
                since = f"{first.astimezone():%Y-%m-%d %H:%M}"
                told = tr("Electricity is counted from {since}; some of these earnings are older.", since=since)
            return Finding(None, told)
        return cost_of(worked, self._settings.currency, self._price_at)

    def _judge(self, now: datetime) -> Finding[bool]:
        worked = last_worked(self._rows.since(now - 2 * A_DAY), now)
        earned = self._rows.earned(worked[0].start, now + A_DAY) if worked else self._rows.earned(now, now)
        base_watt = self._settings.base_watt
        return is_at_loss(worked, earned, base_watt, self._electricity_price(now), self._toncoin.now())

    def _price_at(self, moment: datetime) -> int | None:
        return self._prices[moment.astimezone().hour] if self._prices else None

    def _electricity_price(self, now: datetime) -> Finding[int]:
        price = self._price_at(now)
        if price is None:
            return Finding(None, NO_ELECTRICITY_PRICE)
        return Finding(price, tr("As you typed it, for this hour of the day."))


def net_of(
    workshop: Workshop,
    newest: Callable[[], GpuReport],
    works: Callable[[], AtWork | None],
    settings: ComputerSettings,
) -> Net:
    """For a node. `newest` is what telemetry read last."""
    clock, till = workshop.clock, workshop.till
    is_play_money = workshop.profile.kind != "mainnet"
    toncoin = ToncoinPrice(settings.toncoin_price_wish, clock, is_play_money=is_play_money)
    sensors = GpuSensors(workshop.gpus, newest, clock)
    return Net(till.ledger.energy, clock, sensors, works, settings, toncoin, till.is_full)
