"""Who has the node wallet's key has its money: it lies in one place, is read as it is, and never found in a log."""

import asyncio
import base64
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as FailKeyring
from keyring.errors import KeyringLocked
from nacl.signing import SigningKey

from conftest import SettableClock
from keyring_in_memory import KeyringInMemory
from mulberry.agent import keys
from mulberry.agent.keys import (
    SERVICE,
    DamagedKey,
    InKeyring,
    NodeKey,
    NoKeyring,
    OpenFile,
    key_from_file_of_public_worker,
    system_keyring,
)
from mulberry.model.errors import UserFacingError, WhoseTurn

KEY = SigningKey(bytes(range(32)))


class Locked(KeyringInMemory):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("Failed to unlock the collection!")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked("Failed to unlock the collection!")


class Forgetful(KeyringInMemory):
    def set_password(self, service: str, username: str, password: str) -> None:
        pass


async def test_a_file_keeps_a_demo_key_for_its_owners_eyes(tmp_path: Path, clock: SettableClock) -> None:
    place = OpenFile(tmp_path / "node-wallet.key", clock)
    assert await place.read() is None
    await place.write(KEY)
    assert await place.read() == KEY and "play money" in place.kept
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "node-wallet.key").stat().st_mode) == 0o600
    await place.forget()
    assert await place.read() is None


@pytest.mark.parametrize("content", [b"", b"ab" * 31, b"ab" * 33, b"zz" * 32, b"\xff" * 64, b"0" * 100_000])
async def test_a_damaged_key_file_is_told_and_left_as_it_is(
    tmp_path: Path, clock: SettableClock, content: bytes
) -> None:
    path = tmp_path / "node-wallet.key"
    path.write_bytes(content)
    with pytest.raises(DamagedKey):
        await OpenFile(path, clock).read()
    assert path.read_bytes() == content


async def test_the_keyring_holds_one_key_a_network(clock: SettableClock) -> None:
    held = KeyringInMemory()
    mainnet, testnet = (InKeyring(network, lambda: held, clock) for network in ("mainnet", "testnet"))
    await mainnet.write(KEY)
    assert await mainnet.read() == KEY and await testnet.read() is None
    assert set(held.items) == {(SERVICE, "mainnet")}
    await mainnet.forget()
    assert held.items == {}


async def test_what_is_replaced_is_kept_aside(tmp_path: Path, clock: SettableClock) -> None:
    held = KeyringInMemory()
    path = tmp_path / "key"
    for place in (InKeyring("mainnet", lambda: held, clock), OpenFile(path, clock)):
        await place.write(KEY)
        await place.set_aside()
        await place.write(SigningKey.generate())
        assert await place.read() != KEY
    assert held.items[SERVICE, "mainnet replaced-20261122T120000000000Z"] == bytes(KEY).hex()
    assert path.with_name("key.replaced-20261122T120000000000Z").read_text().strip() == bytes(KEY).hex()


def test_a_key_is_never_printed() -> None:
    assert bytes(KEY).hex() not in repr(NodeKey(KEY, "here")) + str(NodeKey(KEY, "here"))


def no_keyring() -> KeyringInMemory:
    raise NoKeyring


@pytest.mark.parametrize(
    ("open_keyring", "told"),
    [(Locked, "KeyringLocked"), (Forgetful, "does not give it back"), (no_keyring, "no keyring that is running")],
)
async def test_a_keyring_that_keeps_no_key_is_told_with_the_next_step(
    open_keyring: Callable[[], KeyringInMemory], told: str, clock: SettableClock
) -> None:
    with pytest.raises(UserFacingError) as problem:
        await InKeyring("mainnet", open_keyring, clock).write(KEY)
    assert told in problem.value.why and problem.value.whose_turn is WhoseTurn.YOU
    assert isinstance(problem.value, NoKeyring) is (open_keyring is no_keyring)


async def test_what_a_keyring_holds_instead_of_a_key_stays_there_and_is_not_repeated(clock: SettableClock) -> None:
    held = KeyringInMemory()
    held.items[SERVICE, "mainnet"] = "hunter2"
    with pytest.raises(DamagedKey) as problem:
        await InKeyring("mainnet", lambda: held, clock).read()
    assert "hunter2" not in str(problem.value) + repr(problem.value.__cause__)
    assert held.items == {(SERVICE, "mainnet"): "hunter2"}


async def test_a_silent_keyring_holds_nobody_up(monkeypatch: pytest.MonkeyPatch, clock: SettableClock) -> None:
    monkeypatch.setattr(keys, "KEYRING_SECONDS", 0.05)
    answer = threading.Event()

    def open_keyring() -> KeyringInMemory:
        answer.wait(10)
        return KeyringInMemory()

    with pytest.raises(UserFacingError, match="did not answer"):
        await InKeyring("mainnet", open_keyring, clock).read()
    answer.set()
    await asyncio.sleep(0.01)


def test_a_computer_without_a_keyring_is_told_both_ways_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_keyring", FailKeyring)
    with pytest.raises(NoKeyring) as told:
        system_keyring()
    assert "GNOME Keyring or KWallet" in told.value.next_step and "mulberry key passphrase" in told.value.next_step


def test_windows_keeps_the_key_on_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    class WinVault(KeyringInMemory):
        persist = "enterprise"

    monkeypatch.setattr(keyring, "get_keyring", WinVault)
    found = system_keyring()
    assert isinstance(found, WinVault) and found.persist == "local machine"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_public_workers_key_is_read_as_its_configuration_has_it(tmp_path: Path, end: bytes) -> None:
    (tmp_path / "key").write_bytes(base64.b64encode(bytes(KEY)) + end)
    assert key_from_file_of_public_worker(tmp_path / "key") == KEY


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "0 bytes, not 32"),
        (base64.b64encode(bytes(31)), "31 bytes, not 32"),
        (base64.b64encode(bytes(64)), "64 bytes, not 32"),
        (bytes(KEY), "not base64"),
        (b"node_wallet_key = " + base64.b64encode(bytes(KEY)), "not base64"),
        (b"A" * 100_000, "larger than"),
        (None, "no such file"),
    ],
)
def test_what_is_no_key_of_the_public_workers_is_told_without_its_content(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(UserFacingError) as problem:
        key_from_file_of_public_worker(tmp_path / "key")
    assert told in problem.value.why
    assert "AAEC" not in str(problem.value)
