"""Fails a build when something big slipped in, and names it. The limits stand in budget.toml, by name."""

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

BUDGETS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("budget.toml").read_text())
MEGABYTE = 1_000_000
NAMED_IN_AN_ERROR = 5


def size(path: Path) -> int:
    """Bytes of a file, or of all plain files below a folder."""
    if path.is_dir():
        return sum(one.stat().st_size for one in path.rglob("*") if one.is_file() and not one.is_symlink())
    return path.stat().st_size


def check(artefact: Path, packages: Path | None = None) -> None:
    """SystemExit that names all that is over the budget: `artefact` packed, and the folders below `packages`."""
    budget = next((limits for pattern, limits in BUDGETS.items() if fnmatchcase(artefact.name, pattern)), None)
    if budget is None:
        raise SystemExit(f"installers/budget.toml sets no limit for {artefact.name}.")
    over = exceeding(f"{artefact.name}, packed", size(artefact), budget["packed"])
    if packages is not None:
        sizes = sorted(((size(path), path.name) for path in packages.iterdir()), reverse=True)
        over += exceeding(f"{packages.name}, unpacked", sum(one for one, _ in sizes), budget["unpacked"])
        for taken, name in sizes:
            over += exceeding(name, taken, budget.get("folders", {}).get(name, budget["other"]))
        if over:
            largest = ", ".join(f"{name} {taken / MEGABYTE:.1f} MB" for taken, name in sizes[:NAMED_IN_AN_ERROR])
            over.append(f"The largest: {largest}.")
    if over:
        raise SystemExit("Over the size budget (installers/budget.toml):\n" + "\n".join(over))


def exceeding(name: str, taken: int, limit_megabytes: float) -> list[str]:
    """One line where `taken` bytes are more than the limit, else none."""
    if taken <= limit_megabytes * MEGABYTE:
        return []
    return [f"{name}: {taken / MEGABYTE:.1f} MB, {limit_megabytes:.1f} MB allowed"]
