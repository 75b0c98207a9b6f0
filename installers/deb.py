"""Builds the Debian packages into dist/: `python -m installers.deb` (`python3 dev.py deb`).

Briefcase, unmodified, makes the tree: our code, the locked wheels, the launcher. What it has no words for is done here
before the tree is packed: pruning, licences, Debian's own changelog and copyright, Recommends, and the scripts that let
agents finish before an upgrade. So `briefcase package` is not asked: it writes a control file of its own. Two packages
come out: `mulberry`, and `mulberry-engine` with what runs models on the processor, and TON's virtual machine.

Nothing is downloaded but wheels, through pip as it is configured here, and only those whose hashes are in
requirements.lock. The same commit gives the same bytes in any folder.
"""

import argparse
import os
import platform
import shutil
import string
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev import QT_LIBRARIES, QT_WAYLAND_LIBRARIES, QT_X11_LIBRARIES
from installers import licences
from installers.base_requirements import Target
from installers.beside import write_beside
from installers.changelog import Release, releases
from installers.debian.changelog import debian_changelog, debian_version
from installers.debian.copyright import copyright_file
from installers.distributions import shipped
from installers.epoch import settle, source_date_epoch
from installers.project import ROOT, version
from installers.prune import prune
from installers.stage import stage

DIST = ROOT / "dist"
DEBIAN = ROOT / "installers" / "debian"
BRIEFCASE = ROOT / "build" / "briefcase"
BRIEFCASE_LOCK = ROOT / "installers" / "requirements-briefcase.lock"
SYSTEM_PYTHON = "/usr/bin/python3"  # the one that the package will run with, and so the one that chooses the wheels
# In blocks of 48 MB, which dpkg packs and unpacks side by side: the same bytes on however many cores, and hardly more
# than in one piece. zstd would unpack in a tenth of the time, but Debian's archive and lintian refuse it.
RELEASED = ("-Zxz", "-z7")
DRAFT = ("-Zzstd", "-z1")  # seconds in place of minutes, and half as large again
PACKAGES = "usr/lib/mulberry/app_packages"
# What runs models, on the processor, and TON's virtual machine; only processes of their own import it. In the order in
# which the package's version names them: that changes when they do, so most updates need the app's package alone.
ENGINE_PARTS = ("onnxruntime", "numpy", "tokenizers", "wasmtime", "protobuf", "flatbuffers")
WITHOUT_USERNS_RULES = ("bookworm", "bullseye", "focal", "jammy")  # their AppArmor is older than 4 and forbids none


@dataclass(frozen=True, slots=True)
class Binary:
    """One of the packages that are built together. Its control file and overrides lie in installers/debian."""

    name: str
    scripts: tuple[str, ...]
    triggers: str = ""


# Agents run from the engine's files too: they finish before these are replaced. dpkg then calls the app's postinst,
# also where the engine alone was replaced (deb-triggers(5)).
ENGINE = Binary("mulberry-engine", ("prerm",))
APP = Binary("mulberry", ("postinst", "postrm", "prerm"), triggers=f"interest-noawait /{PACKAGES}\n")


@dataclass(frozen=True, slots=True)
class Versions:
    """Of the two packages, and what Debian's have more: the revision, for the distribution."""

    app: str
    engine: str
    revision: str

    def of(self, binary: Binary) -> str:
        return debian_version(self.engine if binary == ENGINE else self.app) + self.revision


@dataclass(frozen=True, slots=True)
class System:
    """The distribution that is built on, and so for: os-release(5)'s words, and the system Python's version."""

    name: str
    number: str
    codename: str
    python: str

    @property
    def release(self) -> str:
        """As `debian12`: what a copy looks for in the feed of releases."""
        return f"{self.name}{self.number}"

    @property
    def suffix(self) -> str:
        """Of the package's version: packages for a later release of the distribution are newer."""
        return f"-1~{self.release}"

    @property
    def target(self) -> Target:
        return Target("linux", "posix", platform.machine(), f"{self.python}.0")


def this_system() -> System:
    """SystemExit where this is no Debian or Ubuntu with a Python that can be embedded."""
    try:
        told = platform.freedesktop_os_release()
    except OSError:
        told = {"ID": ""}
    if "debian" not in (told["ID"], *told.get("ID_LIKE", "").split()):
        raise SystemExit("A Debian package is built on Debian or Ubuntu.")
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    python = subprocess.check_output([SYSTEM_PYTHON, "-c", ask], text=True).strip()
    return System(told["ID"], told.get("VERSION_ID", ""), told["VERSION_CODENAME"], python)


