"""What is proven of a computer, by whom it was checked, and what stays unproven. Only a verifier computes a level.

Source of the levels and their words: the study of attestation, as `docs/attestation.md` retells it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from mulberry.model.collateral import CollateralStatus
from mulberry.model.errors import WhoseTurn
from mulberry.model.language import tr


class Level(IntEnum):
    """Nothing else may be shown as a level. "Confidential" is said at CONFIDENTIAL only."""

    NOT_ATTESTED = 0
    SELF_REPORTED = 1
    TPM_BACKED = 2
    CPU_ENCLAVE = 3
    CONFIDENTIAL = 4

    @property
    def title(self) -> str:
        return _WORDS[self].title

    @property
    def evidence(self) -> str:
        """What it takes to reach this level."""
        return _WORDS[self].evidence

    @property
    def does_not_prove(self) -> str:
        return _WORDS[self].does_not_prove


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    evidence: str
    does_not_prove: str


_WORDS = {
    Level.NOT_ATTESTED: _Words(tr("Not attested"), tr("Nothing."), tr("Anything.")),
    Level.SELF_REPORTED: _Words(
        tr("Self-reported software"),
        tr("A signed manifest of what is installed and runs."),
        tr("The owner can forge it, and can read what is in memory."),
    ),
    Level.TPM_BACKED: _Words(
        tr("TPM-backed boot state"),
        tr("Level 1, a TPM with its maker's certificate that signed the boot registers (PCR 0 to 7), and Secure Boot."),
        tr(
            "The owner, and software running as the owner, can read memory and video memory. That Secure Boot is on is "
            "the computer's own word. The TPM may belong to another computer. Mulberry itself is not a part of what "
            "was measured at boot."
        ),
    ),
    Level.CPU_ENCLAVE: _Words(
        tr("CPU enclave VM only"),
        tr("A verified Intel TDX quote of a guest that is no debug guest and whose image is on the network's list."),
        tr("What the GPU works on is in clear on the bus and in video memory."),
    ),
    Level.CONFIDENTIAL: _Words(
        tr("Confidential CPU and GPU"),
        tr("Level 3, and a GPU's report in confidential mode, verified for the same guest."),
        tr("Side channels, availability, and that storage was not set back to an older state."),
    ),
}


class Outcome(StrEnum):
    """How one check of evidence ended."""

    HOLDS = "holds"
    FAILED = "failed"  # what was shown is wrong; it lowers the level
    MISSING = "missing"  # nothing was shown, or what is needed to check it is not here
    TEST = "TEST"  # it has the form of evidence and proves nothing


@dataclass(frozen=True, slots=True)
class Check:
    """One node of the evidence tree. `told` is a plain sentence: what was seen, or why it failed or is missing.

    `whose_word` says who vouches for it: "Intel", "NVIDIA", "the TPM's maker", "this computer".
    """

    name: str
    outcome: Outcome
    told: str
    whose_word: str = ""
    parts: tuple["Check", ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the verifier says of one computer at `as_of`.

    `valid_until` is when the first thing it rests on (certificate, collateral) expires; None where nothing does.
    `is_test`: fake evidence was shown; the level is then NOT_ATTESTED.
    """

    level: Level
    checks: tuple[Check, ...]
    as_of: datetime
    valid_until: datetime | None = None
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a statement, in words. `whose_word` is whose it is: "this computer", or who vouches for it."""

    name: str
    value: str
    whose_word: str = tr("this computer")


@dataclass(frozen=True, slots=True)
class Seen:
    """One subject, side by side: what the network sees of it, and what its owner sees here."""

    subject: str
    by_network: str
    by_you: str


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why one kind of evidence could not be gathered here: a `UserFacingError` in flat form."""

    what: str
    why: str
    next_step: str
    whose_turn: WhoseTurn = WhoseTurn.YOU


@dataclass(frozen=True, slots=True)
class AttestationStatus:
    """What this computer shows and what that proves, as the agent itself verified it last.

    `verdict` None: not looked at since the agent started. `facts` and `hindrances` belong to the same look as the
    verdict; `seen` and `collateral` are of now. `next_step` is a sentence, "" where nothing would raise the level.
    """

    verdict: Verdict | None = None
    facts: tuple[Fact, ...] = ()
    seen: tuple[Seen, ...] = ()
    hindrances: tuple[Hindrance, ...] = ()
    is_checking: bool = False
    next_step: str = ""
    collateral: CollateralStatus | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed statement with its evidence, as it is written into a file (`attestation.envelope` says its form)."""

    content: str
