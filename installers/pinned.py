"""Files that a build fetches from elsewhere than Python's package index, each with its address and SHA-256.

Whoever builds without that network names a file that was fetched before; the hash is looked at all the same.
"""

import tomllib
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from installers.checksums import sha256
from installers.project import ROOT

DOWNLOADS = ROOT / "build" / "downloads"
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """`most_bytes` is read of an answer, whatever the hash would have said of the rest."""

    name: str
    version: str
    url: str
    sha256: str
    most_bytes: int


def read_pins(path: Path) -> dict[str, PinnedFile]:
    """The tables of `path` by their names."""
    return {name: PinnedFile(name, **told) for name, told in tomllib.loads(path.read_text()).items()}


def fetch(pinned: PinnedFile, file: Path | None = None) -> Path:
    """`file` where one is named, else the downloaded one. SystemExit: it cannot be had, or is not what was pinned."""
    path = file or DOWNLOADS / pinned.url.rpartition("/")[2]
    if not path.is_file():
        untrusted = _answer(pinned)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(untrusted)
    found = sha256(path)
    if found != pinned.sha256:
        if file is None:
            path.unlink()
        raise SystemExit(
            f"{path} is not {pinned.name} {pinned.version} as it was pinned: SHA-256 {found}, not {pinned.sha256}."
        )
    return path


def _answer(pinned: PinnedFile) -> bytes:
    try:
        with urllib.request.urlopen(pinned.url, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - a pinned address
            content: bytes = answer.read(pinned.most_bytes)
    except OSError as error:
        raise SystemExit(
            f"{pinned.name} {pinned.version} cannot be fetched from {pinned.url}: {error}.\n"
            "Fetch it elsewhere and name the file; --help says how."
        ) from None
    return content
