"""Who cannot read the window cannot trust it with money: every text stands out, in every scheme."""

from dataclasses import fields

import pytest

from mulberry.desktop.colours import (
    DARK,
    HIGH_CONTRAST_DARK,
    HIGH_CONTRAST_LIGHT,
    LIGHT,
    TRAY_GLYPH,
    Colours,
    blend,
    contrast,
)
from mulberry.desktop.theme import banner, style_sheet

READABLE = 4.5  # WCAG 2.2, success criterion 1.4.3
HIGHLY_READABLE = 7.0  # WCAG 2.2, success criterion 1.4.6
VISIBLE = 3.0  # WCAG 2.2, success criterion 1.4.11: shapes, edges of fields and focus rings

SCHEMES = {
    "dark": DARK,
    "light": LIGHT,
    "high contrast on black": HIGH_CONTRAST_DARK,
    "high contrast on white": HIGH_CONTRAST_LIGHT,
}
TEXTS = ("text", "muted", "accent", "earn", "promised", "warn", "bad")
GROUNDS = ("canvas", "surface", "raised")


def least(colours: Colours) -> float:
    """What a text must have."""
    return HIGHLY_READABLE if colours in (HIGH_CONTRAST_DARK, HIGH_CONTRAST_LIGHT) else READABLE


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ground", GROUNDS)
def test_every_text_colour_is_readable_on_every_ground(scheme: str, text: str, ground: str) -> None:
    colours = SCHEMES[scheme]
    assert contrast(getattr(colours, text), getattr(colours, ground)) >= least(colours)


@pytest.mark.parametrize("colours", SCHEMES.values(), ids=SCHEMES)
def test_the_main_button_and_the_demo_banner_are_readable(colours: Colours) -> None:
    assert contrast(colours.on_earn, colours.earn) >= least(colours)
    assert contrast(colours.on_earn, blend(colours.text, colours.earn, 0.12)) >= least(colours)  # under the mouse
    assert contrast(colours.warn, banner(colours)) >= least(colours)


@pytest.mark.parametrize("colours", SCHEMES.values(), ids=SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_the_focus_ring_and_the_edges_of_fields_are_visible(colours: Colours, ground: str) -> None:
    assert contrast(colours.accent, getattr(colours, ground)) >= VISIBLE
    assert contrast(colours.edge, getattr(colours, ground)) >= VISIBLE


@pytest.mark.parametrize("colours", [HIGH_CONTRAST_DARK, HIGH_CONTRAST_LIGHT], ids=["on black", "on white"])
def test_with_high_contrast_even_hairlines_are_visible(colours: Colours) -> None:
    assert colours.canvas in ("#000000", "#FFFFFF")
    for ground in GROUNDS:
        assert contrast(colours.line, getattr(colours, ground)) >= VISIBLE


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
    assert {name for name in named if str(getattr(colours, name)) not in sheet} == set()
