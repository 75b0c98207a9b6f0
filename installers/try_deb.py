"""Tries the Debian packages as their users will, in a bare system: `python -m installers.try_deb dist/*.deb`.

As root, because it makes a chroot (debootstrap) and mounts /proc in it; Mulberry itself runs there as an ordinary user.
Mounts and processes are in namespaces of their own: whatever ends this, none stays, and no other Mulberry is met.
It installs, starts, earns on the demo network, upgrades while earning, meets what may go wrong, removes and purges; and
prints a table for docs/packaging.md. Any step that is not as it must be ends it with status 1.
"""

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER = "ada"
DATA = f"/home/{USER}/data"
PREFIX = f"/home/{USER}/ünï cöde prefix"
NEWER = "99.0.0"
NAMES = ("mulberry", "mulberry-engine")
BOTH = ("/tmp/mulberry.deb", "/tmp/mulberry-engine.deb")  # noqa: S108 - of the chroot
NEWER_BOTH = ("/tmp/newer-mulberry-engine.deb", "/tmp/newer-mulberry.deb")  # noqa: S108 - the engine first, as `*` has it
NOT_OURS = ("dev", "proc", "sys", "tmp", "root", "home", "var/lib/dpkg", "var/lib/apt", "var/cache", "var/log")
ISOLATED = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
FIRST_FRAME = """
import sys, time
from pathlib import Path
from mulberry.desktop.app import opened
from mulberry.desktop.theme import Scheme
with opened(Path(sys.argv[2]), "demo", Scheme.DARK, 1.0) as desktop:
    print(time.time() - float(sys.argv[1]))
"""


class Unlike(Exception):
    """Something is not as it must be."""


@dataclass(frozen=True, slots=True)
class Chroot:
    """A Debian system below `root`."""

    root: Path

    def run(self, *command: str, user: str | None = None, check: bool = True, **environment: str) -> str:
        """What it printed, errors too. Raises `Unlike` when it failed and that is not foreseen."""
        words = ["chroot", str(self.root)]
        if user:
            words += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--inh-caps=-all"]
        home = f"/home/{user}" if user else "/root"
        clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "LC_ALL": "C.UTF-8", **environment}
        done = subprocess.run(
            [*words, "env", "-i", *(f"{name}={value}" for name, value in clean.items()), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise Unlike(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def mulberry(self, *words: str, check: bool = True) -> str:
        return self.run("mulberry", *words, user=USER, check=check)

    def status(self) -> dict[str, object]:
        told: dict[str, object] = json.loads(self.mulberry("status", "--json", "--data", DATA))
        return told

    def files(self) -> set[str]:
        """Everything but what lives, what users own, and what apt and dpkg remember."""
        found = set()
        for folder, folders, names in os.walk(self.root):
            here = Path(folder).relative_to(self.root)
            folders[:] = [name for name in folders if (here / name).as_posix() not in NOT_OURS]
            found |= {(here / name).as_posix() for name in (*folders, *names)}
        return found

    @contextmanager
    def mounted(self, kind: str, place: str, *options: str) -> Iterator[None]:
        target = self.root / place
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", kind, *options, kind, target], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", target], check=True)


def bare_system(root: Path, debs: list[Path]) -> Chroot:
    """A minimal Debian with what the package needs, and without the package.

    One that is there already is used again, without what an earlier trial has left in it.
    """
    chroot = Chroot(root)
    if not (root / "etc" / "debian_version").exists():
        sources = Path("/etc/apt/sources.list.d/debian.sources").read_text()
        mirror = re.search(r"^URIs: (\S+)", sources, re.MULTILINE)
        codename = re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(), re.MULTILINE)
        if mirror is None or codename is None:
            raise SystemExit(
                "Where Debian's packages come from is not written in /etc/apt/sources.list.d/debian.sources."
            )
        subprocess.run(["debootstrap", "--variant=minbase", codename[1], root, mirror[1]], check=True)
        for place in ("etc/apt/apt.conf.d", "etc/apt/sources.list.d"):
            shutil.copytree(f"/{place}", root / place, dirs_exist_ok=True)
        shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
        chroot.run("useradd", "--create-home", USER)
    else:
        chroot.run("dpkg", "--purge", "--force-remove-reinstreq", *NAMES, "bubblewrap")  # also what was broken off
        chroot.run("sh", "-c", f"rm -rf /home/{USER} && mkhomedir_helper {USER}")
    for deb, inside in zip(debs, BOTH, strict=True):
        shutil.copyfile(deb, root / inside.lstrip("/"))
    chroot.run("apt-get", "update", "-q")
    simulated = chroot.run("apt-get", "install", "-s", "--no-install-recommends", *BOTH)
    needed = [name for name in re.findall(r"^Inst (\S+)", simulated, re.MULTILINE) if not name.startswith("mulberry")]
    apt(chroot, "install", *needed, "xvfb", "xauth", "procps")
    return chroot


