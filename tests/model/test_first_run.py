"""The first steps never lose their place, and a preset is recognised only where the owner has no rules of their own."""

import pytest
from pydantic import JsonValue

from mulberry.model.first_run import RULES_OF_PRESETS, STEPS, FirstRun, FirstStep, Preset, preset_of
from mulberry.model.week import Week
from settings_samples import SETTINGS

DEFAULTS: dict[str, JsonValue] = {name: SETTINGS.named(name).default for name in RULES_OF_PRESETS}


def test_forward_goes_through_every_page_once_and_then_it_is_done() -> None:
    state, seen = FirstRun(), []
    while not state.is_done:
        seen.append(state.step)
        state = state.forward()
    assert tuple(seen) == STEPS
    assert state.step is FirstStep.END


def test_back_ends_at_the_first_page() -> None:
    state = FirstRun(FirstStep.NETWORK)
    assert [state.back().step, state.back().back().back().step] == [FirstStep.CAN_EARN, FirstStep.WELCOME]


@pytest.mark.parametrize("preset", Preset)
def test_what_a_preset_sets_is_recognised_as_it(preset: Preset) -> None:
    assert preset_of(DEFAULTS | preset.values, DEFAULTS) is preset


def test_rules_of_their_own_are_no_preset() -> None:
    assert preset_of(DEFAULTS | {"idle_minutes": 11}, DEFAULTS) is None
    assert preset_of(DEFAULTS | {"pause_on_battery": False}, DEFAULTS) is None


def test_the_night_has_nine_hours_of_each_day() -> None:
    days = Preset.NIGHT.values["schedule"]
    assert isinstance(days, list)
    assert Week(tuple(map(str, days))).hours == 7 * 9
