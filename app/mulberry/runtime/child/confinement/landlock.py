"""Landlock: files, TCP, abstract sockets and signals that this thread and all later ones give up. Needs no rights.

Source: the kernel's `linux/landlock.h` and its documentation, ABI 1 to 7. Threads that exist already keep what they
have, so it is applied while there is one thread only.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

from mulberry.runtime.child.confinement.system import ConfinementFailed, system_call

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every processor
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1
NEWEST_ABI = 7
NETWORK_SINCE, SCOPES_SINCE = 4, 6
BIND_AND_CONNECT_TCP = 0b11
ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


class Access(IntFlag):
    """What may be done with a file or folder, in the kernel's bits."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


# How many of the bits above a kernel's ABI knows; unknown ones would make it refuse the whole ruleset.
KNOWN_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16, 6: 16, 7: 16}
ON_A_FILE = Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE | Access.IOCTL_DEV
READ = Access.READ_FILE | Access.READ_DIR
READ_AND_RUN = READ | Access.EXECUTE
DEVICE = Access.READ_FILE | Access.WRITE_FILE | Access.IOCTL_DEV


@dataclass(frozen=True, slots=True)
class Grant:
    """`access` to `path` and everything beneath it."""

    path: str
    access: Access


def abi() -> int:
    """What the kernel offers; 0: no Landlock."""
    try:
        return system_call(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)
    except OSError:
        return 0


def give_up_everything_but(grants: Iterable[Grant]) -> int:
    """Returns the ABI that was used. A path that does not exist is passed over; anything else that fails is fatal.

    Needs `no_new_privs`. Raises `ConfinementFailed`.
    """
    if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208 - only their number counts
        raise ConfinementFailed("there are threads already, which would keep everything")
    offered = min(abi(), NEWEST_ABI)
    if not offered:
        raise ConfinementFailed("this kernel has no Landlock")
    handled = Access((1 << KNOWN_BITS[offered]) - 1)
    network = BIND_AND_CONNECT_TCP if offered >= NETWORK_SINCE else 0
    scopes = ABSTRACT_SOCKETS_AND_SIGNALS if offered >= SCOPES_SINCE else 0
    fields = 3 if offered >= SCOPES_SINCE else 2 if offered >= NETWORK_SINCE else 1
    attributes = struct.pack("=3Q", handled, network, scopes)[: 8 * fields]
    try:
        ruleset = system_call(CREATE_RULESET, ctypes.create_string_buffer(attributes, len(attributes)), 8 * fields, 0)
        try:
            for grant in grants:
                _allow(ruleset, grant, handled)
            system_call(RESTRICT_SELF, ruleset, 0)
        finally:
            os.close(ruleset)
    except OSError as problem:
        raise ConfinementFailed(f"Landlock: {problem}") from problem
    return offered


def _allow(ruleset: int, grant: Grant, handled: Access) -> None:
    try:
        place = os.open(grant.path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        access = grant.access & handled
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            access &= ON_A_FILE
        rule = struct.pack("=Qi", access, place)
        system_call(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.create_string_buffer(rule, len(rule)), 0)
    finally:
        os.close(place)
