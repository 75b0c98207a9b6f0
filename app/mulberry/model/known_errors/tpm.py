"""TPM response codes. Source: TCG, TPM 2.0 Library, part 2, section 6.6 (TPM_RC).

Of a code of format one, the upper bits only say which parameter, handle or session is meant; the resource manager of
Linux sets bits above those. Both are left out before a code is looked up.
"""

from collections.abc import Mapping

from mulberry.model.errors import WhoseTurn
from mulberry.model.known_errors.nouns import Code, KnownError

YOU, NOBODY = WhoseTurn.YOU, WhoseTurn.NOBODY

FORMAT_ONE = 0x080
CODE_BITS = 0xFFF  # above these: who of the software stack speaks

_AGAIN = "It is tried again by itself."
_BUG = "Send the diagnostics to Mulberry's makers: the question was not well formed."
_CLEAR = "Somebody set a password on it; its owner can take it away in the firmware's settings (that clears the TPM)."


def without_place(code: int) -> int:
    """0x1c4, 0x2c4 … are one error at different parameters: 0x084."""
    code &= CODE_BITS
    return FORMAT_ONE | code & 0x3F if code & FORMAT_ONE else code


TPM: Mapping[Code, KnownError] = {
    0x082: KnownError("TPM_RC_ATTRIBUTES", "The TPM does not make a key of this kind.", _BUG, YOU),
    0x083: KnownError("TPM_RC_HASH", "The TPM does not have this hash.", "It takes a TPM with SHA-256.", YOU),
    0x084: KnownError("TPM_RC_VALUE", "The TPM does not take a value.", _BUG, YOU),
    0x085: KnownError("TPM_RC_HIERARCHY", "A part of the TPM is switched off.", "Look into the firmware.", YOU),
    0x08B: KnownError("TPM_RC_HANDLE", "The TPM has nothing under this name.", "Try again.", YOU),
    0x08E: KnownError("TPM_RC_AUTH_FAIL", "The TPM asks for a password that Mulberry does not have.", _CLEAR, YOU),
    0x092: KnownError("TPM_RC_SCHEME", "The TPM cannot sign in this way.", "It takes ECDSA with P-256.", YOU),
    0x095: KnownError("TPM_RC_SIZE", "The TPM does not take a size.", _BUG, YOU),
    0x09D: KnownError("TPM_RC_POLICY_FAIL", "The TPM refuses, since the computer started otherwise.", _CLEAR, YOU),
    0x09F: KnownError("TPM_RC_INTEGRITY", "What was given to the TPM was made by another one.", "Make it anew.", YOU),
    0x0A2: KnownError("TPM_RC_BAD_AUTH", "The TPM asks for a password that Mulberry does not have.", _CLEAR, YOU),
    0x0A6: KnownError("TPM_RC_CURVE", "The TPM does not have this curve.", "It takes a TPM with P-256.", YOU),
    0x100: KnownError("TPM_RC_INITIALIZE", "The TPM was not started by the firmware.", "Restart the computer.", YOU),
    0x101: KnownError(
        "TPM_RC_FAILURE", "The TPM is in failure mode.", "Switch the computer off, not only restart.", YOU
    ),
    0x120: KnownError("TPM_RC_DISABLED", "The TPM is switched off.", "Switch it on in the firmware's settings.", YOU),
    0x128: KnownError("TPM_RC_PCR_CHANGED", "The boot registers changed meanwhile.", _AGAIN, NOBODY),
    0x12F: KnownError("TPM_RC_AUTH_UNAVAILABLE", "The TPM gives this to nobody here.", _CLEAR, YOU),
    0x143: KnownError("TPM_RC_COMMAND_CODE", "The TPM does not know this command.", "Update its firmware.", YOU),
    0x14A: KnownError(
        "TPM_RC_NV_UNINITIALIZED", "The TPM holds nothing in this place.", "Nothing is to be done.", NOBODY
    ),
    0x902: KnownError("TPM_RC_OBJECT_MEMORY", "The TPM's memory is full.", "End other programs that use it.", YOU),
    0x903: KnownError("TPM_RC_SESSION_MEMORY", "The TPM's memory is full.", "End other programs that use it.", YOU),
    0x904: KnownError("TPM_RC_MEMORY", "The TPM's memory is full.", "End other programs that use it.", YOU),
    0x908: KnownError("TPM_RC_YIELDED", "The TPM was busy with something else.", _AGAIN, NOBODY),
    0x909: KnownError("TPM_RC_CANCELED", "The question to the TPM was cancelled.", _AGAIN, NOBODY),
    0x90A: KnownError("TPM_RC_TESTING", "The TPM tests itself.", _AGAIN, NOBODY),
    0x920: KnownError("TPM_RC_NV_RATE", "The TPM was asked too often.", _AGAIN, NOBODY),
    0x921: KnownError(
        "TPM_RC_LOCKOUT",
        "The TPM is locked after wrong passwords.",
        "Wait; it opens by itself after some hours.",
        NOBODY,
        "tpm2_getcap properties-variable",
    ),
    0x922: KnownError("TPM_RC_RETRY", "The TPM was busy.", _AGAIN, NOBODY),
    0x923: KnownError("TPM_RC_NV_UNAVAILABLE", "The TPM's memory cannot be used now.", _AGAIN, NOBODY),
}
