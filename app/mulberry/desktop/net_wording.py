"""What the Earnings page says of net earnings: a value and where it comes from, for each number of a period."""

from mulberry.desktop.network_wording import Fact
from mulberry.desktop.wording import clock_time
from mulberry.model.host import Finding
from mulberry.model.language import number, tr
from mulberry.model.money import format_ton
from mulberry.model.net import NetPeriod, NetStatus, format_energy, format_money, notes

UNKNOWN = "–"
NOT_READ = tr("Not read yet.")
NAMES = (tr("Earned"), tr("Worth now"), tr("Electricity"), tr("Net"), tr("Net per hour"), tr("Worked"))
NOT_READ_YET = tuple(Fact(name, UNKNOWN, NOT_READ) for name in NAMES)


def facts(period: NetPeriod, net: NetStatus) -> tuple[Fact, ...]:
    """The six numbers of one period, in the order of `NAMES`."""
    as_of = tr("As of {as_of}.", as_of=clock_time(net.as_of))
    values = (
        (format_ton(period.gross), tr("The proxies' word on the jobs of this time.")),
        _money(period.worth, net.currency),
        _electricity(period, net.currency),
        _money(period.net, net.currency),
        _money(period.per_hour, net.currency),
        (hours(period.worked_seconds), tr("From when it was ready for requests until it stopped.")),
    )
    tones = ("", "", "", _tone(period.net), _tone(period.per_hour), "")
    return tuple(
        Fact(name, value, f"{source} {as_of}", tone)
        for name, (value, source), tone in zip(NAMES, values, tones, strict=True)
    )


def notes_lines(net: NetStatus) -> str:
    """The prices that all of it rests on, or why they are not known; a line for each."""
    return "\n".join(notes(net))


def hours(seconds: int) -> str:
    return tr("{hours} h {minutes} min", hours=number(f"{seconds // 3600:,}"), minutes=seconds // 60 % 60)


def _money(finding: Finding[int], currency: str) -> tuple[str, str]:
    if finding.value is None:
        return UNKNOWN, f"{tr('Not known.')} {finding.evidence}"
    return format_money(finding.value, currency), finding.evidence


def _electricity(period: NetPeriod, currency: str) -> tuple[str, str]:
    value, source = _money(period.cost, currency)
    drawn = period.energy.value
    return value, f"{tr('{energy} drawn.', energy=format_energy(drawn))} {source}" if drawn else source


def _tone(finding: Finding[int]) -> str:
    return "bad" if (finding.value or 0) < 0 else ""
