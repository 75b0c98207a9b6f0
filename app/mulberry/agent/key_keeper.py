"""The one who holds the node wallet's key: opens it for the start-up, locks, backs up and restores it for its owner.

A passphrase file, where there is one, holds the key; else the network's usual place does (`keys.Place`). A passphrase
is used and let go; the key that it opens stays in the agent's memory until the agent ends.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell

from mulberry.agent.keys import (
    SERVICE,
    DamagedKey,
    InKeyring,
    Keyring,
    KeyringUnavailable,
    NodeKey,
    NoKeyring,
    OpenFile,
    Place,
    PublicWorkersFile,
    not_kept,
    replaced_at,
)
from mulberry.agent.sealed_key import USUAL_COST, Cost, NoKeyFile, WrongPassphrase, seal, unseal
from mulberry.agent.settings import Settings
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.key import KeyCheck, KeyState, KeyStatus
from mulberry.model.language import tr
from mulberry.model.network import NetworkProfile
from mulberry.model.passphrase import read_passphrase, why_unfit
from mulberry.model.places import DataFolder, resource
from mulberry.ton.address import Address, AddressError, parse_address
from mulberry.ton.contract_params import contract_code
from mulberry.ton.contracts import Birth
from mulberry.ton.wallet import node_wallet

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class KeyKeeper:
    """One a network. Its calls wait for one another; each raises `UserFacingError`, and then the key is where it was.

    `on_change` is called after every change of what `status` says.
    """

    def __init__(
        self,
        folder: DataFolder,
        profile: NetworkProfile,
        settings: Settings,
        clock: Clock,
        open_keyring: Callable[[], Keyring],
        *,
        cost: Cost = USUAL_COST,
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._sealed = folder.sealed_key
        self._seen = folder.seen_key
        self._clock = clock
        self._is_play_money = profile.kind == "demo"
        self._named_file = settings.node_key_file
        self._place = self._place_of(folder, profile, open_keyring)
        self._owner_address = settings.owner_address or profile.owner_address
        self._passphrase_file = settings.passphrase_file
        self._cost = cost
        self._unlocked: SigningKey | None = None  # what the passphrase file holds
        self._turn = asyncio.Lock()
        self._status = KeyStatus(KeyState.LOCKED, self._kept, has_passphrase=True) if self._is_sealed else KeyStatus()

    @property
    def status(self) -> KeyStatus:
        return self._status

    async def open(self) -> NodeKey:
        """For the start-up: the key, made where this computer has had none yet."""
        async with self._turn:
            try:
                key = await self._key() or await self._make()
            except UserFacingError as problem:
                if self._is_sealed:
                    self._tell(KeyStatus(KeyState.LOCKED, self._kept, note=str(problem), has_passphrase=True))
                else:
                    self._tell(KeyStatus(KeyState.UNAVAILABLE, note=str(problem)))
                raise
            self._tell_open(key)
            return NodeKey(key, self._kept)

    async def unlock(self, passphrase: str) -> None:
        """With the passphrase of the file."""
        async with self._turn:
            if not self._is_sealed:
                raise UserFacingError(
                    what=tr("There is nothing to unlock."),
                    why=tr("No passphrase guards this node's key."),
                    next_step=tr("Press Start, or set a passphrase with `mulberry key passphrase`."),
                )
            self._unlocked = await asyncio.to_thread(unseal, await self._read_sealed(), passphrase)
            self._tell_open(self._unlocked)

    async def set_passphrase(self, passphrase: str) -> None:
        """Moves the key under a passphrase, or under another one; makes one where this computer never had any."""
        _refuse_unfit(passphrase)
        async with self._turn:
            if self._named_file is not None:
                await self._place.forget()  # which is refused, before anything is written
            key = await self._key_if_reached()
            lies_open = key is not None and not self._is_sealed
            if key is None:
                self._refuse_a_second_key()
                key = SigningKey.generate()
            await self._write_sealed(await self._seal_and_try(key, passphrase))
            self._unlocked = key
            self._tell_open(key)
            if lies_open:
                await self._forget_in_place()

    async def backed_up(self, passphrase: str) -> str:
        """The key under `passphrase`, for a file of the owner's."""
        _refuse_unfit(passphrase)
        async with self._turn:
            key = await self._key()
            if key is None:
                raise UserFacingError(
                    what=tr("There is nothing to back up."),
                    why=tr("This node has no key yet."),
                    next_step=tr("Press Start first: the key is made then."),
                )
            sealed = await self._seal_and_try(key, passphrase)
            self._tell_open(key)
            return sealed

    async def check(self, untrusted_file: str, passphrase: str) -> KeyCheck:
        """Whose key a backup is."""
        async with self._turn:
            key = await asyncio.to_thread(unseal, untrusted_file, passphrase)
            seen = self._seen_key()
            return KeyCheck(
                self._wallet_of(bytes(key.verify_key)), None if seen is None else seen == bytes(key.verify_key)
            )

    async def restore(self, untrusted_file: str, passphrase: str, *, replace: bool) -> None:
        """Puts a backup's key where this node's key lies. Another key there is kept aside, if `replace` allows it."""
        async with self._turn:
            key = await asyncio.to_thread(unseal, untrusted_file, passphrase)
            present, is_there = await self._key_if_readable()
            if present != key:
                if is_there:
                    if not replace and self._seen_key() != bytes(key.verify_key):
                        raise _another_key(self._wallet_of(bytes(key.verify_key)))
                    await self._set_aside()
                await self._put(key, untrusted_file)
            self._tell_open(key)

    def name_owner(self, owner_address: str) -> None:
        """From now on the key's node wallet is this owner's."""
        self._owner_address = owner_address
        seen = self._seen_key()
        if self._status.wallet and seen is not None:
            self._tell(replace(self._status, wallet=self._wallet_of(seen)))

    # Where it lies

    def _place_of(self, folder: DataFolder, profile: NetworkProfile, open_keyring: Callable[[], Keyring]) -> Place:
        if self._named_file is not None:
            return PublicWorkersFile(Path(self._named_file))
        if self._is_play_money:
            return OpenFile(folder.demo_key, self._clock)
        return InKeyring(profile.name, open_keyring, self._clock)

    @property
    def _is_sealed(self) -> bool:
        return self._named_file is None and self._sealed.exists()

    @property
    def _kept(self) -> str:
        return tr("in {path}, under your passphrase", path=self._sealed) if self._is_sealed else self._place.kept

    async def _key(self) -> SigningKey | None:
        """None: there is none. Raises `KeyLocked`, `NoKeyring`, `DamagedKey`, `UserFacingError`."""
        if not self._is_sealed:
            return await self._place.read()
        if self._unlocked is None:
            if self._passphrase_file is None:
                raise KeyLocked
            passphrase = await asyncio.to_thread(read_passphrase, Path(self._passphrase_file))
            self._unlocked = await asyncio.to_thread(unseal, await self._read_sealed(), passphrase)
        return self._unlocked

    async def _key_if_reached(self) -> SigningKey | None:
        """The key. None too where the keyring cannot be reached, unless it holds a key that this computer had."""
        try:
            return await self._key()
        except KeyringUnavailable as problem:
            if self._seen_key() is not None and not isinstance(problem, NoKeyring):
                raise
            return None

    async def _key_if_readable(self) -> tuple[SigningKey | None, bool]:
        """The key, and whether there is one at all."""
        try:
            present = await self._key_if_reached()
        except (KeyLocked, WrongPassphrase, NoKeyFile, DamagedKey):
            return None, True
        return present, present is not None

    async def _make(self) -> SigningKey:
        self._refuse_a_second_key()
        key = SigningKey.generate()
        await self._place.write(key)
        return key

    async def _put(self, key: SigningKey, sealed: str) -> None:
        """Where this node's key lies; in the passphrase file too where no keyring can be reached."""
        if not self._is_sealed:
            try:
                await self._place.write(key)
                return
            except KeyringUnavailable as problem:
                log.info("the restored key goes into the passphrase file: %s", problem.why)
        await self._write_sealed(sealed)
        self._unlocked = key

    async def _set_aside(self) -> None:
        if not self._is_sealed:
            await self._place.set_aside()
            return
        old = self._sealed
        aside = old.with_name(f"{old.name}.{replaced_at(self._clock)}")
        content = await self._read_sealed()
        await self._on_disk(lambda: write_whole(aside, content.encode()))

    async def _forget_in_place(self) -> None:
        """Once the passphrase file holds the key, a copy that lies open would make the passphrase worthless."""
        try:
            await self._place.forget()
        except UserFacingError as problem:
            raise UserFacingError(
                what=tr("The key is under your passphrase now, but a copy of it could not be removed."),
                why=tr("{why} It is still {kept}.", why=problem.why, kept=self._place.kept),
                next_step=tr("Remove it there yourself; in a keyring it is called “{name}”.", name=SERVICE),
            ) from problem

    async def _seal_and_try(self, key: SigningKey, passphrase: str) -> str:
        sealed = await asyncio.to_thread(seal, key, passphrase, self._cost)
        if await asyncio.to_thread(unseal, sealed, passphrase) != key:
            raise RuntimeError("a sealed key did not open again")
        return sealed

    async def _read_sealed(self) -> str:
        def read() -> str:
            try:
                return (read_bounded(self._sealed) or b"").decode()
            except ValueError:
                raise DamagedKey(str(self._sealed)) from None

        return await self._on_disk(read)

    async def _write_sealed(self, sealed: str) -> None:
        await self._on_disk(lambda: write_whole(self._sealed, sealed.encode()))

    async def _on_disk(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.to_thread(work)
        except OSError as problem:
            raise not_kept(self._sealed, problem) from problem

    # What is known of it

    def _seen_key(self) -> bytes | None:
        """The public half of the key that this computer had last."""
        try:
            untrusted = read_bounded(self._seen)
            return None if untrusted is None else bytes.fromhex(untrusted.decode("ascii"))
        except (OSError, ValueError) as problem:
            log.warning("%s cannot be read: %s", self._seen, problem)
            return None

    def _refuse_a_second_key(self) -> None:
        """A key that is suddenly gone is a matter for its owner: a new one would be another wallet, without money."""
        if self._seen_key() is None or self._is_play_money:
            return
        raise UserFacingError(
            what=tr("The node wallet's key is gone."),
            why=tr("This node had one, and now it is not {kept}.", kept=self._place.kept),
            next_step=tr(
                "Start the keyring that holds it, or restore your backup with `mulberry key restore`. To begin "
                "with a new wallet, delete {path}; your owner address still commands the old one.",
                path=self._seen,
            ),
        )

    def _tell_open(self, key: SigningKey) -> None:
        public = bytes(key.verify_key)
        if self._seen_key() != public:
            try:
                write_whole(self._seen, public.hex().encode())
            except OSError as problem:
                log.warning("%s cannot be written: %s", self._seen, problem)
        self._tell(KeyStatus(KeyState.OPEN, self._kept, self._wallet_of(public), has_passphrase=self._is_sealed))

    def _tell(self, status: KeyStatus) -> None:
        if status != self._status:
            self._status = status
            self.on_change()

    def _wallet_of(self, public_key: bytes) -> str:
        """Its address; "" while the owner's is none, which the start-up tells."""
        try:
            owner = parse_address(self._owner_address)
        except AddressError:
            return ""
        return wallet_of(public_key, owner).address.friendly()


class KeyLocked(UserFacingError):
    def __init__(self) -> None:
        super().__init__(
            what=tr("The node wallet's key is locked."),
            why=tr("It lies under your passphrase, and nobody has said that since the agent started."),
            next_step=tr(
                "Unlock it on the Wallet page or with `mulberry key unlock`; the node then goes on by itself."
            ),
        )


def wallet_of(public_key: bytes, owner: Address) -> Birth:
    """The node wallet of the key (its public half) and its owner."""
    compiled = json.loads(resource("contracts/compiled.json").read_text())
    code: Cell = contract_code(base64.b64decode(compiled["contracts"]["wallet"]["boc"]))
    return node_wallet(code, public_key, owner)


def _refuse_unfit(passphrase: str) -> None:
    if unfit := why_unfit(passphrase):
        raise UserFacingError(tr("This passphrase cannot be used."), unfit, tr("Choose another one."))


def _another_key(wallet: str) -> UserFacingError:
    return UserFacingError(
        what=tr("This computer has another node key already."),
        why=tr("The file's key belongs to the wallet {wallet}.", wallet=wallet),
        next_step=tr(
            "To take the file's key instead, restore it with `--replace`, or say so in the window: the present "
            "key is kept aside."
        ),
    )
