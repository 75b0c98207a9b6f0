"""Who has the node wallet's key has its money: it is made once, kept in one place, and never found in a log."""

import asyncio
import logging
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked

from mulberry.agent import keys
from mulberry.agent.keys import SERVICE, key_in_file, key_in_keyring, system_keyring
from mulberry.model.errors import UserFacingError, WhoseTurn


class KeyringInMemory:
    """What `keyring` offers us, without a system."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.items.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.items[service, username] = password


class Locked(KeyringInMemory):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("Failed to unlock the collection!")


class Forgetful(KeyringInMemory):
    def set_password(self, service: str, username: str, password: str) -> None:
        pass


async def test_a_demo_key_is_made_once_and_for_its_owners_eyes(tmp_path: Path) -> None:
    path = tmp_path / "node-wallet.key"
    made = await key_in_file(path)
    assert bytes((await key_in_file(path)).key) == bytes(made.key)
    assert "play money" in made.kept
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"ab" * 31, b"ab" * 33, b"zz" * 32, b"\xff" * 64, b"0" * 100_000])
async def test_a_damaged_key_file_is_told_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "node-wallet.key"
    path.write_bytes(content)
    with pytest.raises(UserFacingError) as damaged:
        await key_in_file(path)
    assert "damaged" in damaged.value.what
    assert path.read_bytes() == content


async def test_the_keyring_holds_one_key_a_network() -> None:
    held = KeyringInMemory()
    first = await key_in_keyring("mainnet", lambda: held)
    again = await key_in_keyring("mainnet", lambda: held)
    other = await key_in_keyring("testnet", lambda: held)
    assert bytes(first.key) == bytes(again.key) != bytes(other.key)
    assert set(held.items) == {(SERVICE, "mainnet"), (SERVICE, "testnet")}


async def test_a_key_is_never_printed_or_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = await key_in_file(tmp_path / "key")
    secret = bytes(key.key).hex()
    assert secret not in repr(key) + str(key) + caplog.text


def no_keyring() -> KeyringInMemory:
    raise UserFacingError("No keyring.", "None runs.", "Start one.")


@pytest.mark.parametrize(
    ("open_keyring", "told"),
    [(Locked, "KeyringLocked"), (Forgetful, "does not give it back"), (no_keyring, "None runs")],
)
async def test_a_keyring_that_keeps_no_key_is_told_with_the_next_step(
    open_keyring: Callable[[], KeyringInMemory], told: str
) -> None:
    with pytest.raises(UserFacingError) as problem:
        await key_in_keyring("mainnet", open_keyring)
    assert told in problem.value.why and problem.value.whose_turn is WhoseTurn.YOU


async def test_what_a_keyring_holds_instead_of_a_key_stays_there_and_is_not_repeated() -> None:
    held = KeyringInMemory()
    held.items[SERVICE, "mainnet"] = "hunter2"
    with pytest.raises(UserFacingError) as problem:
        await key_in_keyring("mainnet", lambda: held)
    assert "hunter2" not in str(problem.value) + repr(problem.value.__cause__)
    assert held.items == {(SERVICE, "mainnet"): "hunter2"}


@pytest.mark.parametrize("seconds", [0.05])
async def test_a_silent_keyring_holds_nobody_up(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(keys, "KEYRING_SECONDS", seconds)
    answer = threading.Event()

    def open_keyring() -> KeyringInMemory:
        answer.wait(10)
        return KeyringInMemory()

    with pytest.raises(UserFacingError, match="did not answer"):
        await key_in_keyring("mainnet", open_keyring)
    answer.set()
    await asyncio.sleep(0.01)


def test_a_computer_without_a_keyring_is_told_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_keyring", NoKeyring)
    with pytest.raises(UserFacingError, match="GNOME Keyring or KWallet"):
        system_keyring()
