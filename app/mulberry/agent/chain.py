"""The agent's line to TON: several lite servers, the root contract, and what is proven already, kept on disk.

A launched network's servers have other ports after each start, so where they are is asked anew when the line is bad.
"""

import base64
import json
import logging
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any

from mulberry.agent.ledger import LARGEST_INTEGER
from mulberry.agent.seen_root import keep_seen_root, seen
from mulberry.model.clock import Clock
from mulberry.model.eligibility import SeenRoot
from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.language import number, tr, tr_count
from mulberry.model.network import NetworkProfile
from mulberry.model.places import DataFolder
from mulberry.model.root_contract import RootParameters
from mulberry.model.wallet import ServerStanding
from mulberry.ton.address import Address, parse_address
from mulberry.ton.cells import CellShapeError
from mulberry.ton.root import read_root

if TYPE_CHECKING:
    from mulberry.ton.chain.access import ChainAccess
    from mulberry.ton.chain.config import ChainConfig
    from mulberry.ton.chain.nouns import AccountState, BlockId, BlockRef, ServerStatus

log = logging.getLogger(__name__)

CLOCK_TOLERANCE_SECONDS = 60.0
HEALTH = {  # by the words of `ton.chain`, which is imported late
    "connecting": tr("It is connecting."),
    "slow": tr("It is slow."),
    "behind": tr("It is behind."),
    "silent": tr("It is silent."),
    "unreachable": tr("It is unreachable."),
    "lying": tr("It is lying."),
}


