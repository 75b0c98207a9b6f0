"""The node wallet's key: made here, kept by the system's keyring, never shown and never logged.

A demo network's money is play money, so there the key lies in a plain file for its owner's eyes only. Keyrings may ask
the owner to unlock them and hang meanwhile: each is spoken to on a thread that nobody has to wait for.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from nacl.signing import SigningKey
from nacl.utils import random as random_bytes

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.files import read_bounded, write_whole

SERVICE = "Mulberry node wallet"  # under this name the keyring lists the item; the user name is the network's
KEY_BYTES = 32
KEYRING_SECONDS = 90.0  # long enough for an owner to type his password

Result = TypeVar("Result")


class Keyring(Protocol):
    """The part of `keyring.backend.KeyringBackend` that we use."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...


@dataclass(frozen=True, slots=True)
class NodeKey:
    """`kept` says in words where the key lies."""

    key: SigningKey
    kept: str

    def __repr__(self) -> str:
        return f"NodeKey(kept={self.kept!r})"


async def key_in_file(path: Path) -> NodeKey:
    """The demo network's key; made if there is no file. Raises `UserFacingError`: the file is damaged, or no access."""
    return NodeKey(await asyncio.to_thread(_read_or_make_file, path), f"in {path}, open: it guards play money only")


async def key_in_keyring(network: str, open_keyring: Callable[[], Keyring]) -> NodeKey:
    """The key of a network with real money; made if the keyring has none.

    `open_keyring` is called on a thread. Raises `UserFacingError`: no keyring, locked, silent, or what it holds is no
    key. A key that cannot be read back is not used.
    """
    try:
        async with asyncio.timeout(KEYRING_SECONDS):
            key = await _on_a_thread(lambda: _read_or_make_item(open_keyring(), network))
    except TimeoutError as late:
        raise _no_keyring(f"It did not answer for {KEYRING_SECONDS:g} seconds.", "Unlock it") from late
    return NodeKey(key, "in this computer's keyring")


def system_keyring() -> Keyring:
    """The system's keyring; loading it takes a while. Raises `UserFacingError`: there is none."""
    import keyring
    from keyring.backends.fail import Keyring as NoKeyring

    found: Keyring = keyring.get_keyring()
    if isinstance(found, NoKeyring):
        raise _no_keyring("This computer has none that is running.", "Start one, such as GNOME Keyring or KWallet")
    return found


def _read_or_make_file(path: Path) -> SigningKey:
    try:
        untrusted = read_bounded(path)
        if untrusted is None:
            made = random_bytes(KEY_BYTES)
            write_whole(path, made.hex().encode() + b"\n")
            return SigningKey(made)
        return _key_of(untrusted.decode("ascii").strip())
    except ValueError as problem:
        raise _damaged(str(path)) from problem
    except OSError as problem:
        raise UserFacingError(
            what="The node wallet's key cannot be kept.",
            why=f"{path}: {problem.strerror or problem}.",
            next_step="See that the folder is yours and that its disk has room, then press Start again.",
        ) from problem


def _read_or_make_item(keyring: Keyring, network: str) -> SigningKey:
    try:
        untrusted = keyring.get_password(SERVICE, network)
        if untrusted is None:
            keyring.set_password(SERVICE, network, random_bytes(KEY_BYTES).hex())
            untrusted = keyring.get_password(SERVICE, network)
    except UserFacingError:
        raise
    except Exception as problem:  # noqa: BLE001 - a backend raises what its system gives it
        why = f"It is locked or refused ({type(problem).__name__})."
        raise _no_keyring(why, "Unlock it") from None
    if untrusted is None:
        raise _no_keyring("It took the key, but does not give it back.", "Choose another one")
    try:
        return _key_of(untrusted)
    except ValueError:
        raise _damaged(f"the keyring's item {SERVICE!r}") from None


def _key_of(untrusted_text: str) -> SigningKey:
    """Raises `ValueError`, without the text."""
    try:
        key = bytes.fromhex(untrusted_text)
    except ValueError:
        raise ValueError("not hexadecimal") from None
    if len(key) != KEY_BYTES:
        raise ValueError("of another length")
    return SigningKey(key)


async def _on_a_thread(work: Callable[[], Result]) -> Result:
    """On a thread of its own that ends with the process, for a keyring may never return."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Result] = loop.create_future()

    def tell(result: Result | None, problem: BaseException | None) -> None:
        if answer.done():
            return
        if problem is not None:
            answer.set_exception(problem)
        else:
            answer.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 - handed to who waits
            problem = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, result, problem)

    threading.Thread(target=run, name="keyring", daemon=True).start()
    return await answer


def _no_keyring(why: str, next_step: str) -> UserFacingError:
    return UserFacingError(
        what="The keyring that keeps the node wallet's key is not available.",
        why=why,
        next_step=f"{next_step}, then press Start again.",
        whose_turn=WhoseTurn.YOU,
    )


def _damaged(where: str) -> UserFacingError:
    return UserFacingError(
        what="The node wallet's key is damaged.",
        why=f"What lies in {where} is no key.",
        next_step="Put your copy of it back. Without one, move it away: a new wallet is made, and the old one's money "
        "is still at your command with your owner address.",
    )
