"""What faces know of the owner's settings. Each is defined once, in `agent.settings` or `agent.computer_settings`;
window, command line and `docs/settings.md` are made of what is described here.
"""

import json
from dataclasses import dataclass
from enum import StrEnum

from mulberry.model.foretelling import Stretch
from mulberry.model.json_value import JsonValue
from mulberry.model.language import number, tr
from mulberry.model.rules import Decision, Rule
from mulberry.model.week import Week, read_week


class Page(StrEnum):
    """Under which heading a setting stands."""

    WHEN = "When to work"
    ELECTRICITY = "Electricity"
    EARNING = "Earning"
    NOTIFICATIONS = "Notifications"
    LOOKS = "Looks"
    PRIVACY = "Privacy"
    OPERATORS = "For operators"
    OTHER = "Other"

    @classmethod
    def _missing_(cls, value: object) -> "Page":
        """Of a newer agent."""
        return cls.OTHER


class Shape(StrEnum):
    """How a setting is shown and typed."""

    SWITCH = "on or off"
    WHOLE = "a whole number"
    TEXT = "a text"
    CHOICE = "one of a few"
    TEXTS = "a list of texts"
    NUMBERS = "a list of whole numbers"
    HOURS = "24 whole numbers, one an hour from midnight"
    WEEK = "the hours of a week"
    TIMES = "times of a day"
    GPUS = "rules for each GPU, as JSON"
    OTHER = "JSON"

    @classmethod
    def _missing_(cls, value: object) -> "Shape":
        """Of a newer agent."""
        return cls.OTHER


SHAPES = {
    Shape.SWITCH: tr("on or off"),
    Shape.WHOLE: tr("a whole number"),
    Shape.TEXT: tr("a text"),
    Shape.CHOICE: tr("one of a few"),
    Shape.TEXTS: tr("a list of texts"),
    Shape.NUMBERS: tr("a list of whole numbers"),
    Shape.HOURS: tr("24 whole numbers, one an hour from midnight"),
    Shape.WEEK: tr("the hours of a week"),
    Shape.TIMES: tr("times of a day"),
    Shape.GPUS: tr("rules for each GPU, as JSON"),
    Shape.OTHER: tr("JSON"),
}


