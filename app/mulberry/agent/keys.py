"""Where the node wallet's key lies: in the system's keyring; never shown and never logged.

A demo network's money is play money, so there the key lies in a plain file for its owner's eyes only. Keyrings may ask
the owner to unlock them and hang meanwhile: each is spoken to on a thread that nobody has to wait for.
"""

import asyncio
import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from nacl.signing import SigningKey

from mulberry.agent.own_thread import on_own_thread
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.language import tr

SERVICE = (
    "Mulberry node wallet"  # in every language: under this name the keyring finds the item; its user is the network
)
KEY_BYTES = 32
KEYRING_SECONDS = 90.0  # long enough for an owner to type his password
UNLOCK_IT = tr(
    "Unlock it and press Start again; or set a passphrase, on the Wallet page or with `mulberry key passphrase`."
)
START_ONE = tr(
    "Start one, such as GNOME Keyring or KWallet, and press Start again; or set a passphrase, on the Wallet page or "
    "with `mulberry key passphrase`."
)
CHOOSE_ANOTHER = tr(
    "Choose another one and press Start again; or set a passphrase, on the Wallet page or with `mulberry key "
    "passphrase`."
)

Result = TypeVar("Result")


class Keyring(Protocol):
    """The part of `keyring.backend.KeyringBackend` that we use."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


@dataclass(frozen=True, slots=True)
class NodeKey:
    """`kept` says in words where the key lies."""

    key: SigningKey
    kept: str

    def __repr__(self) -> str:
        return f"NodeKey(kept={self.kept!r})"


class KeyringUnavailable(UserFacingError):
    """It is locked, silent, or refuses: it may hold a key nevertheless."""

    def __init__(self, why: str, next_step: str = UNLOCK_IT) -> None:
        what = tr("The keyring that keeps the node wallet's key is not available.")
        super().__init__(what, why, next_step)


class NoKeyring(KeyringUnavailable):
    """This computer has none that runs."""

    def __init__(self) -> None:
        why = tr("This computer has no keyring that is running.")
        super().__init__(why, START_ONE)


class DamagedKey(UserFacingError):
    def __init__(self, where: str) -> None:
        super().__init__(
            what=tr("The node wallet's key is damaged."),
            why=tr("What lies in {where} is no key.", where=where),
            next_step=tr(
                "Restore your backup with `mulberry key restore`. Without one, move it away and press Start; "
                "your owner address still commands the old wallet's money."
            ),
        )


class Place(Protocol):
    """Where a key lies open for whoever has this computer's account. Every call raises `UserFacingError`."""

    @property
    def kept(self) -> str:
        """Where, in words that follow "it is kept"."""
        ...

    async def read(self) -> SigningKey | None:
        """None: there is none. Raises `DamagedKey` too."""
        ...

    async def write(self, key: SigningKey) -> None:
        """In place of what is there."""
        ...

    async def set_aside(self) -> None:
        """Keeps a copy of what is there, damaged or not, under another name."""
        ...

    async def forget(self) -> None: ...


class OpenFile:
    """For play money."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self.kept = tr("in {path}, open: it guards play money only", path=path)

    async def read(self) -> SigningKey | None:
        def read() -> SigningKey | None:
            try:
                untrusted = read_bounded(self._path)
                return None if untrusted is None else _key_of(untrusted.decode("ascii").strip())
            except ValueError:
                raise DamagedKey(str(self._path)) from None

        return await self._on_disk(read)

    async def write(self, key: SigningKey) -> None:
        await self._on_disk(lambda: write_whole(self._path, bytes(key).hex().encode() + b"\n"))

    async def set_aside(self) -> None:
        def copy() -> None:
            old = self._path.read_bytes()
            write_whole(self._path.with_name(f"{self._path.name}.{replaced_at(self._clock)}"), old)

        await self._on_disk(copy)

    async def forget(self) -> None:
        await self._on_disk(lambda: self._path.unlink(missing_ok=True))

    async def _on_disk(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.to_thread(work)
        except OSError as problem:
            raise not_kept(self._path, problem) from problem


class PublicWorkersFile:
    """The file that its owner named with `--node-key`. It is read and never written: it is his."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.kept = tr("in {path}, as you said", path=path)

    async def read(self) -> SigningKey | None:
        return await asyncio.to_thread(key_from_file_of_public_worker, self._path)

    async def write(self, key: SigningKey) -> None:
        raise self._is_his()

    async def set_aside(self) -> None:
        raise self._is_his()

    async def forget(self) -> None:
        raise self._is_his()

    def _is_his(self) -> UserFacingError:
        return UserFacingError(
            what=tr("Mulberry does not change this node's key."),
            why=tr("It lies in {path}, the file that you named with `--node-key`.", path=self._path),
            next_step=tr("Change the file, or take `node_key_file` out of this network's settings.json."),
        )


