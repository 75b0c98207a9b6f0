"""On a server the key is handled by these commands alone; what is typed must neither be shown nor left behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

WORDS, OTHER_WORDS = "mulberry silk worm", "a quite different one"
TYPED = "typed by somebody twice"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="what is typed goes through a Unix terminal here")


class CommandLine:
    """`mulberry key` with a data folder of the test's. Passphrases come from the standard input."""

    def __init__(self, data: Path) -> None:
        self.environment = os.environ | {"MULBERRY_DATA": str(data)}

    def __call__(self, *words: str, says: str | None = None, status: int = 0) -> str:
        given = [] if says is None else ["--passphrase-file", "-"]
        done = subprocess.run(
            [sys.executable, "-m", "mulberry", *words, *given],
            input=says or "",
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=150,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if status == 0 else done.stderr

    def typed(self, *words: str, lines: tuple[str, ...]) -> str:
        """At a terminal, where somebody types `lines` when asked. All that the terminal showed."""
        ours, theirs = os.openpty()
        command = [sys.executable, "-m", "mulberry", *words]
        with subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=self.environment,
            start_new_session=True,
            close_fds=True,
        ) as process:
            os.close(theirs)
            shown, answers = b"", list(lines)
            try:
                while piece := os.read(ours, 4096):
                    shown += piece
                    if answers and shown.endswith((b"Passphrase: ", b"Once more: ")):
                        os.write(ours, answers.pop(0).encode() + b"\n")
            except OSError:  # Linux says so that the other side is closed
                pass
            finally:
                os.close(ours)
            process.wait(50)
        return shown.decode()


@pytest.fixture
def mulberry(tmp_path: Path) -> Iterator[CommandLine]:
    command = CommandLine(tmp_path / "data")
    yield command
    command("quit")


def test_a_key_from_its_passphrase_to_another_computer(mulberry: CommandLine, tmp_path: Path) -> None:
    assert "not read yet" in mulberry("key")
    assert "under your passphrase" in mulberry("key", "passphrase", says=WORDS)
    mulberry("quit")
    assert "The key is locked" in mulberry("key")
    assert "not the right one" in mulberry("key", "unlock", says=OTHER_WORDS, status=1)
    wallet = mulberry("key", "unlock", says=WORDS).split("Node wallet: ")[1].strip()
    backup = str(tmp_path / "backup.json")
    written = mulberry("key", "backup", backup, says=OTHER_WORDS)
    assert "read back and opened again" in written and wallet in written and "Earnings go to" in written
    assert "there already" in mulberry("key", "backup", backup, says=OTHER_WORDS, status=1)
    assert "That is this node's wallet." in mulberry("key", "check", backup, says=OTHER_WORDS)

    new = CommandLine(tmp_path / "new")
    new("key", "passphrase", says=WORDS)
    assert "That is not this node's wallet." in new("key", "check", backup, says=OTHER_WORDS)
    assert "--replace" in new("key", "restore", backup, says=OTHER_WORDS, status=1)
    assert wallet in new("key", "restore", backup, "--replace", says=OTHER_WORDS)
    assert "cannot be read" in new("key", "restore", str(tmp_path / "nothing"), says=WORDS, status=1)
    new("quit")
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"agent 0" in left, "the logs were read too"
    assert WORDS.encode() not in left and OTHER_WORDS.encode() not in left


def test_a_passphrase_is_typed_twice_and_not_shown(mulberry: CommandLine) -> None:
    shown = mulberry.typed("key", "passphrase", lines=(TYPED, TYPED + "?"))
    assert "The two are not the same." in shown
    shown = mulberry.typed("key", "passphrase", lines=(TYPED, TYPED))
    assert "Mulberry cannot tell" in shown and "under your passphrase" in shown
    assert TYPED not in shown
    mulberry("quit")
    assert "Node wallet: UQ" in mulberry("key", "unlock", says=TYPED)


def test_nobody_is_asked_where_nobody_sits_and_nothing_unfit_is_taken(mulberry: CommandLine) -> None:
    assert "--passphrase-file" in mulberry("key", "passphrase", status=1)
    assert "at least 8" in mulberry("key", "passphrase", says="short", status=1)
    assert "nothing to unlock" in mulberry("key", "unlock", says=WORDS, status=1)
