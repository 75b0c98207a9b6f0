"""What a Linux desktop and its shells find in /usr/share: entry, metainfo, icons, manual pages, completions.

Sources: freedesktop.org's Desktop Entry, Icon Theme and AppStream (metainfo) specifications.
"""

import gzip
import os
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

from installers.changelog import Release, releases
from installers.epoch import source_date_epoch
from installers.linux.commands import command_line
from installers.linux.completions import completions
from installers.linux.man_pages import man_pages
from installers.project import ROOT, version

HERE = Path(__file__).resolve().parent
METAINFO = "org.mulberry.Mulberry.metainfo.xml"
ICON = ROOT / "resources" / "icons" / "mulberry.svg"
ICON_SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)


def write_desktop_files(share: Path, *, man_page: Path) -> None:
    """Fills `share` (what becomes /usr/share). mulberry.1 goes to `man_page` instead, as it is: Briefcase packs it."""
    _copy(HERE / "mulberry.desktop", share / "applications" / "mulberry.desktop")
    write_metainfo(share / "metainfo" / METAINFO)
    _copy(ICON, share / "icons/hicolor/scalable/apps/mulberry.svg")
    draw_icons(share / "icons/hicolor")
    program = command_line()
    for name, text in completions(program).items():
        _write(share / name, text.encode())
    pages = man_pages(program, version(), source_date_epoch())
    _write(man_page, pages.pop("mulberry.1").encode())
    for name, text in pages.items():
        _write(share / "man" / "man1" / f"{name}.gz", gzip.compress(text.encode(), 9, mtime=0))


def write_metainfo(target: Path) -> None:
    """The metainfo with its releases filled in."""
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))  # noqa: S314 - our own file
    tree = ET.parse(HERE / METAINFO, parser)  # noqa: S314
    listed = tree.getroot().find("releases")
    if listed is None:
        raise SystemExit(f"{METAINFO} has no place for the releases")
    epoch = source_date_epoch()
    for release in releases((ROOT / "CHANGELOG.md").read_text()):
        listed.append(_release(release, epoch))
    ET.indent(tree)
    target.parent.mkdir(parents=True, exist_ok=True)
    tree.write(target, encoding="UTF-8", xml_declaration=True)


def _release(release: Release, epoch: int) -> ET.Element:
    kind = "stable" if release.day else "development"
    day = release.at(epoch).date().isoformat()
    told = ET.Element("release", {"version": release.version, "date": day, "type": kind})
    items = ET.SubElement(ET.SubElement(told, "description"), "ul")
    for change in release.changes:
        ET.SubElement(items, "li").text = change
    return told


def draw_icons(theme: Path) -> None:
    """The icon in every size that panels and menus ask for, from its drawing."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QGuiApplication, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    application = QGuiApplication.instance() or QGuiApplication([])
    drawing = QSvgRenderer(str(ICON))
    for size in ICON_SIZES:
        picture = QImage(size, size, QImage.Format.Format_ARGB32)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        drawing.render(painter)
        painter.end()
        target = theme / f"{size}x{size}" / "apps" / "mulberry.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        if not picture.save(str(target)):
            raise SystemExit(f"{target} could not be written")
    del application


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
