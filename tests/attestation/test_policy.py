"""Which proof a network wants must never be less than its profile and its root contract say."""

from dataclasses import replace

import pytest

from mulberry.attestation.errors import NotProven
from mulberry.attestation.policy import requirements_of
from mulberry.model.attestation import Policy, Requirements
from mulberry.model.network import NetworkProfile, load_profile
from mulberry.model.root_contract import RootParameters

IMAGES = (b"a" * 32, b"b" * 32)


def profile(**changes: object) -> NetworkProfile:
    """Without the profile's own checks, so that ours are seen."""
    return load_profile("demo").model_copy(update=changes)


def root(*images: bytes) -> RootParameters:
    return replace(load_profile("demo").root_parameters(), proxy_hashes=images)


def test_the_root_contracts_images_are_the_list() -> None:
    wanted = requirements_of(profile(proxy_policy=Policy.FAKE_TDX, check_hashes=True), root(*IMAGES))
    assert wanted == Requirements(Policy.FAKE_TDX, frozenset(IMAGES))


def test_without_hash_checks_no_image_is_compared() -> None:
    assert requirements_of(profile(proxy_policy=Policy.ANY, check_hashes=False), root(*IMAGES)) == Requirements(
        Policy.ANY
    )


def test_an_empty_list_is_not_a_list_that_accepts_everything() -> None:
    with pytest.raises(NotProven, match="lists no proxy image"):
        requirements_of(profile(proxy_policy=Policy.TDX, check_hashes=True), root())


@pytest.mark.parametrize("policy", [Policy.ANY, Policy.FAKE_TDX])
def test_the_main_network_wants_a_real_quote(policy: Policy) -> None:
    with pytest.raises(NotProven, match="only a TDX quote is a proof"):
        requirements_of(profile(kind="mainnet", proxy_policy=policy, check_hashes=True), root(*IMAGES))


def test_the_main_network_wants_a_listed_image() -> None:
    with pytest.raises(NotProven, match="hashes are compared"):
        requirements_of(profile(kind="mainnet", proxy_policy=Policy.TDX, check_hashes=False), root(*IMAGES))
    wanted = requirements_of(profile(kind="mainnet", proxy_policy=Policy.TDX, check_hashes=True), root(*IMAGES))
    assert wanted == Requirements(Policy.TDX, frozenset(IMAGES))
