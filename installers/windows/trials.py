"""What is demanded of the Windows installer, as trials under Wine: each a function, its docstring the promise.

They install a program as small as can be, with stand-ins for Python (trial_python.nsi), silently. Each begins and ends
with a computer without Mulberry. What Wine cannot show: that Mulberry starts on Windows, and that a shortcut keeps its
AppUserModelID.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from installers.epoch import settle
from installers.project import ROOT
from installers.windows.build import compile_script, make_setup
from installers.windows.pictures import write_icon
from installers.windows.wine import Computer, demand, wait_until

STAND_INS = Path(__file__).with_name("trial_python.nsi")
FOLDER = PureWindowsPath(r"C:\Müller & Söhne\Мои программы\Mulberry")
OLD, NEW = "0.2.0rc1", "0.2.0"
UNINSTALL_KEY = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\Mulberry"
RUN_KEY = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Run"
A_DAY_IN_1980 = 315_619_200
STORED = {
    "settings.json",
    "demo/ledger.sqlite3",
    "demo/node-wallet.key",
    "mainnet/agent.log",
    "mainnet/node-wallet.sealed-key",
    "model_store/models/weights.bin",
}
KEY_FILES = {"demo/node-wallet.key", "mainnet/node-wallet.sealed-key"}
KEY_ITEMS = {"Mulberry node wallet", "mainnet@Mulberry node wallet"}
OTHER_ITEM = "another program"


@dataclass(frozen=True, slots=True)
class Bench:
    """A computer, and installers of two versions."""

    computer: Computer
    old: Path
    new: Path
    keys: Path  # a program that writes and lists the Credential Manager's items

    @property
    def folder(self) -> Path:
        return self.computer.here(FOLDER)

    @property
    def program(self) -> Path:
        return self.folder / "program"

    @property
    def files(self) -> set[str]:
        return below(self.program)

    def install(self, setup: Path, options: str = "", folder: PureWindowsPath = FOLDER) -> int:
        return self.computer.run_line(f"{self.computer.name_of(setup)} /S {options} /D={folder}".replace("&", "^&"))

    def uninstall(self, options: str = "") -> None:
        self.computer.run(str(FOLDER / "uninstall.exe"), "/S", *options.split())
        wait_until(lambda: not (self.folder / "uninstall.exe").exists(), "the program is uninstalled")
        wait_until(lambda: not self.computer.registry(UNINSTALL_KEY), "Windows lists it no longer")

    def why_not(self) -> str:
        """Why the last installer that failed has failed, in its own words."""
        return (self.computer.temp / "mulberry-setup.log").read_text("utf-16").strip()

    def start(self) -> None:
        """The stand-in for the window runs on."""
        for name in ("leave.txt", "asked.txt", "stubborn.txt"):
            (self.computer.temp / name).unlink(missing_ok=True)
        self.computer.run("start", "/unix", str(self.program / "python" / "pythonw.exe"), "window")
        wait_until(lambda: self.runs, "the window runs")

    def leave(self) -> None:
        (self.computer.temp / "leave.txt").touch()
        wait_until(lambda: not self.runs, "the window ends")

    @property
    def runs(self) -> bool:
        return (self.computer.temp / "window.txt").exists()

    def store(self) -> None:
        for name in STORED:
            path = self.computer.data / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("stored")
        self.computer.run(str(self.keys))

    @property
    def stored(self) -> set[str]:
        return below(self.computer.data)

    @property
    def key_items(self) -> set[str]:
        self.computer.run(str(self.keys), "/LIST")
        return set((self.computer.temp / "keys.txt").read_text("utf-8").splitlines())


def below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def make_bench(work: Path) -> Bench:
    """A new computer, and its installers; takes about half a minute."""
    stand_ins = {"WINDOW": work / "pythonw.exe", "COMMAND": work / "python.exe", "KEYS": work / "keys.exe"}
    for kind, path in stand_ins.items():
        compile_script(STAND_INS, f"-DOUT={path}", f"-D{kind}")
    old, new = (make_small_setup(work / version, version, stand_ins) for version in (OLD, NEW))
    computer = Computer(work)
    computer.become_windows("win10")
    return Bench(computer, old, new, stand_ins["KEYS"])


def make_small_setup(work: Path, version: str, stand_ins: dict[str, Path]) -> Path:
    program = work / "program"
    (program / "python").mkdir(parents=True)
    for kind in ("WINDOW", "COMMAND"):
        shutil.copyfile(stand_ins[kind], program / "python" / stand_ins[kind].name)
    (program / "app").mkdir()
    (program / "app" / f"only in {version}, $x ünï.txt").write_text(version)
    write_icon(ROOT / "resources" / "icons" / "mulberry.svg", program / "mulberry.ico")
    settle(program, A_DAY_IN_1980)
    setup = work / f"mulberry-{version}.exe"
    make_setup(setup, program, work, version, is_trial=True, is_draft=True)
    return setup


def installs(bench: Bench) -> None:
    """It installs silently, for one user, into a folder with spaces and letters of two alphabets."""
    demand(bench.install(bench.old) == 0, "the exit code is 0")
    wanted = below(bench.old.parent / "program") | {"version.txt"}
    demand(bench.files == wanted, f"exactly these files: {sorted(bench.files ^ wanted)}")
    demand(below(bench.folder) == {f"program/{name}" for name in wanted} | {"uninstall.exe"}, "and nothing beside them")
    told = bench.computer.registry(UNINSTALL_KEY)
    for name, value in (("DisplayVersion", OLD), ("InstallLocation", str(FOLDER)), ("NoModify", "dword:00000001")):
        demand(told.get(name) == value, f"Windows is told {name} {value}, not {told.get(name)}")
    demand(told["QuietUninstallString"] == f'"{FOLDER}\\uninstall.exe" /S', "and how to uninstall it silently")
    entry = bench.computer.shortcut.read_bytes()
    for part in ("-P -m mulberry desktop", str(FOLDER / "program" / "mulberry.ico")):
        demand(part.encode("utf-16-le") in entry, f"the Start menu's entry has {part}")
    demand(bench.computer.registry(RUN_KEY).get("mulberry") is None, "nothing starts at login")
    bench.uninstall()
    demand(not bench.folder.exists(), "the folder is gone")
    demand(not bench.computer.shortcut.exists(), "the Start menu's entry is gone")


def upgrades(bench: Bench) -> None:
    """A newer one takes the place of an older one, and what was stored stays."""
    bench.install(bench.old)
    bench.store()
    demand(bench.install(bench.new, folder=FOLDER) == 0, "the exit code is 0")
    demand(bench.files == below(bench.new.parent / "program") | {"version.txt"}, "only the new one's files are there")
    demand(not (bench.folder / "program.before").exists(), "the old one is gone")
    demand(bench.computer.registry(UNINSTALL_KEY).get("DisplayVersion") == NEW, "Windows is told of the new one")
    demand(bench.stored == STORED, "what was stored is there")
    bench.uninstall("/REMOVE_DATA /REMOVE_KEYS")


def refuses_a_downgrade(bench: Bench) -> None:
    """An older one refuses to take the place of a newer one, and changes nothing."""
    bench.install(bench.new)
    before = bench.files
    demand(bench.install(bench.old) == 3, "the exit code is 3")
    demand(f"newer Mulberry ({NEW})" in bench.why_not(), f"it says why: {bench.why_not()}")
    demand(bench.files == before, "nothing has changed")
    bench.uninstall()


def repairs(bench: Bench) -> None:
    """The same version again puts back what is missing."""
    bench.install(bench.old)
    (bench.program / "mulberry.ico").unlink()
    demand(bench.install(bench.old) == 0, "the exit code is 0")
    demand("mulberry.ico" in bench.files, "the file is back")
    bench.uninstall()


def asks_what_runs_to_finish(bench: Bench) -> None:
    """A running Mulberry is asked to finish, and waited for; /RESTART starts the new one's window, hidden."""
    bench.install(bench.old)
    bench.start()
    demand(bench.install(bench.new, "/RESTART") == 0, "the exit code is 0")
    asked = (bench.computer.temp / "asked.txt").read_text()
    demand(asked == "-P -m mulberry leave --within 300", f"it was asked in these words: {asked}")
    demand(bench.computer.registry(UNINSTALL_KEY).get("DisplayVersion") == NEW, "then the new one was installed")
    (bench.computer.temp / "leave.txt").unlink()
    bench.uninstall()


