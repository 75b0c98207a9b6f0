"""TPM response codes. Source: TCG, TPM 2.0 Library, part 2, section 6.6 (TPM_RC).

Of a code of format one, the upper bits only say which parameter, handle or session is meant; the resource manager of
Linux sets bits above those. Both are left out before a code is looked up.
"""

from collections.abc import Mapping

from mulberry.model.errors import WhoseTurn
from mulberry.model.known_errors.nouns import Code, KnownError
from mulberry.model.language import tr

YOU, NOBODY = WhoseTurn.YOU, WhoseTurn.NOBODY

FORMAT_ONE = 0x080
CODE_BITS = 0xFFF  # above these: who of the software stack speaks

_AGAIN = tr("It is tried again by itself.")
_BUG = tr("Send the diagnostics to Mulberry's makers: the question was not well formed.")
_CLEAR = tr(
    "Somebody set a password on it; its owner can take it away in the firmware's settings (that clears the TPM)."
)


def without_place(code: int) -> int:
    """0x1c4, 0x2c4 … are one error at different parameters: 0x084."""
    code &= CODE_BITS
    return FORMAT_ONE | code & 0x3F if code & FORMAT_ONE else code


TPM: Mapping[Code, KnownError] = {
    0x082: KnownError("TPM_RC_ATTRIBUTES", tr("The TPM does not make a key of this kind."), _BUG, YOU),
    0x083: KnownError("TPM_RC_HASH", tr("The TPM does not have this hash."), tr("It takes a TPM with SHA-256."), YOU),
    0x084: KnownError("TPM_RC_VALUE", tr("The TPM does not take a value."), _BUG, YOU),
    0x085: KnownError("TPM_RC_HIERARCHY", tr("A part of the TPM is switched off."), tr("Look into the firmware."), YOU),
    0x08B: KnownError("TPM_RC_HANDLE", tr("The TPM has nothing under this name."), tr("Try again."), YOU),
    0x08E: KnownError("TPM_RC_AUTH_FAIL", tr("The TPM asks for a password that Mulberry does not have."), _CLEAR, YOU),
    0x092: KnownError("TPM_RC_SCHEME", tr("The TPM cannot sign in this way."), tr("It takes ECDSA with P-256."), YOU),
    0x095: KnownError("TPM_RC_SIZE", tr("The TPM does not take a size."), _BUG, YOU),
    0x09D: KnownError("TPM_RC_POLICY_FAIL", tr("The TPM refuses, since the computer started otherwise."), _CLEAR, YOU),
    0x09F: KnownError(
        "TPM_RC_INTEGRITY", tr("What was given to the TPM was made by another one."), tr("Make it anew."), YOU
    ),
    0x0A2: KnownError("TPM_RC_BAD_AUTH", tr("The TPM asks for a password that Mulberry does not have."), _CLEAR, YOU),
    0x0A6: KnownError("TPM_RC_CURVE", tr("The TPM does not have this curve."), tr("It takes a TPM with P-256."), YOU),
    0x100: KnownError(
        "TPM_RC_INITIALIZE", tr("The TPM was not started by the firmware."), tr("Restart the computer."), YOU
    ),
    0x101: KnownError(
        "TPM_RC_FAILURE", tr("The TPM is in failure mode."), tr("Switch the computer off, not only restart."), YOU
    ),
    0x120: KnownError(
        "TPM_RC_DISABLED", tr("The TPM is switched off."), tr("Switch it on in the firmware's settings."), YOU
    ),
    0x128: KnownError("TPM_RC_PCR_CHANGED", tr("The boot registers changed meanwhile."), _AGAIN, NOBODY),
    0x12F: KnownError("TPM_RC_AUTH_UNAVAILABLE", tr("The TPM gives this to nobody here."), _CLEAR, YOU),
    0x143: KnownError(
        "TPM_RC_COMMAND_CODE", tr("The TPM does not know this command."), tr("Update its firmware."), YOU
    ),
    0x14A: KnownError(
        "TPM_RC_NV_UNINITIALIZED", tr("The TPM holds nothing in this place."), tr("Nothing is to be done."), NOBODY
    ),
    0x902: KnownError(
        "TPM_RC_OBJECT_MEMORY", tr("The TPM's memory is full."), tr("End other programs that use it."), YOU
    ),
    0x903: KnownError(
        "TPM_RC_SESSION_MEMORY", tr("The TPM's memory is full."), tr("End other programs that use it."), YOU
    ),
    0x904: KnownError("TPM_RC_MEMORY", tr("The TPM's memory is full."), tr("End other programs that use it."), YOU),
    0x908: KnownError("TPM_RC_YIELDED", tr("The TPM was busy with something else."), _AGAIN, NOBODY),
    0x909: KnownError("TPM_RC_CANCELED", tr("The question to the TPM was cancelled."), _AGAIN, NOBODY),
    0x90A: KnownError("TPM_RC_TESTING", tr("The TPM tests itself."), _AGAIN, NOBODY),
    0x920: KnownError("TPM_RC_NV_RATE", tr("The TPM was asked too often."), _AGAIN, NOBODY),
    0x921: KnownError(
        "TPM_RC_LOCKOUT",
        tr("The TPM is locked after wrong passwords."),
        tr("Wait; it opens by itself after some hours."),
        NOBODY,
        "tpm2_getcap properties-variable",
    ),
    0x922: KnownError("TPM_RC_RETRY", tr("The TPM was busy."), _AGAIN, NOBODY),
    0x923: KnownError("TPM_RC_NV_UNAVAILABLE", tr("The TPM's memory cannot be used now."), _AGAIN, NOBODY),
}
