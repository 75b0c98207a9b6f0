"""Makes the Windows installer, on Linux or anywhere else: puts the tree together and has NSIS pack it.

python -m installers.windows.build                     needs makensis, and python.org or --python-archive
python -m installers.windows.build --without-python    one to try the installer with; Mulberry cannot start from it

Two builds of one commit give the same bytes: the files' times are the commit's, their order is sorted, and NSIS writes
no time of its own.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from installers.beside import write_beside
from installers.epoch import settle, source_date_epoch
from installers.pinned import PinnedFile, fetch
from installers.project import ROOT, version
from installers.sbom import Part
from installers.windows.pictures import write_side_picture
from installers.windows.tree import PIP_LOCK, build_program, pinned_python

SCRIPT = Path(__file__).with_name("mulberry.nsi")
UTF_8 = {"LC_ALL": "C.UTF-8"}  # in which makensis reads the names of files


def build(output: Path, work: Path, archive: Path | None, python: PinnedFile, *, is_draft: bool = False) -> Path:
    """The installer, in the folder `output`, with what belongs beside it. `work` is emptied first.

    SystemExit: why there is none.
    """
    shutil.rmtree(work, ignore_errors=True)
    program = work / "program"
    build_program(program, python, archive, work)
    settle(program, source_date_epoch())
    name = f"mulberry-{version()}-windows-amd64" + "-draft" * is_draft + "-trial-without-python" * (archive is None)
    packed = work / f"{name}.exe"  # not in `output`, where nobody should find half of it
    make_setup(packed, program, work, version(), is_trial=archive is None, is_draft=is_draft)
    output.mkdir(parents=True, exist_ok=True)
    setup = Path(shutil.move(packed, output / packed.name))
    if not is_draft:
        write_beside(setup, program, packages=program / "packages", others=brought_along(python, archive))
    return setup


def brought_along(python: PinnedFile, archive: Path | None) -> tuple[Part, ...]:
    pip_version = PIP_LOCK.read_text().removeprefix("pip==").split()[0]
    pip = Part("pip", pip_version, "MIT", f"pkg:pypi/pip@{pip_version}")
    cpython = Part("cpython", python.version, "PSF-2.0", f"pkg:generic/python@{python.version}", python.sha256)
    return (cpython, pip) if archive else (pip,)


def make_setup(setup: Path, program: Path, work: Path, app_version: str, *, is_trial: bool, is_draft: bool) -> None:
    """Packs `program` into the file `setup`; `work` is for what is written on the way. A draft is quick, and larger."""
    side = work / "side.bmp"
    write_side_picture(ROOT / "resources" / "icons" / "mulberry.svg", side)
    settle(side, source_date_epoch())  # it is packed too, with its time
    (work / "licence.txt").write_text(licence_page(), encoding="utf-8-sig", newline="\r\n")
    (work / "files.nsh").write_text("".join(f"{line}\n" for line in file_lines(program)), encoding="utf-8")
    kilobytes = sum(path.stat().st_size for path in program.rglob("*") if path.is_file()) // 1000 + 1
    defined = {
        "VERSION": app_version,
        "NUMBER": four_numbers(app_version),
        "KILOBYTES": str(kilobytes),
        "MEGABYTES": str(kilobytes // 1000 + 1),
        "PROGRAM": str(program),
        "WORK": str(work),
        "SETUP": str(setup),
    }
    words = [f"-D{name}={value}" for name, value in defined.items()]
    words += ["-DTRIAL"] * is_trial + ["-DDRAFT"] * is_draft
    compile_script(SCRIPT, *words)


def four_numbers(app_version: str) -> str:
    """The version as Windows compares them: 1.2.0rc1, as 1.2.0.3001, comes before 1.2.0, as 1.2.0.9000.

    SystemExit where it is neither a release nor such a pre-release.
    """
    read = re.fullmatch(r"(\d+\.\d+\.\d+)(?:(a|b|rc)(\d{1,3}))?", app_version)
    if read is None:
        raise SystemExit(f"Windows needs a version such as 1.2.0 or 1.2.0rc1; it is {app_version}.")
    stage = {"a": 1000, "b": 2000, "rc": 3000, None: 9000}[read[2]]
    return f"{read[1]}.{stage + int(read[3] or 0)}"


def compile_script(script: Path, *words: str) -> None:
    """SystemExit: NSIS is missing, or finds a mistake; a warning is one."""
    makensis = shutil.which("makensis")
    if makensis is None:
        raise SystemExit("makensis is missing: install NSIS 3.08 or newer (apt install nsis).")
    command = [makensis, "-V2", "-WX", "-INPUTCHARSET", "UTF8", *words, str(script)]
    if subprocess.run(command, env=os.environ | UTF_8, check=False).returncode:
        raise SystemExit(f"NSIS does not accept {script.name}; it says why above.")


def file_lines(program: Path) -> Iterator[str]:
    """NSIS's commands that unpack `program`, sorted: the disk's order of files must not change the installer."""
    folder = None
    for path in sorted(path for path in program.rglob("*") if path.is_file()):
        if path.parent != folder:
            folder = path.parent
            below = folder.relative_to(program.parent)
            yield 'SetOutPath "$INSTDIR\\{}"'.format(str(below).replace("$", "$$").replace("/", "\\"))
        yield f'File "{path}"'


def licence_page() -> str:
    notice = (ROOT / "NOTICE").read_text().strip()
    return (
        f"{notice}\n\nMulberry comes with the works of others, each under its own licence. All of them are in the "
        f"folder program\\licences, listed in README.txt.\n\n{'-' * 40}\n\n{(ROOT / 'LICENSE').read_text().strip()}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    python = parser.add_mutually_exclusive_group()
    python.add_argument("--python-archive", type=Path, help="CPython's embeddable zip, if it was fetched before")
    python.add_argument("--without-python", action="store_true", help="make an installer to try the installer with")
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "windows")
    parser.add_argument("--draft", action="store_true", help="packed in a minute, for trying; not within the budget")
    arguments = parser.parse_args()
    pinned = pinned_python()
    archive = None if arguments.without_python else fetch(pinned, arguments.python_archive)
    setup = build(arguments.output.absolute(), arguments.work.absolute(), archive, pinned, is_draft=arguments.draft)
    sys.stdout.write(f"{setup}: {setup.stat().st_size / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()
