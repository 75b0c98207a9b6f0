"""Tries the installer under Wine and says what held, one line a trial (trials.py).

python -m installers.windows.try_installer                 with a program as small as can be
python -m installers.windows.try_installer SETUP.exe       and installs and uninstalls that real one too

Needs makensis and 64-bit Wine; no screen.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from installers.windows.trials import FOLDER, TRIALS, Bench, below, make_bench
from installers.windows.wine import TrialFailedError, demand, wine_program


def installs_the_real_one(bench: Bench, setup: Path) -> str:
    started = time.monotonic()
    demand(bench.install(setup, folder=FOLDER) == 0, "the exit code is 0")
    seconds, files = time.monotonic() - started, len(below(bench.folder))
    bench.uninstall()
    demand(not bench.folder.exists(), "nothing is left of it")
    return f"{setup.name}: {files} files installed in {seconds:.1f} s, none left after uninstalling"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("setup", type=Path, nargs="?", help="an installer that build.py has made")
    arguments = parser.parse_args()
    if missing := [
        name for name, found in (("makensis", shutil.which("makensis")), ("wine", wine_program())) if not found
    ]:
        raise SystemExit(f"Install {' and '.join(missing)} first.")
    failed = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:
        bench = make_bench(Path(work))
        for trial in TRIALS:
            promise = " ".join((trial.__doc__ or "").split())
            try:
                trial(bench)
            except TrialFailedError as failure:
                failed += 1
                say(f"FAILED  {promise}\n        not so: {failure}")
            else:
                say(f"holds   {promise}")
        if arguments.setup:
            say(installs_the_real_one(bench, arguments.setup.absolute()))
        bench.computer.end()
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
