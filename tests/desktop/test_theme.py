"""The look its owner chose holds in every place, and a system's wish for high contrast is heard."""

import pytest

from mulberry.agent.computer_settings import ComputerSettings
from mulberry.desktop.colours import DARK, HIGH_CONTRAST_DARK, HIGH_CONTRAST_LIGHT, LIGHT, Colours
from mulberry.desktop.theme import Scheme, Theme, style_sheet, wanted


@pytest.mark.parametrize(
    ("scheme", "is_dark", "is_high", "colours"),
    [
        (Scheme.FOLLOW, False, False, LIGHT),
        (Scheme.FOLLOW, True, False, DARK),
        (Scheme.FOLLOW, False, True, HIGH_CONTRAST_LIGHT),
        (Scheme.FOLLOW, True, True, HIGH_CONTRAST_DARK),
        (Scheme.LIGHT, True, True, LIGHT),
        (Scheme.DARK, False, True, DARK),
        (Scheme.HIGH_CONTRAST, False, False, HIGH_CONTRAST_LIGHT),
        (Scheme.HIGH_CONTRAST, True, False, HIGH_CONTRAST_DARK),
    ],
)
def test_what_its_owner_chose_goes_before_what_the_system_says(
    scheme: Scheme, is_dark: bool, is_high: bool, colours: Colours
) -> None:
    assert wanted(scheme, is_dark=is_dark, is_high=is_high) is colours


def test_the_setting_offers_exactly_the_looks_there_are() -> None:
    form = ComputerSettings.model_json_schema()["properties"]["look"]
    assert set(form["enum"]) == {scheme.value for scheme in Scheme}


def test_a_new_scheme_is_applied_at_once_and_told_once(theme: Theme) -> None:
    heard: list[Colours] = []
    connection = theme.changed.connect(lambda: heard.append(theme.colours))
    try:
        for scheme in (Scheme.LIGHT, Scheme.LIGHT, Scheme.HIGH_CONTRAST):
            theme.choose(scheme)
        assert heard[0] is LIGHT
        assert heard[1:] in ([HIGH_CONTRAST_LIGHT], [HIGH_CONTRAST_DARK])
    finally:
        theme.changed.disconnect(connection)
        theme.choose(Scheme.DARK)


def test_with_high_contrast_lines_and_focus_rings_are_broader() -> None:
    assert "border: 1px solid" in style_sheet(DARK, 1.0)
    high = style_sheet(HIGH_CONTRAST_DARK, 1.0)
    assert "border: 2px solid #A6A6A6" in high
    assert "border: 3px solid transparent" in high
