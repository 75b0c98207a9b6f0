"""What is remembered of the first steps decides which network, and so which money, the window opens with."""

from pathlib import Path

import pytest

from mulberry.client.first_run import FirstRunFile, chosen_network
from mulberry.model.errors import UserFacingError
from mulberry.model.first_run import FirstRun, FirstStep
from samples import NOON


def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    state = FirstRun(FirstStep.KEY, agreed_at=NOON, network="mainnet")
    FirstRunFile(tmp_path / "new").save(state)
    assert FirstRunFile(tmp_path / "new").load() == state
    assert chosen_network(tmp_path / "new") == "mainnet"


def test_nothing_is_remembered_before_the_first_page(tmp_path: Path) -> None:
    assert FirstRunFile(tmp_path).load() is None
    assert chosen_network(tmp_path) == "demo"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}{",
        b"[]",
        b"\xff" * 100,
        b'{"step": "of tomorrow", "is_done": false, "agreed_at": null, "network": ""}',
        b"[" * 200_000,
        b"[" * 60_000,
        b'{"step": "key", "is_done": 1, "agreed_at": null, "network": ""}',
        b'{"step": "key", "is_done": false, "agreed_at": "yesterday", "network": ""}',
        b'{"step": "key", "is_done": false, "agreed_at": null, "network": ["demo"]}',
    ],
)
def test_a_file_that_cannot_be_read_begins_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "first-run.json").write_bytes(content)
    assert FirstRunFile(tmp_path).load() is None
    assert chosen_network(tmp_path) == "demo"


@pytest.mark.parametrize("name", ["../../etc", "gone", "", "UPPER", "a" * 40])
def test_a_network_that_is_not_known_is_not_opened(tmp_path: Path, name: str) -> None:
    FirstRunFile(tmp_path).save(FirstRun(network=name))
    assert chosen_network(tmp_path) == "demo"


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file where the folder should be")
    with pytest.raises(UserFacingError, match="could not be remembered"):
        FirstRunFile(tmp_path / "root").save(FirstRun())
