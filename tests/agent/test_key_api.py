"""An owner's passphrase goes over the control socket and nowhere else; what waited for the key goes on by itself."""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from agent_workshop import DEMO
from conftest import SettableClock
from keyring_in_memory import CHEAP, KeyringInMemory
from mulberry.agent.keys import Keyring, NoKeyring
from mulberry.agent.sealed_key import seal
from mulberry.agent.startup_money import UnlockKey
from mulberry.client.control import ControlClient
from mulberry.client.http import request
from mulberry.client.key_backup import back_up, read_backup
from mulberry.model.control import Command, Event, KeyBackup, KeyRestoreRequest, Passphrase
from mulberry.model.errors import UserFacingError
from mulberry.model.key import KeyState
from mulberry.model.node import NodeState, ReasonKind, Status, Want
from mulberry.model.places import DataFolder
from waiting_agent import an_agent_of, has_its_key, until

REAL = DEMO.model_copy(update={"kind": "test", "name": "testnet", "lite_servers": {"liteservers": []}})
WORDS, OTHER_WORDS = "mulberry silk worm", "a quite different one"
HIDDEN = KeyBackup("hunter2")


def no_keyring() -> Keyring:
    raise NoKeyring


def an_agent(
    root: Path, clock: SettableClock, open_keyring: Callable[[], Keyring] | None = no_keyring
) -> AbstractAsyncContextManager[ControlClient]:
    """One that needs its key and nothing else to work; by default on a computer without a keyring."""
    return an_agent_of((UnlockKey,), REAL, root, clock, open_keyring)


def needs_you(status: Status) -> bool:
    return status.state is NodeState.NEEDS_YOU


async def test_without_a_keyring_the_owner_reads_both_ways_and_a_passphrase_is_one(
    tmp_path: Path, clock: SettableClock
) -> None:
    async with an_agent(tmp_path, clock) as client:
        await client.command(Command(Want.START))
        reason = (await until(client, needs_you)).reasons[0]
        assert reason.kind is ReasonKind.KEY_UNAVAILABLE
        assert "Start one, such as GNOME Keyring" in reason.next_step and "set a passphrase" in reason.next_step
        assert (await client.wallet()).key.state is KeyState.UNAVAILABLE
        assert (await client.set_key_passphrase(WORDS)).state is KeyState.OPEN
        await until(client, has_its_key)


async def test_a_keyring_that_is_started_later_is_the_other_way(tmp_path: Path, clock: SettableClock) -> None:
    keyring: list[Keyring] = []
    async with an_agent(tmp_path, clock, lambda: keyring[0] if keyring else no_keyring()) as client:
        await client.command(Command(Want.START))
        await until(client, needs_you)
        keyring.append(KeyringInMemory())
        await client.command(Command(Want.START))
        await until(client, has_its_key)
        key = (await client.wallet()).key
        assert key.state is KeyState.OPEN and "keyring" in key.kept and not key.has_passphrase


async def test_after_a_restart_the_node_needs_its_owner_and_goes_on_once_unlocked(
    tmp_path: Path, clock: SettableClock
) -> None:
    async with an_agent(tmp_path, clock) as client:
        wallet = (await client.set_key_passphrase(WORDS)).wallet
        await client.command(Command(Want.START))
        await until(client, has_its_key)
    async with an_agent(tmp_path, clock) as client:
        reason = (await until(client, needs_you)).reasons[0]
        assert "locked" in reason.evidence and "mulberry key unlock" in reason.next_step
        with pytest.raises(UserFacingError, match="not the right one"):
            await client.unlock_key(OTHER_WORDS)
        assert (await client.status()).state is NodeState.NEEDS_YOU
        key = await client.unlock_key(WORDS)
        assert (key.state, key.wallet) == (KeyState.OPEN, wallet)
        await until(client, has_its_key)
        assert (await client.wallet()).node_wallet == wallet


async def test_unlocking_starts_nothing_that_its_owner_stopped(tmp_path: Path, clock: SettableClock) -> None:
    async with an_agent(tmp_path, clock) as client:
        await client.set_key_passphrase(WORDS)
        await client.unlock_key(WORDS)
        assert (await client.status()).state is NodeState.STOPPED


