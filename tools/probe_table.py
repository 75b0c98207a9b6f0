"""Tries all ways out of each sandbox on this computer and writes what was found into the tables of docs/security.md.

`python tools/probe_table.py [TABLE …]`, best as root: then everything is tried as an ordinary user starts it, too.
"""

import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "app"), str(ROOT / "tests")]

from mulberry.runtime.child.confinement.landlock import Access  # noqa: E402
from mulberry.runtime.child.confinement.profiles import CPU, CUDA, Line  # noqa: E402
from mulberry.runtime.child.confinement.seccomp import Verdict  # noqa: E402
from mulberry.runtime.sandbox.bubblewrap import AS_A_USER, AS_ROOT, FILE_SYSTEM, ISOLATION  # noqa: E402
from sandboxes import STARTERS, TIERS, Rooms, escapes, rooms_without_options  # noqa: E402

PAGE = ROOT / "docs" / "security.md"
END = "<!-- end -->"
RIGHTS = {
    Access.READ_FILE: "read",
    Access.WRITE_FILE: "written",
    Access.EXECUTE: "run",
    Access.IOCTL_DEV: "commanded",
}
WITHOUT = [(tier, wall) for tier in ("a", "b") for wall in ("Landlock", "seccomp")]


def probes() -> str:
    found = {tier: escapes(tier) for tier in TIERS}
    return _of_probes(
        {TIERS[tier]: probes for tier, probes in found.items() if not isinstance(probes, str)}, all_of=True
    )


def walls() -> str:
    """The probes that get through where one wall is missing."""
    found = {f"{tier.upper()} without {wall}": escapes(tier, wall) for tier, wall in WITHOUT}
    return _of_probes({head: probes for head, probes in found.items() if not isinstance(probes, str)}, all_of=False)


def _of_probes(shown: dict[str, dict[str, tuple[bool, str]]], *, all_of: bool) -> str:
    lines = ["| tried from inside | " + " | ".join(shown) + " |", "|---|" + "---|" * len(shown)]
    for name in next(iter(shown.values())):
        if all_of or any(probes[name][0] for probes in shown.values()):
            cells = ("**open**" if probes[name][0] else f"{probes[name][1]}" for probes in shown.values())
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def options() -> str:
    """What each option of bubblewrap's buys, for both ways to start it."""
    lines = [
        "| started by | option | why it is there | without it, bubblewrap alone lets a job … | all walls let it … |",
        "|---|---|---|---|---|",
    ]
    for starter in STARTERS:
        found = rooms_without_options(starter)
        if isinstance(found, str):
            continue
        tables = (*ISOLATION, *(AS_ROOT if starter == "root" else AS_A_USER), *FILE_SYSTEM)
        for option in tables:
            words = " ".join(option.words)
            cells = _of_a_room(found[words], found[""])
            lines.append(f"| {starter} | `{words}` | {option.reason} | {cells} |")
    return "\n".join(lines) + "\n"


def _of_a_room(without: Rooms, everything: Rooms) -> str:
    cells = []
    for found, always in ((without.alone, everything.alone), (without.all_walls, everything.all_walls)):
        assert not isinstance(always, str), always
        more = found if isinstance(found, str) else ", ".join(sorted(found - always)) or "–"
        cells.append("*no job starts*" if isinstance(found, str) else more)
    return " | ".join(cells)


def paths() -> str:
    """What both profiles, and the one for GPUs alone, let a job open."""
    lines = ["| path | profile | may be | why |", "|---|---|---|---|"]
    of_both = {granted.grant.path for granted in CPU.paths}
    for granted in CUDA.paths:
        grant = granted.grant
        rights = [word for access, word in RIGHTS.items() if access in grant.access]
        kind = "both" if grant.path in of_both else "GPU"
        lines.append(f"| `{grant.path}` | {kind} | {', '.join(rights)} | {granted.reason} |")
    return "\n".join(lines) + "\n"


def calls() -> str:
    """The CPU's profile names what is allowed, the GPU's what is not, or only in part."""
    lines = ["| profile | system calls | | why |", "|---|---|---|---|"]
    for name, profile in (("CPU", CPU), ("GPU", CUDA)):
        for line in profile.calls:
            names = " ".join(f"`{rule.name}`" for rule in line.rules)
            lines.append(f"| {name} | {names} | {_verdict(line)} | {line.reason} |")
    return "\n".join(lines) + "\n"


def _verdict(line: Line) -> str:
    if any(rule.tests for rule in line.rules):
        return "in part"
    return "allowed" if line.rules[0].verdict is Verdict.ALLOW else "refused"


SECTIONS: dict[str, Callable[[], str]] = {
    "probes": probes,
    "walls": walls,
    "options": options,
    "paths": paths,
    "calls": calls,
}


def main() -> None:
    """All of them, or those that are named."""
    page = PAGE.read_text("utf-8")
    for name in sys.argv[1:] or SECTIONS:
        before, begin, rest = page.partition(f"<!-- begin: tools/probe_table.py {name} -->\n")
        _, end, after = rest.partition(END)
        assert begin and end, f"docs/security.md has lost the marks of the table of {name}"
        page = before + begin + SECTIONS[name]() + end + after
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
