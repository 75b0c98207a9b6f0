"""An option that nobody misses is no wall: each of bubblewrap's is left out once, and what it held back gets through.

Then the same with all walls up: most of it is held by Landlock or seccomp as well, and the rest is said here.
"""

import sys
from pathlib import Path

import pytest

from mulberry.runtime.sandbox.bubblewrap import AS_A_USER, AS_ROOT, FILE_SYSTEM, ISOLATION
from sandboxes import STARTERS, Rooms, rooms_without_options

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's sandboxes")

ROOT, USER = STARTERS
LIMITS, NAME = "see where its limits are set", "read the computer's name"
ENVIRONMENT, WHO = "read the agent's environment", "know who started it"
COMPANY, OUTLIVE, NAMESPACE = "share its room with another process", "outlive the agent", "make a user namespace"
BUYS = {  # what gets through without it, where bubblewrap is the only wall
    "--unshare-net": "connect to this computer",
    "--unshare-ipc": "read others' shared memory",
    "--unshare-cgroup-try": LIMITS,
    "--die-with-parent": OUTLIVE,
    "--new-session": "be in the session of who started it",
    "--hostname job": NAME,
    "--clearenv": ENVIRONMENT,
}
BUYS_FOR = {
    ROOT: BUYS | {"--unshare-pid": "see other processes", "--cap-drop ALL": "have powers of root's"},
    USER: BUYS | {"--disable-userns": NAMESPACE, "--uid 65534 --gid 65534": WHO, "--as-pid-1": COMPANY},
}
NO_ROOM = {  # without it, no job starts at all
    ROOT: {"--unshare-uts", "--cap-add CAP_SETUID", "--cap-add CAP_SETGID", "--ro-bind /usr /usr", "--proc /proc"},
    USER: {"--unshare-uts", "--unshare-pid", "--unshare-user", "--ro-bind /usr /usr", "--proc /proc"},
}
HARMLESS = {ROOT: {"--dev /dev"}, USER: {"--dev /dev", "--cap-drop ALL"}}  # which bwrap does by itself for a user
ALWAYS = {
    ROOT: frozenset({COMPANY, NAMESPACE}),
    USER: frozenset[str](),
}  # bubblewrap itself is in root's room; seccomp forbids namespaces
ONLY_BUBBLEWRAP = {LIMITS, NAME, ENVIRONMENT, WHO, COMPANY}  # what no other wall stands before


def rooms(starter: str) -> dict[str, Rooms]:
    found = rooms_without_options(starter)
    if isinstance(found, str):
        pytest.skip(found)
    return found


def names_of_options(starter: str) -> list[str]:
    tables = (*ISOLATION, *(AS_ROOT if starter == ROOT else AS_A_USER), *FILE_SYSTEM)
    return [" ".join(option.words) for option in tables]


ALL = [(starter, option) for starter in STARTERS for option in names_of_options(starter)]


def cgroup_tells() -> bool:
    return any(not line.endswith(":/") for line in Path("/proc/self/cgroup").read_text("utf-8").split())


@pytest.mark.parametrize("starter", STARTERS)
def test_with_all_options_the_room_is_closed(starter: str) -> None:
    everything = rooms(starter)[""]
    assert everything.alone == ALWAYS[starter]
    assert everything.all_walls == ALWAYS[starter] - {NAMESPACE}


@pytest.mark.parametrize(("starter", "option"), ALL)
def test_what_an_option_holds_back_gets_through_without_it(starter: str, option: str) -> None:
    found = rooms(starter)[option].alone
    if option in NO_ROOM[starter]:
        assert isinstance(found, str) and found
        return
    assert isinstance(found, frozenset)
    if option in HARMLESS[starter]:
        assert found == ALWAYS[starter]
    elif BUYS_FOR[starter][option] != LIMITS or cgroup_tells():
        assert BUYS_FOR[starter][option] in found - ALWAYS[starter]


@pytest.mark.parametrize(("starter", "option"), ALL)
def test_the_other_walls_hold_all_but_what_only_bubblewrap_hides(starter: str, option: str) -> None:
    found = rooms(starter)[option].all_walls
    if option in NO_ROOM[starter]:
        assert isinstance(found, str) and found
        return
    assert isinstance(found, frozenset)
    # As root, the job process has bubblewrap's own process for a parent, and dies with that one alone.
    assert found <= ONLY_BUBBLEWRAP | ({OUTLIVE} if starter == ROOT else set())
