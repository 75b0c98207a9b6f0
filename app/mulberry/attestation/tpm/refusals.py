"""Why a TPM did not do what it was asked, in words. A response code itself is never shown.

Source: TCG, TPM 2.0 Library, part 2, 6.6 (TPM_RC). Codes that blame one parameter, handle or session carry its number
in bits that say nothing to people; the kernel's resource manager adds a layer above.
"""

from dataclasses import dataclass

from mulberry.model.errors import UserFacingError, WhoseTurn

FORMAT_ONE = 0x080
LAYER_MASK = 0xFFF

NO_SUCH_HANDLE = 0x08B
YIELDED, TESTING, RETRY = 0x908, 0x90A, 0x922
TRY_AGAIN = frozenset({YIELDED, TESTING, RETRY})

RESTART = "Restart the computer; if it stays, look for an update of its firmware."
WAIT = "Close other programs that use the TPM, or press Check again in a minute."


@dataclass(frozen=True, slots=True)
class KnownRefusal:
    """One response code: its name in the specification, what it means here, and what helps. `command` can be typed."""

    code: int
    name: str
    why: str
    next_step: str
    whose_turn: WhoseTurn = WhoseTurn.YOU
    command: str = ""


KNOWN_REFUSALS = (
    KnownRefusal(0x100, "TPM_RC_INITIALIZE", "The firmware did not start it.", RESTART),
    KnownRefusal(0x101, "TPM_RC_FAILURE", "It found a fault in itself and stopped.", RESTART),
    KnownRefusal(0x120, "TPM_RC_DISABLED", "It is switched off.", "Switch the TPM on in the firmware's settings."),
    KnownRefusal(
        0x12D, "TPM_RC_UPGRADE", "Its firmware is being updated.", "Let the update end, then restart the computer."
    ),
    KnownRefusal(0x130, "TPM_RC_REBOOT", "It was updated or reset.", "Restart the computer."),
    KnownRefusal(
        0x12F, "TPM_RC_AUTH_UNAVAILABLE", "It does not let this key or store be used.", "Ask who set this TPM up."
    ),
    KnownRefusal(
        0x143, "TPM_RC_COMMAND_CODE", "It does not know the command.", "Look for an update of the TPM's firmware."
    ),
    KnownRefusal(
        0x085,
        "TPM_RC_HIERARCHY",
        "Its endorsement hierarchy is switched off.",
        "Switch it on in the firmware's settings (often called Endorsement Hierarchy).",
    ),
    KnownRefusal(
        0x08E,
        "TPM_RC_AUTH_FAIL",
        "Its endorsement hierarchy has a password, and Mulberry has none.",
        "Ask who set this TPM up; clearing it in the firmware's settings removes the password, and all keys in it.",
    ),
    KnownRefusal(
        0x0A2,
        "TPM_RC_BAD_AUTH",
        "Its endorsement hierarchy has a password, and Mulberry has none.",
        "Ask who set this TPM up; clearing it in the firmware's settings removes the password, and all keys in it.",
    ),
    KnownRefusal(0x0A6, "TPM_RC_CURVE", "It cannot make keys on the curve P-256.", "This TPM cannot be used."),
    KnownRefusal(0x092, "TPM_RC_SCHEME", "It cannot sign with ECDSA.", "This TPM cannot be used."),
    KnownRefusal(
        0x09F,
        "TPM_RC_INTEGRITY",
        "The challenge was not made for this TPM and its key.",
        "Ask for a new challenge.",
    ),
    KnownRefusal(0x084, "TPM_RC_VALUE", "It cannot do what was asked of it.", "Look for an update of its firmware."),
    KnownRefusal(0x902, "TPM_RC_OBJECT_MEMORY", "Other programs' keys fill its memory.", WAIT),
    KnownRefusal(0x903, "TPM_RC_SESSION_MEMORY", "Other programs' sessions fill its memory.", WAIT),
    KnownRefusal(0x904, "TPM_RC_MEMORY", "Its memory is full.", WAIT),
    KnownRefusal(0x905, "TPM_RC_SESSION_HANDLES", "Other programs hold all its sessions.", WAIT),
    KnownRefusal(0x906, "TPM_RC_OBJECT_HANDLES", "Other programs hold all its places for keys.", WAIT),
    KnownRefusal(RETRY, "TPM_RC_RETRY", "It was busy each time it was asked.", WAIT),
    KnownRefusal(YIELDED, "TPM_RC_YIELDED", "It was busy each time it was asked.", WAIT),
    KnownRefusal(TESTING, "TPM_RC_TESTING", "It is still testing itself.", WAIT),
    KnownRefusal(0x909, "TPM_RC_CANCELED", "The system cancelled what was asked.", "Press Check again."),
    KnownRefusal(
        0x921,
        "TPM_RC_LOCKOUT",
        "It is locked after too many wrong passwords.",
        "It unlocks by itself, often within two hours; its owner can unlock it at once.",
        command="tpm2_dictionarylockout --clear-lockout",
    ),
    KnownRefusal(0x923, "TPM_RC_NV_UNAVAILABLE", "Its memory cannot be written now.", "Press Check again in a minute."),
)
_BY_CODE = {refusal.code: refusal for refusal in KNOWN_REFUSALS}


class TpmRefused(Exception):
    """The TPM answered a command with a response code. `asked` is what for, in words: "make a key"."""

    def __init__(self, asked: str, untrusted_code: int) -> None:
        super().__init__(f"TPM_RC {untrusted_code:#x} when asked to {asked}")
        self.asked = asked
        self.untrusted_code = untrusted_code

    @property
    def code(self) -> int:
        """The kind of error, without the number of the parameter, handle or session."""
        code = self.untrusted_code & LAYER_MASK
        return FORMAT_ONE | code & 0x3F if code & FORMAT_ONE else code

    def in_words(self) -> UserFacingError:
        what = f"The TPM did not {self.asked}."
        known = _BY_CODE.get(self.code)
        if known is None:
            why = "It gave a reason that Mulberry has no words for."
            return UserFacingError(what, why, RESTART, detail=str(self))
        step = f"{known.next_step} The command for it: {known.command}" if known.command else known.next_step
        return UserFacingError(what, known.why, step, known.whose_turn, detail=f"{known.name}: {self}")


def bank_missing() -> UserFacingError:
    return UserFacingError(
        what="The TPM has no boot registers to show.",
        why="Its SHA-256 registers are switched off; the older SHA-1 ones prove nothing any more.",
        next_step="Switch the SHA-256 PCR bank on in the firmware's settings, then restart.",
    )


def nonsense(problem: Exception) -> UserFacingError:
    return UserFacingError(
        what="The TPM answered with something that is no answer.",
        why="Its driver or firmware is faulty, or another program disturbs it.",
        next_step=RESTART,
        detail=str(problem),
    )
