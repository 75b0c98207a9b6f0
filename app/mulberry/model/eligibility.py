"""May this computer earn on a network, with which of its GPUs and models, and what is missing. Nouns only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mulberry.model.attestation import Policy
from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import GpuReport
from mulberry.model.gpu_runtime import IT_CAME_WITH_MULBERRY, GpuComputing
from mulberry.model.host import ConfidentialReport, Finding, HostReport
from mulberry.model.models import StoredModel
from mulberry.model.proof import Level


@dataclass(frozen=True, slots=True)
class SeenRoot:
    """What a network's root contract said, or its profile in its place, of what it accepts. Hashes in hexadecimal.

    `as_of` is the block's time; None: a profile says it, which has no date.
    """

    address: str
    version: int
    worker_hashes: tuple[str, ...]  # of images
    model_hashes: tuple[str, ...]  # SHA-256 of the name that workers announce
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class NetworkRules:
    """What one network asks of a worker. `root` None: it was not read, and `why_no_root` says why (after "because").

    `jobs_from_here`: all its jobs come from this computer, so that they need no sandbox.
    """

    name: str
    title: str
    kind: str  # demo, test, mainnet
    worker_policy: Policy
    check_hashes: bool
    model: str  # as announced: NAME, or NAME@COMMIT:HASH
    jobs_from_here: bool
    root: SeenRoot | None = None
    why_no_root: str = ""
    any_model: bool = False  # it takes whichever model is served under that name

    @property
    def model_base_name(self) -> str:
        return self.model.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Computer:
    """All that is known of this computer. `sandbox`: whether one holds for strangers' jobs. `image`: the image hash of
    the TDX guest that this is, in hexadecimal. `free_bytes`: on the disk of Mulberry's data."""

    gpus: GpuReport
    host: HostReport
    confidential: ConfidentialReport
    sandbox: Finding[bool]
    image: Finding[str]
    models: tuple[StoredModel, ...]
    free_bytes: int | None
    computing: GpuComputing = IT_CAME_WITH_MULBERRY


class Standing(StrEnum):
    """How one requirement stands. UNKNOWN is never counted as met."""

    MET = "met"
    NOT_MET = "not met"
    UNKNOWN = "unknown"


class Answer(StrEnum):
    """May it work there? CAN: every requirement is met. CAN_AFTER: what is missing is its owner's to do (or comes by
    itself). CANNOT: something is missing that nobody at this computer can change. UNKNOWN: something that decides it
    could not be determined."""

    CAN = "can"
    CAN_AFTER = "can, after you did something"
    CANNOT = "cannot"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing a network asks for. `evidence` says where the answer was read, or "unknown, because …" why it is not;
    `next_step` is empty where nothing is to be done; `command` is what could be typed for it, if anything.
    `can_change`: False where it is not met, and nobody at this computer can change that."""

    name: str
    standing: Standing
    evidence: str
    next_step: str = ""
    whose_turn: WhoseTurn = WhoseTurn.NOBODY
    command: str = ""
    can_change: bool = True


@dataclass(frozen=True, slots=True)
class GpuEligibility:
    """One GPU on one network. `uuid` is empty for a GPU that only the PCI bus knows. `line` is for a beginner."""

    uuid: str
    pci_address: str
    name: str
    answer: Answer
    line: str
    requirements: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelEligibility:
    """One model on one network: accepted or not by the root contract's list, and whether it fits a GPU here."""

    name: str
    answer: Answer
    line: str


@dataclass(frozen=True, slots=True)
class NetworkEligibility:
    """This computer on one network. `level` is the highest that could be reached here on it, by what is known now.

    `root_as_of` dates the root contract that the hashes were read from; None: it was not read, and `line` or a
    requirement says so. Only `is_main` pays real money.
    """

    name: str
    title: str
    is_demo: bool
    answer: Answer
    line: str
    level: Level
    requirements: tuple[Requirement, ...]
    gpus: tuple[GpuEligibility, ...]
    models: tuple[ModelEligibility, ...]
    root_as_of: datetime | None = None
    is_main: bool = False


@dataclass(frozen=True, slots=True)
class EligibilityReport:
    """`mulberry check`: every known network, for this computer, at `as_of`.

    `summary` is for a beginner: a line for each kind of GPU, over all networks, or one that says why there is none.
    `rules` says of when the rules are that do not stand in the root contract.
    """

    computer: str
    networks: tuple[NetworkEligibility, ...]
    as_of: datetime
    summary: tuple[str, ...] = ()
    rules: str = ""