class Chain:
    """`profile` says which servers there are now, None while nobody knows. Open it before use, close it at the end."""

    def __init__(
        self,
        profile: Callable[[], NetworkProfile | None],
        folder: DataFolder,
        *,
        clock: Clock,
        random: Random,
    ) -> None:
        self._profile = profile
        self._folder = folder
        self._clock = clock
        self._random = random
        self._access: ChainAccess | None = None
        self._servers: dict[str, Any] | None = None  # that `_access` was made of
        self._zero_state = b""
        self._kept: BlockId | None = None
        self._listeners: list[Callable[[BlockRef], None]] = []
        self._seen_root: SeenRoot | None = None  # as written down last
        self.root_as_of: datetime | None = None  # the block by which the root contract was read last

    @property
    def access(self) -> "ChainAccess":
        if self._access is None:
            raise RuntimeError("the chain has not been opened")
        return self._access

    async def open(self) -> bool:
        """Connects in the background. Again, to other servers, if the profile names other ones than before.

        True: that was done now. Raises `UserFacingError`: the profile's list of servers is not usable.
        """
        profile = self._profile()
        if profile is None or profile.lite_servers is None or profile.lite_servers == self._servers:
            return False
        from mulberry.ton.chain.access import ChainAccess  # here: only a node with a chain pays for its memory
        from mulberry.ton.chain.config import parse_global_config

        config = parse_global_config(json.dumps(profile.lite_servers).encode(), self._random, source=profile.title)
        await self.close()
        self._zero_state = config.zero_state_root_hash
        self._kept = self._load_trusted(config)
        self._access = ChainAccess(config, clock=self._clock, random=self._random, trusted=self._kept)
        self._servers = profile.lite_servers
        self._access.subscribe(self._tell)
        await self._access.start()
        return True

    def subscribe(self, listener: "Callable[[BlockRef], None]") -> Callable[[], None]:
        """Calls `listener` at each new head, whichever servers name it; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _tell(self, head: "BlockRef") -> None:
        for listener in tuple(self._listeners):
            listener(head)

    async def close(self) -> None:
        if self._access is not None:
            self.keep_trusted()
            await self._access.close()
            self._access = self._servers = None

    async def root_parameters(self) -> RootParameters:
        """What the root contract says now. Raises `ChainError`, `UserFacingError`: it is not what the profile says."""
        profile = self._profile()
        if profile is None:
            raise RuntimeError("the profile is not known")
        address = parse_address(profile.root_contract_address)
        state = await self.access.account(address)
        if state.data is None:
            raise _wrong_root(tr("Nobody lives at {address}", address=address))
        try:
            parameters = read_root(state.data, root=address)
        except CellShapeError as problem:
            raise _wrong_root(f"{address}: {problem}") from problem
        if parameters.worker_fee_per_token > LARGEST_INTEGER:
            raise _wrong_root(tr("It pays more for a token than there is"))
        if parameters.is_test != (profile.kind != "mainnet"):
            raise _other_network(address, profile.title, is_test=parameters.is_test)
        self.root_as_of = state.as_of
        self._seen_root = keep_seen_root(self._folder.seen_root, seen(parameters, state.as_of), self._seen_root)
        return parameters

    async def account(self, address: Address) -> "AccountState":
        """Proven. Raises `ChainError`."""
        return await self.access.account(address)

    def servers(self) -> tuple[ServerStanding, ...]:
        """How each server does, in words."""
        if self._access is None:
            return ()
        return tuple(
            ServerStanding(server.name, server.health in ("good", "slow"), _standing(server))
            for server in self._access.status()
        )

    def clock_note(self) -> str:
        """A sentence if this computer's clock is wrong, else nothing. Messages are timed by the chain's clock."""
        ahead = self._access.clock_ahead if self._access else None
        seconds = ahead.total_seconds() if ahead is not None else 0.0
        if seconds < -CLOCK_TOLERANCE_SECONDS:  # a head that is old proves nothing, one from the future does
            return tr("This computer's clock is {span} behind the chain's: set it right.", span=_span(-seconds))
        if seconds > CLOCK_TOLERANCE_SECONDS:
            return tr(
                "The chain's newest block is {span} old by this computer's clock: one of them is late.",
                span=_span(seconds),
            )
        return ""

    def keep_trusted(self) -> None:
        """Writes down the newest proven key block, so that the next start need not prove all of it again."""
        trusted = self.access.trusted_block
        if trusted == self._kept:
            return
        kept = {
            "zero_state": base64.b64encode(self._zero_state).decode(),
            "seqno": trusted.seqno,
            "shard": trusted.shard,
            "root_hash": base64.b64encode(trusted.root_hash).decode(),
            "file_hash": base64.b64encode(trusted.file_hash).decode(),
        }
        try:
            write_whole(self._folder.trusted_block, json.dumps(kept).encode())
            self._kept = trusted
        except OSError as problem:
            log.warning("the proven block could not be written down: %s", problem)

    def _load_trusted(self, config: "ChainConfig") -> "BlockId | None":
        """Nothing, rather than what belongs to another chain or cannot be read."""
        from mulberry.ton.chain.nouns import MASTERCHAIN, BlockId

        try:
            untrusted = read_bounded(self._folder.trusted_block)
            if untrusted is None:
                return None
            kept = json.loads(untrusted)
            if base64.b64decode(kept["zero_state"]) != config.zero_state_root_hash:
                return None
            hashes = base64.b64decode(kept["root_hash"]), base64.b64decode(kept["file_hash"])
            if [len(item) for item in hashes] != [32, 32]:
                raise ValueError("a hash has 32 bytes")
            return BlockId(MASTERCHAIN, int(kept["shard"]), int(kept["seqno"]), *hashes)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            log.warning("the proven block that was written down is not used: %s", problem)
            return None


def _other_network(address: Address, title: str, *, is_test: bool) -> UserFacingError:
    if is_test:
        why = tr(
            "{address} is a test network's root contract, and {title} is not that network", address=address, title=title
        )
    else:
        why = tr(
            "{address} is the main network's root contract, and {title} is not that network",
            address=address,
            title=title,
        )
    return _wrong_root(why)


def _standing(server: "ServerStatus") -> str:
    if server.health == "good":
        return ""
    is_so = HEALTH[server.health]
    return f"{is_so.rstrip('.')}: {server.trouble}." if server.trouble else is_so


def _span(seconds: float) -> str:
    if seconds >= 3600:
        return tr("{hours} hours", hours=number(f"{seconds / 3600:.1f}"))
    return tr_count("{count} minute", "{count} minutes", round(seconds / 60))


def _wrong_root(why: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The network's root contract cannot be read."),
        why=f"{why}.",
        next_step=tr("Correct the root contract's address in the profile, or install a newer Mulberry."),
    )
