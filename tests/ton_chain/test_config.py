"""Whoever writes the list of servers decides whom we ask and which block we believe."""

import base64
import json
import random
from pathlib import Path
from typing import Any

import pytest

from mulberry.model.errors import UserFacingError
from mulberry.model.network import NetworkProfile, load_profile
from mulberry.ton.chain.config import (
    OUR_OWN_SERVERS,
    PUBLIC_SERVERS,
    ChainConfig,
    parse_global_config,
    with_servers_of,
)


def a_server(number: int, ip: int = 2130706433) -> dict[str, Any]:
    return {"ip": ip, "port": 1000 + number, "id": {"@type": "pub.ed25519", "key": hash_(number)}}


def hash_(number: int) -> str:
    return base64.b64encode(bytes([number]) * 32).decode()


def a_file(servers: list[dict[str, Any]]) -> dict[str, Any]:
    block = {"workchain": -1, "shard": -(2**63), "root_hash": hash_(1), "file_hash": hash_(2)}
    return {
        "@type": "config.global",
        "dht": {"nodes": []},
        "liteservers": servers,
        "validator": {"zero_state": {**block, "seqno": 0}, "init_block": {**block, "seqno": 7}, "hardforks": []},
    }


def parse(content: Any) -> Any:
    return parse_global_config(json.dumps(content).encode(), random.Random(1), source="test.json")


def bundled_config(seed: int = 1) -> ChainConfig:
    bundled = json.dumps(load_profile("mainnet").lite_servers).encode()
    return parse_global_config(bundled, random.Random(seed), source="mainnet")


def test_the_bundled_servers_of_mainnet_are_usable() -> None:
    config = bundled_config()
    assert len({*config.servers, *config.spares}) == 18
    assert (len(config.servers), config.quorum) == (4, 2)
    assert config.zero_state_root_hash.hex() == "17a3a92992aabea785a7a090985a265cd31f323d849da51239737e321fb05569"
    assert config.requests_per_second == PUBLIC_SERVERS


def test_different_installations_ask_different_servers() -> None:
    assert bundled_config().servers != bundled_config(2).servers


def test_addresses_are_read_as_ton_writes_them() -> None:
    (server,) = parse(a_file([a_server(3, ip=-2018135749)])).servers
    assert (server.host, server.port, server.key) == ("135.181.177.59", 1003, b"\3" * 32)


def test_one_server_is_a_quorum_of_itself_and_our_own_need_no_slowness() -> None:
    config = parse(a_file([a_server(3)]))
    assert (config.quorum, config.requests_per_second) == (1, OUR_OWN_SERVERS)
    assert config.pinned.seqno == 7


def test_a_server_listed_twice_has_one_voice() -> None:
    assert len(parse(a_file([a_server(3), a_server(3)])).servers) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.pop("liteservers"),
        lambda file: file["liteservers"].clear(),
        lambda file: file["liteservers"][0].update(port=70_000),
        lambda file: file["liteservers"][0]["id"].update(key="short"),
        lambda file: file["validator"]["init_block"].update(seqno=0),
        lambda file: file["validator"]["init_block"].update(workchain=0),
        lambda file: file["validator"]["zero_state"].update(root_hash=None),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_a_sentence(spoil: Any) -> None:
    file = a_file([a_server(1)])
    spoil(file)
    with pytest.raises(UserFacingError, match=r"test\.json is not usable"):
        parse(file)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b" " * 1_000_001])
def test_what_is_no_such_file_is_refused(text: bytes) -> None:
    with pytest.raises(UserFacingError):
        parse_global_config(text, random.Random(1), source="test.json")


def mainnet_with(path: Path) -> NetworkProfile:
    return with_servers_of(path, load_profile("mainnet"), random.Random(1))


def test_the_users_own_servers_are_asked_and_his_file_cannot_say_which_block_is_believed(tmp_path: Path) -> None:
    bundled = load_profile("mainnet").lite_servers
    assert bundled is not None
    own = a_file([a_server(3, ip=-2018135749)])
    own["validator"]["zero_state"] = bundled["validator"]["zero_state"]
    path = tmp_path / "own.json"
    path.write_text(json.dumps(own))
    config = parse(mainnet_with(path).lite_servers)
    assert [str(server) for server in config.servers] == ["135.181.177.59:1003"]
    assert config.pinned == bundled_config().pinned and config.pinned.seqno != 7


def test_servers_of_another_chain_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps(a_file([a_server(3)])))
    with pytest.raises(UserFacingError, match=r"other\.json is not usable.* of another chain"):
        mainnet_with(path)


def test_a_network_that_brings_its_servers_takes_no_others(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="Demo network brings its own servers"):
        with_servers_of(tmp_path / "own.json", load_profile("demo"), random.Random(1))


@pytest.mark.parametrize("text", ["", "{}", '{"liteservers": []}', "no JSON"])
def test_a_file_of_the_users_with_a_mistake_is_named_with_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(text)
    with pytest.raises(UserFacingError, match=r"own\.json is not usable") as refused:
        mainnet_with(path)
    assert refused.value.why and "global.config.json" in refused.value.next_step


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match=r"nowhere\.json"):
        mainnet_with(tmp_path / "nowhere.json")
