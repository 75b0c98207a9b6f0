"""Joining a network by a file: a profile of ours, or the parameters that the public binaries' test mode reads.

The latter (protocol page, section 8) say prices and proxies, and neither where the root contract is nor how proxies are
reached: what they leave out is as the public scripts have it.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mulberry.model.attestation import Policy, TransportName
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.network import PROFILE_SIZE_LIMIT_BYTES, NetworkProfile, load_profile, parse_profile
from mulberry.model.places import is_bundled

# As the public test scripts have it; of the recorded conversation's proxy, too: its contract's address follows from it.
TEST_ROOT = "EQBT4hy4vMEZ9uxSCuhw_gBKh9_AwmHXLe7Wo0O4Vh-4kRjJ"
DEMO_MODEL = "tiny-lm"
CHAIN_KEYS = {"price_per_token", "worker_fee_per_token"}  # without them, a file is no such parameters


@dataclass(frozen=True, slots=True)
class Wishes:
    """What goes before the file. None: as the file says, or as the public scripts have it."""

    owner_address: str | None = None
    model: str | None = None
    model_folder: str | None = None  # of the bundled ones
    transport: TransportName | None = None
    socks5: str | None = None
    root_contract_address: str | None = None
    proxy_policy: Policy | None = None
    check_hashes: bool | None = None


def profile_of(network: str, wishes: Wishes) -> NetworkProfile:
    """The profile of `network`, the name of a bundled one or a file's path, with `wishes`. Raises `UserFacingError`.

    A bundled network is as it is: there, only the owner's address can be wished, which is for the settings.
    """
    if is_bundled(network):
        if replace(wishes, owner_address=None) != Wishes():
            raise _is_as_it_is(network)
        return load_profile(network)
    untrusted = _parameters_in(Path(network))
    if untrusted is None:
        profile = load_profile(network)
        told = profile.model_dump(mode="json", exclude_unset=True)
        if is_bundled(profile.name):
            raise _name_is_taken(network, profile.name)
    else:
        stem = Path(network).stem
        told = {
            "name": _name(stem),
            "title": f"Test network {stem}"[:80],
            "kind": "test",
            "transport": "socks5",
            "worker_policy": "fake_tdx",  # a fake quote is welcome also where none is asked for
            "model": DEMO_MODEL,
            "model_folder": DEMO_MODEL,
            "owner_address": "",
            "root_contract_address": TEST_ROOT,
            "chain": untrusted,
        }
    asked = {field: getattr(wishes, field) for field in Wishes.__dataclass_fields__}
    wanted = told | {field: value for field, value in asked.items() if value is not None}
    return parse_profile(json.dumps(wanted).encode(), source=network)


def _parameters_in(path: Path) -> dict[str, Any] | None:
    """The file's content if it is the public binaries' parameters; what else it may be is for others to find out."""
    try:
        with path.open("rb") as file:
            untrusted = json.loads(file.read(PROFILE_SIZE_LIMIT_BYTES + 1))
    except (OSError, ValueError, RecursionError):
        return None
    is_one = isinstance(untrusted, dict) and untrusted.keys() >= CHAIN_KEYS and "transport" not in untrusted
    return untrusted if is_one else None


def _name(stem: str) -> str:
    """A folder's name, never one of a bundled network."""
    return f"test-{re.sub('[^a-z0-9]+', '-', stem.lower())}"[:32].rstrip("-")


def _is_as_it_is(name: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The bundled network {name} is as it is.", name=name),
        why=tr("Model, transport and addresses can be chosen only for a network that is joined by a file."),
        next_step=tr("Leave these options out, or name a file."),
    )


def _name_is_taken(network: str, name: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The network profile {network} is not usable.", network=network),
        why=tr("It calls itself {name}, which is a bundled network's name.", name=name),
        next_step=tr("Give it another name in the file."),
    )
