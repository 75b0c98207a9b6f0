"""Whether this checkout may be released: `python -m installers.release` names everything that stands in the way.

Every build works without it, for whoever packages for themselves. It is for the artefacts that are put into the feed.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from installers.changelog import releases
from installers.project import ROOT, version

CHANGED = ["git", "status", "--porcelain"]
TAGS = ["git", "tag", "--points-at", "HEAD"]


def git(command: list[str]) -> list[str]:
    """The lines that git answers in the checkout; none where this is an unpacked source distribution."""
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.splitlines()


def uncommitted() -> list[str]:
    """What in the checkout no commit holds: nobody else can build what is built from it."""
    return git(CHANGED)


def obstacles() -> list[str]:
    """Sentences, in the order in which they are best mended; none where the release may be built."""
    found = []
    newest = releases((ROOT / "CHANGELOG.md").read_text())[0]
    if newest.version != version():
        found.append(f"CHANGELOG.md's newest version is {newest.version}, the code says {version()}.")
    if newest.day is None:
        found.append(f"CHANGELOG.md says that {newest.version} is not released yet; put the day there.")
    found += [
        f"{name} names {made_up}, which cannot exist; put the real one there."
        for name in ("briefcase.toml", "installers/linux/org.mulberry.Mulberry.metainfo.xml")
        for made_up in sorted(set(re.findall(r"[\w@.-]+\.invalid\b", (ROOT / name).read_text())))
    ]
    if changed := uncommitted():
        found.append(f"{len(changed)} files differ from the commit: {', '.join(line[3:] for line in changed[:5])}.")
    if f"v{version()}" not in git(TAGS):
        found.append(f"The commit has no tag v{version()}.")
    signer = shlex.split(os.environ.get("MULBERRY_SIGN", ""))
    if not signer:
        found.append("MULBERRY_SIGN names no command that signs.")
    elif not shutil.which(signer[0]):
        found.append(f"MULBERRY_SIGN's command {Path(signer[0]).name} is not there.")
    return found


if __name__ == "__main__":
    if found := obstacles():
        raise SystemExit("\n".join(f"- {one}" for one in found))
    sys.stdout.write(f"Mulberry {version()} can be released.\n")
