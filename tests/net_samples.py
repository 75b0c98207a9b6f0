"""Net earnings as an agent reports them, for tests of what shows them: real money, and play money."""

from dataclasses import replace
from datetime import datetime, timedelta

from mulberry.model.host import Finding
from mulberry.model.money import Nanoton
from mulberry.model.net import QUARTER_SECONDS, NetPeriod, NetStatus, Worked, cost_of, period
from samples import NOON

TONCOIN = Finding(2950, "As you typed it on 2026-11-20; it is used until 2026-11-27.")
ELECTRICITY = Finding(312, "As you typed it, for this hour of the day.")
PLAY_MONEY: Finding[int] = Finding(None, "Play money has no price.")
QUARTER = QUARTER_SECONDS * 1000


def a_period(begin: datetime, hours: int, gross: int, toncoin: Finding[int] = TONCOIN) -> NetPeriod:
    """So many hours at 312 W for the GPU and 60 W for the computer."""
    worked = [
        Worked(
            begin, "EUR", 312, QUARTER, by_counter=QUARTER, gpu_millijoules=312 * QUARTER, base_millijoules=60 * QUARTER
        )
    ] * (4 * hours)
    return period(begin, Nanoton(gross), worked, cost_of(worked, "EUR", lambda _: 312), toncoin)


A_NET = NetStatus(
    currency="EUR",
    toncoin_price=TONCOIN,
    electricity_price=ELECTRICITY,
    at_loss=Finding(False, "By the last 3 h 0 min of work, at the prices of now."),
    today=a_period(NOON - timedelta(hours=12), 5, 412_500_000),
    last_7_days=a_period(NOON - timedelta(days=6, hours=12), 61, 2_212_500_000),
    last_30_days=a_period(NOON - timedelta(days=29, hours=12), 288, 12_412_512_345),
    as_of=NOON,
)
A_PLAY_NET = replace(
    A_NET,
    toncoin_price=PLAY_MONEY,
    at_loss=Finding(None, PLAY_MONEY.evidence),
    today=a_period(NOON - timedelta(hours=12), 5, 32_160, PLAY_MONEY),
    last_7_days=a_period(NOON - timedelta(days=6, hours=12), 61, 32_160, PLAY_MONEY),
    last_30_days=a_period(NOON - timedelta(days=29, hours=12), 288, 32_160, PLAY_MONEY),
)
