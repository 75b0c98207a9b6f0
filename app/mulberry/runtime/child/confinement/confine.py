"""The way into the sandbox, from inside. The order matters, so it stands in one place.

1. No new privileges, not dumpable: whatever is run later gains nothing, and nobody of the same user looks in.
2. Landlock, while there is one thread: threads that exist already would keep everything.
3. The imports of native code, onnxruntime above all. Their threads are born confined.
4. Root is given up, where the interpreter lies in a place that only root may read.
5. Limits, and that it dies with who started it.
6. Seccomp, for all threads. After this nothing new can be had; what came before did not touch a stranger's byte.
7. The canary. Only when the agent has read its report does it name a model.
"""

import importlib
import os
import signal
import sys

from mulberry.runtime.child.confinement import root
from mulberry.runtime.child.confinement.canary import look_around
from mulberry.runtime.child.confinement.landlock import DEVICE, READ, READ_AND_RUN, Grant, give_up_everything_but
from mulberry.runtime.child.confinement.profiles import PROFILES, Profile
from mulberry.runtime.child.confinement.seccomp import compile_filter, give_up_calls, machine
from mulberry.runtime.child.confinement.system import (
    PR_SET_DUMPABLE,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    set_process_flag,
)
from mulberry.runtime.wire import Enter, Entered, ProfileName

if sys.platform != "win32":
    import resource  # here, for later it may be out of reach

# All that serving needs. The libraries would import the second half later, when the interpreter may be out of reach.
IMPORTED_BEFOREHAND = (
    *("mulberry.runtime.child.service", "onnxruntime", "tokenizers", "numpy.random"),
    *("jinja2.ext", "jinja2.debug", "pprint", "encodings.unicode_escape"),
)


def enter(order: Enter) -> Entered:
    """Raises `ConfinementFailed`; the process must end then."""
    if order.libraries:
        sys.path.insert(0, order.libraries)
    landlock = 0
    if order.profile is ProfileName.NONE:
        _import_everything()
        if order.user is not None:
            root.become(order.user)
    else:
        landlock = _give_up(order, PROFILES[order.profile])
    return Entered(int(look_around(order)), landlock, os.getuid() if hasattr(os, "getuid") else 0)


def _give_up(order: Enter, profile: Profile) -> int:
    filtered_by = machine()
    program = compile_filter(profile.rules_of(os.getpid()), profile.otherwise, filtered_by)
    set_process_flag(PR_SET_NO_NEW_PRIVS, 1)
    set_process_flag(PR_SET_DUMPABLE, 0)
    landlock = give_up_everything_but(
        [
            *(path.grant for path in profile.paths),
            *(Grant(folder, READ_AND_RUN) for folder in order.readable),
            *(Grant(device, DEVICE) for device in order.devices),
            Grant(order.model, READ),
        ]
    )
    _import_everything()
    if order.user is not None:
        root.become(order.user)
    root.check_powerless()
    set_process_flag(PR_SET_PDEATHSIG, signal.SIGKILL)  # now, for a change of the user would undo it
    _limit(order, profile)
    give_up_calls(program, filtered_by)
    return landlock


def _import_everything() -> None:
    for name in IMPORTED_BEFOREHAND:
        importlib.import_module(name)


def _limit(order: Enter, profile: Profile) -> None:
    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)]
    if order.address_space_bytes is not None and profile.limits_addresses:
        limits.append((resource.RLIMIT_AS, order.address_space_bytes))
    if order.processes is not None:
        limits.append((resource.RLIMIT_NPROC, order.processes))
    if order.open_files is not None:
        limits.append((resource.RLIMIT_NOFILE, order.open_files))
    for limit, value in limits:
        resource.setrlimit(limit, (value, value))
