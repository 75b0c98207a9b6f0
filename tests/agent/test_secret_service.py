"""The keyring that most Linux owners have, for real: GNOME's Secret Service under a D-Bus session of the test's own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DBUS_RUN_SESSION = shutil.which("dbus-run-session")
pytestmark = pytest.mark.skipif(
    not (DBUS_RUN_SESSION and shutil.which("gnome-keyring-daemon")),
    reason="needs dbus-run-session and gnome-keyring-daemon (Debian: dbus-daemon, gnome-keyring)",
)

# What an agent does with its key. It prints the wallet, or the error's class and why; never the key.
OPEN_THE_KEY = """
import asyncio, sys
from pathlib import Path
from mulberry.agent.key_keeper import KeyKeeper
from mulberry.agent.keys import system_keyring
from mulberry.agent.settings import Settings
from mulberry.model.clock import SystemClock
from mulberry.model.errors import UserFacingError
from mulberry.model.network import load_profile
from mulberry.model.places import DataFolder

profile = load_profile("demo").model_copy(update={"kind": "test", "name": "testnet"})
keeper = KeyKeeper(DataFolder(Path(sys.argv[1])), profile, Settings(), SystemClock(), system_keyring)
try:
    kept = asyncio.run(keeper.open()).kept
    print(keeper.status.wallet, kept)
except UserFacingError as problem:
    print(type(problem).__name__, problem.why)
"""


class Session:
    """One user's home. Each `run` is a new login: a D-Bus session that ends with it, without a display."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "node").mkdir(parents=True)
        (root / "open_the_key.py").write_text(OPEN_THE_KEY)
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "GNOME_KEYRING_CONTROL")
            and not name.startswith("PYTHON_KEYRING")
        }
        for name in ("DATA", "RUNTIME", "CONFIG", "CACHE"):
            folder = root / name.lower()
            folder.mkdir(mode=0o700)
            self.environment[f"XDG_{name}_{'DIR' if name == 'RUNTIME' else 'HOME'}"] = str(folder)

    def run(self, password: str | None, times: int = 1) -> list[str]:
        """What `times` processes, one after the other, say. None: nobody unlocks the keyring."""
        begin = ""  # the first who asks for the keyring starts it, locked
        if password is not None:
            begin = 'printf %s "$PASSWORD" | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; '
        each = f"'{sys.executable}' '{self.root / 'open_the_key.py'}' '{self.root / 'node'}'; "
        assert DBUS_RUN_SESSION is not None
        return self.say([DBUS_RUN_SESSION, "--", "sh", "-c", begin + each * times], password)

    def say(self, command: list[str], password: str | None = None) -> list[str]:
        done = subprocess.run(
            command,
            env=self.environment | {"PASSWORD": password or "", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout.splitlines()


@pytest.fixture
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    yield Session(tmp_path_factory.mktemp("s"))  # a short path: a socket lies in it


def test_a_key_outlives_its_process_and_its_login(session: Session) -> None:
    first, second = session.run("password", times=2)
    assert first == second and first.startswith("UQ") and first.endswith("in this computer's keyring")
    assert session.run("password") == [first]


def test_a_locked_keyring_is_told_and_no_other_key_is_made(session: Session) -> None:
    [before] = session.run("password")
    [told] = session.run(None)
    assert told.startswith("KeyringUnavailable") and "locked or refused" in told
    assert session.run("password") == [before]


def test_a_computer_without_a_keyring_is_told_so(session: Session) -> None:
    [told] = session.say([sys.executable, str(session.root / "open_the_key.py"), str(session.root / "node")])
    assert told == "NoKeyring This computer has no keyring that is running."
