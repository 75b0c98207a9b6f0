"""Debian's changelog from ours. Source of the form: deb-changelog(5)."""

import gzip
import re
import textwrap
from collections.abc import Sequence
from email.utils import format_datetime

from installers.changelog import Release

WIDTH = 80


def debian_changelog(
    releases: Sequence[Release], *, maintainer: str, suffix: str, distribution: str, epoch: int
) -> bytes:
    """The text, compressed as Debian wants it: always the same bytes. `suffix` is what a version has more than ours."""
    text = "\n".join(_entry(release, maintainer, suffix, distribution, epoch) for release in releases)
    return gzip.compress(text.encode(), 9, mtime=0)


def debian_version(version: str) -> str:
    """`version` so that dpkg, too, has a pre-release before its release: 1.2.0~rc1 for 1.2.0rc1."""
    return re.sub(r"(?<=\d)(?=(?:a|b|rc)\d)", "~", version)


def _entry(release: Release, maintainer: str, suffix: str, distribution: str, epoch: int) -> str:
    changes = "\n".join(
        textwrap.fill(change, WIDTH, initial_indent="  * ", subsequent_indent="    ", break_on_hyphens=False)
        for change in release.changes
    )
    date = format_datetime(release.at(epoch))
    head = f"mulberry ({debian_version(release.version)}{suffix}) {distribution}; urgency=medium"
    return f"{head}\n\n{changes}\n\n -- {maintainer}  {date}\n"
