"""Puts together what the Flatpak's manifest packs: `python -m installers.flatpak.build`.

    tree/packages/      the lock's wheels for the runtime's Python, pruned, and Mulberry with its resources
    tree/pyvenv.cfg     makes of them a virtual environment of the runtime's Python, so that isolated processes (-I),
                        which jobs run in, find them too
    tree/mulberry       what is started
    tree/share/         entry, metainfo and icons under the id that Flatpak demands, licences

flatpak-builder does the rest on a computer that reaches Flathub. With --this-python the tree is for the Python that
runs this, and can be tried out where it lies.
"""

import argparse
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from installers.epoch import settle, source_date_epoch
from installers.licences import collect
from installers.linux.desktop_files import METAINFO, write_desktop_files
from installers.linux.wheels import PIP_LOCK, put_packages, unpack
from installers.project import ROOT
from installers.stage import copy_app

MANIFEST = Path(__file__).with_name("org.mulberry.Mulberry.yaml")
APP_ID = "org.mulberry.Mulberry"
PYTHON = "3.13.0"  # freedesktop 25.08 has 3.13; wheels do not ask for the last number
LAUNCHER = """\
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/{python}" -P -m mulberry "$@"
"""
PLACE_IN_FLATPAK = "../lib/mulberry/bin/python3"


def build_tree(tree: Path, work: Path, *, this_python: bool) -> None:
    """Fills `tree`, a new folder."""
    packages = tree / "packages"
    packages.mkdir(parents=True)
    python = None if this_python else PYTHON
    put_packages(packages, work, python)
    unpack(PIP_LOCK, packages, python)
    shutil.rmtree(packages / "bin", ignore_errors=True)
    copy_app(packages / "mulberry", installed_by="flatpak")
    share = tree / "share"
    write_desktop_files(share, man_page=share / "man" / "man1" / "mulberry.1")
    under_the_apps_id(share)
    collect(packages, share / "doc" / "mulberry" / "licences")
    make_environment(tree, this_python=this_python)


def make_environment(tree: Path, *, this_python: bool) -> None:
    home = Path(sys.executable).resolve().parent if this_python else Path("/usr/bin")
    (tree / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
    if this_python:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        (tree / "lib" / version).mkdir(parents=True)
        (tree / "lib" / version / "site-packages").symlink_to("../../packages")
        (tree / "bin").mkdir()
        (tree / "bin" / "python3").symlink_to(Path(sys.executable).resolve())
    launcher = tree / "mulberry"
    launcher.write_text(LAUNCHER.format(python="bin/python3" if this_python else PLACE_IN_FLATPAK))
    launcher.chmod(0o755)


def under_the_apps_id(share: Path) -> None:
    """Flatpak shows nothing of an app but what is called after its id."""
    entry = share / "applications" / "mulberry.desktop"
    text = re.sub(r"^Icon=mulberry$", f"Icon={APP_ID}", entry.read_text(), flags=re.MULTILINE)
    text = re.sub(r"^TryExec=.*\n", "", text, flags=re.MULTILINE)
    (share / "applications" / f"{APP_ID}.desktop").write_text(text)
    entry.unlink()
    for icon in list(share.glob("icons/hicolor/*/apps/mulberry.*")):
        icon.rename(icon.with_stem(APP_ID))
    path = share / "metainfo" / METAINFO
    tree = ET.parse(path)  # noqa: S314 - written by us a moment ago
    launchable = tree.getroot().find("launchable")
    if launchable is None:
        raise SystemExit(f"{METAINFO} does not say what it starts")
    launchable.text = f"{APP_ID}.desktop"
    tree.write(path, encoding="UTF-8", xml_declaration=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--this-python", action="store_true", help="for this Python, to try the tree where it lies")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "flatpak")
    arguments = parser.parse_args()
    work = arguments.work.absolute()
    shutil.rmtree(work, ignore_errors=True)
    build_tree(work / "tree", work, this_python=arguments.this_python)
    settle(work / "tree", source_date_epoch())
    sys.stdout.write(f"{work / 'tree'}\n")


if __name__ == "__main__":
    main()
