"""Files that a build fetches from elsewhere than Python's package index, each with its address and SHA-256.

Whoever builds without that network names a file that was fetched before; the hash is looked at all the same.
"""

import hashlib
import http.client
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
    if file is not None:
        _compare(str(file), sha256(file), pinned)
        return file
    kept = DOWNLOADS / pinned.url.rpartition("/")[2]
    if not kept.is_file() or sha256(kept) != pinned.sha256:  # another pin's, or a build was cut off while it wrote
        untrusted = _answer(pinned)
        _compare(pinned.url, hashlib.sha256(untrusted).hexdigest(), pinned)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(untrusted)
    return kept


def _compare(what: str, found: str, pinned: PinnedFile) -> None:
    if found != pinned.sha256:
        raise SystemExit(
            f"{what} is not {pinned.name} {pinned.version} as it was pinned: SHA-256 {found}, not {pinned.sha256}."
        )


def _answer(pinned: PinnedFile) -> bytes:
    try:
        with urllib.request.urlopen(pinned.url, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - a pinned address
            content: bytes = answer.read(pinned.most_bytes)
    except (OSError, http.client.HTTPException) as error:
        raise SystemExit(
            f"{pinned.name} {pinned.version} cannot be fetched from {pinned.url}: {error}.\n"
            "Fetch it elsewhere and name the file; --help says how."
        ) from None
    return content