def gives_way_to_what_does_not_end(bench: Bench) -> None:
    """Where Mulberry does not end, nothing is changed, and the exit code says so."""
    bench.install(bench.old)
    bench.start()
    (bench.computer.temp / "stubborn.txt").touch()
    before = bench.files
    demand(bench.install(bench.new) == 4, "the exit code is 4")
    demand("still runs" in bench.why_not(), f"it says why: {bench.why_not()}")
    demand(bench.runs and bench.files == before, "it runs on, unchanged")
    bench.leave()
    bench.uninstall()


def refuses_folders_that_are_not_its_own(bench: Bench) -> None:
    """A folder with others' things, and a second folder while it is installed in a first, are refused, untouched."""
    precious = bench.program / "precious.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("somebody's")
    demand(bench.install(bench.old) == 5, "others' things: the exit code is 5")
    demand(below(bench.folder) == {"program/precious.txt"}, "others' things: untouched")
    shutil.rmtree(bench.program)
    bench.install(bench.old)
    elsewhere = PureWindowsPath(r"C:\elsewhere\Mulberry")
    demand(bench.install(bench.new, folder=elsewhere) == 5, "a second folder: the exit code is 5")
    demand(str(FOLDER) in bench.why_not(), "a second folder: it says where the first is")
    demand(not bench.computer.here(elsewhere).exists(), "a second folder: nothing is there")
    bench.uninstall()


