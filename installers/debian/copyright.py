"""The package's copyright file: whose everything in it is. Source of the form: DEP-5, "Machine-readable copyright".

Mulberry's own part and each distribution that is shipped with it is one paragraph; each licence is one more. Debian's
texts are referred to where Debian has them (/usr/share/common-licenses); those that came with the code lie in
/usr/share/doc/mulberry/licences.
"""

import re
import textwrap
from pathlib import Path

from installers.licences import Licensed, gather

PACKAGES = "usr/lib/mulberry/app_packages"
COMMON = {
    "Apache-2.0": "Apache-2.0",
    "GPL-2.0-only": "GPL-2",
    "GPL-3.0-only": "GPL-3",
    "LGPL-2.0-or-later": "LGPL-2",
    "LGPL-2.1-or-later": "LGPL-2.1",
    "LGPL-3.0-only": "LGPL-3",
    "MPL-2.0": "MPL-2.0",
}
HEAD = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: mulberry
Upstream-Contact: {maintainer}
Comment: Everything below usr/lib/mulberry/app_packages is the work of others, as they have published it for Python.
 What they wrote about their rights lies in /usr/share/doc/mulberry/licences, one folder each.

Files: *
Copyright: {holder}
License: Apache-2.0

Files: usr/lib/mulberry/app/mulberry/resources/emulator/*
Copyright: The authors of TON, as named in /usr/share/doc/mulberry/licences/ton-emulator
License: LGPL-2.0-or-later
"""
OTHERS = "The authors, as named in /usr/share/doc/mulberry/licences/{name}"
COPYRIGHT = re.compile(rb"^\W{0,4}Copyright\s+(?:\(c\)|\xc2\xa9)?\s*(?=.*\d{4})(.{4,100})$", re.I | re.M)
MOST_NAMED = 8


def copyright_file(packages: Path, *, maintainer: str, holder: str) -> str:
    """The text, for the distributions that lie in `packages`."""
    licensed = [one for one in gather(packages) if one.shipped.name != "mulberry"]
    paragraphs = [HEAD.format(maintainer=maintainer, holder=holder)]
    paragraphs += [_files(one, packages) for one in licensed]
    used = {"Apache-2.0", "LGPL-2.0-or-later"}.union(*(_names(one.licence) for one in licensed))
    paragraphs += [_licence(name) for name in sorted(used)]
    return "\n".join(paragraphs)


def _files(one: Licensed, packages: Path) -> str:
    tops = sorted({path.relative_to(packages).parts[0] for path in one.shipped.files})
    patterns = [f"{PACKAGES}/{top}" + ("/*" if (packages / top).is_dir() else "") for top in tops]
    holders = sorted({holder for _, text in one.texts for holder in _holders(text.read_bytes())})[:MOST_NAMED]
    named = "\n ".join(holders or [OTHERS.format(name=one.shipped.name)])
    licence = one.licence.replace(" OR ", " or ").replace(" AND ", " and ")
    listed = "\n ".join(patterns)
    return f"Files: {listed}\nCopyright: {named}\nLicense: {licence}\n"


def _holders(text: bytes) -> set[str]:
    lines = (match[1].decode(errors="ignore") for match in COPYRIGHT.finditer(text))
    return {" ".join(line.split()) for line in lines}


def _names(expression: str) -> set[str]:
    return {part.strip("() ") for part in re.split(r" (?:AND|OR) ", expression)}


def _licence(name: str) -> str:
    plain = name.partition(" WITH ")[0]
    if common := COMMON.get(plain):
        text = f"On Debian systems, the full text is in /usr/share/common-licenses/{common}."
    else:
        text = "The full text came with each of the files named above, and lies in /usr/share/doc/mulberry/licences."
    return f"License: {name}\n" + textwrap.indent(textwrap.fill(text, 78), " ") + "\n"
