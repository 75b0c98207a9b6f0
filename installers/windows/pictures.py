"""The installer's pictures, drawn from the app's own: an icon in all sizes, and the picture beside the first page.

Sources of the formats: Microsoft's "Icons" page (an .ico may hold PNG files); NSIS wants a bitmap of 24 bits.
"""

import struct
from pathlib import Path

from PySide6.QtCore import QBuffer, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

ICON_SIZES = (16, 20, 24, 32, 40, 48, 64, 256)
SIDE = (164, 314)  # what Modern UI's welcome page shows
GROUND = "#f6f1f7"


def draw(drawing: Path, image: QImage, place: QRectF) -> None:
    """SystemExit where Qt cannot read `drawing` (an SVG file)."""
    renderer = QSvgRenderer(str(drawing))
    if not renderer.isValid():
        raise SystemExit(f"{drawing} cannot be drawn.")
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, place)
    painter.end()


def write_icon(drawing: Path, target: Path) -> None:
    images = [_png(drawing, size) for size in ICON_SIZES]
    offset = 6 + 16 * len(images)
    entries = b""
    for size, image in zip(ICON_SIZES, images, strict=True):
        entries += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(image), offset)
        offset += len(image)
    target.write_bytes(struct.pack("<HHH", 0, 1, len(images)) + entries + b"".join(images))


def write_side_picture(drawing: Path, target: Path) -> None:
    width, height = SIDE
    image = QImage(width, height, QImage.Format.Format_RGB888)
    image.fill(QColor(GROUND))
    side = width * 0.7
    draw(drawing, image, QRectF((width - side) / 2, (height - side) / 2, side, side))
    if not image.save(str(target)):
        raise SystemExit(f"{target} cannot be written.")


def _png(drawing: Path, size: int) -> bytes:
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    draw(drawing, image, QRectF(0, 0, size, size))
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # PySide6's stub knows only file names
    return bytes(buffer.data().data())
