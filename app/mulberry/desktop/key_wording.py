"""What the window says of the node wallet's key: what it guards, how it is, and what each thing to do with it means."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mulberry.model.key import KeyCheck, KeyState, KeyStatus
from mulberry.model.language import tr

WHAT_IT_GUARDS = tr(
    "This key commands the node wallet only, which holds money for the network's fees. Earnings go to your own wallet, "
    "and your own wallet can command the node wallet too, with or without this key."
)
REPLACE = tr("Also in place of another key, which is then kept aside")


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
                tr("Unlock the node wallet's key"),
                tr("The key lies under your passphrase. It stays open until Mulberry's agent ends."),
                tr("Unlock"),
            )
        case KeyVerb.PROTECT:
            return Question(
                tr("Keep the key under a passphrase"),
                WHAT_IT_GUARDS
                + "\n\n"
                + tr(
                    "From now on the key lies in an encrypted file instead of a keyring. After each restart of the "
                    "agent the node waits until you unlock it here. Nobody can recover the passphrase."
                ),
                tr("Set the passphrase"),
                is_new=True,
            )
        case KeyVerb.BACK_UP:
            return Question(
                tr("Back up the node wallet's key"),
                WHAT_IT_GUARDS
                + "\n\n"
                + tr(
                    "The key is written to {path}, encrypted with a passphrase that you choose now; then it is read "
                    "back and checked. With file, passphrase and the same owner address a new computer goes on with "
                    "the same node wallet and its history.",
                    path=path,
                ),
                tr("Back up"),
                is_new=True,
            )
        case KeyVerb.CHECK:
            return Question(
                tr("Check a backup"), tr("Says whose key {path} holds. Nothing is changed.", path=path), tr("Check")
            )
        case KeyVerb.RESTORE:
            return Question(
                tr("Restore the node wallet's key"),
                tr("The key in {path} becomes this node's. Stop the node first.", path=path) + " " + WHAT_IT_GUARDS,
                tr("Restore"),
            )


def state_line(key: KeyStatus) -> str:
    match key.state:
        case KeyState.OPEN:
            return tr("It is kept {where}.", where=key.kept)
        case KeyState.LOCKED:
            return tr("It is locked. It lies {where}; the node needs it to start.", where=key.kept)
        case KeyState.UNAVAILABLE:
            return key.note
        case KeyState.UNREAD:
            return tr("It is read, or made, when the node starts.")


def passphrase_button(key: KeyStatus) -> str:
    return tr("Change the passphrase…") if key.has_passphrase else tr("Keep under a passphrase…")


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
            return tr("The key of {path} is this node's now. Press Start.", path=path)
        case KeyVerb.PROTECT:
            return tr("The key lies under your passphrase now. Write that down: nobody can recover it.")
        case _:
            return ""


def backed_up(found: KeyCheck, path: Path) -> str:
    written = tr(
        "{path} was written, read back and opened again. It holds the key of the wallet {wallet}.",
        path=path,
        wallet=found.wallet,
    )
    return f"{written}\n\n{tr('Keep the file on another disk, and the passphrase apart from it.')}"


def checked(found: KeyCheck) -> str:
    whose = {
        True: tr("That is this node's wallet."),
        False: tr("That is not this node's wallet."),
        None: tr("Whether that is this node's wallet is not known: it has not read its key yet."),
    }[found.is_this_nodes]
    opens = tr("The file opens, and holds the key of the wallet {wallet}.", wallet=found.wallet)
    return f"{opens}\n\n{whose}"
