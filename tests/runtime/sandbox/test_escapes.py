"""Every way out that we know, tried from inside each tier. A probe that gets through is a stranger in the house."""

import sys

import pytest

from mulberry.runtime.child.confinement.landlock import SCOPES_SINCE, abi
from mulberry.runtime.sandbox.provider import is_root
from sandboxes import TIERS, escapes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's sandboxes")

# Threads are counted where the job has a user namespace of its own; the memory that they take is limited everywhere.
THREADS = "start 100 threads"
PROFILES: dict[str, set[str]] = {"cpu": set(), "cuda": {"reserve 256 GiB of addresses"}}  # CUDA needs them, unused


def open_ways(tier: str, without: str = "", profile: str = "cpu") -> set[str]:
    found = escapes(tier, without, profile)
    if isinstance(found, str):
        pytest.skip(found)
    assert len(found) == 65
    return {name for name, (through, _) in found.items() if through}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("tier", [tier for tier in TIERS if tier != "bare"])
def test_nothing_gets_out(tier: str, profile: str) -> None:
    assert open_ways(tier, profile=profile) <= PROFILES[profile] | (set() if tier == "a as a user" else {THREADS})


def test_the_probes_do_get_through_where_nothing_is_closed() -> None:
    """Else a typing mistake in a probe would pass for a wall."""
    assert {
        "read a secret key in the home folder",
        "write to the model",
        "run a shell",
        "run a program from memory",
        "start 100 processes",
        "connect to a TCP port of this computer",
        "connect to a Unix socket",
        "connect to an abstract Unix socket",
        "send a datagram to this computer",
        "make a netlink socket",
        "see the agent in /proc",
        "make system calls through io_uring",
    } <= open_ways("bare")


ITS_OWN_TMP = "see files of others in /tmp"  # bubblewrap's own, in which there is nothing of others
IN_THE_HOUSE = {
    "read a secret key in the home folder",
    "list the home folder",
    "read /etc/passwd",
    "write to the model",
}
OF_THE_KERNEL = {
    "run a shell",
    "start 100 processes",
    "make a netlink socket",
    "open the session's keyring",
    "make system calls through io_uring",
    "switch address randomisation off",
}


def test_without_landlock_bubblewraps_mounts_hold() -> None:
    assert open_ways("a", "Landlock") <= {ITS_OWN_TMP, THREADS}


def test_without_landlock_and_bubblewrap_the_house_is_open() -> None:
    ways = open_ways("b", "Landlock")
    assert ways >= IN_THE_HOUSE | {"see the agent in /proc"}
    assert not ways & OF_THE_KERNEL


@pytest.mark.parametrize("tier", ["a", "b"])
def test_without_seccomp_the_kernel_is_open_and_the_house_is_not(tier: str) -> None:
    ways = open_ways(tier, "seccomp")
    assert ways >= OF_THE_KERNEL
    assert not ways & (IN_THE_HOUSE | {"connect to a TCP port of this computer", "see the agent in /proc"})
    assert "connect to an abstract Unix socket" not in ways or abi() < SCOPES_SINCE


def test_without_seccomp_bubblewrap_still_has_no_network() -> None:
    of_the_network = {"connect to a Unix socket", "send a datagram to this computer", "find a route to the internet"}
    assert not of_the_network & open_ways("a", "seccomp")
    assert of_the_network <= open_ways("b", "seccomp")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("tier", ["a as a user", "b as a user"] if is_root() else ["a", "b"])
def test_nothing_gets_out_where_landlock_is_as_old_as_it_can_be(tier: str, profile: str) -> None:
    assert open_ways(tier, "newer Landlock", profile) <= PROFILES[profile] | {THREADS}


def test_a_job_of_the_same_user_cannot_end_the_agent_on_kernels_whose_landlock_keeps_no_signals() -> None:
    """Before Linux 6.12: there tier B has seccomp alone against it."""
    assert "signal the agent" not in open_ways("b as a user" if is_root() else "b", "Landlock")