async def test_a_backup_is_written_once_read_back_and_the_same_wallet_elsewhere(
    tmp_path: Path, clock: SettableClock
) -> None:
    path = tmp_path / "backup"
    async with an_agent(tmp_path / "old", clock) as client:
        wallet = (await client.set_key_passphrase(WORDS)).wallet
        found = await back_up(client, path, OTHER_WORDS)
        assert (found.wallet, found.is_this_nodes) == (wallet, True)
        before = path.read_bytes()
        with pytest.raises(UserFacingError, match="there already"):
            await back_up(client, path, OTHER_WORDS)
        assert path.read_bytes() == before
        with pytest.raises(UserFacingError, match="folder that you may write to"):
            await back_up(client, tmp_path / "no such folder" / "backup", OTHER_WORDS)
    async with an_agent(tmp_path / "new", clock, None) as client:
        key = await client.restore_key(await read_backup(path), OTHER_WORDS)
        assert key.wallet == wallet and "keyring" in key.kept


async def test_the_window_hears_of_the_key_though_nothing_runs(tmp_path: Path, clock: SettableClock) -> None:
    async with an_agent(tmp_path, clock) as client, aclosing(client.events()) as events:
        first = await anext(events)
        assert isinstance(first, Event) and first.wallet is not None and first.wallet.key.state is KeyState.UNREAD
        key = await client.set_key_passphrase(WORDS)
        async with asyncio.timeout(30):
            async for event in events:
                if isinstance(event, Event) and event.wallet is not None and event.wallet.key == key:
                    break


@pytest.mark.parametrize(
    ("spoiled", "told"),
    [
        (seal(SigningKey.generate(), OTHER_WORDS, CHEAP), "not this node's key"),
        (seal(SigningKey.generate(), WORDS, CHEAP), "not the right one"),
        ("", "no file with a node wallet's key"),
    ],
    ids=["another key", "another passphrase", "nothing"],
)
async def test_a_backup_that_does_not_give_the_key_back_is_told_at_once(
    tmp_path: Path, clock: SettableClock, spoiled: str, told: str
) -> None:
    class Spoiling(ControlClient):
        async def back_up_key(self, passphrase: str) -> KeyBackup:
            return KeyBackup(spoiled)

    async with an_agent(tmp_path, clock) as client:
        await client.set_key_passphrase(WORDS)
        with pytest.raises(UserFacingError, match=told):
            await back_up(Spoiling(DataFolder.of_network(tmp_path, "testnet")), tmp_path / "backup", OTHER_WORDS)


async def test_a_key_at_work_is_not_replaced(tmp_path: Path, clock: SettableClock) -> None:
    async with an_agent(tmp_path, clock, None) as client:
        await client.command(Command(Want.START))
        await until(client, has_its_key)
        backup = await client.back_up_key(WORDS)
        with pytest.raises(UserFacingError, match="mulberry stop"):
            await client.restore_key(backup, WORDS, replace=True)
        await client.command(Command(Want.STOP))
        await until(client, lambda status: status.state is NodeState.STOPPED)
        await client.restore_key(backup, WORDS)


@pytest.mark.parametrize("body", [{"passphrase": ["hunter2"]}, {"passwort": "hunter2"}, "hunter2"])
async def test_a_passphrase_is_neither_logged_nor_repeated(
    tmp_path: Path, clock: SettableClock, caplog: pytest.LogCaptureFixture, body: object
) -> None:
    caplog.set_level(logging.DEBUG)
    async with an_agent(tmp_path, clock) as client:
        await client.set_key_passphrase("hunter2 hunter2")
        address = DataFolder.of_network(tmp_path, "testnet").control_address
        for verb in ("unlock", "passphrase", "backup", "check", "restore"):
            status, answer = await request(address, "POST", f"/v1/key/{verb}", json.dumps(body).encode())
            assert status == 400 and b"hunter2" not in answer
        with pytest.raises(UserFacingError):
            await client.unlock_key("wrong hunter2")
        await client.command(Command(Want.START))
        told = json.dumps([str(await client.status()), str(await client.wallet())])
    assert "hunter2" not in caplog.text + told
    assert "the wish is now" in caplog.text, "the log was listened to"
    assert "hunter2" not in repr((KeyBackup("hunter2"), Passphrase("hunter2"), KeyRestoreRequest(HIDDEN, "hunter2")))
