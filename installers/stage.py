"""Lays out the tree that unmodified Briefcase packages, with briefcase.toml grafted into its pyproject.toml.

Briefcase reads its configuration from `pyproject.toml` in the folder where it runs and nowhere else. So it runs in a
staged copy: the app with its resources inside (as in the wheel), the template, what is generated for desktops and
shells, the locked list of requirements, and briefcase.toml as a pyproject.toml, with version and requirements added.

python -m installers.stage [FOLDER]              stages into FOLDER, build/stage without one
python -m installers.stage FOLDER windows-3.12   for a Windows host with that Python
"""

import re
import shutil
import sys
from pathlib import Path

from installers.base_requirements import TARGETS, Target, write_base_requirements
from installers.linux.desktop_files import write_desktop_files
from installers.project import ROOT, version
from installers.windows.pictures import write_icon

STAGE = ROOT / "build" / "stage"
REQUIREMENTS = "requirements.lock"
TEMPLATE = Path("installers/linux-system-template")
SYSTEM_TREE = "{{ cookiecutter.format }}/{{ cookiecutter.app_name }}-{{ cookiecutter.version }}"
FOR_DEVELOPERS = ("__pycache__", "*.po", "*.tolk", "README.md")  # resources are made from these, or explained by them


def stage(folder: Path = STAGE, *, target: Target = TARGETS["debian-12"], installed_by: str = "deb") -> Path:
    """Fills `folder` anew and returns it. `installed_by` tells the app how it is updated (docs/updates.md)."""
    shutil.rmtree(folder, ignore_errors=True)
    copy_app(folder / "app" / "mulberry", installed_by=installed_by)
    for name in ("LICENSE", "NOTICE", "CHANGELOG.md"):
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copytree(ROOT / TEMPLATE, folder / TEMPLATE)
    (folder / TEMPLATE / SYSTEM_TREE / "usr" / "lib" / "mulberry").mkdir()  # Briefcase does not make it
    write_desktop_files(folder / TEMPLATE / SYSTEM_TREE / "usr" / "share", man_page=folder / "man" / "mulberry.1")
    write_base_requirements(folder / REQUIREMENTS, target)
    if target.sys_platform == "win32":
        (folder / "icons").mkdir()
        write_icon(ROOT / "resources" / "icons" / "mulberry.svg", folder / "icons" / "mulberry.ico")
    (folder / "pyproject.toml").write_text(grafted((ROOT / "briefcase.toml").read_text(), version()))
    return folder


def copy_app(target: Path, *, installed_by: str) -> None:
    """The app with its resources inside, as `target`."""
    ignore = shutil.ignore_patterns(*FOR_DEVELOPERS)
    shutil.copytree(ROOT / "app" / "mulberry", target, ignore=ignore)
    shutil.copytree(ROOT / "resources", target / "resources", ignore=ignore)
    told = target / "resources" / "updates" / "installed-by"
    told.parent.mkdir(exist_ok=True)
    told.write_text(f"{installed_by}\n")


def grafted(briefcase: str, number: str) -> str:
    """The text of a pyproject.toml: `briefcase` with every table below `[tool.briefcase]`, version and requirements."""
    tables = re.sub(r"^\[(\w)", r"[tool.briefcase.\1", briefcase, flags=re.MULTILINE)
    # pip takes the list whole: exact versions, hashes demanded, nothing that the list does not name
    wheels = f'requires = ["-r{REQUIREMENTS}"]\nrequirement_installer_args = ["--no-deps", "--require-hashes"]\n'
    with_requirements = re.sub(r"^(\[tool\.briefcase\.app\.mulberry\]\n)", rf"\1{wheels}", tables, flags=re.MULTILINE)
    return f'[tool.briefcase]\nversion = "{number}"\n{with_requirements}'


if __name__ == "__main__":
    wanted = sys.argv[2] if sys.argv[2:] else "debian-12"
    installed_by = "deb" if wanted.startswith("debian") else ""  # nothing of ours replaces what others have packaged
    place = Path(sys.argv[1]).absolute() if sys.argv[1:] else STAGE
    sys.stdout.write(f"{stage(place, target=TARGETS[wanted], installed_by=installed_by)}\n")
