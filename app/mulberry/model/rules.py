"""When this computer works and when it leaves its owner alone: the owner's rules, what was seen, what follows.

All of it is pure, so that one function decides now, shows the next seven days and is tried out over a simulated year.
What cannot be seen holds nothing up: a rule whose signal is missing says so (`Decision.blind`), and is never guessed.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mulberry.model.host import Finding
from mulberry.model.language import tr, tr_count
from mulberry.model.power_cap import NOT_TOLD, Keeping, PowerCap, PowerLimit, keeping, over_the_cap, way_out
from mulberry.model.week import ALWAYS, DayTimes, Week

COOL_BY_CELSIUS = 8  # below the ceiling before work goes on: without it, it would start and stop each minute
COOLEST_CEILING, HOTTEST_CEILING = 40, 110  # degrees Celsius that an owner may choose
LEAST_LOAD, MOST_LOAD = 1, 99  # percent
QUIET_AFTER = timedelta(seconds=30)  # how long an app, a full screen or a load must be gone


class Rule(StrEnum):
    """One of the owner's rules. The value stands in settings and logs."""

    SCHEDULE = "schedule"
    QUIET_HOURS = "quiet hours"
    TARIFF = "tariff"
    IDLE = "idle"
    BATTERY = "battery"
    METERED = "metered network"
    APPS = "apps"
    FULL_SCREEN = "full screen"
    OTHER_LOAD = "other load"
    TEMPERATURE = "temperature"
    POWER_CAP = "power cap"
    NET_LOSS = "net loss"
    KEPT = "kept for you"


@dataclass(frozen=True, slots=True)
class GpuRules:
    """What holds for one GPU beside, or instead of, the rules for all. None: as for all."""

    uuid: str
    use: bool = True
    ceiling_celsius: int | None = None
    other_load_percent: int | None = None
    power_cap_watt: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What the owner chose. None, and an empty tuple, switch a rule off.

    `schedule` marks the hours of the local week in which it may work, `quiet` the times of each day in which it must
    not be heard. `idle_minutes` nobody may have touched keyboard or mouse. `apps` are names of programs, as the system
    lists them, without regard to case. `other_load_percent` is what other programs may put on the GPU, `prices` the
    24 prices of a kilowatt-hour by local hour in thousandths of the owner's currency, `dearest` the highest at which it
    works. `stop_at_loss`: not while it earns less than its electricity costs.
    """

    schedule: Week = ALWAYS
    quiet: DayTimes | None = None
    idle_minutes: int | None = None
    pause_on_battery: bool = True
    pause_on_metered: bool = True
    apps: tuple[str, ...] = ()
    pause_in_full_screen: bool = True
    other_load_percent: int | None = None
    ceiling_celsius: int | None = None
    power_cap_watt: int | None = None
    prices: tuple[int, ...] = ()
    dearest: int | None = None
    stop_at_loss: bool = False
    gpus: tuple[GpuRules, ...] = ()

    def of_gpu(self, uuid: str) -> GpuRules:
        """What holds for that GPU, the rules for all filled in."""
        own = next((gpu for gpu in self.gpus if gpu.uuid == uuid), GpuRules(uuid))
        return replace(
            own,
            ceiling_celsius=self.ceiling_celsius if own.ceiling_celsius is None else own.ceiling_celsius,
            other_load_percent=self.other_load_percent if own.other_load_percent is None else own.other_load_percent,
            power_cap_watt=self.power_cap_watt if own.power_cap_watt is None else own.power_cap_watt,
        )


@dataclass(frozen=True, slots=True)
class GpuSignals:
    """One GPU as it is now. `other_load_percent`: the part of its load that is not ours; None with why."""

    uuid: str
    name: str
    celsius: int | None
    other_load_percent: int | None
    other_load_unknown: str = ""
    power_limit: PowerLimit = NOT_TOLD


NOT_LOOKED: Finding[bool] = Finding(None, tr("nobody looked"))


@dataclass(frozen=True, slots=True)
class Signals:
    """What was seen at `at` (aware). Each Finding names its back-end, or why it cannot tell."""

    at: datetime
    idle_seconds: Finding[float] = field(default_factory=lambda: Finding(None, tr("nobody looked")))
    on_battery: Finding[bool] = NOT_LOOKED
    metered: Finding[bool] = NOT_LOOKED
    full_screen: Finding[bool] = NOT_LOOKED
    programs: Finding[frozenset[str]] = field(default_factory=lambda: Finding(None, tr("nobody looked")))  # lower case
    at_loss: Finding[bool] = NOT_LOOKED
    gpus: tuple[GpuSignals, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Why it does not work now. `until` is known where it only lingers; `gpu` is a UUID where it is about one.

    `next_step` is what only its owner can do about it; "": it ends by itself. When rules of the clock end,
    `model.foretelling` says.
    """

    rule: Rule
    why: str
    until: datetime | None = None
    gpu: str = ""
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from rules and signals. `holds` stop all work, `gpu_holds` that of one GPU each.

    `blind` names the rules that are on and whose signal this computer does not give, with why. `lingering` is memory
    for the next decision: until when a hold stays although its cause is gone.
    """

    holds: tuple[Hold, ...] = ()
    gpu_holds: tuple[Hold, ...] = ()
    blind: tuple[tuple[Rule, str], ...] = ()
    lingering: tuple[tuple[Rule, str, datetime], ...] = ()

    @property
    def may_work(self) -> bool:
        return not self.holds

    def may_use(self, uuid: str) -> bool:
        return self.may_work and all(hold.gpu != uuid for hold in self.gpu_holds)


NOTHING_DECIDED = Decision()


def decide(rules: Rules, signals: Signals, before: Decision = NOTHING_DECIDED) -> Decision:
    """What holds now. `before` is the decision just before, for what lingers and for the temperature's hysteresis."""
    local = signals.at.astimezone()
    found = [Hold(rule, _CLOCK_WORDS[rule].format(quiet=rules.quiet)) for rule in clock_rules(rules, local)]
    found += _by_presence(rules, signals)
    of_gpus = [hold for gpu in signals.gpus for hold in _of_gpu(rules.of_gpu(gpu.uuid), gpu, before)]
    lingering = _lingering([*found, *of_gpus], signals.at, before)
    for rule, gpu, until in lingering:
        if all((hold.rule, hold.gpu) != (rule, gpu) for hold in (*found, *of_gpus)):
            over = Hold(
                rule,
                tr_count(
                    "It waits until this has been over for {count} second.",
                    "It waits until this has been over for {count} seconds.",
                    QUIET_AFTER.seconds,
                ),
                until,
                gpu,
            )
            (of_gpus if gpu else found).append(over)
    return Decision(tuple(found), tuple(of_gpus), _blind(rules, signals), lingering)


