"""What this copy of Mulberry was given for updates by who packaged it: release keys, a feed, and how it was installed.

They are files in `resources/updates`, which has a README for packagers. None of them need be there.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mulberry import __version__
from mulberry.agent.bounded_get import web_address
from mulberry.agent.updates.feed import ReleaseKeys, read_keys
from mulberry.model.places import resource
from mulberry.model.update import InstalledBy, Version

FOLDER = "updates"
TOOLS = {"pipx_metadata.json": InstalledBy.PIPX, "uv-receipt.toml": InstalledBy.UV}  # what they leave in an environment


@dataclass(frozen=True, slots=True)
class Build:
    """`feed` is the packager's, "" where there is none. Without `keys` no feed can be believed.
    `built_for` is the release of a distribution that its package is for, as `debian12`."""

    version: Version
    installed_by: InstalledBy
    keys: ReleaseKeys | None = None
    feed: str = ""
    built_for: str = ""


def this_build(find: Callable[[str], Path] = resource) -> Build:
    """Raises `FeedRefused` or `ValueError`: whoever packaged this copy put something there that is none."""
    keys, feed, by = (_text(find, name) for name in ("keys.json", "feed", "installed-by"))
    by, _, built_for = by.partition(" ")
    return Build(
        Version.read(__version__),
        InstalledBy(by) if by else _installed_by(),
        read_keys(keys.encode()) if keys else None,
        web_address(feed) if feed else "",
        built_for,
    )


def _text(find: Callable[[str], Path], name: str) -> str:
    try:
        return find(f"{FOLDER}/{name}").read_text("utf-8").strip()
    except FileNotFoundError:
        return ""


def _installed_by() -> InstalledBy:
    """Where no packager has said it: by Python's own tools, or not at all."""
    try:
        metadata.distribution("mulberry")
    except metadata.PackageNotFoundError:
        return InstalledBy.SOURCE
    environment = Path(sys.prefix)
    return next((by for name, by in TOOLS.items() if (environment / name).exists()), InstalledBy.PIP)