def run(*command: str | Path, folder: Path = ROOT, **environment: str) -> None:
    settled = os.environ | {"SOURCE_DATE_EPOCH": str(source_date_epoch()), "LC_ALL": "C.UTF-8"} | environment
    if subprocess.run(command, cwd=folder, env=settled, check=False).returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed; what it said stands above.")


def briefcase(system: System, *words: str, folder: Path) -> None:
    """Runs the tool in an environment of the system's Python, which it wants; made anew for another lock or Python.

    As a module, for its own launcher names the folder in which it was made; and away from the builder's home, which it
    refuses where that has a space in its name or cannot be written to.
    """
    made_of = BRIEFCASE / "made-of.lock"
    wanted = f"# for Python {system.python}\n{BRIEFCASE_LOCK.read_text()}"
    python = BRIEFCASE / "bin" / "python"
    if not made_of.is_file() or made_of.read_text() != wanted:
        run(SYSTEM_PYTHON, "-m", "venv", "--clear", BRIEFCASE)
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, "--require-hashes", "-r", BRIEFCASE_LOCK)
        made_of.write_text(wanted)
    with tempfile.TemporaryDirectory() as home:
        run(python, "-m", "briefcase", *words, "linux", "system", "--no-input", folder=folder, BRIEFCASE_HOME=home)


def build(system: System, work: Path, revision: str, compression: tuple[str, ...] = RELEASED) -> dict[str, Path]:
    """The packages by name, in `work`, beside the trees that they were packed from."""
    staged = stage(work / "stage", target=system.target, installed_by=f"deb {system.release}")
    for step in ("create", "build"):
        briefcase(system, step, folder=staged)
    bundle = staged / "build" / "mulberry" / system.name / system.codename
    whole = work / APP.name
    shutil.rmtree(whole, ignore_errors=True)
    shutil.move(bundle / f"mulberry-{version()}", whole)
    settle_tree(whole, system)
    shutil.rmtree(work / ENGINE.name, ignore_errors=True)
    split(whole, work / ENGINE.name, ENGINE_PARTS)
    parts = {one.name: one.version for one in shipped(work / ENGINE.name / PACKAGES)}
    versions = Versions(version(), engine_version(parts), revision)
    listed = {
        APP.name: releases((ROOT / "CHANGELOG.md").read_text()),
        ENGINE.name: [Release(versions.engine, None, tuple(f"{name} {parts[name]}." for name in ENGINE_PARTS))],
    }
    built = {}
    for binary in (APP, ENGINE):
        document(work / binary.name, binary, system, listed[binary.name], revision)
        built[binary.name] = pack(work / binary.name, binary, system, versions, compression)
    return built


def engine_version(parts: Mapping[str, str]) -> str:
    """As 1.31.1+numpy2.4.6+…: newer when the first of them that has changed is."""
    first, *others = ENGINE_PARTS
    return parts[first] + "".join(f"+{name}{parts[name]}" for name in others)


def settle_tree(tree: Path, system: System) -> None:
    """Leaves what is run, as it may be run."""
    prune(tree / PACKAGES)
    for record in (tree / PACKAGES).glob("*.dist-info/direct_url.json"):  # where the builder's pip found it
        record.unlink()
    if system.codename in WITHOUT_USERNS_RULES:
        shutil.rmtree(tree / "etc")
    runnable = (tree / "usr" / "bin" / "mulberry", tree / "usr" / "lib" / "mulberry" / "python")
    for path in tree.rglob("*"):
        if path.is_file() and path not in runnable:
            path.chmod(0o644)  # libraries are loaded, not run