_CLOCK_WORDS = {
    Rule.SCHEDULE: tr("Your weekly schedule keeps this hour free."),
    Rule.QUIET_HOURS: tr("These are quiet hours, {quiet}."),
    Rule.TARIFF: tr("Electricity is dearer now than your limit."),
}


def clock_rules(rules: Rules, local: datetime) -> tuple[Rule, ...]:
    """Those rules of the clock that keep it from working when a clock on the wall shows `local`."""
    found = []
    if not rules.schedule.marks(local):
        found.append(Rule.SCHEDULE)
    if rules.quiet is not None and rules.quiet.holds(local):
        found.append(Rule.QUIET_HOURS)
    if rules.prices and rules.dearest is not None and rules.prices[local.hour] > rules.dearest:
        found.append(Rule.TARIFF)
    return tuple(found)


def _by_presence(rules: Rules, signals: Signals) -> list[Hold]:
    found = []
    idle = signals.idle_seconds.value
    if rules.idle_minutes is not None and idle is not None and idle < rules.idle_minutes * 60:
        found.append(Hold(Rule.IDLE, tr("You are using the computer.")))
    if rules.pause_on_battery and signals.on_battery.value:
        found.append(Hold(Rule.BATTERY, tr("The computer runs on its battery.")))
    if rules.pause_on_metered and signals.metered.value:
        found.append(Hold(Rule.METERED, tr("The network connection is metered.")))
    if rules.pause_in_full_screen and signals.full_screen.value:
        found.append(Hold(Rule.FULL_SCREEN, tr("A program fills the screen.")))
    running = sorted({app.lower() for app in rules.apps} & (signals.programs.value or frozenset()))
    if running:
        found.append(Hold(Rule.APPS, _are_running(running)))
    if rules.stop_at_loss and signals.at_loss.value:
        found.append(Hold(Rule.NET_LOSS, tr("Electricity costs more now than the work earns.")))
    return found


