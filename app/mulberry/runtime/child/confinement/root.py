"""Giving up root, in a process that had to be started by it. Verified afterwards, never assumed."""

import os
from pathlib import Path

from mulberry.runtime.child.confinement.system import (
    PR_SET_DUMPABLE,
    PR_SET_NO_NEW_PRIVS,
    ConfinementFailed,
    set_process_flag,
)

NO_ROOT_ADVICE = "Start Mulberry as an ordinary user."


def become(user: int) -> None:
    """From root to `user`, for user and group alike, with no way back. Raises `ConfinementFailed`."""
    if not user:
        raise ConfinementFailed("root was to be given up for root")
    set_process_flag(PR_SET_NO_NEW_PRIVS, 1)
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    except OSError as problem:
        raise ConfinementFailed(f"root could not be given up: {problem}") from problem
    set_process_flag(PR_SET_DUMPABLE, 0)  # the kernel forgets it when the user changes
    check_powerless()
    if os.getresgid() != (user, user, user) or os.getgroups():
        raise ConfinementFailed("root's groups could not be given up")


def check_powerless() -> None:
    """Raises `ConfinementFailed`: this process is root, or may do something that only root may."""
    if 0 in os.getresuid():
        raise ConfinementFailed(f"a job must not run as root. {NO_ROOT_ADVICE}")
    if held := capabilities():
        raise ConfinementFailed(f"a job must have no capabilities, this process has {held:#x}. {NO_ROOT_ADVICE}")


def capabilities() -> int:
    """All that this process may use now, or could take up: effective, permitted and ambient ones."""
    return int(_status("CapEff"), 16) | int(_status("CapPrm"), 16) | int(_status("CapAmb"), 16)


def has_no_new_privileges() -> bool:
    return _status("NoNewPrivs") == "1"


def has_filtered_calls() -> bool:
    return _status("Seccomp") == "2"


def _status(name: str) -> str:
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return line.partition(":")[2].strip()
    raise ConfinementFailed(f"the kernel does not tell {name}")
