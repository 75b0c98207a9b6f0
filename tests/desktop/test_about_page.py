"""Who asks for help reads the versions from here; who gave us their work is named here with their licence."""

from collections.abc import Callable
from dataclasses import replace
from email.message import Message
from importlib import metadata
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mulberry import __version__
from mulberry.desktop.about import LONGEST_LICENCE, NOT_SAID, licence, parts, versions
from mulberry.desktop.about_page import AboutPage
from mulberry.desktop.connection import Link, View
from mulberry.desktop.theme import Theme
from mulberry.model.places import DataFolder
from samples import a_status


class Package(metadata.Distribution):
    """One whose metadata is the test's."""

    def __init__(self, **said: str) -> None:
        self._said = said

    def read_text(self, filename: str) -> str | None:
        message = Message()
        for name, value in self._said.items():
            message[name.replace("_", "-")] = value
        return str(message) if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"License_Expression": "Apache-2.0 AND MIT"}, "Apache-2.0 AND MIT"),
        ({"License": "MIT"}, "MIT"),
        ({"License": "UNKNOWN"}, NOT_SAID),
        ({"License": "Permission is hereby granted " * 100}, NOT_SAID),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, "BSD License"),
        ({"Name": "silent"}, NOT_SAID),
    ],
)
def test_a_licence_is_what_the_package_says_in_short(said: dict[str, str], expected: str) -> None:
    assert licence(Package(**said).metadata) == expected


def test_what_is_used_is_named_with_its_licence() -> None:
    found = {part.name: part for part in parts()}
    assert "LGPL-3.0" in found["PySide6_Essentials"].licence
    assert found["aiohttp"].version == metadata.version("aiohttp")
    assert all(len(part.licence) <= 2 * LONGEST_LICENCE for part in found.values())
    assert "mulberry" not in found


@pytest.fixture
def page(qtbot: QtBot, theme: Theme, tmp_path: Path, settle: Callable[[], None]) -> AboutPage:
    made = AboutPage(theme, DataFolder(tmp_path / "demo"))
    qtbot.addWidget(made)
    made.resize(900, 700)
    made.show()
    settle()
    return made


def values(page: AboutPage) -> str:
    return "\n".join(text.text() for text in (*page.versions._values, *page.places._values))


def test_the_agents_version_is_told_once_it_has_answered(page: AboutPage) -> None:
    assert "it has not answered yet" in values(page)
    page.show_view(View(Link.ANSWERS, replace(a_status(), version="9.8.7")))
    assert "9.8.7" in values(page)
    page.copy.click()
    assert "The agent: 9.8.7" in QApplication.clipboard().text()


def test_it_says_where_everything_lies(page: AboutPage, tmp_path: Path) -> None:
    assert str(tmp_path / "demo" / "ledger.sqlite3") in values(page)
    assert str(tmp_path / "model_store") in values(page)


def test_the_packages_are_listed(page: AboutPage) -> None:
    assert "PySide6_Essentials" in page.parts.toPlainText()


def test_versions_are_those_that_run() -> None:
    named = dict(versions(None))
    assert named["This window"] == __version__
    assert "PySide6" in named["Qt"]