def _are_running(programs: list[str]) -> str:
    named = ", ".join(programs)
    return tr_count("{programs} is running.", "{programs} are running.", len(programs), programs=named)


def _of_gpu(rules: GpuRules, gpu: GpuSignals, before: Decision) -> list[Hold]:
    found = [] if rules.use else [Hold(Rule.KEPT, tr("You keep {gpu} for yourself.", gpu=gpu.name), gpu=gpu.uuid)]
    found += _over_the_cap(rules, gpu)
    ceiling = rules.ceiling_celsius
    if ceiling is not None and gpu.celsius is not None:
        was_hot = any((hold.rule, hold.gpu) == (Rule.TEMPERATURE, gpu.uuid) for hold in before.gpu_holds)
        if gpu.celsius >= (ceiling - COOL_BY_CELSIUS if was_hot else ceiling):
            why = tr(
                "{gpu} has {celsius} °C, your ceiling is {ceiling} °C.",
                gpu=gpu.name,
                celsius=gpu.celsius,
                ceiling=ceiling,
            )
            found.append(Hold(Rule.TEMPERATURE, why, gpu=gpu.uuid))
    most, load = rules.other_load_percent, gpu.other_load_percent
    if most is not None and load is not None and load > most:
        why = tr(
            "Other programs put {load} % of load on {gpu}, your limit is {limit} %.",
            load=load,
            gpu=gpu.name,
            limit=most,
        )
        found.append(Hold(Rule.OTHER_LOAD, why, gpu=gpu.uuid))
    return found


def _over_the_cap(rules: GpuRules, gpu: GpuSignals) -> list[Hold]:
    watt, limit = rules.power_cap_watt, gpu.power_limit
    if watt is None or not rules.use or keeping(watt, limit) in (Keeping.KEPT, Keeping.UNKNOWN):
        return []
    next_step = way_out(PowerCap(gpu.uuid, watt), limit)
    return [Hold(Rule.POWER_CAP, over_the_cap(gpu.name, watt, limit), gpu=gpu.uuid, next_step=next_step)]


LINGERS = (Rule.APPS, Rule.FULL_SCREEN, Rule.OTHER_LOAD)


def _lingering(found: list[Hold], at: datetime, before: Decision) -> tuple[tuple[Rule, str, datetime], ...]:
    """A hold of these rules stays for a while, so that a game's loading screen does not start the work again."""
    fresh = {(hold.rule, hold.gpu): at + QUIET_AFTER for hold in found if hold.rule in LINGERS}
    old = {(rule, gpu): until for rule, gpu, until in before.lingering if at < until <= at + QUIET_AFTER}
    return tuple((rule, gpu, until) for (rule, gpu), until in (old | fresh).items())


def _blind(rules: Rules, signals: Signals) -> tuple[tuple[Rule, str], ...]:
    asked: tuple[tuple[bool, Rule, Finding[float] | Finding[bool] | Finding[frozenset[str]]], ...] = (
        (rules.idle_minutes is not None, Rule.IDLE, signals.idle_seconds),
        (rules.pause_on_battery, Rule.BATTERY, signals.on_battery),
        (rules.pause_on_metered, Rule.METERED, signals.metered),
        (rules.pause_in_full_screen, Rule.FULL_SCREEN, signals.full_screen),
        (bool(rules.apps), Rule.APPS, signals.programs),
        (rules.stop_at_loss, Rule.NET_LOSS, signals.at_loss),
    )
    missing = [(rule, finding.evidence) for is_on, rule, finding in asked if is_on and not finding.is_known]
    for gpu in signals.gpus:
        own = rules.of_gpu(gpu.uuid)
        if own.ceiling_celsius is not None and gpu.celsius is None:
            missing.append((Rule.TEMPERATURE, tr("the temperature of {gpu} is not known", gpu=gpu.name)))
        cap = own.power_cap_watt if own.use else None
        if cap is not None and keeping(cap, gpu.power_limit) is Keeping.UNKNOWN:
            missing.append((Rule.POWER_CAP, tr("the driver does not say what {gpu} may draw", gpu=gpu.name)))
        if own.other_load_percent is not None and gpu.other_load_percent is None:
            unknown = tr("the load of other programs on {gpu} is not known now", gpu=gpu.name)
            missing.append((Rule.OTHER_LOAD, gpu.other_load_unknown or unknown))
    return tuple(missing)
