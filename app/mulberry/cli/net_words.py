"""What the terminal prints of net earnings. Pure: values in, lines out."""

from collections.abc import Callable, Iterator

from mulberry.cli.words import for_a_terminal
from mulberry.model.host import Finding
from mulberry.model.money import format_ton
from mulberry.model.net import NetPeriod, NetStatus, format_energy, format_money, notes

UNKNOWN = "unknown"


@for_a_terminal
def of_net(net: NetStatus) -> Iterator[str]:
    """A table, and below it where its numbers come from, or why they are unknown."""

    def money(finding: Finding[int]) -> str:
        return UNKNOWN if finding.value is None else format_money(finding.value, net.currency)

    def energy(finding: Finding[int]) -> str:
        return UNKNOWN if finding.value is None else format_energy(finding.value)

    rows: tuple[tuple[str, Callable[[NetPeriod], str]], ...] = (
        ("earned", lambda each: format_ton(each.gross)),
        ("worth now", lambda each: money(each.worth)),
        ("electricity", lambda each: money(each.cost)),
        ("net", lambda each: money(each.net)),
        ("net an hour", lambda each: money(each.per_hour)),
        ("worked", lambda each: f"{each.worked_seconds // 3600:,} h {each.worked_seconds // 60 % 60} min"),
        ("drawn", lambda each: energy(each.energy)),
    )
    yield f"{'':12}{'today':>20}{'7 days':>20}{'30 days':>20}"
    for name, value in rows:
        yield f"{name:12}" + "".join(f"{value(each):>20}" for each in (net.today, net.last_7_days, net.last_30_days))
    yield "Earned is the proxies' word."
    yield from dict.fromkeys(f"Electricity: {each.cost.evidence}" for each in (net.today, net.last_30_days))
    yield from notes(net)
