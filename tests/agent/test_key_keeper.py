"""A lost or mistaken key is a wallet that its node cannot use: every way in and out is tried, and none loses one."""

import asyncio
import base64
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from agent_workshop import DEMO
from conftest import SettableClock
from keyring_in_memory import CHEAP, KeyringInMemory
from mulberry.agent.key_keeper import KeyKeeper, KeyLocked
from mulberry.agent.keys import SERVICE, DamagedKey, Keyring, NoKeyring
from mulberry.agent.sealed_key import WrongPassphrase, seal, unseal
from mulberry.agent.settings import Settings
from mulberry.model.errors import UserFacingError
from mulberry.model.key import KeyState
from mulberry.model.places import DataFolder

REAL = DEMO.model_copy(update={"kind": "test", "name": "testnet"})
WORDS, OTHER_WORDS = "mulberry silk worm", "a quite different one"
KEY = SigningKey(bytes(range(32)))
BACKUP = seal(KEY, OTHER_WORDS, CHEAP)


def no_keyring() -> Keyring:
    raise NoKeyring


class Computer:
    """A data folder and a keyring that outlive the agent; `keeper` is a new agent's."""

    def __init__(self, root: Path, clock: SettableClock) -> None:
        self.folder = DataFolder(root / "node")
        self.folder.create()
        self.clock = clock
        self.keyring = KeyringInMemory()
        self.open_keyring: Callable[[], Keyring] = lambda: self.keyring
        self.profile = REAL
        self.settings = Settings()

    def keeper(self) -> KeyKeeper:
        return KeyKeeper(self.folder, self.profile, self.settings, self.clock, self.open_keyring, cost=CHEAP)

    def aside(self) -> list[str]:
        """Where replaced keys are kept."""
        names = [path.name for path in self.folder.path.iterdir()] + [name for _, name in self.keyring.items]
        return [name for name in names if "replaced-" in name]


@pytest.fixture
def computer(tmp_path: Path, clock: SettableClock) -> Computer:
    return Computer(tmp_path, clock)


@pytest.fixture(params=["keyring", "play money", "no keyring"])
def any_computer(request: pytest.FixtureRequest, computer: Computer) -> Computer:
    if request.param == "play money":
        computer.profile = DEMO
    if request.param == "no keyring":
        computer.open_keyring = no_keyring
    return computer


async def test_a_key_is_made_once(computer: Computer) -> None:
    made = await computer.keeper().open()
    assert (await computer.keeper().open()).key == made.key
    assert list(computer.keyring.items) == [(SERVICE, "testnet")]
    assert "keyring" in made.kept


async def test_the_status_follows_the_key(computer: Computer) -> None:
    computer.open_keyring = no_keyring
    keeper = computer.keeper()
    told: list[KeyState] = []
    keeper.on_change = lambda: told.append(keeper.status.state)
    assert keeper.status.state is KeyState.UNREAD
    with pytest.raises(NoKeyring):
        await keeper.open()
    assert "no keyring" in keeper.status.note
    await keeper.set_passphrase(WORDS)
    assert told == [KeyState.UNAVAILABLE, KeyState.OPEN]
    assert keeper.status.wallet.startswith("UQ") and keeper.status.note == ""
    assert computer.keeper().status.state is KeyState.LOCKED


async def test_without_a_keyring_a_passphrase_makes_a_key_that_each_new_agent_waits_for(computer: Computer) -> None:
    computer.open_keyring = no_keyring
    first = computer.keeper()
    await first.set_passphrase(WORDS)
    made = await first.open()
    later = computer.keeper()
    with pytest.raises(KeyLocked, match="mulberry key unlock"):
        await later.open()
    for _ in range(3):
        with pytest.raises(WrongPassphrase):
            await later.unlock(OTHER_WORDS)
    await later.unlock(WORDS)
    assert (await later.open()).key == made.key
    assert "under your passphrase" in made.kept


@pytest.mark.parametrize("is_play_money", [True, False])
async def test_an_owner_who_prefers_a_passphrase_keeps_the_key_and_leaves_no_open_copy(
    computer: Computer, is_play_money: bool
) -> None:
    if is_play_money:
        computer.profile = DEMO
    keeper = computer.keeper()
    before = await keeper.open()
    await keeper.set_passphrase(WORDS)
    assert (await keeper.open()).key == before.key
    assert not computer.keyring.items and not computer.folder.demo_key.exists()
    assert unseal(computer.folder.sealed_key.read_text(), WORDS) == before.key


