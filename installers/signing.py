"""Signs an artefact with whatever the release engineer uses, and knows none of their secrets.

`MULBERRY_SIGN` is a command line, split as a shell would and run without one; the artefact's path is added as its
last word. It signs in place (signtool, debsigs) or writes a signature beside (`gpg --batch --yes --detach-sign
--armor`). Which key it takes and how that is unlocked is the command's own business (an agent, a token): nothing
secret passes through us.
"""

import os
import shlex
import subprocess
from pathlib import Path

SIGNATURES = (".asc", ".sig", ".minisig", ".p7s")  # what signing commands write beside an artefact


def sign(artefact: Path) -> bool:
    """Whether `MULBERRY_SIGN` was set, and so `artefact` is signed. SystemExit where the command fails."""
    command = shlex.split(os.environ.get("MULBERRY_SIGN", ""))
    if not command:
        return False
    try:
        status = subprocess.run([*command, artefact], check=False).returncode
    except OSError as error:
        raise SystemExit(f"{artefact.name} is not signed: {command[0]} cannot be run ({error.strerror}).") from None
    if status:
        raise SystemExit(f"{artefact.name} is not signed: {command[0]} ended with {status}.")
    return True


def signatures_beside(artefact: Path) -> list[Path]:
    """The signatures of `artefact` that lie beside it."""
    return [path for suffix in SIGNATURES if (path := artefact.with_name(artefact.name + suffix)).is_file()]