def split(tree: Path, target: Path, names: Collection[str]) -> None:
    """Moves the distributions `names` from `tree` to `target`, each file to the same place."""
    packages = tree / PACKAGES
    for one in list(shipped(packages)):
        if one.name in names:
            for path in one.files:
                moved = target / path.relative_to(tree)
                moved.parent.mkdir(parents=True, exist_ok=True)
                path.rename(moved)
    for folder in sorted((path for path in packages.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def document(tree: Path, binary: Binary, system: System, listed: Sequence[Release], revision: str) -> None:
    """Licences, copyright and changelog as Debian wants them, in place of Briefcase's, and lintian's exceptions."""
    documents = tree / "usr" / "share" / "doc" / binary.name
    shutil.rmtree(documents, ignore_errors=True)
    documents.mkdir(parents=True)
    licences.collect(tree / PACKAGES, documents / "licences")
    holder = (ROOT / "NOTICE").read_text().splitlines()[1].removeprefix("Copyright ")
    own = copyright_file(tree / PACKAGES, binary=binary.name, maintainer=maintained_by(), holder=holder)
    (documents / "copyright").write_text(own)
    changes = debian_changelog(
        listed,
        maintainer=maintained_by(),
        suffix=revision,
        distribution=system.codename,
        epoch=source_date_epoch(),
    )
    (documents / "changelog.Debian.gz").write_bytes(changes)
    overrides = tree / "usr" / "share" / "lintian" / "overrides" / binary.name
    overrides.parent.mkdir(parents=True)
    shutil.copyfile(DEBIAN / f"{binary.name}.lintian-overrides", overrides)


def pack(tree: Path, binary: Binary, system: System, versions: Versions, compression: tuple[str, ...]) -> Path:
    """`tree` as a .deb beside it."""
    control = tree / "DEBIAN"
    control.mkdir()
    architecture = subprocess.check_output(["/usr/bin/dpkg", "--print-architecture"], text=True).strip()
    (control / "control").write_text(control_file(tree, binary, system, versions, architecture))
    for script in binary.scripts:
        shutil.copyfile(DEBIAN / script, control / script)
        (control / script).chmod(0o755)
    if binary.triggers:
        (control / "triggers").write_text(binary.triggers)
    files = sorted(path for path in tree.rglob("*") if path.is_file() and control not in path.parents)
    if configuration := [path for path in files if path.is_relative_to(tree / "etc")]:
        (control / "conffiles").write_text("".join(f"/{path.relative_to(tree)}\n" for path in configuration))
    sums = subprocess.check_output(["/usr/bin/md5sum", *(path.relative_to(tree) for path in files)], cwd=tree)
    (control / "md5sums").write_bytes(sums)
    settle(tree, source_date_epoch())
    deb = tree.with_name(f"{binary.name}_{versions.of(binary)}_{architecture}.deb")
    run("dpkg-deb", "--root-owner-group", *compression, "--build", tree, deb)
    return deb


def control_file(tree: Path, binary: Binary, system: System, versions: Versions, architecture: str) -> str:
    """deb-control(5)."""
    kilobytes = sum(path.lstat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    values = {
        "version": versions.of(binary),
        "engine_version": versions.of(ENGINE),
        "architecture": architecture,
        "maintainer": maintained_by(),
        "installed_size": kilobytes,
        "depends": ", ".join(depends(system)),
        "homepage": tomllib.loads((ROOT / "briefcase.toml").read_text())["url"],
    }
    return string.Template((DEBIAN / f"{binary.name}.control").read_text()).substitute(values)


def depends(system: System) -> list[str]:
    """The system's libraries that the launcher and Qt open, as dev.py names them, and what the scripts run."""
    major, minor = map(int, system.python.split("."))
    qt = {**QT_LIBRARIES, **QT_X11_LIBRARIES, **QT_WAYLAND_LIBRARIES}
    return [
        "libc6 (>= 2.34)",  # what the wheels are built for (manylinux_2_34)
        "libstdc++6",
        f"libpython{system.python}",
        f"python3 (>= {system.python}~)",
        f"python3 (<< {major}.{minor + 1}~)",
        *sorted(qt.values()),
        "hicolor-icon-theme",  # without its index, Qt finds no icon of ours
        "ca-certificates",
    ]


def maintained_by() -> str:
    configured = tomllib.loads((ROOT / "briefcase.toml").read_text())
    return f"{configured['author']} <{configured['author_email']}>"


def main() -> None:
    parser = argparse.ArgumentParser(prog="dev.py deb", description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "deb", help="where it is built")
    parser.add_argument("--dist", type=Path, default=DIST, help="where the packages go")
    parser.add_argument("--revision", help="after the version, in place of -1~debian12 and the like")
    parser.add_argument("--draft", action="store_true", help="packed in seconds, for trying; not within the budget")
    arguments = parser.parse_args()
    system = this_system()
    arguments.work.mkdir(parents=True, exist_ok=True)
    work = arguments.work.absolute()
    revision = arguments.revision or system.suffix + "~draft" * arguments.draft
    built = build(system, work, revision, DRAFT if arguments.draft else RELEASED)
    arguments.dist.mkdir(parents=True, exist_ok=True)
    for name, made in built.items():
        deb = Path(shutil.copy2(made, arguments.dist / made.name))
        if not arguments.draft:
            write_beside(deb, work / name, packages=work / name / PACKAGES)
        sys.stdout.write(f"{deb}\n")


if __name__ == "__main__":
    main()