class InKeyring:
    """One item a network. `open_keyring` is called on the keyring's thread."""

    kept = tr("in this computer's keyring")

    def __init__(self, network: str, open_keyring: Callable[[], Keyring], clock: Clock) -> None:
        self._network = network
        self._open = open_keyring
        self._clock = clock

    async def read(self) -> SigningKey | None:
        untrusted = await self._speak(lambda keyring: keyring.get_password(SERVICE, self._network))
        try:
            return None if untrusted is None else _key_of(untrusted)
        except ValueError:
            raise DamagedKey(tr("the keyring's item “{name}”", name=SERVICE)) from None

    async def write(self, key: SigningKey) -> None:
        await self._speak(lambda keyring: keyring.set_password(SERVICE, self._network, bytes(key).hex()))
        if await self._speak(lambda keyring: keyring.get_password(SERVICE, self._network)) != bytes(key).hex():
            raise KeyringUnavailable(tr("It took the key, but does not give it back."), CHOOSE_ANOTHER)

    async def set_aside(self) -> None:
        def copy(keyring: Keyring) -> None:
            old = keyring.get_password(SERVICE, self._network)
            if old is not None:
                keyring.set_password(SERVICE, f"{self._network} {replaced_at(self._clock)}", old)

        await self._speak(copy)

    async def forget(self) -> None:
        await self._speak(lambda keyring: keyring.delete_password(SERVICE, self._network))

    async def _speak(self, words: Callable[[Keyring], Result]) -> Result:
        """Raises `KeyringUnavailable`."""

        def speak() -> Result:
            try:
                return words(self._open())
            except UserFacingError:
                raise
            except Exception as problem:  # noqa: BLE001 - a backend raises what its system gives it
                raise KeyringUnavailable(
                    tr("It is locked or refused ({problem}).", problem=type(problem).__name__)
                ) from None

        try:
            async with asyncio.timeout(KEYRING_SECONDS):
                return await on_own_thread(speak, "keyring")
        except TimeoutError as late:
            raise KeyringUnavailable(
                tr("It did not answer for {seconds} seconds.", seconds=f"{KEYRING_SECONDS:g}")
            ) from late


def system_keyring() -> Keyring:
    """The system's keyring; loading it takes a while. Raises `NoKeyring`."""
    import keyring
    from keyring.backends.fail import Keyring as FailKeyring

    found: Keyring = keyring.get_keyring()
    if isinstance(found, FailKeyring):
        raise NoKeyring
    if hasattr(found, "persist"):  # Windows: by default its items travel with the user to other computers of a domain
        found.persist = "local machine"
    return found


def key_from_file_of_public_worker(path: Path) -> SigningKey:
    """The key as the public worker's configuration has it, `node_wallet_key`: 32 bytes in base64, on one line.

    Raises `UserFacingError`. For a run that its owner watches: the file guards the key no better than its folder does.
    """
    try:
        untrusted = read_bounded(path)
        if untrusted is None:
            raise FileNotFoundError(2, tr("there is no such file"))
        key = base64.b64decode(untrusted.strip(), validate=True)
        if len(key) != KEY_BYTES:
            raise ValueError(tr("it holds {found} bytes, not {expected}", found=len(key), expected=KEY_BYTES))
        return SigningKey(key)
    except OSError as problem:
        why = f"{path}: {problem.strerror or problem}."
    except binascii.Error:
        why = tr("{path} is not base64.", path=path)
    except ValueError as problem:
        why = f"{path}: {problem}."
    raise UserFacingError(
        what=tr("The file is no node wallet's key."),
        why=why,
        next_step=tr(
            "Write the value of `node_wallet_key` from the public worker's configuration into it: 44 characters."
        ),
    )


def replaced_at(clock: Clock) -> str:
    """The last words of the name under which a replaced key is kept."""
    return f"replaced-{clock.now():%Y%m%dT%H%M%S%fZ}"


def not_kept(path: Path, problem: OSError) -> UserFacingError:
    return UserFacingError(
        what=tr("The node wallet's key cannot be kept."),
        why=f"{path}: {problem.strerror or problem}.",
        next_step=tr("See that the folder is yours and that its disk has room, then press Start again."),
    )


def _key_of(untrusted_text: str) -> SigningKey:
    """Raises `ValueError`, without the text."""
    try:
        key = bytes.fromhex(untrusted_text)
    except ValueError:
        raise ValueError("not hexadecimal") from None
    if len(key) != KEY_BYTES:
        raise ValueError("of another length")
    return SigningKey(key)
