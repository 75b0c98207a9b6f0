"""A diagnosis as a ZIP file of its owner's: exactly the text files that were previewed, readable by them alone."""

import io
import zipfile
from pathlib import Path

from mulberry.model.diagnosis import Diagnosis
from mulberry.model.errors import UserFacingError
from mulberry.model.files import write_new
from mulberry.model.language import tr

OWNER_READS = 0o600


def packed(diagnosis: Diagnosis) -> bytes:
    """The same bytes for the same diagnosis."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in diagnosis.files:
            entry = zipfile.ZipInfo(file.name, diagnosis.as_of.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = OWNER_READS << 16
            archive.writestr(entry, file.text.encode())
    return whole.getvalue()


def save(diagnosis: Diagnosis, path: Path) -> None:
    """Writes a new file, whole or not at all. Raises `UserFacingError`: there is one already, or it cannot be
    written."""
    content = packed(diagnosis)
    try:
        write_new(path, content)
    except FileExistsError as problem:
        raise _not_saved(path, tr("it is there already"), tr("Choose another name.")) from problem
    except OSError as problem:
        why = problem.strerror or str(problem)
        next_step = tr("Choose a folder that you may write to, on a disk with room.")
        raise _not_saved(path, why, next_step) from problem


def _not_saved(path: Path, why: str, next_step: str) -> UserFacingError:
    return UserFacingError(tr("The diagnosis was not saved."), f"{path}: {why}.", next_step)
