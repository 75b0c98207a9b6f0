"""The beginnings and the commands that several stories share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, then, when

from mulberry.model.money import Nanoton
from mulberry.model.network import Traffic
from own_mulberry import fresh_user
from story import ALL_THE_TIME, MORE_THAN_CAN_BE_SERVED, Story


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))  # nothing starts when the developer logs in
    with fresh_user(tmp_path / "own") as user:
        yield Story(user)


@given("the computer earns, with customers who ask all the time")
def it_earns(story: Story) -> None:
    story.earns(ALL_THE_TIME, jobs=5)


@given("the computer earns, with more customers than it can serve at once")
def it_earns_all_it_can(story: Story) -> None:
    story.earns(MORE_THAN_CAN_BE_SERVED, jobs=5)
    story.wait_for(lambda event: event.status.running_requests > 1)


@given(
    parsers.parse("the computer has earned, with customers who ask {jobs:d} times and then no more"),
    target_fixture="earned",
)
def it_has_earned(story: Story, jobs: int) -> Nanoton:
    """How much: all of it is signed."""
    story.earns(Traffic(requests_per_minute=3000, jobs=jobs, seed=1), jobs)
    money = story.wait_for(lambda event: event.status.earnings.payable == event.status.earnings.earned).status.earnings
    return money.earned


@when(parsers.parse('they type "{words}"'))
@when(parsers.parse('its owner types "{words}"'))
def the_owner_types(story: Story, words: str) -> None:
    story.types(words)


@then("the computer earns")
@then("it goes on earning")
def the_computer_earns(story: Story) -> None:
    before = story.status.earnings
    story.wait_for(
        lambda event: (
            event.status.earnings.payable > before.payable and event.status.earnings.jobs_total > before.jobs_total
        )
    )