def apt(chroot: Chroot, *words: str) -> str:
    return chroot.run("apt-get", "-q", "-y", "--no-install-recommends", *words, DEBIAN_FRONTEND="noninteractive")


def newer(deb: Path, target: Path, scratch: Path) -> None:
    """The same package, the app's or the engine's, under a higher version, as a next release would be."""
    shutil.rmtree(scratch, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-R", deb, scratch], check=True)
    for own in scratch.glob("usr/lib/mulberry/app/mulberry/__init__.py"):
        own.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{NEWER}"', own.read_text()))
    control = scratch / "DEBIAN" / "control"
    told = re.sub(r"^Version: .*$", f"Version: {NEWER}-1", control.read_text(), flags=re.MULTILINE)
    control.write_text(re.sub(r"mulberry-engine \(= .*?\)", f"mulberry-engine (= {NEWER}-1)", told))
    subprocess.run(["dpkg-deb", "-Zzstd", "-z1", "--build", scratch, target], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(scratch)


# What is tried, in this order. Each returns what it saw, for the table.


def install(chroot: Chroot) -> str:
    began, worked = time.monotonic(), processor_seconds()
    apt(chroot, "install", *BOTH)
    seconds, worked = time.monotonic() - began, processor_seconds() - worked
    sizes = " and ".join(f"{(chroot.root / deb.lstrip('/')).stat().st_size / 1e6:.1f}" for deb in BOTH)
    return f"{sizes} MB, installed in {seconds:.1f} s ({worked:.1f} s of processor time), dependencies being there"


def command_line(chroot: Chroot) -> str:
    version = chroot.mulberry("--version").strip()
    pages = chroot.run("sh", "-c", "ls /usr/share/man/man1/mulberry*.1.gz | wc -l").strip()
    return f"{version}; {pages} manual pages"


def first_frame(chroot: Chroot) -> str:
    worked = processor_seconds()
    seen = [f"{platform} {_best_frame(chroot, platform):.2f} s" for platform in ("offscreen", "xcb")]
    return f"{', '.join(seen)}, the best of three each ({(processor_seconds() - worked) / 6:.2f} s of processor time)"


def _best_frame(chroot: Chroot, platform: str) -> float:
    """Of three starts, from the process's beginning to a painted window."""
    screen = ("xvfb-run", "-a") if platform == "xcb" else ()
    start = f"exec /usr/lib/mulberry/python -c '{FIRST_FRAME}' $(date +%s.%N) {DATA}-window"
    frames = []
    for _ in range(3):
        said = chroot.run(*screen, "sh", "-c", start, user=USER, QT_QPA_PLATFORM=platform)
        frames.append(float(said.split()[-1]))
    return min(frames)


def earn(chroot: Chroot) -> str:
    said = chroot.mulberry("demo", "--headless", "--jobs", "3")
    done = re.search(r"3 jobs done, 0 failed, 3 of 3 answers right", said)
    if not done:
        raise Unlike(f"the demo network's jobs did not go well:\n{said}")
    return "3 jobs of the demo network done and paid for, without bubblewrap and without D-Bus"


def upgrade_while_earning(chroot: Chroot) -> str:
    chroot.mulberry("start", "--data", DATA)
    until(lambda: chroot.status()["state"] == "earning", "it earns")
    before = running_agents(chroot)
    said = chroot.run("dpkg", "-i", *NEWER_BOTH)
    until(lambda: chroot.mulberry("status", "--data", DATA, check=False).startswith("Earning"), "it earns again")
    status = chroot.status()
    jobs = json.loads(chroot.mulberry("jobs", "--last", "1000", "--json", "--data", DATA))
    outcomes = sorted({job["outcome"] for job in jobs})
    if outcomes != ["done"] or status["version"] != NEWER or running_agents(chroot) != before:
        raise Unlike(f"after the upgrade: {outcomes}, {status['version']}, {before}, {running_agents(chroot)}\n{said}")
    return f"{len(jobs)} jobs, all done; the agent's process {before[0]} lives on as {NEWER}, and earns"


def engine_alone(chroot: Chroot) -> str:
    """Put back by its administrator, say, while the agent earns with it."""
    before = running_agents(chroot)
    said = chroot.run("dpkg", "-i", NEWER_BOTH[0])
    until(lambda: chroot.mulberry("status", "--data", DATA, check=False).startswith("Earning"), "it earns again")
    compiled = list(chroot.root.glob("usr/lib/mulberry/app_packages/*/__pycache__/__init__.*.pyc"))
    if "finishes its requests" not in said or running_agents(chroot) != before or not compiled:
        raise Unlike(f"the engine alone: {before}, {running_agents(chroot)}, {len(compiled)} compiled\n{said}")
    return "the agent finished, waited, and goes on"


def downgrade_of_the_data(chroot: Chroot) -> str:
    """What a newer Mulberry has written is refused by an older one, and left as it is."""
    chroot.mulberry("quit", "--stop", "--data", DATA)
    ledger = f"{DATA}/demo/ledger.sqlite3"
    mark = f"import sqlite3; c = sqlite3.connect('{ledger}'); c.execute('PRAGMA user_version = 99'); c.close()"
    chroot.run("python3", "-c", mark, user=USER)
    before = (chroot.root / ledger.lstrip("/")).read_bytes()
    said = chroot.mulberry("start", "--data", DATA, check=False)
    if "newer" not in said or (chroot.root / ledger.lstrip("/")).read_bytes() != before:
        raise Unlike(f"a newer ledger was not refused, or was touched:\n{said}")
    return " ".join(said.split())[:220]


def no_fonts(chroot: Chroot) -> str:
    fonts, aside = chroot.root / "usr/share/fonts", chroot.root / "usr/share/fonts-aside"
    fonts.rename(aside)
    try:
        return f"the window opens all the same ({_best_frame(chroot, 'offscreen'):.2f} s), with boxes for letters"
    finally:
        aside.rename(fonts)


def full_disk(chroot: Chroot) -> str:
    small = f"/home/{USER}/small"
    with chroot.mounted("tmpfs", small.lstrip("/"), "-o", "size=64k,mode=777"):
        said = chroot.mulberry("start", "--data", small, check=False)
    if "Traceback" in said:
        raise Unlike(f"a full disk is not told in words:\n{said}")
    return " ".join(said.split())[:220]


def interrupted_install(chroot: Chroot) -> str:
    """A disk that fills up while dpkg unpacks: it gives up, and the next attempt goes through."""
    chroot.run("dpkg", "--purge", *NAMES)
    with chroot.mounted("tmpfs", "usr/lib/mulberry", "-o", "size=20m"):
        failed = chroot.run("dpkg", "-i", *BOTH, check=False)
    chroot.run("dpkg", "-i", *BOTH)
    if "No space left" not in failed:
        raise Unlike(f"the disk was not full:\n{failed}")
    told = next(line for line in failed.splitlines() if "No space left" in line)
    return f"dpkg: {told.strip()}; with room again, it installs"


def with_bubblewrap(chroot: Chroot) -> str:
    apt(chroot, "install", "bubblewrap")
    said = chroot.mulberry("sandbox", "selftest", check=False)
    return said.strip().splitlines()[-1]


def remove_and_purge(chroot: Chroot, before: set[str]) -> str:
    chroot.mulberry("start", "--data", f"{DATA}-kept")
    chroot.run("dpkg", "--remove", *NAMES)
    if running_agents(chroot):
        raise Unlike("an agent outlived its package")
    chroot.run("dpkg", "--purge", *NAMES)
    ours = re.compile(r"mulberry|^(?!.*(\.pyc|__pycache__)$)")  # Python's own bytecode is no business of ours
    left = {path for path in chroot.files() - before if ours.search(path)}
    kept = (chroot.root / f"{DATA}-kept/demo/ledger.sqlite3".lstrip("/")).exists()
    if left or not kept:
        raise Unlike(f"after the purge there is {sorted(left)}; the ledger is {'there' if kept else 'gone'}")
    return "the running agent ended in good order; no file is left but the users' data"


def another_prefix(chroot: Chroot) -> str:
    """Unpacked by its user, without dpkg's knowing, in a folder with spaces and letters beyond ASCII."""
    for deb in BOTH:
        chroot.run("dpkg", "-x", deb, PREFIX, user=USER)
    said = chroot.run(f"{PREFIX}/usr/bin/mulberry", "demo", "--headless", "--jobs", "2", user=USER)
    if "2 jobs done, 0 failed" not in said:
        raise Unlike(f"it does not earn from {PREFIX}:\n{said}")
    return f"2 jobs done from “{PREFIX}”"


def processor_seconds() -> float:
    """What all ended children took; on a busy computer it says more than the clock."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def until(holds: Callable[[], bool], what: str, seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise Unlike(f"within {seconds:.0f} seconds it was not so that {what}")
        time.sleep(1)


def running_agents(chroot: Chroot) -> list[str]:
    return chroot.run("pgrep", "-u", USER, "-f", "mulberry agent --network", check=False).split()


def try_everything(chroot: Chroot) -> Iterator[tuple[str, str]]:
    before = chroot.files()
    steps: tuple[Callable[[Chroot], str], ...] = (
        install,
        command_line,
        first_frame,
        earn,
        upgrade_while_earning,
        engine_alone,
        downgrade_of_the_data,
        no_fonts,
        full_disk,
        interrupted_install,
    )
    for step in steps:
        yield step.__name__, step(chroot)
    yield remove_and_purge.__name__, remove_and_purge(chroot, before)
    for step in (another_prefix, with_bubblewrap):
        if step is with_bubblewrap:
            apt(chroot, "install", *BOTH)
        yield step.__name__, step(chroot)


def main() -> None:
    parser = argparse.ArgumentParser(prog="installers.try_deb", description=__doc__.splitlines()[0])
    parser.add_argument("debs", type=Path, nargs=2, metavar="DEB", help="mulberry and mulberry-engine")
    parser.add_argument("--chroot", type=Path, default=Path("/var/tmp/mulberry-chroot"))  # noqa: S108
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("Making a chroot takes root: start it with sudo.")
    if os.getpid() != 1:
        inside = [*ISOLATED, sys.executable, "-m", "installers.try_deb", *sys.argv[1:]]
        raise SystemExit(subprocess.run(inside, check=False).returncode)
    app, engine = sorted(arguments.debs, key=lambda deb: "engine" in deb.name)
    chroot = bare_system(arguments.chroot.absolute(), [app, engine])
    for deb, target in zip((engine, app), NEWER_BOTH, strict=True):
        newer(deb, chroot.root / target.lstrip("/"), chroot.root / "tmp" / "newer")
    with chroot.mounted("proc", "proc"), chroot.mounted("devtmpfs", "dev"):
        try:
            for name, seen in try_everything(chroot):
                sys.stdout.write(f"| {name.replace('_', ' ')} | {seen} |\n")
                sys.stdout.flush()
        except Unlike as problem:
            raise SystemExit(str(problem)) from None


if __name__ == "__main__":
    main()
