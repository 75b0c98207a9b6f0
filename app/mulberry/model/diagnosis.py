"""What an owner hands to whoever helps: a few text files of chosen facts, the same in every preview and when saved."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DiagnosisWish:
    """What the owner allows beyond the usual: addresses on TON, and amounts of money."""

    addresses: bool = False
    earnings: bool = False


@dataclass(frozen=True, slots=True)
class DiagnosisFile:
    """One text file of the bundle: printable characters and new lines."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that is saved, in the order in which it is read. The first file says what is in it, and what is not."""

    files: tuple[DiagnosisFile, ...]
    as_of: datetime

    @property
    def file_name(self) -> str:
        """What to save it as, unless its owner wants another name."""
        return f"mulberry-diagnosis-{self.as_of:%Y%m%dT%H%M%SZ}.zip"


def preview(diagnosis: Diagnosis) -> str:
    """Every character that would be saved, under each file's name."""
    return "\n".join(f"===== {file.name} =====\n{file.text}" for file in diagnosis.files)
