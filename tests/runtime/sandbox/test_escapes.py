"""Every way out that we know, tried from inside each tier. A probe that gets through is a stranger in the house."""

import sys

import pytest

from sandboxes import TIERS, escapes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's sandboxes")

# Threads are counted where the job has a user namespace of its own; the memory that they take is limited everywhere.
THREADS = "start 100 threads"


def open_ways(tier: str) -> set[str]:
    found = escapes(tier)
    if isinstance(found, str):
        pytest.skip(found)
    assert len(found) == 65
    return {name for name, (through, _) in found.items() if through}


@pytest.mark.parametrize("tier", [tier for tier in TIERS if tier != "bare"])
def test_nothing_gets_out(tier: str) -> None:
    assert open_ways(tier) <= (set() if tier == "a as a user" else {THREADS})


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
