"""Who cannot read the window cannot trust it with money: every text stands out, in both schemes."""

from dataclasses import fields

import pytest

from mulberry.desktop.colours import DARK, LIGHT, TRAY_GLYPH, Colours, blend, contrast
from mulberry.desktop.theme import banner, style_sheet

READABLE = 4.5  # WCAG 2.2, success criterion 1.4.3
VISIBLE = 3.0  # WCAG 2.2, success criterion 1.4.11: shapes and focus rings

SCHEMES = {"dark": DARK, "light": LIGHT}
TEXTS = ("text", "muted", "accent", "earn", "promised", "warn", "bad")
GROUNDS = ("canvas", "surface", "raised")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ground", GROUNDS)
def test_every_text_colour_is_readable_on_every_ground(scheme: str, text: str, ground: str) -> None:
    colours = SCHEMES[scheme]
    assert contrast(getattr(colours, text), getattr(colours, ground)) >= READABLE


@pytest.mark.parametrize("colours", SCHEMES.values(), ids=SCHEMES)
def test_the_main_button_and_the_demo_banner_are_readable(colours: Colours) -> None:
    assert contrast(colours.on_earn, colours.earn) >= READABLE
    assert contrast(colours.on_earn, blend(colours.text, colours.earn, 0.12)) >= READABLE  # under the mouse
    assert contrast(colours.warn, banner(colours)) >= READABLE


@pytest.mark.parametrize("colours", SCHEMES.values(), ids=SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_the_focus_ring_is_visible(colours: Colours, ground: str) -> None:
    assert contrast(colours.accent, getattr(colours, ground)) >= VISIBLE


@pytest.mark.parametrize("panel", ["#FFFFFF", "#F6F7F9", "#1B2027", "#000000"])
def test_the_tray_icon_is_visible_on_light_and_dark_panels(panel: str) -> None:
    assert contrast(TRAY_GLYPH, panel) >= VISIBLE


def test_black_on_white_is_the_largest_contrast() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#777777") == 1


def test_a_blend_lies_between_its_colours() -> None:
    assert blend("#FF0000", "#0000FF", 1) == "#FF0000"
    assert blend("#FF0000", "#0000FF", 0) == "#0000FF"
    assert blend("#FFFFFF", "#000000", 0.5) == "#808080"


@pytest.mark.parametrize("colours", SCHEMES.values(), ids=SCHEMES)
def test_the_style_sheet_has_every_colour_filled_in(colours: Colours) -> None:
    sheet = style_sheet(colours, 1.0)
    assert "$" not in sheet
    named = {field.name for field in fields(colours)} - {"promised"}  # promised is only ever painted
    assert {name for name in named if getattr(colours, name) not in sheet} == set()
