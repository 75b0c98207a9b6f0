"""SHA256SUMS: one file a folder of artefacts, in the form that `sha256sum --check` reads."""

import hashlib
from pathlib import Path

NAME = "SHA256SUMS"


def sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def note(*artefacts: Path) -> Path:
    """Writes `artefacts` (files of one folder) into the folder's SHA256SUMS, in place of what it said before."""
    (folder,) = {artefact.parent for artefact in artefacts}
    sums = folder / NAME
    lines = sums.read_text().splitlines() if sums.is_file() else []
    known = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    known |= {artefact.name: sha256(artefact) for artefact in artefacts}
    present = {name: digest for name, digest in known.items() if (folder / name).is_file()}
    sums.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(present.items())))
    return sums
