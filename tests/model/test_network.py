"""A profile decides whom we work for and at what price: a wrong one must be refused with words, never half-read."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mulberry.model.errors import UserFacingError
from mulberry.model.network import PROFILE_SIZE_LIMIT_BYTES, load_profile, parse_profile
from mulberry.model.places import resource

DEMO = json.loads(resource("networks/demo.json").read_text())

REAL = {"kind": "mainnet", "transport": "ratls", "proxy_policy": "tdx", "worker_policy": "tdx", "check_hashes": True}


def changed(**changes: Any) -> bytes:
    return json.dumps(DEMO | changes).encode()


def test_the_bundled_demo_profile_is_usable() -> None:
    profile = load_profile("demo")
    assert (profile.kind, profile.launch, profile.model_base_name) == ("demo", "demo-network", "mulberry/tiny-lm")
    parameters = profile.root_parameters()
    assert (parameters.worker_fee_per_token, parameters.price_per_token) == (20_000, 24_000)
    assert (parameters.struct_version, parameters.unique_id, parameters.is_test) == (1, 13, True)


def test_a_main_network_with_real_proofs_is_usable() -> None:
    assert parse_profile(changed(**REAL), source="a test").proxy_policy == "tdx"


def test_the_bundled_mainnet_profile_is_the_real_network() -> None:
    profile = load_profile("mainnet")
    assert (profile.kind, profile.transport, profile.launch, profile.faucet_url) == ("mainnet", "ratls", None, None)
    assert profile.root_contract_address == "EQCns7bYSp0igFvS1wpb5wsZjCKCV19MD5AVzI4EyxsnU73k"
    assert profile.owner_address == "", "nobody but its owner is paid"
    assert (profile.payout.threshold, profile.payout.wallet_minimum) == (10 * 10**9, 2_100_000_000)


def test_the_chain_part_is_read_as_the_public_binaries_do() -> None:
    chain = DEMO["chain"] | {
        "registered_proxies": [{"seqno": 3, "address": "10.0.0.1:11001 10.0.0.2:11002"}],
        "model_types": ["some/model@commit:hash"],
        "a key of tomorrow": 1,
    }
    parameters = parse_profile(changed(chain=chain), source="a test").root_parameters()
    assert str(parameters.proxies[0]) == "10.0.0.1:11001"
    assert parameters.model_hashes == (sha256(b"some/model").digest(),)


@pytest.mark.parametrize(
    ("untrusted", "why"),
    [
        (b"", "Invalid JSON"),
        (b"{" * 100_000, "Invalid JSON"),
        (b" " * (PROFILE_SIZE_LIMIT_BYTES + 1), "larger than"),
        (changed(launch="/bin/sh"), "launch"),
        (changed(kind="real"), "kind"),
        (changed(unknown=1), "unknown"),
        (changed(model_folder="../../etc"), "model_folder"),
        (changed(chain=DEMO["chain"] | {"worker_fee_per_token": -1}), "chain.worker_fee_per_token"),
        (changed(chain=DEMO["chain"] | {"registered_proxies": [{"seqno": 1, "address": "nowhere"}]}), "not ip:port"),
        (changed(payment_commit_seconds=0), "payment_commit_seconds"),
        (changed(chain=None), "exactly one of `chain` and `lite_servers`"),
        (changed(lite_servers={}), "exactly one of `chain` and `lite_servers`"),
        (changed(payout={"threshold": -1}), "payout.threshold"),
        (changed(certificate="certs/worker"), "certificate"),
        (changed(kind="mainnet"), "on the main network proofs are real"),
        (changed(**REAL | {"transport": "plain"}), "on the main network proofs are real"),
        (changed(**REAL | {"proxy_policy": "any"}), "on the main network proofs are real"),
        (changed(**REAL | {"proxy_policy": "fake_tdx"}), "on the main network proofs are real"),
        (changed(**REAL | {"worker_policy": "fake_tdx"}), "on the main network proofs are real"),
        (changed(**REAL | {"check_hashes": False}), "on the main network proofs are real"),
    ],
)
def test_a_wrong_profile_is_refused_with_its_mistake(untrusted: bytes, why: str) -> None:
    with pytest.raises(UserFacingError, match=r"The network profile a test is not usable\.") as refused:
        parse_profile(untrusted, source="a test")
    assert why in refused.value.why


def test_a_network_may_be_reached_in_another_way_but_not_past_its_rules() -> None:
    demo = load_profile("demo")
    assert demo.over(None) is demo
    assert demo.over("socks5") == demo.model_copy(update={"transport": "socks5"})
    real = parse_profile(changed(**REAL), source="a test")
    assert real.over("socks5").transport == "socks5"
    with pytest.raises(UserFacingError, match="'demo' over plain is not usable") as refused:
        real.over("plain")
    assert "on the main network proofs are real" in refused.value.why


def test_prices_of_a_network_on_a_chain_are_not_guessed() -> None:
    profile = parse_profile(changed(chain=None, lite_servers={"liteservers": []}), source="a test")
    with pytest.raises(ValueError, match="root contract"):
        profile.root_parameters()


def test_a_profile_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    for missing in ("no-such-network", str(tmp_path / "missing.json")):
        with pytest.raises(UserFacingError, match="could not be read"):
            load_profile(missing)
