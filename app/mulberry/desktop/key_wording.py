"""What the window says of the node wallet's key: what it guards, how it is, and what each thing to do with it means."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mulberry.model.key import KeyCheck, KeyState, KeyStatus

WHAT_IT_GUARDS = (
    "This key commands the node wallet only, which holds money for the network's fees. Earnings go to your own wallet, "
    "and your own wallet can command the node wallet too, with or without this key."
)
REPLACE = "Also in place of another key, which is then kept aside"


class KeyVerb(Enum):
    """What an owner can do with the key. Each needs a passphrase."""

    UNLOCK = "unlock"
    PROTECT = "set a passphrase"
    BACK_UP = "back up"
    CHECK = "check"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Question:
    """What a dialog says. `is_new`: the passphrase is chosen here, so it is typed twice."""

    title: str
    explanation: str
    button: str
    is_new: bool = False


def question_about(verb: KeyVerb, path: Path | None) -> Question:
    """`path` is the backup's file, for the verbs that have one."""
    match verb:
        case KeyVerb.UNLOCK:
            return Question(
                "Unlock the node wallet's key",
                "The key lies under your passphrase. It stays open until Mulberry's agent ends.",
                "Unlock",
            )
        case KeyVerb.PROTECT:
            return Question(
                "Keep the key under a passphrase",
                f"{WHAT_IT_GUARDS}\n\nFrom now on the key lies in an encrypted file instead of a keyring. After each "
                "restart of the agent the node waits until you unlock it here. Nobody can recover the passphrase.",
                "Set the passphrase",
                is_new=True,
            )
        case KeyVerb.BACK_UP:
            return Question(
                "Back up the node wallet's key",
                f"{WHAT_IT_GUARDS}\n\nThe key is written to {path}, encrypted with a passphrase that you choose now; "
                "then it is read back and checked. With file, passphrase and the same owner address a new computer "
                "goes on with the same node wallet and its history.",
                "Back up",
                is_new=True,
            )
        case KeyVerb.CHECK:
            return Question("Check a backup", f"Says whose key {path} holds. Nothing is changed.", "Check")
        case KeyVerb.RESTORE:
            return Question(
                "Restore the node wallet's key",
                f"The key in {path} becomes this node's. Stop the node first. {WHAT_IT_GUARDS}",
                "Restore",
            )


def state_line(key: KeyStatus) -> str:
    match key.state:
        case KeyState.OPEN:
            return f"It is kept {key.kept}."
        case KeyState.LOCKED:
            return f"It is locked. It lies {key.kept}; the node needs it to start."
        case KeyState.UNAVAILABLE:
            return key.note
        case KeyState.UNREAD:
            return "It is read, or made, when the node starts."


def passphrase_button(key: KeyStatus) -> str:
    return "Change the passphrase…" if key.has_passphrase else "Keep under a passphrase…"


def offered(key: KeyStatus) -> frozenset[KeyVerb]:
    """What can be done with the key as it is."""
    always = {KeyVerb.CHECK, KeyVerb.RESTORE}
    match key.state:
        case KeyState.OPEN:
            return frozenset({KeyVerb.PROTECT, KeyVerb.BACK_UP} | always)
        case KeyState.LOCKED:
            return frozenset({KeyVerb.UNLOCK} | always)
        case KeyState.UNAVAILABLE | KeyState.UNREAD:
            return frozenset({KeyVerb.PROTECT} | always)


def done(verb: KeyVerb, path: Path | None) -> str:
    """Told after it was done; "" where the page itself shows it."""
    match verb:
        case KeyVerb.RESTORE:
            return f"The key of {path} is this node's now. Press Start."
        case KeyVerb.PROTECT:
            return "The key lies under your passphrase now. Write that down: nobody can recover it."
        case _:
            return ""


def backed_up(found: KeyCheck, path: Path) -> str:
    return (
        f"{path} was written, read back and opened again. It holds the key of the wallet {found.wallet}.\n\n"
        "Keep the file on another disk, and the passphrase apart from it."
    )


def checked(found: KeyCheck) -> str:
    whose = {
        True: "That is this node's wallet.",
        False: "That is not this node's wallet.",
        None: "Whether that is this node's wallet is not known: it has not read its key yet.",
    }[found.is_this_nodes]
    return f"The file opens, and holds the key of the wallet {found.wallet}.\n\n{whose}"
