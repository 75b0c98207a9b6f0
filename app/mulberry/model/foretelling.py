"""What the rules of the clock let happen in the next days: for the preview, and for rules that contradict one another.

What cannot be foretold (somebody at the keyboard, a game, the battery) is left out, so this is the most it could work.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from mulberry.model.clock import local_moment
from mulberry.model.language import tr
from mulberry.model.rules import Rule, Rules, clock_rules

QUARTER = 15  # minutes: every offset of a time zone, and every change of one, falls on it
DAYS = 7


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `begin` to `end` (aware, UTC) the same `rules` hold work up; none: it may work."""

    begin: datetime
    end: datetime
    rules: tuple[Rule, ...]

    @property
    def may_work(self) -> bool:
        return not self.rules


def foretell(rules: Rules, begin: datetime, days: int = DAYS) -> tuple[Stretch, ...]:
    """The time from `begin` (aware) on, cut where something changes."""
    end = begin + timedelta(days=days)
    edges = [begin, *_edges(rules, begin, end), end]
    stretches: list[Stretch] = []
    for since, until in pairwise(edges):
        holding = clock_rules(rules, since.astimezone())
        if stretches and stretches[-1].rules == holding:
            stretches[-1] = Stretch(stretches[-1].begin, until, holding)
        else:
            stretches.append(Stretch(since, until, holding))
    return tuple(stretches)


def _edges(rules: Rules, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Every moment between the two at which a rule of the clock could change, ascending."""
    quiet = {rules.quiet.begin.minute, rules.quiet.end.minute} if rules.quiet else set()
    minutes = sorted({minute % QUARTER for minute in quiet} | {0})
    moment = begin.replace(minute=0, second=0, microsecond=0)
    while moment < end:
        yield from (each for minute in minutes if begin < (each := moment + timedelta(minutes=minute)) < end)
        moment += timedelta(minutes=QUARTER)


def free_again(rules: Rules, now: datetime) -> datetime | None:
    """When the rules of the clock next let it work; None: not within a week, or they do now."""
    stretches = foretell(rules, now)
    return None if stretches[0].may_work else next((each.begin for each in stretches if each.may_work), None)


def hours_at_most(rules: Rules, begin: datetime, days: int = DAYS) -> float:
    """How many hours it could work, from `begin` on."""
    free = (each.end - each.begin for each in foretell(rules, begin, days) if each.may_work)
    return sum(free, timedelta()) / timedelta(hours=1)


def contradictions(rules: Rules, now: datetime) -> tuple[str, ...]:
    """What the owner should know of these rules taken together, in sentences. Empty: nothing."""
    found = []
    midnight = local_moment(now.astimezone().date() + timedelta(days=1))
    if not rules.schedule.hours:
        found.append(tr("The weekly schedule has no hour in which it may work: it would never run."))
    elif not hours_at_most(rules, now):
        found.append(tr("Schedule, quiet hours and electricity prices together leave no hour of the next 7 days."))
    elif not hours_at_most(rules, midnight, days=1):
        found.append(tr("With these rules it would run 0 h tomorrow."))
    if rules.dearest is not None and not rules.prices:
        found.append(tr("There is a limit for the price of electricity, and no prices by the hour."))
    if rules.gpus and not any(gpu.use for gpu in rules.gpus):
        found.append(tr("Every GPU named here is kept for you."))
    return tuple(found)
