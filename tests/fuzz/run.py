"""Fuzzes targets one after the other, each in a child process. `python3 dev.py fuzz` starts this file.

New inputs that reach new code are collected in build/fuzz/TARGET. An input that breaks a property is kept beside it,
and its file is named.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from fuzz.target import Target
from fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
FOUND = ROOT / "build" / "fuzz"
MOST_MEGABYTES = 1024
LIMITS = ("-malloc_limit_mb=256", "-timeout=10")  # the last one: seconds for one input
START_SECONDS = 40  # for the child to start and to replay its corpus on a busy computer
SAID_LINES = 30


def fuzz(target: Target, seconds: int, collected: Path, *, seed: int) -> str | None:
    """What is wrong, naming the input's file; None when nothing was found in that time.

    New inputs go to the folder `collected`. libFuzzer takes a `seed` of 0 for a random one.
    """
    for folder in (collected, FOUND):
        folder.mkdir(parents=True, exist_ok=True)
    start_from = [collected, target.corpus] if target.corpus.is_dir() else [collected]
    before = set(FOUND.iterdir())
    status, said = _child(
        target,
        seconds + START_SECONDS,
        *LIMITS,
        f"-max_total_time={seconds}",
        f"-max_len={target.most_bytes}",
        f"-seed={seed}",
        "-use_value_profile=1",  # an input also counts as new when it comes nearer to a value that is compared with
        f"-artifact_prefix={FOUND}/{target.name}-",
        *map(str, start_from),
    )
    if status == 0:
        return None
    inputs = [path for path in FOUND.iterdir() if path not in before and path.is_file()] or _named_in(said)
    kept = ", ".join(str(path) for path in inputs) or "no input was kept"
    tail = "\n".join(said.splitlines()[-SAID_LINES:])
    return f"{target.name} ended with {status}. The input: {kept}\nIt said:\n{tail}"


def keep(target: Target, collected: Path) -> None:
    """Moves those inputs of `collected` into the repository's corpus that reach what the corpus does not."""
    status, said = _child(target, 600, *LIMITS, "-merge=1", str(target.corpus), str(collected))
    if status:
        raise SystemExit(said)


def _child(target: Target, most_seconds: int, *options: str) -> tuple[int | str, str]:
    """Its exit status, or words when it had to be stopped, and what it said."""
    path = os.pathsep.join(str(ROOT / name) for name in ("app", "tests"))
    import resource  # atheris, and so this function, is for Linux only

    # A child's peak, which libFuzzer looks at, begins at its parent's: Linux carries it over the exec.
    inherited_megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    limit = f"-rss_limit_mb={MOST_MEGABYTES + inherited_megabytes}"
    command = [sys.executable, "-m", "fuzz.one", target.name, limit, *options]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=most_seconds,
        )
    except subprocess.TimeoutExpired as late:
        return "no answer in time", (late.stdout or b"").decode(errors="replace")
    return done.returncode, done.stdout.decode(errors="replace")


def _named_in(said: str) -> list[Path]:
    """An input that was found and kept in an earlier run, too."""
    marker = "Test unit written to "
    return [Path(line.split(marker)[1].strip()) for line in said.splitlines() if marker in line]


def main() -> None:
    parser = argparse.ArgumentParser(prog="dev.py fuzz", description="Fuzzes what strangers' bytes reach.")
    parser.add_argument("targets", nargs="*", metavar="target", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--keep", action="store_true", help="add new inputs to tests/fuzz/corpus")
    asked = parser.parse_args()
    if unknown := set(asked.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    wrong = []
    for name in asked.targets or TARGETS:
        print(f"{name}: {asked.seconds} s", flush=True)
        collected = FOUND / name
        if said := fuzz(TARGETS[name], asked.seconds, collected, seed=0):
            wrong.append(name)
            print(said)
        elif asked.keep:
            keep(TARGETS[name], collected)
    if wrong:
        raise SystemExit(f"broken: {', '.join(wrong)}")
    print("Nothing broke.")


if __name__ == "__main__":
    main()
