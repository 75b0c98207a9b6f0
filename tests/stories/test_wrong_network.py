"""A file or a name that leads elsewhere must cost an owner nothing: it is refused, and what runs runs on."""

import json
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from mulberry.model.money import Nanoton
from mulberry.model.node import NodeState, Want
from mulberry.model.places import resource
from story import Story

scenarios("wrong_network.feature")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the owner types."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def changed(network: str, **changes: object) -> str:
    """A bundled network's profile with other values."""
    return json.dumps(json.loads(resource(f"networks/{network}.json").read_bytes()) | changes)


@given(parsers.parse('a file "{name}" that is no network\'s'))
def a_torn_file(folder: Path, name: str) -> None:
    (folder / name).write_text(changed("demo")[:100])


@given(parsers.parse('a file "{name}" that calls itself the demo network'))
def a_false_demo(folder: Path, name: str) -> None:
    (folder / name).write_text(changed("demo", transport="plain"))


@given(parsers.parse('a file "{name}" that promises real money and asks nobody for proofs'))
def easy_money(folder: Path, name: str) -> None:
    (folder / name).write_text(changed("mainnet", name="easy-money", proxy_policy="any", check_hashes=False))


@when("its owner tries each of these", target_fixture="refusals")
def the_owner_tries(story: Story, datatable: list[list[str]]) -> list[tuple[list[str], int, str]]:
    """Each row, with the exit status and what was said."""
    _, *rows = datatable
    refusals = []
    for row in rows:
        story.types(row[0])
        assert story.last is not None
        refusals.append((row, story.last.returncode, story.said))
    return refusals


@then("each is refused for that reason, with that next step")
def each_is_refused(refusals: list[tuple[list[str], int, str]]) -> None:
    assert len(refusals) == 5
    for (command, reason, next_step), status, said in refusals:
        assert status == 1, command
        assert reason in said
        assert next_step in said
        assert "Traceback" not in said


@then("no network was joined and no other agent runs")
def nothing_was_joined(story: Story) -> None:
    assert list(story.mulberry.root.glob("*/profile.json")) == []
    assert len(story.mulberry.agents()) == 1


@then("what was earned is still there to the nanoton")
def nothing_is_lost(story: Story, earned: Nanoton) -> None:
    assert story.status.earnings.earned == earned > 0


@then("the computer still works for the demo network")
def it_still_works(story: Story) -> None:
    status = story.status
    assert (status.intent.want, status.network.name) == (Want.START, "demo")
    assert status.state in (NodeState.EARNING, NodeState.READY), status.reasons
    assert any(proxy.connected for proxy in status.proxies)
