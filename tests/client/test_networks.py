"""A network that is joined by a file must never pass for a bundled one, nor change under an agent that works for it."""

import json
from pathlib import Path

import pytest

from mulberry.client.networks import KnownNetwork, join_by_file, known_networks
from mulberry.model.errors import UserFacingError
from mulberry.model.locks import try_lock
from mulberry.model.network import load_profile
from mulberry.model.places import DataFolder, is_known_network

PARAMETERS = {
    "root_owner_address": "",
    "registered_proxies": [{"seqno": 1, "address": "127.0.0.1:11001"}],
    "price_per_token": 20,
    "worker_fee_per_token": 20,
}


def a_file(folder: Path, content: object = PARAMETERS, name: str = "My test.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(content))
    return path


def test_the_bundled_networks_are_known_everywhere(tmp_path: Path) -> None:
    assert known_networks(tmp_path) == (
        KnownNetwork("demo", "Demo network", "demo"),
        KnownNetwork("mainnet", "Cocoon on TON", "mainnet"),
    )


def test_a_network_joined_by_a_file_is_known_from_then_on(tmp_path: Path) -> None:
    joined = join_by_file(tmp_path, a_file(tmp_path))
    assert joined == KnownNetwork("test-my-test", "Test network My test", "test")
    assert is_known_network(tmp_path, joined.name)
    assert known_networks(tmp_path)[-1] == joined
    assert load_profile(str(DataFolder.of_network(tmp_path, joined.name).profile)).root_parameters().proxies
    assert join_by_file(tmp_path, a_file(tmp_path)) == joined, "joining twice is joining once"


@pytest.mark.parametrize("name", ["demo", "mainnet"])
def test_no_file_takes_a_bundled_networks_name(tmp_path: Path, name: str) -> None:
    profile = load_profile("demo").model_dump(mode="json", exclude_unset=True) | {"name": name}
    with pytest.raises(UserFacingError, match="bundled network's name"):
        join_by_file(tmp_path, a_file(tmp_path, profile))


@pytest.mark.parametrize("content", [{}, [], "text", {"price_per_token": 1, "worker_fee_per_token": -1}])
def test_a_file_that_is_none_is_refused_and_leaves_nothing(tmp_path: Path, content: object) -> None:
    with pytest.raises(UserFacingError):
        join_by_file(tmp_path / "root", a_file(tmp_path, content))
    assert len(known_networks(tmp_path / "root")) == 2


def test_a_profile_does_not_change_under_an_agent_that_works_by_it(tmp_path: Path) -> None:
    joined = join_by_file(tmp_path, a_file(tmp_path))
    with DataFolder.of_network(tmp_path, joined.name).lock.open("wb") as lock:
        assert try_lock(lock)
        with pytest.raises(UserFacingError, match="works for this network already"):
            join_by_file(tmp_path, a_file(tmp_path, PARAMETERS | {"price_per_token": 21}))
        assert join_by_file(tmp_path, a_file(tmp_path)) == joined, "the same file changes nothing"


def test_a_broken_profile_is_left_out_of_the_list(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "profile.json").write_text("{")
    assert len(known_networks(tmp_path)) == 2
