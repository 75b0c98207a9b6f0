"""Takes out of a folder of installed packages what Mulberry never runs, most of all of Qt.

PySide6-Essentials brings 234 MiB; the window needs a quarter of it. So Qt is pruned by a list of what *stays*: a new
version's new parts are left out until somebody wants them. That also keeps out, by construction, the parts of Qt that
are under the GPL alone; `refuse_gpl_only_parts` says it again by name, because that one is not about size.

Source of GPL_ONLY: each module's "Licenses and Attributions" in Qt's documentation. Wayland Compositor's was read, and
says so; of the others nothing was found that allows the LGPL, and what is not known to be allowed is not shipped.
"""

import base64
import csv
import hashlib
from fnmatch import fnmatchcase
from pathlib import Path

from installers.icu import trim_icu
from installers.project import ROOT
from installers.strip import strip_symbols

QT_MODULES = "Core|Gui|Network|Svg|Widgets"  # what `mulberry.desktop` imports

# Patterns below PySide6/, as fnmatch reads them: `*` crosses folders. Linux and Windows lay the same parts out
# differently.
QT_KEPT = (
    "__init__.py",
    "_config.py",
    "_git_pyside_version.py",
    "support/*.py",
    *(f"Qt{module}.abi3.so" for module in QT_MODULES.split("|")),
    *(f"Qt{module}.pyd" for module in QT_MODULES.split("|")),
    *(f"Qt/lib/libQt6{module}.so.*" for module in QT_MODULES.split("|")),
    *(f"Qt6{module}.dll" for module in QT_MODULES.split("|")),
    "libpyside6.abi3.so.*",
    "pyside6.abi3.dll",
    "msvcp140*.dll",
    "vcruntime140*.dll",
    "Qt/lib/libicu*.so.*",
    "Qt/lib/libQt6DBus.so.*",  # Gui asks the desktop over D-Bus
    "Qt/lib/libQt6XcbQpa.so.*",
    "Qt/lib/libQt6WaylandClient.so.*",
    "*plugins/platforms/libqxcb.so",
    "*plugins/platforms/libqwayland.so",
    "*plugins/platforms/libqoffscreen.so",
    "*plugins/platforms/qwindows.dll",
    "*plugins/platforms/qoffscreen.dll",
    "*plugins/platformthemes/*",
    "*plugins/styles/*",
    "*plugins/iconengines/*",
    "*plugins/imageformats/*qsvg.*",
    "*plugins/platforminputcontexts/libcomposeplatforminputcontextplugin.so",
    "*plugins/platforminputcontexts/libibusplatforminputcontextplugin.so",
    "*plugins/wayland-decoration-client/*",
    "*plugins/wayland-shell-integration/libxdg-shell.so",
    *(f"*translations/qtbase_{language.stem}*.qm" for language in (ROOT / "resources/languages").glob("*.mo")),
)

# Parts of Qt that may be used under the GPL (or bought), not under the LGPL. As parts of file names, in any case.
GPL_ONLY = (
    "Charts",
    "CoAP",
    "DataVisualization",
    "Graphs",
    "Grpc",
    "HttpServer",
    "Lottie",
    "Mqtt",
    "NetworkAuth",
    "Protobuf",
    "Quick3D",
    "QuickTimeline",
    "VirtualKeyboard",
    "WaylandCompositor",
    "wayland-graphics-integration-server",
)

# Elsewhere, below the folder of packages: what is read only by compilers, type checkers and test runners.
NEVER_RUN = (
    "*/__pycache__/*",
    "*.pyc",
    "*.pyi",
    "*.pyx",
    "*.pxd",
    "*.pxi",
    "*/py.typed",
    "*.[ch]",
    "*.[ch]pp",
    "*.a",
    "*.lib",
    "bin/*",
    "example.py",  # of nvidia-ml-py, at the top
    "Cryptodome/SelfTest/*",
    "bitarray/test_*",
    "bitarray/examples/*",
    "onnxruntime/capi/libonnxruntime.so.*",  # for programs in C; Python's module has all of it inside itself
    "onnxruntime/capi/onnxruntime.dll",
    "numpy/f2py/*",
    "numpy/tests/*",
    "numpy/*/tests/*",
    "numpy/_core/lib/*",
    "numpy/random/lib/*",
    "onnxruntime/tools/*",
    "onnxruntime/transformers/*",
    "onnxruntime/quantization/*",
    "onnxruntime/datasets/*",
    "pydantic/v1/*",  # for programs that were written for its first version
    "shiboken6/include/*",
)
KEPT_ALL_THE_SAME = ("*.dist-info/*",)  # licences and names of what is there
TELLS_OF_THE_BUILDER = ("*.dist-info/direct_url.json", "*.dist-info/uv_cache.json")  # hosts and folders


def prune(packages: Path) -> int:
    """Removes what is not run from `packages` (a site-packages folder). Returns the bytes freed.

    Each distribution's RECORD is written anew to tell of exactly the files that are left. Without that, two builds in
    two folders differ: pip notes there the hashes of launchers that name the builder's own Python.
    """
    freed = 0
    for path in sorted(packages.rglob("*")):
        if (path.is_file() or path.is_symlink()) and not is_kept(path.relative_to(packages).as_posix()):
            freed += path.lstat().st_size
            path.unlink()
    for folder in sorted((path for path in packages.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    freed += strip_symbols(packages)
    trim_icu(packages)
    for record in packages.glob("*.dist-info/RECORD"):
        settle_record(record)
    refuse_gpl_only_parts(packages)
    return freed


def is_kept(relative: str) -> bool:
    if any(fnmatchcase(relative, pattern) for pattern in TELLS_OF_THE_BUILDER):
        return False
    if any(fnmatchcase(relative, pattern) for pattern in KEPT_ALL_THE_SAME):
        return True
    if relative.startswith("PySide6/"):
        return any(fnmatchcase(relative.removeprefix("PySide6/"), pattern) for pattern in QT_KEPT)
    return not any(fnmatchcase(relative, pattern) for pattern in NEVER_RUN)


def settle_record(record: Path) -> None:
    """Makes a distribution's list of files true: those that are there, with their hashes, in the order of their names.

    Source of the format: PyPA's specification "Recording installed projects".
    """
    packages = record.parent.parent.resolve()
    with record.open(newline="") as lines:
        named = {packages.joinpath(row[0]).resolve() for row in csv.reader(lines) if row}
    rows = []
    for path in sorted(named):
        if path == record.resolve():
            rows.append((path.relative_to(packages).as_posix(), "", ""))
        elif path.is_relative_to(packages) and path.is_file():
            content = path.read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.append((path.relative_to(packages).as_posix(), f"sha256={digest}", str(len(content))))
    with record.open("w", newline="") as lines:
        csv.writer(lines, lineterminator="\n").writerows(rows)


def refuse_gpl_only_parts(tree: Path) -> None:
    """SystemExit that names every file in `tree` that belongs to a part of Qt under the GPL alone."""
    found = [
        path.relative_to(tree).as_posix()
        for path in sorted(tree.rglob("*"))
        if "PySide6" in path.relative_to(tree).parts
        and any(part.lower() in path.relative_to(tree).as_posix().lower() for part in GPL_ONLY)
    ]
    if found:
        raise SystemExit(
            "Parts of Qt that only the GPL or a bought licence allows may not be shipped:\n" + "\n".join(found)
        )
