"""A command about the wrong network pays out, stops or shows somebody else's money."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mulberry.cli.main import application
from mulberry.client.first_run import FirstRunFile
from mulberry.model.first_run import FirstRun
from mulberry.model.places import DataFolder

DEMO_LIMIT, MAINNET_LIMIT = 3, 7


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two networks, told apart by a setting of theirs."""
    for network, limit in (("demo", DEMO_LIMIT), ("mainnet", MAINNET_LIMIT)):
        folder = DataFolder.of_network(tmp_path, network)
        folder.create()
        folder.settings.write_text(json.dumps({"max_active_requests": limit}))
    return tmp_path


def limit_of(data: Path, *words: str) -> tuple[int, str]:
    """What the command shows, and what it says beside it."""
    done = CliRunner().invoke(application, ["config", "get", "max_active_requests", *words, "--data", str(data)])
    assert done.exit_code == 0, done.output
    return int(done.stdout), done.stderr


def test_without_a_choice_it_is_the_demo_and_nothing_is_said_of_it(data: Path) -> None:
    assert limit_of(data) == (DEMO_LIMIT, "")


def test_the_network_that_was_chosen_last_is_meant_and_named(data: Path) -> None:
    FirstRunFile(data).save(FirstRun(network="mainnet"))
    told = "For mainnet, the network that you chose last; --network NAME is for another one.\n"
    assert limit_of(data) == (MAINNET_LIMIT, told), "said once, and not where a script reads the answer"


def test_a_network_that_is_named_is_the_one(data: Path) -> None:
    FirstRunFile(data).save(FirstRun(network="mainnet"))
    assert limit_of(data, "--network", "demo") == (DEMO_LIMIT, "")


def test_a_network_that_was_left_is_not_meant(data: Path) -> None:
    FirstRunFile(data).save(FirstRun(network="test-gone"))
    assert limit_of(data) == (DEMO_LIMIT, "")


def test_commands_within_commands_say_it_once(data: Path) -> None:
    FirstRunFile(data).save(FirstRun(network="mainnet"))
    done = CliRunner().invoke(application, ["key", "check", str(data / "none"), "--data", str(data)])
    assert done.stderr.count("For mainnet") == 1
