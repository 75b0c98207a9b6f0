"""The agent believes the canary and nothing else, so each of its trials must see what is open, by itself."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mulberry.runtime.child.confinement import canary
from mulberry.runtime.sandbox.provider import SOURCE, Room, an_order
from mulberry.runtime.wire import ALL_CANARIES, Canary, Enter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's sandboxes")

NOWHERE = "/nonexistent"
CLOSED = replace(
    an_order(Room(SOURCE), model=Path(NOWHERE), processes=None, user=None),
    home=NOWHERE,
    readable=(NOWHERE,),
    agent=2**22,  # no process has such a number
)


def sees(trial: Canary, order: Enter) -> bool:
    """Whether it finds something open."""
    return not canary._TRIALS[trial](order)


def test_every_bit_has_its_trial() -> None:
    assert set(canary._TRIALS) == set(ALL_CANARIES)


def test_an_open_home_is_seen(tmp_path: Path) -> None:
    assert sees(Canary.HOME_CLOSED, replace(CLOSED, home=str(tmp_path)))
    assert not sees(Canary.HOME_CLOSED, CLOSED)


def test_the_list_of_users_is_seen() -> None:
    assert sees(Canary.USERS_CLOSED, CLOSED)


@pytest.mark.parametrize("place", ["home", "model", "readable", "PLACES_TO_WRITE"])
def test_whatever_can_be_written_is_seen_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(canary, "PLACES_TO_WRITE", ())
    assert not sees(Canary.NOTHING_WRITABLE, CLOSED)
    order = CLOSED
    if place == "PLACES_TO_WRITE":
        monkeypatch.setattr(canary, place, (str(tmp_path),))
    else:
        order = replace(CLOSED, **{place: (str(tmp_path),) if place == "readable" else str(tmp_path)})  # type: ignore[arg-type]
    assert sees(Canary.NOTHING_WRITABLE, order)
    assert list(tmp_path.iterdir()) == []


def test_a_network_is_seen_though_nobody_listens_there() -> None:
    assert sees(Canary.NETWORK_CLOSED, CLOSED)


def test_a_program_could_be_run() -> None:
    assert sees(Canary.NO_EXEC, CLOSED)


def test_one_open_device_among_many_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "DEVICES", ("there-is-no-such-device",))
    assert not sees(Canary.DEVICES_CLOSED, CLOSED)
    monkeypatch.setattr(canary, "DEVICES", ("there-is-no-such-device", "null", "nor-such-a-one"))
    assert sees(Canary.DEVICES_CLOSED, CLOSED)


def refuse(*_: object) -> None:
    raise PermissionError


def test_the_agent_is_seen_by_a_signal_and_by_its_files_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = replace(CLOSED, agent=os.getpid())
    assert sees(Canary.AGENT_UNSEEN, agent)
    assert not sees(Canary.AGENT_UNSEEN, CLOSED)
    another = replace(CLOSED, agent=os.getppid())
    with monkeypatch.context() as closed:
        closed.setattr(canary, "_open", refuse)
        assert sees(Canary.AGENT_UNSEEN, agent), "it can be signalled"
    monkeypatch.setattr(os, "kill", refuse)
    assert sees(Canary.AGENT_UNSEEN, another), "it is in /proc"
    assert not sees(Canary.AGENT_UNSEEN, agent), "that number is the job's own, in a list of processes of its own"
