"""What work brings when its electricity is paid: energy at the price of its hour, earnings at the price of Toncoin.

All of it is whole numbers: energy in millijoules, prices in thousandths of the owner's currency for a kilowatt-hour and
for a TON, and what follows from them in thousandths too, rounded once, at the end. What is not known stays unknown with
its reason, and is never zero.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from mulberry.model.host import Finding
from mulberry.model.language import number, tr
from mulberry.model.money import NANOTON_PER_TON, Nanoton

MILLIJOULES_PER_KWH = 3_600_000_000
MILLISECONDS_PER_HOUR = 3_600_000
QUARTER_SECONDS = 900  # every time zone's hours and days begin with one
BLIND_PART = 100  # up to one part in so many of the time may be without a measurement: a reading fails now and then
LEAST_WORKED = timedelta(minutes=1)  # before a number for an hour says anything

RESTS = timedelta(hours=6)  # without work, before what was earned until then says nothing any more
JUDGED_HOURS = 3  # of work, at most
LEAST_JUDGED = timedelta(hours=1)  # of work, before it is called a loss


@dataclass(frozen=True, slots=True)
class Worked:
    """Work within one quarter of an hour, or from one on, which begins at `start` (aware), at one price of electricity.

    `price` held then, in thousandths of `currency` for a kWh; None: the owner had named none. Of the `milliseconds`,
    the GPU's own energy meter covers `by_counter`, readings of its power cover `by_samples`, and nothing covers
    `blind`; in the rest no GPU worked. `base_millijoules` are the owner's watts for the computer itself.
    """

    start: datetime
    currency: str
    price: int | None
    milliseconds: int
    by_counter: int = 0
    by_samples: int = 0
    blind: int = 0
    gpu_millijoules: int = 0
    base_millijoules: int = 0

    @property
    def millijoules(self) -> int:
        return self.gpu_millijoules + self.base_millijoules

    def plus(self, other: "Worked") -> "Worked":
        """Both together; they are of the same quarter and price."""
        return replace(
            self,
            milliseconds=self.milliseconds + other.milliseconds,
            by_counter=self.by_counter + other.by_counter,
            by_samples=self.by_samples + other.by_samples,
            blind=self.blind + other.blind,
            gpu_millijoules=self.gpu_millijoules + other.gpu_millijoules,
            base_millijoules=self.base_millijoules + other.base_millijoules,
        )


@dataclass(frozen=True, slots=True)
class NetPeriod:
    """From `begin` until now. `gross` is the proxies' word in nanoton, `energy` in millijoules, the rest in thousandths
    of the currency: `worth` is what the gross brings at today's price of Toncoin, `per_hour` the net of an hour worked.
    """

    begin: datetime
    gross: Nanoton
    worked_seconds: int
    energy: Finding[int]
    cost: Finding[int]
    worth: Finding[int]
    net: Finding[int]
    per_hour: Finding[int]


@dataclass(frozen=True, slots=True)
class NetStatus:
    """`GET /v1/net`. Prices in thousandths of `currency`, for a TON and for a kWh now. `at_loss` is what the rule
    "stop at a loss" goes by. Periods begin at local midnights, as those of `model.node.Earnings` do.
    """

    currency: str
    toncoin_price: Finding[int]
    electricity_price: Finding[int]
    at_loss: Finding[bool]
    today: NetPeriod
    last_7_days: NetPeriod
    last_30_days: NetPeriod
    as_of: datetime


NO_ELECTRICITY_PRICE = tr("You have named no price of electricity; the Settings page has a place for it.")


def notes(net: NetStatus) -> tuple[str, ...]:
    """The sentences that stand below the numbers of every face."""
    toncoin, electricity = net.toncoin_price, net.electricity_price
    said = []
    if toncoin.value is None:
        said.append(tr("What the earnings are worth is not known. {evidence}", evidence=toncoin.evidence))
    else:
        said.append(
            tr(
                "1 TON costs {price}. {evidence}",
                price=format_money(toncoin.value, net.currency),
                evidence=toncoin.evidence,
            )
        )
    if electricity.value is None:
        said.append(tr("What the electricity costs now is not known. {evidence}", evidence=electricity.evidence))
    else:
        said.append(
            tr(
                "1 kWh costs {price}. {evidence}",
                price=format_money(electricity.value, net.currency),
                evidence=electricity.evidence,
            )
        )
    if net.at_loss.value:
        said.append(tr("Work costs more than it brings. {evidence}", evidence=net.at_loss.evidence))
    return tuple(said)


def quarter(moment: datetime) -> datetime:
    """When the quarter of an hour began in which `moment` (aware) lies."""
    return datetime.fromtimestamp(int(moment.timestamp()) // QUARTER_SECONDS * QUARTER_SECONDS, UTC)


def format_money(thousandths: int, currency: str) -> str:
    """All of it: `1,234.500 EUR`."""
    whole, rest = divmod(abs(thousandths), 1000)
    return number(f"{'-' if thousandths < 0 else ''}{whole:,}.{rest:03d} {currency}")


def format_energy(millijoules: int) -> str:
    """`1.234 kWh`, rounded."""
    watt_hours = _rounded(millijoules * 1000, MILLIJOULES_PER_KWH)
    return number(f"{watt_hours // 1000:,}.{watt_hours % 1000:03d} kWh")


def energy_of(worked: Sequence[Worked]) -> Finding[int]:
    """What was drawn, in millijoules, and how that was measured."""
    milliseconds = sum(each.milliseconds for each in worked)
    blind = sum(each.blind for each in worked)
    if not milliseconds:
        return Finding(0, tr("It did not work in this time."))
    if blind * BLIND_PART > milliseconds:
        return Finding(
            None,
            tr(
                "Nothing told what was drawn in {blind} of {hours}: the GPU gives no such number, or the CPU or another"
                " server worked. For the CPU, name the computer's own power on the Settings page.",
                blind=_hours(blind),
                hours=_hours(milliseconds),
            ),
        )
    return Finding(sum(each.millijoules for each in worked), _measured_by(worked))


def _measured_by(worked: Sequence[Worked]) -> str:
    """The way of the larger part is named."""
    base = sum(each.base_millijoules for each in worked)
    counter, samples = sum(each.by_counter for each in worked), sum(each.by_samples for each in worked)
    if not counter and not samples:
        return tr("The computer's own power, as you typed it; no GPU worked.")
    way = (
        tr("Measured by the GPU's own energy meter.")
        if counter >= samples
        else tr("Added up from readings of the GPU's power.")
    )
    return (
        tr("{way} {energy} of it are the computer's own, as you typed them.", way=way, energy=format_energy(base))
        if base
        else way
    )


def cost_of(worked: Sequence[Worked], currency: str, price_now: Callable[[datetime], int | None]) -> Finding[int]:
    """What the electricity cost in thousandths. Where its hour had no price yet, `price_now` of that hour is taken."""
    energy = energy_of(worked)
    if energy.value is None:
        return Finding(None, energy.evidence)
    others = sorted({each.currency for each in worked if each.price is not None and each.currency != currency})
    if others:
        return Finding(
            None,
            tr("Some of this electricity was paid in another currency: {currencies}.", currencies=", ".join(others)),
        )
    drawn_at = [(each, each.price if each.price is not None else price_now(each.start)) for each in worked]
    if any(price is None for each, price in drawn_at if each.millijoules):
        return Finding(None, NO_ELECTRICITY_PRICE)
    total = _rounded(sum(each.millijoules * (price or 0) for each, price in drawn_at), MILLIJOULES_PER_KWH)
    if any(each.price is None for each in worked):
        return Finding(
            total,
            tr("{evidence} Hours for which you had named no price are reckoned at today's.", evidence=energy.evidence),
        )
    return Finding(total, tr("{evidence} Each hour at the price that held in it.", evidence=energy.evidence))


def worth_of(gross: Nanoton, toncoin_price: Finding[int]) -> Finding[int]:
    """The same money in thousandths of the currency, today."""
    if toncoin_price.value is None:
        return Finding(None, toncoin_price.evidence)
    return Finding(_rounded(gross * toncoin_price.value, NANOTON_PER_TON), toncoin_price.evidence)


def period(
    begin: datetime,
    gross: Nanoton,
    worked: Sequence[Worked],
    cost: Finding[int],
    toncoin_price: Finding[int],
) -> NetPeriod:
    """Puts one period together. Net is what is shown as worth less what is shown as cost, to the last thousandth."""
    milliseconds = sum(each.milliseconds for each in worked)
    worth = worth_of(gross, toncoin_price)
    net: Finding[int] = Finding(None, cost.evidence if worth.is_known else worth.evidence)
    if worth.value is not None and cost.value is not None:
        net = Finding(worth.value - cost.value, tr("What the earnings are worth today, less their electricity."))
    return NetPeriod(
        begin=begin,
        gross=gross,
        worked_seconds=milliseconds // 1000,
        energy=energy_of(worked),
        cost=cost,
        worth=worth,
        net=net,
        per_hour=_per_hour(net, milliseconds),
    )


def _per_hour(net: Finding[int], milliseconds: int) -> Finding[int]:
    if net.value is None:
        return net
    if milliseconds < LEAST_WORKED / timedelta(milliseconds=1):
        return Finding(None, tr("It worked for less than a minute in this time."))
    of_hour = _rounded(net.value * MILLISECONDS_PER_HOUR, milliseconds)
    return Finding(of_hour, tr("The net of {hours} of work, for each of these hours.", hours=_hours(milliseconds)))


def last_worked(worked: Iterable[Worked], now: datetime) -> tuple[Worked, ...]:
    """The newest hours of work by which a loss is judged, oldest first; those before a long rest say nothing.

    `worked` may be in any order. Empty after a rest of `RESTS`: it must work anew to see what that brings now.
    """
    found: list[Worked] = []
    newer = now
    milliseconds = 0
    for each in sorted((one for one in worked if one.start <= now), key=lambda one: one.start, reverse=True):
        if newer - each.start > RESTS or milliseconds >= JUDGED_HOURS * MILLISECONDS_PER_HOUR:
            break
        found.append(each)
        newer = each.start
        milliseconds += each.milliseconds
    return tuple(reversed(found))


def is_at_loss(
    worked: Sequence[Worked],
    gross: Nanoton,
    base_watt: int,
    electricity_price: Finding[int],
    toncoin_price: Finding[int],
) -> Finding[bool]:
    """Whether work like that of `worked`, which earned `gross`, costs more than it brings at the prices of now."""
    milliseconds = sum(each.milliseconds for each in worked)
    if electricity_price.value is None or toncoin_price.value is None:
        missing = electricity_price if electricity_price.value is None else toncoin_price
        return Finding(None, missing.evidence)
    if milliseconds < LEAST_JUDGED / timedelta(milliseconds=1):
        return Finding(
            None, tr("It has not worked for an hour yet since its last long rest; that shows what it earns.")
        )
    energy = energy_of([replace(each, base_millijoules=base_watt * each.milliseconds) for each in worked])
    if energy.value is None:
        return Finding(None, energy.evidence)
    brings = gross * toncoin_price.value * MILLIJOULES_PER_KWH
    costs = energy.value * electricity_price.value * NANOTON_PER_TON
    return Finding(
        brings < costs,
        tr("By the last {hours} of work, at the prices of now.", hours=_hours(milliseconds)),
    )


def _rounded(numerator: int, denominator: int) -> int:
    """To the nearest whole, halves away from zero."""
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -rounded if numerator < 0 else rounded


def _hours(milliseconds: int) -> str:
    minutes = milliseconds // 60_000
    if minutes < 60:
        return tr("{minutes} min", minutes=minutes)
    return tr("{hours} h {minutes} min", hours=number(f"{minutes // 60:,}"), minutes=minutes % 60)
