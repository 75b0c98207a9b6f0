"""The colours by what they mean, light and dark. Every text colour stands out from every surface by 4.5 : 1 or more.

Colour is never the only cue: states have shapes, stages of money have patterns, numbers have words.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Colours:
    """One colour scheme, as `#RRGGBB`."""

    canvas: str  # the window
    surface: str  # cards, sidebar
    raised: str  # selected row, tracks of bars
    line: str  # hairlines
    text: str
    muted: str  # labels, sources, "as of"
    accent: str  # selection, focus ring, telemetry
    earn: str  # earning, the main verb
    on_earn: str  # text on `earn`
    promised: str  # signed but not yet paid
    warn: str  # the demo banner, attention
    bad: str  # failed, refused


DARK = Colours(
    canvas="#14171C",
    surface="#1B2027",
    raised="#232A33",
    line="#323B47",
    text="#E8ECF1",
    muted="#A3AEBB",
    accent="#5AA9FF",
    earn="#4FD08A",
    on_earn="#08150D",
    promised="#B79CFF",
    warn="#F2B84B",
    bad="#FF7A70",
)
LIGHT = Colours(
    canvas="#F6F7F9",
    surface="#FFFFFF",
    raised="#EEF1F5",
    line="#D3DAE3",
    text="#161B22",
    muted="#566271",
    accent="#0B63CE",
    earn="#11783F",
    on_earn="#FFFFFF",
    promised="#5B3FBF",
    warn="#8A5A00",
    bad="#B3261E",
)
TRAY_GLYPH = "#2E9E5F"  # one colour for light and dark panels: 3 : 1 or more on both


def blend(over: str, under: str, share: float) -> str:
    """The opaque colour of `over` laid on `under` with the opacity `share` (0 to 1)."""
    mixed = (round(a * share + b * (1 - share)) for a, b in zip(_channels(over), _channels(under), strict=True))
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21. Source: WCAG 2.2, "relative luminance"."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = map(linear, _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
