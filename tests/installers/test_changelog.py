"""One changelog is written by hand; Debian's and the software centres' are made of it and must not lose a line."""

import datetime as dt
import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from installers.changelog import Release, releases
from installers.debian.changelog import debian_changelog
from installers.project import ROOT, version

TEXT = """# Changelog

## 0.2.0 (not released yet)

- *Start* does more
  than before; `mulberry x` too.
- Second.

## 0.1.0 (2026-11-30)

- First.
"""
MAINTAINER = "Somebody <somebody@mulberry.invalid>"
EPOCH = 1_795_000_000  # 2026-11-18 14:26:40 UTC


def test_releases_are_read_in_order_without_marks() -> None:
    assert releases(TEXT) == [
        Release("0.2.0", None, ("Start does more than before; mulberry x too.", "Second.")),
        Release("0.1.0", dt.date(2026, 11, 30), ("First.",)),
    ]


def test_our_changelog_begins_with_this_version() -> None:
    newest = releases((ROOT / "CHANGELOG.md").read_text())[0]
    assert newest.version == version()
    assert len(newest.changes) > 10


@pytest.mark.parametrize("text", ["# Changelog\n", "## 0.1.0\n\n- x\n", "## 0.1.0 (2026-11-30)\n\n## soon\n"])
def test_a_heading_of_another_form_fails_the_build(text: str) -> None:
    with pytest.raises(SystemExit, match=r"CHANGELOG\.md"):
        releases(text)


def test_debian_reads_our_changelog(tmp_path: Path) -> None:
    packed = debian_changelog(
        releases(TEXT), maintainer=MAINTAINER, suffix="-1~debian12", distribution="bookworm", epoch=EPOCH
    )
    text = gzip.decompress(packed).decode()
    assert text.startswith("mulberry (0.2.0-1~debian12) bookworm; urgency=medium\n\n  * Start does more than before;")
    assert f" -- {MAINTAINER}  Wed, 18 Nov 2026 11:06:40 +0000\n" in text
    assert f" -- {MAINTAINER}  Mon, 30 Nov 2026 00:00:00 +0000\n" in text
    parser = shutil.which("dpkg-parsechangelog")
    if parser is None:
        pytest.skip("dpkg-dev is not installed")
    (tmp_path / "changelog").write_text(text)
    done = subprocess.run([parser, "-l", tmp_path / "changelog", "--all"], capture_output=True, text=True, check=True)
    assert not done.stderr


def test_the_same_text_gives_the_same_bytes() -> None:
    made = [
        debian_changelog(releases(TEXT), maintainer=MAINTAINER, suffix="-1", distribution="x", epoch=EPOCH)
        for _ in range(2)
    ]
    assert made[0] == made[1]