class TakesEffect(StrEnum):
    AT_ONCE = "at once"
    NEXT_START = "with the next Start"
    NEXT_AGENT = "when the agent starts anew"

    @classmethod
    def _missing_(cls, value: object) -> "TakesEffect":
        """Of a newer agent: this one is true of every setting."""
        return cls.NEXT_AGENT


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting and its value. `unit` is the number's; `may_be_off`: null switches it off. Bounds are inclusive.

    `of_computer`: it holds for every network on this computer. `is_for_experts`: only shown when asked for.
    `suggested` is what a face begins with when its owner switches it on. `elsewhere`: it cannot be changed as a setting
    is, and this sentence says where.
    """

    name: str
    title: str
    explanation: str
    page: Page
    shape: Shape
    value: JsonValue
    default: JsonValue
    takes_effect: TakesEffect = TakesEffect.AT_ONCE
    unit: str = ""
    choices: tuple[str, ...] = ()
    smallest: int | None = None
    largest: int | None = None
    may_be_off: bool = False
    of_computer: bool = False
    is_for_experts: bool = False
    suggested: JsonValue = None
    elsewhere: str = ""

    @property
    def is_default(self) -> bool:
        return self.value == self.default


@dataclass(frozen=True, slots=True)
class SettingsStatus:
    """All settings of one network and of the computer, and what the rules among them let happen in the next 7 days."""

    settings: tuple[Setting, ...]
    contradictions: tuple[str, ...] = ()
    foretold: tuple[Stretch, ...] = ()

    def named(self, name: str) -> Setting:
        """Raises `KeyError`."""
        return {setting.name: setting for setting in self.settings}[name]


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """`POST /v1/settings`: new values by name. `reset` names those that go back to their default. With `only_try`
    nothing is stored: the answer says what would be.
    """

    values: dict[str, JsonValue]
    reset: tuple[str, ...] = ()
    only_try: bool = False


SETTING_OF_RULE = {
    Rule.SCHEDULE: "schedule",
    Rule.QUIET_HOURS: "quiet_hours",
    Rule.TARIFF: "dearest_price",
    Rule.IDLE: "idle_minutes",
    Rule.BATTERY: "pause_on_battery",
    Rule.METERED: "pause_on_metered",
    Rule.APPS: "pause_for_apps",
    Rule.FULL_SCREEN: "pause_in_full_screen",
    Rule.OTHER_LOAD: "other_load_percent",
    Rule.TEMPERATURE: "ceiling_celsius",
    Rule.POWER_CAP: "power_cap_watt",
    Rule.NET_LOSS: "stop_at_loss",
    Rule.KEPT: "gpus",
}


@dataclass(frozen=True, slots=True)
class RuleNow:
    """What the rule of a setting does at this moment, in sentences. `is_blind`: this computer gives no sign for it."""

    told: tuple[str, ...]
    is_blind: bool


def rules_now(decision: Decision) -> dict[str, RuleNow]:
    """By the names of settings, for those of which there is something to tell."""
    holds: dict[str, list[str]] = {}
    for hold in (*decision.holds, *decision.gpu_holds):
        told = tr("Holds now: {why}", why=f"{hold.why} {hold.next_step}".rstrip())
        holds.setdefault(SETTING_OF_RULE[hold.rule], []).append(told)
    found = {name: RuleNow(tuple(dict.fromkeys(lines)), is_blind=False) for name, lines in holds.items()}
    for rule, why in decision.blind:
        told = tr("Cannot be seen here, because {why}. It pauses nothing.", why=why)
        before = found.get(SETTING_OF_RULE[rule], RuleNow((), is_blind=True))
        found[SETTING_OF_RULE[rule]] = RuleNow((*before.told, told), is_blind=True)
    return found


OFF_WORDS = ("off", "no", "none", "false")
ON_WORDS = ("on", "yes", "true")


def typed(setting: Setting, untrusted_text: str) -> JsonValue:
    """The value that an owner typed for a setting; whether it may be had is the definition's to say.

    Raises `ValueError`: it is not of the setting's shape.
    """
    text = untrusted_text.strip()
    if setting.may_be_off and text.lower() in OFF_WORDS:
        return None
    match setting.shape:
        case Shape.SWITCH:
            if text.lower() in OFF_WORDS + ON_WORDS:
                return text.lower() in ON_WORDS
            raise ValueError("say on or off")
        case Shape.WHOLE:
            return _whole(text)
        case Shape.TEXT | Shape.CHOICE | Shape.TIMES:
            return text
        case Shape.TEXTS:
            return [part.strip() for part in text.split(",") if part.strip()]
        case Shape.NUMBERS | Shape.HOURS:
            return [_whole(part.strip()) for part in text.split(",") if part.strip()]
        case Shape.WEEK:
            return list(read_week(text).days)
        case Shape.GPUS | Shape.OTHER:
            return _json(text)


def shown(setting: Setting) -> str:
    """The value as one line that `typed` understands."""
    match setting.value:
        case None:
            return "off"
        case bool(value):
            return "on" if value else "off"
        case [*days] if setting.shape is Shape.WEEK:
            return str(Week(tuple(map(str, days))))
        case [*values] if setting.shape in (Shape.TEXTS, Shape.NUMBERS, Shape.HOURS):
            return ", ".join(map(str, values))
        case str(text):
            return text
        case value:
            return json.dumps(value, ensure_ascii=False)


def allowed(setting: Setting) -> str:
    """Which values there may be, for a sentence that says so."""
    what = SHAPES[setting.shape]
    if setting.choices:
        what = tr("one of {choices}", choices=", ".join(setting.choices))
    elif setting.smallest is not None:
        smallest = number(f"{setting.smallest:,}")
        what = tr("{shape}, at least {smallest}", shape=what, smallest=smallest)
        if setting.largest is not None:
            largest = number(f"{setting.largest:,}")
            what = tr(
                "{shape} from {smallest} to {largest}", shape=SHAPES[setting.shape], smallest=smallest, largest=largest
            )
    return tr("{what}, or off", what=what) if setting.may_be_off else what


def _whole(text: str) -> int:
    if not text.removeprefix("-").isdecimal() or not text.isascii() or len(text) > 20:
        raise ValueError("say a whole number")
    return int(text)


def _json(text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text)
    except (ValueError, RecursionError) as mistake:
        raise ValueError("say it as JSON") from mistake
    return value
