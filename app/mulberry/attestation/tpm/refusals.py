"""Why a TPM did not do what it was asked, in words: what its response codes mean, `known_errors` says."""

from mulberry.model.errors import UserFacingError
from mulberry.model.known_errors import Stack, to_error
from mulberry.model.known_errors.tpm import without_place

NO_SUCH_HANDLE = 0x08B
YIELDED, TESTING, RETRY = 0x908, 0x90A, 0x922
TRY_AGAIN = frozenset({YIELDED, TESTING, RETRY})


class TpmRefused(Exception):
    """The TPM answered a command with a response code. `asked` is what for, in words: "make a key"."""

    def __init__(self, asked: str, untrusted_code: int) -> None:
        super().__init__(f"TPM_RC {untrusted_code:#x} when asked to {asked}")
        self.asked = asked
        self.code = without_place(untrusted_code)

    def in_words(self) -> UserFacingError:
        return to_error(f"The TPM did not {self.asked}.", Stack.TPM, self.code, detail=str(self))


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
        next_step="Restart the computer; if it stays, look for an update of its firmware.",
        detail=str(problem),
    )
