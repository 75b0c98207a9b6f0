"""Makes the AppImage: one file that runs on any x86-64 Linux with glibc 2.34 or newer, without being installed.

python -m installers.appimage.build                     needs mksquashfs (apt install squashfs-tools) and GitHub, or the
                                                        two files that inputs.toml names: --python-archive, --runtime
python -m installers.appimage.build --tree-only --this-python
                                                        only the folder, with this Python in place of the one that ships

An AppImage is a small program (the runtime) with a SquashFS image behind it, which it mounts to run `AppRun` in it;
source: the AppImage specification, "Type 2 image format". So no tool beside mksquashfs is needed. Two builds of one
commit should give the same bytes: times are the commit's, owners are root, and SquashFS sorts names by itself.
"""

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

from installers.beside import write_beside
from installers.epoch import settle, source_date_epoch
from installers.licences import collect
from installers.linux.desktop_files import write_desktop_files
from installers.linux.wheels import put_packages
from installers.pinned import PinnedFile, fetch, read_pins
from installers.project import ROOT, version
from installers.sbom import Part
from installers.stage import copy_app

HERE = Path(__file__).resolve().parent
PINS = read_pins(HERE / "inputs.toml")
# Of Python's own: what only builders, testers and teachers use. pip stays: `mulberry gpu-setup` asks it.
NOT_RUN = (
    "include",
    "share",
    "lib/pkgconfig",
    "lib/itcl*",
    "lib/tcl*",
    "lib/tk*",
    "lib/thread*",
    "lib/libtcl*",
    "lib/libtk*",
    "lib/python3.*/config-*",
    "lib/python3.*/ensurepip",
    "lib/python3.*/idlelib",
    "lib/python3.*/lib-dynload/_tkinter*",
    "lib/python3.*/lib2to3",
    "lib/python3.*/test",
    "lib/python3.*/tkinter",
    "lib/python3.*/turtledemo",
)


def build_tree(tree: Path, work: Path, archive: Path | None) -> Path:
    """Fills `tree`, a new folder, with what is mounted; returns the folder of packages in it.

    Without `archive` this very Python stands for the one that ships, so that the rest can be tried out.
    """
    python = tree / "usr" / "python"
    put_python(archive, python)
    (standard,) = python.glob("lib/python3.*")
    packages = standard / "site-packages"
    licence = (standard / "LICENSE.txt").read_text()
    if archive is not None:
        put_pip_aside(packages)
    put_packages(packages, work, PINS["python"].version.partition("+")[0] if archive else None)
    copy_app(packages / "mulberry", installed_by="appimage")
    share = tree / "usr" / "share"
    write_desktop_files(share, man_page=share / "man" / "man1" / "mulberry.1")
    shutil.copyfile(share / "applications" / "mulberry.desktop", tree / "mulberry.desktop")
    shutil.copyfile(share / "icons/hicolor/256x256/apps/mulberry.png", tree / "mulberry.png")
    shutil.copyfile(tree / "mulberry.png", tree / ".DirIcon")
    collect(packages, share / "doc" / "mulberry" / "licences")
    (share / "doc" / "mulberry" / "licences" / "python.txt").write_text(licence)
    compile_ahead(python)
    shutil.copyfile(HERE / "AppRun", tree / "AppRun")
    (tree / "AppRun").chmod(0o755)
    return packages


def put_python(archive: Path | None, target: Path) -> None:
    if archive is not None:
        with tarfile.open(archive) as content:
            content.extractall(target.parent, filter="data")  # its one folder is called python
    else:
        put_this_python(target)
    for pattern in NOT_RUN:
        for path in target.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for cache in target.rglob("__pycache__"):
        shutil.rmtree(cache)


def put_this_python(target: Path) -> None:
    """The interpreter that runs this, with its standard library and no packages. It still wants its own libpython."""
    standard = Path(sysconfig.get_path("stdlib"))
    others = shutil.ignore_patterns("site-packages", "dist-packages", "test", "__pycache__", "config-*")
    shutil.copytree(standard, target / "lib" / standard.name, ignore=others)
    (target / "lib" / standard.name / "site-packages").mkdir()
    (target / "bin").mkdir()
    shutil.copyfile(Path(sys.executable).resolve(), target / "bin" / standard.name)
    (target / "bin" / standard.name).chmod(0o755)
    (target / "bin" / "python3").symlink_to(standard.name)


