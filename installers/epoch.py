"""The one time that every file of an artefact bears, so that two builds of one commit give the same bytes.

Source: the specification of SOURCE_DATE_EPOCH (reproducible-builds.org): seconds since 1970 in UTC, from the
environment where a builder sets it; else ours is the time of the last commit.
"""

import os
import subprocess
from pathlib import Path

from installers.project import ROOT

EARLIEST_IN_A_ZIP = 315_532_800  # 1980-01-01; a wheel is a zip and knows no earlier time


GIT_TELLS = ["git", "log", "-1", "--no-show-signature", "--format=%ct"]


def source_date_epoch() -> int:
    """Whole seconds since 1970. SystemExit where neither the environment nor a git checkout tells."""
    named = os.environ.get("SOURCE_DATE_EPOCH")
    if named is None:
        try:
            named = subprocess.check_output(GIT_TELLS, cwd=ROOT, text=True).strip()
        except (OSError, subprocess.CalledProcessError):
            raise SystemExit("Set SOURCE_DATE_EPOCH (seconds since 1970): this is no git checkout.") from None
    if not (named.isascii() and named.isdigit()) or int(named) < EARLIEST_IN_A_ZIP:
        raise SystemExit(f"SOURCE_DATE_EPOCH must be whole seconds since 1970, from 1980 on; it is {named!r}.")
    return int(named)


def settle(tree: Path, epoch: int) -> None:
    """Gives everything in `tree` the time `epoch` and a mode that no umask has touched: 755, or 644 for plain files."""
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            runnable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runnable else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
