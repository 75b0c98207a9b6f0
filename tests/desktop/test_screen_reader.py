"""Who cannot see hears what stands in the AT-SPI tree and goes where Tab leads: both are asked for over its own bus."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from atspi import Place, ScreenReader, State, Thing, missing, private_desktop
from mulberry.desktop.sidebar import PAGES
from mulberry.desktop.window import PAGE_KEYS
from open_window import OpenWindow, open_window

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

SAYS_NOTHING = {"", "filler", "panel", "unknown", "invalid", "frame", "window"}
CHOICES = {"check box", "radio button"}  # of a group of them, Tab visits one
INNER = {"label", "cell", "table cell", "list item", "tree item"}  # of several, arrow keys go through the others
MOST_TABS = 150
MOST_LOOKS = 50


@dataclass(frozen=True)
class Desk:
    """A person at the window with a screen reader."""

    window: OpenWindow
    reader: ScreenReader

    def shown(self) -> dict[Thing, Place]:
        """All that is shown and where, once the window has come to rest."""
        [program] = self.reader.programs()
        before: dict[Thing, Place] = {}
        for _ in range(MOST_LOOKS):
            now = {thing: thing.place for thing in program.walk()}
            if now == before:
                return now
            before = now
        raise AssertionError("the window does not come to rest")

    def turn_to(self, page: str) -> dict[Thing, Place]:
        """By its shortcut; the last one has none and is one arrow key further."""
        number = PAGES.index(page)
        self.window.key(f"Ctrl+{PAGE_KEYS[min(number, len(PAGE_KEYS) - 1)]}")
        if number == len(PAGE_KEYS):
            with self.reader.hearing() as focused:
                while True:
                    self.window.key("Tab")
                    if focused.next().name == "Pages":
                        break
            self.window.key("Down")
        for _ in range(MOST_LOOKS):
            shown = self.shown()
            if chosen_page(shown) == page:
                return shown
        raise AssertionError(f"its shortcut does not lead to {page}, or that is not told")


def usable(shown: dict[Thing, Place]) -> list[Thing]:
    return [thing for thing in shown if State.FOCUSABLE in thing.states]


def pages_list(shown: dict[Thing, Place]) -> Thing:
    [found] = [thing for thing in shown if thing.role == "list" and thing.name == "Pages"]
    return found


def chosen_page(shown: dict[Thing, Place]) -> str:
    """As its list tells."""
    [chosen] = [each.name for each in pages_list(shown).children() if State.SELECTED in each.states]
    return chosen


def on_the_page(shown: dict[Thing, Place]) -> list[Thing]:
    """What is not of the sidebar."""
    sidebar = shown[pages_list(shown)]
    return [thing for thing in usable(shown) if shown[thing].left >= sidebar.right]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with (
        private_desktop(tmp_path) as desktop,
        closing(ScreenReader(desktop["DBUS_SESSION_BUS_ADDRESS"])) as reader,  # first: Qt asks once what is heard
        open_window(tmp_path / "own", "busy_window.py", desktop) as window,
    ):
        window.wait_for("Earned today")
        yield Desk(window, reader)


def test_all_that_can_be_used_on_each_page_has_a_name_and_a_role(desk: Desk) -> None:
    for page in PAGES:
        shown = desk.turn_to(page)
        assert desk.window.look().focus, f"{page}: what has the keyboard has no name"
        assert len(on_the_page(shown)) >= 2, page
        nameless = [str(each) for each in usable(shown) if not each.name.strip() or each.role in SAYS_NOTHING]
        assert nameless == [], page


def visited_by_tab(desk: Desk) -> list[Thing]:
    """All the way round."""
    visited: list[Thing] = []
    with desk.reader.hearing() as focused:
        for _ in range(MOST_TABS):
            desk.window.key("Tab")
            thing = focused.next()
            if thing in visited:
                return visited
            visited.append(thing)
    raise AssertionError("Tab does not come round")


def test_tab_goes_round_each_page_as_one_reads_and_leaves_nothing_out(desk: Desk) -> None:
    for page in PAGES:
        shown = desk.turn_to(page)
        here, round_trip = on_the_page(shown), visited_by_tab(desk)
        begins = round_trip.index(pages_list(shown))
        visited = [thing for thing in round_trip[begins:] + round_trip[:begins] if thing in here]
        for before, after in pairwise(visited):
            goes_back = shown[after].bottom <= shown[before].top and shown[after].left < shown[before].right
            assert not goes_back, f"{page}: from {before} to {after}"
        left_out = [
            str(thing)
            for thing in here
            if State.ENABLED in thing.states and thing not in visited and thing.role not in CHOICES | INNER
        ]
        assert left_out == [], page
