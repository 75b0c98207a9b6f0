"""Most owners never type a command: their first minutes, and the day they close the window, must just go right."""

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from mulberry.client.first_run import FirstRunFile
from mulberry.desktop.first_run_wording import AUTOSTARTS
from mulberry.model.first_run import FirstRun
from mulberry.model.node import NodeState, Want
from open_window import Look, OpenWindow, open_window
from story import Story

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the window's process is asked through a pipe")
scenarios("window.feature")

MOST_KEYS = 40  # until Tab and the arrows must have come past everything on a page
SOME_EARNED = re.compile(r"Earned in 7 days: (?!0\.0+ )[\d,.]+ TON")  # not today: midnight may come
A_STEP = re.compile(r"Step \d of 9")
CHOICES = [title for title, _ in AUTOSTARTS.values()]


class Screen:
    """One window after the other."""

    def __init__(self, root: Path, opened: ExitStack) -> None:
        self._root = root
        self._opened = opened
        self.window: OpenWindow

    def open(self) -> None:
        self.window = self._opened.enter_context(open_window(self._root))


@pytest.fixture
def screen(story: Story) -> Iterator[Screen]:
    with ExitStack() as opened:
        yield Screen(story.mulberry.root, opened)


def asks(title: str, look: Look) -> bool:
    """That page, and what was decided before is done."""
    return look.says(title) and not look.says("One moment")


def choose(window: OpenWindow, name: str) -> None:
    """With Tab and the arrow keys."""
    for _ in range(MOST_KEYS):
        focus = window.look().focus
        if focus == name:
            return
        window.key("Down" if focus in CHOICES else "Tab")
    raise AssertionError(f"the keyboard does not reach “{name}”")


@given("somebody who has never opened Mulberry")
def a_newcomer(story: Story) -> None:
    assert not story.mulberry.root.exists()


@given("its window is open on a desktop without a tray")
def the_window_is_open(story: Story, screen: Screen) -> None:
    FirstRunFile(story.mulberry.root).save(FirstRun(is_done=True, network="demo"))
    screen.open()
    screen.window.wait_for("Earning")


@when("they open its window")
def they_open_it(screen: Screen) -> None:
    screen.open()


@when("they answer each page with the Enter key")
def they_answer_each_page(story: Story, screen: Screen, datatable: list[list[str]]) -> None:
    _, *pages = datatable
    assert len(pages) == 8
    story.wait_for(lambda event: True)  # nobody reads the first page faster than the agent starts
    for title, choice in pages:
        screen.window.wait_until(partial(asks, title))
        if choice:
            choose(screen.window, choice)
        screen.window.key("Return")


@then(parsers.parse('they are at the page "{title}"'))
def they_are_at(screen: Screen, title: str) -> None:
    screen.window.wait_until(lambda look: look.says(title) and look.focus == "Start earning")


@then("nothing has begun")
def nothing_has_begun(story: Story) -> None:
    status = story.status
    assert (status.intent.want, status.state) == (Want.STOP, NodeState.STOPPED)


@then("Mulberry starts when they log in")
def it_starts_at_login(tmp_path: Path, story: Story) -> None:
    [entry] = (tmp_path / "config" / "autostart").glob("*.desktop")
    assert str(story.mulberry.root) in entry.read_text(encoding="utf-8")


@when("they press the Enter key")
def they_press_enter(screen: Screen) -> None:
    screen.window.key("Return")


@when("its owner closes the window")
def its_owner_closes_it(screen: Screen) -> None:
    screen.window.close()


@when(parsers.parse('they choose "{button}"'))
def they_choose(screen: Screen, button: str) -> None:
    screen.window.press(button)


@then("the window has ended")
def it_has_ended(screen: Screen) -> None:
    assert screen.window.wait_for_end() == 0


@when("they close the window and open it again")
def they_open_it_again(screen: Screen) -> None:
    screen.window.close()
    screen.window.press("Close the window")
    assert screen.window.wait_for_end() == 0
    screen.open()


@then(parsers.parse('the window says "{words}"'))
def the_window_says(screen: Screen, words: str) -> None:
    screen.window.wait_for(words)


@then("the window says how much was earned")
def it_says_how_much(screen: Screen) -> None:
    screen.window.wait_until(lambda look: any(SOME_EARNED.fullmatch(text) for text in look.texts))


@then("they are not asked again")
def they_are_not_asked(screen: Screen) -> None:
    assert not [text for text in screen.window.look().texts if A_STEP.fullmatch(text)]
