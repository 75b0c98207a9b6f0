"""Which servers to ask and which block to believe, from TON's global.config.json.

Source: the public file's form, https://ton-blockchain.github.io. Only `liteservers` and `validator` are read.
"""

import base64
import ipaddress
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mulberry.model.errors import UserFacingError
from mulberry.model.language import number, tr
from mulberry.model.network import NetworkProfile
from mulberry.ton.chain.nouns import MASTERCHAIN, WHOLE_SHARD, BlockId

CONFIG_SIZE_LIMIT_BYTES = 1_000_000
MAX_SERVERS = 4  # more cost more and tell nothing new
PUBLIC_SERVERS = 10.0  # requests a second that they tolerate
OUR_OWN_SERVERS = 10_000.0


@dataclass(frozen=True, slots=True)
class LiteServerAddress:
    """Where a lite server listens, and its Ed25519 key (32 bytes) by which it is known."""

    host: str
    port: int
    key: bytes

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ChainConfig:
    """One chain. Everything is proven from `pinned`, a masterchain key block. Durations in seconds.

    `quorum` servers must name the same block before we follow it; more than there are servers is impossible.
    """

    servers: tuple[LiteServerAddress, ...]
    pinned: BlockId
    zero_state_root_hash: bytes  # 32 bytes: which chain this is
    quorum: int
    spares: tuple[LiteServerAddress, ...] = ()  # take the place of servers that are gone
    request_timeout: float = 4.0  # a node gives up on a question after 4.5 s
    connect_timeout: float = 5.0
    requests_per_second: float = PUBLIC_SERVERS  # of each server
    request_burst: int = 40

    def __post_init__(self) -> None:
        if not 1 <= self.quorum <= len(self.servers):
            raise ValueError(f"a quorum of {self.quorum} among {len(self.servers)} servers")
        if self.pinned.workchain != MASTERCHAIN or self.pinned.seqno < 1:
            raise ValueError(f"not a masterchain block with a proof: {self.pinned}")


def usual_quorum(servers: int) -> int:
    """Two of three or more, so that no single server leads us astray and one that remains of two still serves."""
    return 2 if servers > 2 else 1


Base64Hash = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]


class _Key(BaseModel):
    key: Base64Hash


class _Server(BaseModel):
    ip: int = Field(ge=-(2**31), lt=2**32)  # TON writes addresses as signed numbers
    port: int = Field(ge=1, le=65535)
    id: _Key


class _Block(BaseModel):
    workchain: int
    seqno: int = Field(ge=0, lt=2**32)
    root_hash: Base64Hash
    file_hash: Base64Hash


class _Validator(BaseModel):
    zero_state: _Block
    init_block: _Block


class _GlobalConfig(BaseModel):
    model_config = ConfigDict(extra="ignore")
    liteservers: list[_Server] = Field(min_length=1, max_length=1000)
    validator: _Validator


def with_servers_of(path: Path, profile: NetworkProfile, random: random.Random) -> NetworkProfile:
    """`profile` with the servers of a global.config.json of the user's; which block is believed stays the profile's.

    Raises `UserFacingError`: the file is not usable, is another chain's, or the network has no servers to replace.
    """
    if profile.lite_servers is None:
        raise _unusable(path, tr("{title} brings its own servers.", title=profile.title))
    try:
        with path.open("rb") as file:
            untrusted_text = file.read(CONFIG_SIZE_LIMIT_BYTES + 1)
    except OSError as problem:
        raise _unusable(path, f"{problem.strerror or problem}.") from problem
    theirs = parse_global_config(untrusted_text, random, source=str(path))
    ours = parse_global_config(json.dumps(profile.lite_servers).encode(), random, source=profile.title)
    if theirs.zero_state_root_hash != ours.zero_state_root_hash:
        raise _unusable(
            path, tr("Its servers are of another chain than {title}'s: the zero states differ.", title=profile.title)
        )
    servers = json.loads(untrusted_text)["liteservers"]
    return profile.model_copy(update={"lite_servers": {**profile.lite_servers, "liteservers": servers}})


def parse_global_config(untrusted_text: bytes, random: random.Random, *, source: str) -> ChainConfig:
    """Reads the file's text and draws up to `MAX_SERVERS` of its servers. Raises `UserFacingError`."""
    if len(untrusted_text) > CONFIG_SIZE_LIMIT_BYTES:
        raise _unusable(source, tr("It is larger than {limit} bytes.", limit=number(f"{CONFIG_SIZE_LIMIT_BYTES:,}")))
    try:
        file = _GlobalConfig.model_validate_json(untrusted_text, strict=True)
        servers = list({str(server): server for server in map(_server, file.liteservers)}.values())
        shuffled = tuple(random.sample(servers, len(servers)))
        drawn = shuffled[:MAX_SERVERS]
        ours = all(ipaddress.IPv4Address(server.host).is_loopback for server in drawn)
        return ChainConfig(
            servers=drawn,
            spares=shuffled[MAX_SERVERS:],
            requests_per_second=OUR_OWN_SERVERS if ours else PUBLIC_SERVERS,
            pinned=_block_id(file.validator.init_block),
            zero_state_root_hash=base64.b64decode(file.validator.zero_state.root_hash),
            quorum=usual_quorum(len(drawn)),
        )
    except ValidationError as mistakes:
        lines = (f"{'.'.join(map(str, m['loc'])) or 'file'}: {m['msg']}" for m in mistakes.errors(include_input=False))
        raise _unusable(source, "; ".join(lines)) from None
    except ValueError as problem:
        raise _unusable(source, str(problem)) from problem


def _server(entry: _Server) -> LiteServerAddress:
    host = str(ipaddress.IPv4Address(entry.ip & 0xFFFFFFFF))
    return LiteServerAddress(host, entry.port, base64.b64decode(entry.id.key))


def _block_id(block: _Block) -> BlockId:
    hashes = base64.b64decode(block.root_hash), base64.b64decode(block.file_hash)
    return BlockId(block.workchain, WHOLE_SHARD, block.seqno, *hashes)


def _unusable(source: Path | str, why: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The list of TON servers {source} is not usable.", source=source),
        why=why,
        next_step=tr("Name a global.config.json as TON publishes it, or take the bundled list."),
    )
