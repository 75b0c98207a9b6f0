"""How far an owner has come with the first steps: one decision a page, each of them can be left out."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from mulberry.model.json_value import JsonValue
from mulberry.model.week import read_week


class FirstStep(StrEnum):
    """The pages, in their order."""

    WELCOME = "welcome"
    CAN_EARN = "can earn"
    NETWORK = "network"
    OWNER = "owner"
    KEY = "key"
    WHEN = "when"
    AUTOSTART = "autostart"
    NEWS = "news"
    END = "end"


STEPS = tuple(FirstStep)


@dataclass(frozen=True, slots=True)
class FirstRun:
    """`network` is the one that the window opens with, "" until one was chosen. `agreed_at`: when its owner agreed to
    what this computer will do."""

    step: FirstStep = FirstStep.WELCOME
    is_done: bool = False
    agreed_at: datetime | None = None
    network: str = ""

    @property
    def number(self) -> int:
        """Of its page, from 1."""
        return STEPS.index(self.step) + 1

    def forward(self) -> "FirstRun":
        """On the next page; after the last one it is done."""
        if self.step is FirstStep.END:
            return replace(self, is_done=True)
        return replace(self, step=STEPS[self.number])

    def back(self) -> "FirstRun":
        return replace(self, step=STEPS[max(self.number - 2, 0)])


RULES_OF_PRESETS = (
    "schedule",
    "quiet_hours",
    "idle_minutes",
    "pause_on_battery",
    "pause_on_metered",
    "pause_in_full_screen",
)


class Preset(StrEnum):
    """When it may work, as three choices that most owners need. What one does not name has its default."""

    UNDISTURBED = "undisturbed"
    AWAY = "away"
    NIGHT = "night"

    @property
    def values(self) -> dict[str, JsonValue]:
        """By the names of settings."""
        match self:
            case Preset.UNDISTURBED:
                return {}
            case Preset.AWAY:
                return {"idle_minutes": 10}
            case Preset.NIGHT:
                return {"schedule": [*read_week("Mon-Sun 0-7, Mon-Sun 22-24").days]}


def preset_of(chosen: dict[str, JsonValue], defaults: dict[str, JsonValue]) -> Preset | None:
    """Which one the settings named in `RULES_OF_PRESETS` are; None where their owner has rules of their own."""
    for preset in Preset:
        wanted = defaults | preset.values
        if all(chosen[name] == wanted[name] for name in RULES_OF_PRESETS):
            return preset
    return None
