"""Builds Mulberry's wheel and source distribution into dist/: `python -m installers.wheel` (`python3 dev.py wheel`).

The wheel is built from the source distribution, not from the checkout: so it cannot hold what a packager who starts
from there would not have. Both are the same bytes wherever and whenever one commit is built.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from installers.beside import write_beside
from installers.epoch import source_date_epoch
from installers.project import ROOT
from installers.release import uncommitted

DIST = ROOT / "dist"


def hatchling(source: Path, target: str, folder: Path) -> Path:
    """The artefact that hatchling builds from `source` into `folder`; `target` is "sdist" or "wheel"."""
    command = [sys.executable, "-P", "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(source_date_epoch())}
    if subprocess.run(command, cwd=source, env=environment, stdout=sys.stderr, check=False).returncode:
        raise SystemExit(f"hatchling could not build the {target}; what it said stands above.")
    (built,) = folder.glob("*.tar.gz" if target == "sdist" else "*.whl")
    return built


def build(folder: Path, source: Path = ROOT) -> tuple[Path, Path]:
    """The source distribution and the wheel made from it, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    sdist = hatchling(source, "sdist", folder)
    with tempfile.TemporaryDirectory() as unpacked:
        with tarfile.open(sdist) as archive:
            archive.extractall(unpacked, filter="data")
        (tree,) = Path(unpacked).iterdir()
        return sdist, hatchling(tree, "wheel", folder)


def main() -> None:
    if changed := uncommitted():
        sys.stderr.write(f"{len(changed)} files differ from the commit, so nobody else can build these same bytes.\n")
    with tempfile.TemporaryDirectory() as folder:
        for artefact in build(Path(folder)):
            DIST.mkdir(exist_ok=True)
            kept = Path(shutil.move(artefact, DIST / artefact.name))
            write_beside(kept, None, packages=None)
            sys.stdout.write(f"{kept.relative_to(ROOT)}  {kept.stat().st_size / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()