def comes_back_after_a_failure(bench: Bench) -> None:
    """When something cannot be written, the old version is back as it was; the next try works."""
    bench.install(bench.old)
    before = bench.files
    (bench.folder / "uninstall.exe").rename(bench.folder / "kept.exe")
    (bench.folder / "uninstall.exe").mkdir()  # so it cannot be written
    demand(bench.install(bench.new) == 8, "the exit code is 8")
    demand(bench.files == before, f"the old one is back: {sorted(bench.files ^ before)}")
    (bench.folder / "uninstall.exe").rmdir()
    (bench.folder / "kept.exe").unlink()
    demand(bench.install(bench.new) == 0, "the next try works")
    bench.uninstall()


def goes_on_after_being_cut_off(bench: Bench) -> None:
    """An installer that was killed half-way, the first or an upgrade, leaves nothing in the way of the next."""
    half = bench.program / "unfinished.txt"
    half.parent.mkdir(parents=True)
    half.touch()
    demand(bench.install(bench.old) == 0, "after a first installation that was cut off")
    bench.program.rename(bench.folder / "program.before")
    half.parent.mkdir()
    half.touch()
    (bench.program / "half.txt").touch()
    demand(bench.install(bench.old) == 0, "after an upgrade that was cut off")
    demand(bench.files == below(bench.old.parent / "program") | {"version.txt"}, "exactly its files")
    demand(not (bench.folder / "program.before").exists(), "and no other")
    bench.uninstall()


def refuses_an_old_windows(bench: Bench) -> None:
    """A Windows that Qt does not run on is told so."""
    bench.computer.become_windows("win81")
    demand(bench.install(bench.old) == 6, "the exit code is 6")
    demand("Windows 10, version 1809" in bench.why_not(), f"it says what it needs: {bench.why_not()}")
    demand(not bench.folder.exists(), "nothing was installed")
    bench.computer.become_windows("win10")


def keeps_what_is_stored(bench: Bench) -> None:
    """Uninstalled silently, data and keys stay; so do others' files in its folder, and what others start at login."""
    bench.install(bench.old)
    bench.store()
    (bench.folder / "mine.txt").touch()
    other = r"C:\another\pythonw.exe -m mulberry agent"
    bench.computer.run("reg", "add", RUN_KEY, "/v", "mulberry", "/d", other, "/f")
    bench.uninstall()
    demand(bench.stored == STORED, "the data is there")
    demand(bench.key_items >= KEY_ITEMS, "the keys are there")
    demand(below(bench.folder) == {"mine.txt"}, "others' file is there, and alone")
    demand(bench.computer.registry(RUN_KEY).get("mulberry") == other, "another Mulberry still starts at login")
    bench.computer.run("reg", "delete", RUN_KEY, "/v", "mulberry", "/f")
    shutil.rmtree(bench.folder)
    shutil.rmtree(bench.computer.data)


def removes_the_data_and_no_key(bench: Bench) -> None:
    """/REMOVE_DATA takes all but the keys, and follows no link out of the folder. Its own start at login goes too."""
    bench.install(bench.old)
    bench.store()
    outside = bench.computer.home / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "precious.txt").touch()
    (bench.computer.data / "demo" / "link").symlink_to(outside)
    line = f'"{FOLDER}\\program\\python\\pythonw.exe" -P -m mulberry agent'
    bench.computer.run("reg", "add", RUN_KEY, "/v", "mulberry", "/d", line, "/f")
    bench.uninstall("/REMOVE_DATA")
    demand(bench.stored == KEY_FILES, f"the key files are left, and alone: {bench.stored}")
    demand(bench.key_items >= KEY_ITEMS, "the keys are there")
    demand((outside / "precious.txt").exists(), "what a link names is there")
    demand(bench.computer.registry(RUN_KEY).get("mulberry") is None, "it starts no longer at login")
    shutil.rmtree(bench.computer.data)


def removes_the_keys(bench: Bench) -> None:
    """/REMOVE_KEYS takes the keys and leaves the data; both together leave nothing. Others' keys stay."""
    bench.install(bench.old)
    bench.store()
    bench.uninstall("/REMOVE_KEYS")
    demand(bench.stored == STORED - KEY_FILES, f"the data is there: {bench.stored}")
    demand(bench.key_items == {OTHER_ITEM}, f"only others' keys are there: {bench.key_items}")
    bench.install(bench.old)
    bench.store()
    bench.uninstall("/REMOVE_KEYS /REMOVE_DATA")
    demand(not bench.computer.data.exists(), "nothing is there")
    demand(bench.key_items == {OTHER_ITEM}, f"only others' keys are there: {bench.key_items}")


TRIALS: tuple[Callable[[Bench], None], ...] = (
    installs,
    upgrades,
    refuses_a_downgrade,
    repairs,
    asks_what_runs_to_finish,
    gives_way_to_what_does_not_end,
    refuses_folders_that_are_not_its_own,
    comes_back_after_a_failure,
    goes_on_after_being_cut_off,
    refuses_an_old_windows,
    keeps_what_is_stored,
    removes_the_data_and_no_key,
    removes_the_keys,
)
