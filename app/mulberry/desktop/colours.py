"""The colours by what they mean: light, dark, and with high contrast on white or black.

Every text colour stands out from every surface by 4.5 : 1 or more, with high contrast by 7 : 1.
Colour is never the only cue: states have shapes, stages of money have patterns, numbers have words.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Colours:
    """One colour scheme, as `#RRGGBB`, and how wide its strokes are in pixels."""

    canvas: str  # the window
    surface: str  # cards, sidebar
    raised: str  # selected row, tracks of bars
    line: str  # hairlines
    edge: str  # what can be typed into or ticked ends here
    text: str
    muted: str  # labels, sources, "as of"
    accent: str  # selection, focus ring, telemetry
    earn: str  # earning, the main verb
    on_earn: str  # text on `earn`
    promised: str  # signed but not yet paid
    warn: str  # the demo banner, attention
    bad: str  # failed, refused
    hairline: int = 1
    ring: int = 2  # around what has the focus


DARK = Colours(
    canvas="#14171C",
    surface="#1B2027",
    raised="#232A33",
    line="#323B47",
    edge="#748192",
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
    edge="#7D8896",
    text="#161B22",
    muted="#566271",
    accent="#0B63CE",
    earn="#11783F",
    on_earn="#FFFFFF",
    promised="#5B3FBF",
    warn="#8A5A00",
    bad="#B3261E",
)
HIGH_CONTRAST_DARK = Colours(
    canvas="#000000",
    surface="#000000",
    raised="#262626",
    line="#A6A6A6",
    edge="#FFFFFF",
    text="#FFFFFF",
    muted="#E0E0E0",
    accent="#7FC4FF",
    earn="#6CE9A6",
    on_earn="#000000",
    promised="#D2C2FF",
    warn="#FFD166",
    bad="#FFA8A1",
    hairline=2,
    ring=3,
)
HIGH_CONTRAST_LIGHT = Colours(
    canvas="#FFFFFF",
    surface="#FFFFFF",
    raised="#E6E6E6",
    line="#595959",
    edge="#000000",
    text="#000000",
    muted="#2B2B2B",
    accent="#003C8F",
    earn="#004D24",
    on_earn="#FFFFFF",
    promised="#3C1F8F",
    warn="#573500",
    bad="#7D0B06",
    hairline=2,
    ring=3,
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


def black_or_white(ground: str) -> str:
    """Which of the two stands out more from `ground`."""
    return "black" if contrast("#000000", ground) > contrast("#FFFFFF", ground) else "white"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = map(linear, _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
