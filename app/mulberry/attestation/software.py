"""What is installed where Mulberry runs: read from disk anew for each statement.

Mulberry's own files are hashed as they lie there. Of everything else that Python would find, the list of files with
their hashes that pip wrote (RECORD, PEP 627) is hashed, not the files: onnxruntime and Qt alone are hundreds of
megabytes. What has been loaded into memory before may differ from both.
"""

import hashlib
import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from itertools import islice
from pathlib import Path

from mulberry import __version__
from mulberry.attestation.manifest import MOST_PACKAGES, Package, Software
from mulberry.model.places import resource
from mulberry.model.text import plain

PACKAGE = Path(__file__).resolve().parent.parent
LONGEST = 200  # characters of a name or version
ONNXRUNTIMES = re.compile(r"onnxruntime(-\w+)?")


def read_software(libraries: Path | None = None) -> Software:
    """Blocking; some 100 ms. `libraries` is the folder of a GPU runtime that serves, whose packages come before others.

    Raises `OSError`: a file of ours cannot be read.
    """
    found = islice(_packages(libraries), MOST_PACKAGES)
    packages = tuple(sorted(found, key=lambda package: (package.name, package.version)))
    return Software(
        mulberry=__version__,
        origin="package" if _is_a_package() else "checkout",
        files=_hash_of_ours(),
        packages=packages,
        python=_line(f"{platform.python_implementation()} {platform.python_version()}"),
        onnxruntime=", ".join(f"{each.name} {each.version}" for each in packages if ONNXRUNTIMES.fullmatch(each.name))
        or "not installed",
        system=_line(platform.platform()),
    )


def _packages(libraries: Path | None) -> Iterator[Package]:
    seen = set()
    path = [str(libraries), *sys.path] if libraries else sys.path
    for distribution in metadata.distributions(path=path):
        name = _line(distribution.name or "unnamed")
        if name in seen:  # Python takes the first it finds
            continue
        seen.add(name)
        record = distribution.read_text("RECORD")
        digest = None if record is None else hashlib.sha256(record.encode()).hexdigest()
        yield Package(name, _line(distribution.version or "unknown"), digest)


def _is_a_package() -> bool:
    """Whether we run from where pip has put us."""
    try:
        return Path(str(metadata.distribution("mulberry").locate_file("mulberry"))).resolve() == PACKAGE
    except metadata.PackageNotFoundError:
        return False


def _hash_of_ours() -> str:
    """SHA-256 over one line a file, in the order of their names: its SHA-256, a space, its name, a new line.

    Program and resources alike; names are relative to the package, those of resources begin with `resources/`.
    """
    resources = resource("networks").parent
    files = {f"resources/{path.relative_to(resources).as_posix()}": path for path in _plain_files(resources)}
    files |= {path.relative_to(PACKAGE).as_posix(): path for path in _plain_files(PACKAGE)}
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        with path.open("rb") as file:
            digest.update(f"{hashlib.file_digest(file, 'sha256').hexdigest()} {name}\n".encode())
    return digest.hexdigest()


def _plain_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and path.parent.name != "__pycache__":  # which Python writes by itself
            yield path


def _line(text: str) -> str:
    return plain(text, LONGEST)
