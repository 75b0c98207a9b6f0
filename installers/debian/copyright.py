"""The package's copyright file: whose everything in it is. Source of the form: DEP-5, "Machine-readable copyright".

Mulberry's own part and each distribution that is shipped with it is one paragraph; each licence is one more. Debian's
texts are referred to where Debian has them (/usr/share/common-licenses); those that came with the code lie beside it.
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
 What they wrote about their rights lies in /usr/share/doc/{binary}/licences, one folder each.

Files: *
Copyright: {holder}
License: Apache-2.0
"""
EMULATOR = """\
Files: usr/lib/mulberry/app/mulberry/resources/emulator/*
Copyright: The authors of TON, as named in /usr/share/doc/{binary}/licences/ton-emulator
License: LGPL-2.0-or-later
"""
OTHERS = "The authors, as named in /usr/share/doc/{binary}/licences/{name}"
COPYRIGHT = re.compile(rb"^\W{0,4}Copyright\s+(?:\(c\)|\xc2\xa9)?\s*(?=.*\d{4})(.{4,100})$", re.I | re.M)
MOST_NAMED = 8


def copyright_file(packages: Path, *, binary: str, maintainer: str, holder: str) -> str:
    """The text, for the distributions that lie in `packages`."""
    licensed = [one for one in gather(packages) if one.shipped.name != "mulberry"]
    paragraphs = [HEAD.format(binary=binary, maintainer=maintainer, holder=holder)]
    used = {"Apache-2.0"}.union(*(_names(one.licence) for one in licensed))
    if (packages.parent / "app").exists():
        paragraphs.append(EMULATOR.format(binary=binary))
        used.add("LGPL-2.0-or-later")
    paragraphs += [_files(one, packages, binary) for one in licensed]
    paragraphs += [_licence(name, binary) for name in sorted(used)]
    return "\n".join(paragraphs)


def _files(one: Licensed, packages: Path, binary: str) -> str:
    tops = sorted({path.relative_to(packages).parts[0] for path in one.shipped.files})
    patterns = [f"{PACKAGES}/{top}" + ("/*" if (packages / top).is_dir() else "") for top in tops]
    holders = sorted({holder for _, text in one.texts for holder in _holders(text.read_bytes())})[:MOST_NAMED]
    named = "\n ".join(holders or [OTHERS.format(binary=binary, name=one.shipped.name)])
    licence = one.licence.replace(" OR ", " or ").replace(" AND ", " and ")
    listed = "\n ".join(patterns)
    return f"Files: {listed}\nCopyright: {named}\nLicense: {licence}\n"


def _holders(text: bytes) -> set[str]:
    lines = (match[1].decode(errors="ignore") for match in COPYRIGHT.finditer(text))
    return {" ".join(line.split()) for line in lines}


def _names(expression: str) -> set[str]:
    return {part.strip("() ") for part in re.split(r" (?:AND|OR) ", expression)}


def _licence(name: str, binary: str) -> str:
    plain = name.partition(" WITH ")[0]
    if common := COMMON.get(plain):
        text = f"On Debian systems, the full text is in /usr/share/common-licenses/{common}."
    else:
        text = f"The full text came with each of the files named above, and lies in /usr/share/doc/{binary}/licences."
    return f"License: {name}\n" + textwrap.indent(textwrap.fill(text, 78), " ") + "\n"