async def test_a_copy_that_could_not_be_removed_is_told(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = computer.keeper()
    key = (await keeper.open()).key

    def refuse(service: str, username: str) -> None:
        raise RuntimeError("refused")

    monkeypatch.setattr(computer.keyring, "delete_password", refuse)
    with pytest.raises(UserFacingError, match="Remove it there yourself"):
        await keeper.set_passphrase(WORDS)
    assert (await keeper.open()).key == key and keeper.status.state is KeyState.OPEN


async def test_a_passphrase_is_changed_only_by_who_knows_it(computer: Computer) -> None:
    keeper = computer.keeper()
    await keeper.set_passphrase(WORDS)
    key = (await keeper.open()).key
    with pytest.raises(KeyLocked):
        await computer.keeper().set_passphrase(OTHER_WORDS)
    await keeper.set_passphrase(OTHER_WORDS)
    later = computer.keeper()
    with pytest.raises(WrongPassphrase):
        await later.unlock(WORDS)
    await later.unlock(OTHER_WORDS)
    assert (await later.open()).key == key


@pytest.mark.parametrize("passphrase", ["", "seven77", "x" * 1025])
async def test_an_unfit_passphrase_is_refused_before_anything_is_done(computer: Computer, passphrase: str) -> None:
    keeper = computer.keeper()
    await keeper.open()
    for ask in (keeper.set_passphrase, keeper.backed_up):
        with pytest.raises(UserFacingError, match="cannot be used"):
            await ask(passphrase)
    assert not computer.folder.sealed_key.exists() and computer.keyring.items


async def test_a_locked_keyring_with_our_key_is_not_taken_for_none(computer: Computer) -> None:
    """A passphrase or a backup must not make a second wallet beside it."""
    await computer.keeper().open()

    class Locked(KeyringInMemory):
        def get_password(self, service: str, username: str) -> str | None:
            raise RuntimeError("locked")

    computer.open_keyring = Locked
    for attempt in (
        computer.keeper().set_passphrase(WORDS),
        computer.keeper().restore(BACKUP, OTHER_WORDS, replace=True),
    ):
        with pytest.raises(UserFacingError, match="locked or refused"):
            await attempt
    assert not computer.folder.sealed_key.exists()


async def test_a_server_whose_keyring_nobody_can_unlock_begins_with_a_passphrase(computer: Computer) -> None:
    """D-Bus starts GNOME's keyring on its own, locked, wherever it is installed."""

    class Locked(KeyringInMemory):
        def get_password(self, service: str, username: str) -> str | None:
            raise RuntimeError("locked")

        def set_password(self, service: str, username: str, password: str) -> None:
            raise RuntimeError("locked")

    computer.open_keyring = Locked
    with pytest.raises(UserFacingError, match="mulberry key passphrase"):
        await computer.keeper().open()
    await computer.keeper().restore(BACKUP, OTHER_WORDS, replace=False)
    keeper = computer.keeper()
    await keeper.unlock(OTHER_WORDS)
    assert (await keeper.open()).key == KEY


async def test_a_key_that_was_here_and_is_gone_is_not_replaced_by_a_new_wallet(computer: Computer) -> None:
    await computer.keeper().open()
    computer.keyring.items.clear()
    with pytest.raises(UserFacingError, match=r"key is gone.*restore your backup"):
        await computer.keeper().open()
    computer.open_keyring = no_keyring
    with pytest.raises(UserFacingError, match="key is gone"):
        await computer.keeper().set_passphrase(WORDS)
    computer.folder.seen_key.unlink()
    await computer.keeper().set_passphrase(WORDS)


async def test_a_server_is_unlocked_by_a_file_of_its_owners(computer: Computer, tmp_path: Path) -> None:
    await computer.keeper().set_passphrase(WORDS)
    secret = tmp_path / "passphrase"
    secret.write_text(WORDS + "\n")
    secret.chmod(0o600)
    computer.settings = Settings(passphrase_file=str(secret))
    assert bytes((await computer.keeper().open()).key) != bytes(32)
    secret.chmod(0o644)
    with pytest.raises(UserFacingError, match="chmod 600"):
        await computer.keeper().open()
    secret.chmod(0o600)
    secret.write_text(OTHER_WORDS)
    with pytest.raises(WrongPassphrase):
        await computer.keeper().open()


async def test_a_backup_is_the_same_wallet_on_a_new_computer(any_computer: Computer, tmp_path: Path) -> None:
    old = any_computer.keeper()
    if any_computer.open_keyring is no_keyring:
        await old.set_passphrase(WORDS)
    key = (await old.open()).key
    backup = await old.backed_up(OTHER_WORDS)
    assert bytes(key).hex() not in backup
    assert (await old.check(backup, OTHER_WORDS)).is_this_nodes is True
    new = Computer(tmp_path / "new", any_computer.clock)
    new.profile, new.open_keyring = any_computer.profile, any_computer.open_keyring
    assert (await new.keeper().check(backup, OTHER_WORDS)).is_this_nodes is None
    keeper = new.keeper()
    await keeper.restore(backup, OTHER_WORDS, replace=False)
    assert (await keeper.open()).key == key
    assert keeper.status.wallet == old.status.wallet != ""
    assert new.aside() == []


async def test_a_backup_of_another_key_is_told_from_ours(computer: Computer) -> None:
    keeper = computer.keeper()
    await keeper.open()
    found = await keeper.check(BACKUP, OTHER_WORDS)
    assert found.is_this_nodes is False and found.wallet != keeper.status.wallet
    with pytest.raises(WrongPassphrase):
        await keeper.check(BACKUP, WORDS)


async def test_a_key_is_replaced_only_when_asked_and_then_kept_aside(any_computer: Computer) -> None:
    keeper = any_computer.keeper()
    if any_computer.open_keyring is no_keyring:
        await keeper.set_passphrase(WORDS)
    old = (await keeper.open()).key
    with pytest.raises(UserFacingError, match="another node key already"):
        await keeper.restore(BACKUP, OTHER_WORDS, replace=False)
    assert (await keeper.open()).key == old and any_computer.aside() == []
    await keeper.restore(BACKUP, OTHER_WORDS, replace=True)
    assert (await keeper.open()).key == KEY
    assert len(any_computer.aside()) == 1
    later = any_computer.keeper()
    if any_computer.open_keyring is no_keyring:
        await later.unlock(OTHER_WORDS)
    assert (await later.open()).key == KEY


async def test_the_same_key_is_restored_without_ado(any_computer: Computer) -> None:
    keeper = any_computer.keeper()
    await keeper.restore(BACKUP, OTHER_WORDS, replace=False)
    await keeper.restore(BACKUP, OTHER_WORDS, replace=False)
    assert any_computer.aside() == [] and (await keeper.open()).key == KEY


async def test_a_forgotten_passphrase_is_survived_with_a_backup(computer: Computer) -> None:
    computer.open_keyring = no_keyring
    keeper = computer.keeper()
    await keeper.restore(BACKUP, OTHER_WORDS, replace=False)
    await keeper.set_passphrase("forgotten at once")
    later = computer.keeper()
    await later.restore(BACKUP, OTHER_WORDS, replace=False)  # it is the key that this computer had
    assert (await later.open()).key == KEY and len(computer.aside()) == 1


async def test_a_damaged_key_is_kept_aside_before_a_backup_takes_its_place(computer: Computer) -> None:
    computer.keyring.items[SERVICE, "testnet"] = "damaged"
    keeper = computer.keeper()
    with pytest.raises(DamagedKey, match="mulberry key restore"):
        await keeper.open()
    await keeper.restore(BACKUP, OTHER_WORDS, replace=True)
    assert (await keeper.open()).key == KEY
    assert "damaged" in computer.keyring.items.values()


async def test_there_is_nothing_to_unlock_or_back_up_before_there_is_a_key(computer: Computer) -> None:
    with pytest.raises(UserFacingError, match="nothing to unlock"):
        await computer.keeper().unlock(WORDS)
    with pytest.raises(UserFacingError, match="nothing to back up"):
        await computer.keeper().backed_up(WORDS)
    assert computer.keyring.items == {}


async def test_a_full_disk_loses_no_key(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = computer.keeper()
    before = (await keeper.open()).key

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("mulberry.agent.key_keeper.write_whole", full)
        with pytest.raises(UserFacingError, match="No space left"):
            await keeper.set_passphrase(WORDS)
    assert (await computer.keeper().open()).key == before


async def test_two_askings_at_once_make_one_key(computer: Computer) -> None:
    keeper = computer.keeper()
    one, two = await asyncio.gather(keeper.open(), keeper.open())
    assert one.key == two.key


async def test_nothing_secret_is_logged_or_told(computer: Computer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keeper = computer.keeper()
    await keeper.set_passphrase(WORDS)
    await keeper.backed_up(OTHER_WORDS)
    with pytest.raises(WrongPassphrase) as wrong:
        await computer.keeper().unlock("wrong " + WORDS)
    computer.folder.seen_key.write_bytes(b"\xff")
    await computer.keeper().unlock(WORDS)
    told = caplog.text + repr(keeper.status) + repr(wrong.value) + str(wrong.value)
    for secret in (WORDS, OTHER_WORDS, bytes((await keeper.open()).key).hex()):
        assert secret not in told
    assert "cannot be read" in caplog.text, "the log was listened to"


async def test_the_key_of_a_file_that_its_owner_named_is_used_and_never_changed(computer: Computer) -> None:
    named = computer.folder.path / "worker.key"
    named.write_bytes(base64.b64encode(bytes(KEY)))
    computer.settings = Settings(node_key_file=str(named))
    opened = await computer.keeper().open()
    assert opened.key == KEY and str(named) in opened.kept
    assert not computer.keyring.items, "the keyring is another network's"
    for change in (
        computer.keeper().set_passphrase(WORDS),
        computer.keeper().restore(seal(SigningKey.generate(), OTHER_WORDS, CHEAP), OTHER_WORDS, replace=True),
    ):
        with pytest.raises(UserFacingError, match="does not change this node's key"):
            await change
    assert named.read_bytes() == base64.b64encode(bytes(KEY)) and not computer.folder.sealed_key.exists()
