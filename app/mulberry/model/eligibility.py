"""May this computer earn on a network, with which of its GPUs and models, and what is missing. Nouns only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mulberry.model.errors import WhoseTurn
from mulberry.model.proof import Level


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
    `next_step` is empty where nothing is to be done; `command` is what could be typed for it, if anything."""

    name: str
    standing: Standing
    evidence: str
    next_step: str = ""
    whose_turn: WhoseTurn = WhoseTurn.NOBODY
    command: str = ""


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
    requirement says so.
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


@dataclass(frozen=True, slots=True)
class EligibilityReport:
    """`mulberry check`: every known network, for this computer, at `as_of`."""

    computer: str
    networks: tuple[NetworkEligibility, ...]
    as_of: datetime
