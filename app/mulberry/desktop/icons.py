"""Our own icons, drawn from the SVG files under `resources/icons` in the colour that is asked for.

The state's shape is the fourth berry of the mark, so that each state can be told in one colour at 16 pixels.
"""

from enum import StrEnum
from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from mulberry.desktop.colours import TRAY_GLYPH
from mulberry.model.node import NodeState, ProxyState
from mulberry.model.places import resource

TRAY_SIZES = (16, 22, 24, 32, 48, 64)
WINDOW_SIZES = (16, 32, 48, 128)
SHAPE_PART = QRectF(8, 8, 8, 8)  # where the state's shape lies in the 16 by 16 drawing

_SHAPES = {
    NodeState.STOPPED: "slash",
    NodeState.GETTING_READY: "clock",
    NodeState.EARNING: "dot",
    NodeState.READY: "ring",
    NodeState.PAUSED: "bars",
    NodeState.FINISHING: "arrow",
    NodeState.NEEDS_YOU: "bell",
}
_PROXY_SHAPES = {
    ProxyState.CONNECTING: "arrow",
    ProxyState.WORKING: "dot",
    ProxyState.WAITING: "clock",
    ProxyState.PUT_ASIDE: "bell",
    ProxyState.GONE: "slash",
}


def mark_pixmap(colour: str, size: int, ratio: float) -> QPixmap:
    """The three berries, `size` logical pixels on a screen with `ratio` pixels to one."""
    return _pixmap(("mark",), colour, size, ratio)


def state_pixmap(state: NodeState, colour: str, size: int, ratio: float) -> QPixmap:
    """The state's shape alone."""
    return _pixmap((f"state-{_SHAPES[state]}",), colour, size, ratio, SHAPE_PART)


def proxy_pixmap(state: ProxyState, colour: str, size: int, ratio: float) -> QPixmap:
    """The shape of a proxy's state."""
    return _pixmap((f"state-{_PROXY_SHAPES[state]}",), colour, size, ratio, SHAPE_PART)


class Sign(StrEnum):
    """How something stands, as a shape; the words stand beside it."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"
    MISSING = "missing"
    TO_DO = "todo"
    TEST = "test"
    HERE = "here"


def sign_pixmap(sign: Sign, colour: str, size: int, ratio: float) -> QPixmap:
    return _pixmap((f"sign-{sign}",), colour, size, ratio)


def page_icon(name: str, colour: str, selected: str, size: int, ratio: float) -> QIcon:
    """A page's line icon, in another colour where its entry is selected."""
    icon = QIcon(_pixmap((f"page-{name}",), colour, size, ratio))
    icon.addPixmap(_pixmap((f"page-{name}",), selected, size, ratio), QIcon.Mode.Selected)
    return icon


@cache
def tray_icon(state: NodeState | None) -> QIcon:
    """The mark with the state's shape; None: the agent does not answer, the mark alone."""
    names = ("mark",) if state is None else ("berries", f"state-{_SHAPES[state]}")
    icon = QIcon()
    for size in TRAY_SIZES:
        icon.addPixmap(_pixmap(names, TRAY_GLYPH, size, 1.0))
    return icon


def window_icon() -> QIcon:
    icon = QIcon()
    for size in WINDOW_SIZES:
        icon.addPixmap(_pixmap(("mulberry",), "", size, 1.0))
    return icon


@cache
def _drawing(name: str) -> str:
    return resource(f"icons/{name}.svg").read_text(encoding="utf-8")


def _pixmap(names: tuple[str, ...], colour: str, size: int, ratio: float, part: QRectF | None = None) -> QPixmap:
    """The drawings `names`, one on the other; only `part` of them where it is given."""
    pixmap = QPixmap(round(size * ratio), round(size * ratio))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    for name in names:
        renderer = QSvgRenderer(QByteArray(_drawing(name).replace("currentColor", colour).encode()))
        if part is not None:
            renderer.setViewBox(part)
        renderer.render(painter)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
