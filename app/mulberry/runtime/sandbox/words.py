"""The canary's findings as people say them."""

import sys

from mulberry.model.language import tr
from mulberry.runtime.wire import Canary

PASSED = {
    Canary.NOT_ROOT: "is not root",
    Canary.NO_CAPABILITIES: "has no special powers",
    Canary.NO_NEW_PRIVILEGES: "cannot gain privileges",
    Canary.CALLS_FILTERED: "has its system calls filtered",
    Canary.HOME_CLOSED: "cannot list your home folder",
    Canary.USERS_CLOSED: "cannot read the list of users",
    Canary.NOTHING_WRITABLE: "cannot write a file anywhere it was tried",
    Canary.NETWORK_CLOSED: "cannot reach a network, not even this computer's own",
    Canary.NO_FORK: "cannot start a process",
    Canary.NO_EXEC: "cannot run a program",
    Canary.DEVICES_CLOSED: "cannot open devices",
    Canary.AGENT_UNSEEN: "does not see the agent",
    Canary.MODEL_RUNS: "can run a model",
}
MISSED = {
    Canary.NOT_ROOT: tr("it is root"),
    Canary.NO_CAPABILITIES: tr("it has special powers"),
    Canary.NO_NEW_PRIVILEGES: tr("it could gain privileges"),
    Canary.CALLS_FILTERED: tr("its system calls are not filtered"),
    Canary.HOME_CLOSED: tr("it could list your home folder"),
    Canary.USERS_CLOSED: tr("it could read the list of users"),
    Canary.NOTHING_WRITABLE: tr("it could write a file"),
    Canary.NETWORK_CLOSED: tr("it could reach a network"),
    Canary.NO_FORK: tr("it could start a process"),
    Canary.NO_EXEC: tr("it could run a program"),
    Canary.DEVICES_CLOSED: tr("it could open a device"),
    Canary.AGENT_UNSEEN: tr("it saw the agent"),
    Canary.MODEL_RUNS: tr("no model runs in it"),
}


NONE_TO_TRY = {
    "win32": tr("The sandbox for Windows is written, but nobody has run it on Windows yet, so it is not used."),
    "darwin": tr("There is no sandbox for macOS."),
}


def none_to_try(platform: str = sys.platform) -> str:
    """Why nothing could be tried out on this system."""
    return NONE_TO_TRY.get(platform, tr("There is no sandbox for this system yet."))


def in_words(missed: Canary) -> str:
    return ", ".join(MISSED[canary] for canary in missed)