def put_pip_aside(packages: Path) -> None:
    """Beside the standard library, where Python finds it too: the folder of packages holds what the lock names."""
    for path in [*packages.glob("pip"), *packages.glob("pip-*.dist-info")]:
        path.rename(packages.parent / path.name)
    if left := [path.name for path in packages.iterdir() if path.name != "README.txt"]:
        raise SystemExit(f"Python's archive brings packages that nobody has looked at: {', '.join(sorted(left))}.")


def compile_ahead(python: Path) -> None:
    """What is mounted cannot be written to, so each start would compile every module anew."""
    own = python / "bin" / "python3"
    options = ("-q", "--invalidation-mode", "unchecked-hash")
    subprocess.run([own, "-I", "-m", "compileall", *options, python / "lib"], env={"PYTHONHASHSEED": "0"}, check=True)


def pack(tree: Path, runtime: Path, target: Path) -> None:
    """Writes the AppImage `target`. SystemExit: mksquashfs is missing or fails."""
    mksquashfs = shutil.which("mksquashfs")
    if mksquashfs is None:
        raise SystemExit("mksquashfs is missing: install squashfs-tools.")
    image = target.with_name(target.name + ".squashfs")
    image.unlink(missing_ok=True)
    command = [
        mksquashfs,
        str(tree),
        str(image),
        "-noappend",
        "-all-root",
        "-comp",
        "zstd",
        "-Xcompression-level",
        "19",
    ]
    command += ["-no-progress", "-quiet", "-no-exports", "-no-xattrs"]
    if subprocess.run(
        command, env=os.environ | {"SOURCE_DATE_EPOCH": str(source_date_epoch())}, check=False
    ).returncode:
        raise SystemExit("mksquashfs failed; it says why above.")
    target.write_bytes(runtime.read_bytes() + image.read_bytes())
    image.unlink()
    target.chmod(0o755)


def brought_along(packages: Path, pins: dict[str, PinnedFile]) -> tuple[Part, ...]:
    python, runtime = pins["python"], pins["runtime"]
    (pip,) = (path.name.removesuffix(".dist-info").removeprefix("pip-") for path in packages.parent.glob("pip-*"))
    return (
        Part("pip", pip, "MIT", f"pkg:pypi/pip@{pip}"),
        Part("cpython", python.version, "PSF-2.0", f"pkg:generic/python@{python.version}", python.sha256),
        Part(
            "type2-runtime",
            runtime.version,
            "MIT",
            f"pkg:github/AppImage/type2-runtime@{runtime.version}",
            runtime.sha256,
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python-archive", type=Path, help="Python as inputs.toml names it, if it was fetched before")
    parser.add_argument("--runtime", type=Path, help="the runtime as inputs.toml names it, if it was fetched before")
    parser.add_argument("--this-python", action="store_true", help="with this Python instead; only with --tree-only")
    parser.add_argument("--tree-only", action="store_true", help="put the folder together and stop there")
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "appimage")
    arguments = parser.parse_args()
    if arguments.this_python and not arguments.tree_only:
        parser.error("--this-python is for trying the tree; it does not run on other computers")
    archive = None if arguments.this_python else fetch(PINS["python"], arguments.python_archive)
    work = arguments.work.absolute()
    shutil.rmtree(work, ignore_errors=True)
    tree = work / "AppDir"
    tree.mkdir(parents=True)
    packages = build_tree(tree, work, archive)
    settle(tree, source_date_epoch())
    if arguments.tree_only:
        sys.stdout.write(f"{tree}\n")
        return
    arguments.output.mkdir(parents=True, exist_ok=True)
    image = arguments.output.absolute() / f"Mulberry-{version()}-x86_64.AppImage"
    pack(tree, fetch(PINS["runtime"], arguments.runtime), image)
    write_beside(image, tree, packages=packages, others=brought_along(packages, PINS))
    sys.stdout.write(f"{image}: {image.stat().st_size / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()
