"""The foretold week by days and hours of the wall clock, as the preview draws, tells and lists it. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mulberry.model.clock import local_moment
from mulberry.model.foretelling import DAYS, Stretch
from mulberry.model.language import dated, tr
from mulberry.model.rules import Rule
from mulberry.model.week import HOURS_A_DAY

MAY_WORK = tr("It may work")
NOT_AT_ALL = tr("not at all")
RULE_WORDS = {
    Rule.SCHEDULE: tr("Kept free by your schedule"),
    Rule.QUIET_HOURS: tr("Quiet hours"),
    Rule.TARIFF: tr("Electricity is too dear"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """Hours of one day, 0 to 24 on the wall clock, in which the same `rules` hold work up; none: it may work."""

    begin: float
    end: float
    rules: tuple[Rule, ...]

    def __str__(self) -> str:
        return f"{_clock(self.begin)}-{_clock(self.end)}"


@dataclass(frozen=True, slots=True)
class DayPlan:
    """One day. `hours` is how long it may work then, which on the days of summer time is not what the clock shows."""

    day: date
    spans: tuple[Span, ...]
    hours: float

    @property
    def name(self) -> str:
        return dated(self.day, "%a %d %b")

    @property
    def may_work(self) -> str:
        return ", ".join(str(span) for span in self.spans if not span.rules) or NOT_AT_ALL

    @property
    def why_not_else(self) -> str:
        held = (span for span in self.spans if span.rules)
        return ", ".join(f"{span} {' + '.join(rule_words(rule) for rule in span.rules)}" for span in held)


def rule_words(rule: Rule) -> str:
    return RULE_WORDS.get(rule, rule.value)


def by_day(foretold: Iterable[Stretch], days: int = DAYS) -> tuple[DayPlan, ...]:
    """The first `days` days of the local calendar."""
    parts: dict[date, list[tuple[Span, timedelta]]] = {}
    for stretch in foretold:
        for begin, end in _cut_at_midnight(stretch):
            day = begin.astimezone().date()
            last = HOURS_A_DAY if end == _next_midnight(day) else _hours(end)
            parts.setdefault(day, []).append((Span(_hours(begin), last, stretch.rules), end - begin))
    return tuple(_plan(day, parts[day]) for day in sorted(parts)[:days])


def _plan(day: date, parts: list[tuple[Span, timedelta]]) -> DayPlan:
    free = sum((length for span, length in parts if not span.rules), timedelta())
    return DayPlan(day, tuple(span for span, _ in parts), free / timedelta(hours=1))


def _cut_at_midnight(stretch: Stretch) -> Iterator[tuple[datetime, datetime]]:
    begin = stretch.begin
    while begin < stretch.end:
        end = min(stretch.end, _next_midnight(begin.astimezone().date()))
        yield begin, end
        begin = end


def _next_midnight(day: date) -> datetime:
    return local_moment(day + timedelta(days=1))


def _hours(moment: datetime) -> float:
    local = moment.astimezone()
    return local.hour + local.minute / 60


def _clock(hours: float) -> str:
    whole, minutes = divmod(round(hours * 60), 60)
    return f"{whole:02}:{minutes:02}"
