"""A network profile: what Mulberry must know to join one network. Files lie in `resources/networks/`.

A network that runs on a chain names lite servers and its root contract; one without a chain has a chain part instead,
which says what a root contract would. That part has the keys of the protocol page's section 8, so a file made for the
public binaries' test mode fits in as it is. Keys that we do not know are ignored there, as the public binaries do, and
refused everywhere else.
"""

import base64
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mulberry.model.attestation import Policy, TransportName
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.money import Nanoton
from mulberry.model.places import resource
from mulberry.model.root_contract import ProxyAddress, Registration, RootParameters

Base64Hash = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
HexBoc = Annotated[str, Field(pattern=r"^([0-9a-fA-F]{2})*$", max_length=200_000)]
PROFILE_SIZE_LIMIT_BYTES = 1_000_000


class RegisteredProxy(BaseModel):
    """`address` is `ip:port` for everyone, or `ip:port ip:port`: the first for workers, the second for clients."""

    model_config = ConfigDict(frozen=True)
    seqno: int = 0
    address: str = Field(max_length=127)

    @field_validator("address")
    @classmethod
    def _well_formed(cls, value: str) -> str:
        for part in value.split(" "):
            host, _, port = part.rpartition(":")
            if not host or not port.isdecimal() or int(port) > 65535:
                raise ValueError(f"not ip:port: {part!r}")
        return value

    @property
    def for_workers(self) -> ProxyAddress:
        return self.registration.for_workers

    @property
    def registration(self) -> Registration:
        ends = [part.rpartition(":") for part in self.address.split(" ")]
        doors = [ProxyAddress(host, int(port)) for host, _, port in ends]
        return Registration(self.seqno, doors[0], doors[-1])


class ChainFile(BaseModel):
    """The root contract's content without a chain, key by key as the public binaries read it. Fees in nanoton."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    root_owner_address: str = ""
    registered_proxies: tuple[RegisteredProxy, ...] = ()
    proxy_hashes: tuple[Base64Hash, ...] = ()
    worker_hashes: tuple[Base64Hash, ...] = ()
    model_hashes: tuple[Base64Hash, ...] = ()
    model_types: tuple[str, ...] = ()
    price_per_token: int = Field(ge=0, lt=2**120)
    worker_fee_per_token: int = Field(ge=0, lt=2**120)
    last_proxy_seqno: int = 0
    version: int = Field(default=0, ge=0, lt=2**32)
    params_version: int = Field(default=0, ge=0, lt=2**32)
    proxy_sc_code: HexBoc = ""
    worker_sc_code: HexBoc = ""
    client_sc_code: HexBoc = ""

    def parameters(self, root_address: str) -> RootParameters:
        """The same as a root contract at `root_address` would say it; what the file cannot say has its fixed value."""
        named = (sha256(name.partition("@")[0].encode()).digest() for name in self.model_types)
        return RootParameters(
            root_address=root_address,
            price_per_token=Nanoton(self.price_per_token),
            worker_fee_per_token=Nanoton(self.worker_fee_per_token),
            proxies=tuple(proxy.for_workers for proxy in self.registered_proxies),
            version=self.version,
            params_version=self.params_version,
            proxy_hashes=_hashes(self.proxy_hashes),
            worker_hashes=_hashes(self.worker_hashes),
            model_hashes=(*_hashes(self.model_hashes), *named),
            proxy_code=bytes.fromhex(self.proxy_sc_code),
            worker_code=bytes.fromhex(self.worker_sc_code),
            client_code=bytes.fromhex(self.client_sc_code),
            owner_address=self.root_owner_address,
            registrations=tuple(proxy.registration for proxy in self.registered_proxies),
            last_proxy_seqno=self.last_proxy_seqno,
        )


def _hashes(encoded: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(base64.b64decode(item) for item in encoded)


class Traffic(BaseModel):
    """How busy the demo network's customers are."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    requests_per_minute: float = Field(default=40, ge=0, le=60_000)
    jobs: int | None = Field(default=None, ge=0)  # stop after so many; None: never
    seed: int | None = None  # None: different questions each time


class PayoutRules(BaseModel):
    """When money is moved, in nanoton. The defaults are the public worker's; a demo network has smaller ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    threshold: int = Field(default=10 * 10**9, ge=0)  # waiting at one proxy: paid out
    idle_threshold: int = Field(default=200_000_000, ge=0)  # the same while there is no work
    closing_threshold: int = Field(default=10_000_000, ge=0)  # the same when the contracts are about to be replaced
    wallet_minimum: int = Field(default=2_100_000_000, ge=0)  # on the node wallet before work starts
    wallet_warning: int = Field(default=5_000_000_000, ge=0)


class NetworkProfile(BaseModel):
    """One network. `launch` names a program of ours that must run beside the agent; nothing else can be named there.

    `lite_servers` is a TON global config, as `mulberry.ton.chain.config` reads it. A profile that is launched has only
    the `chain` part: prices and the like, from which the demo network makes a real root contract.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")
    title: str = Field(max_length=80)
    kind: Literal["demo", "test", "mainnet"]
    transport: TransportName
    proxy_policy: Policy = Policy.ANY  # what a proxy must show over RA-TLS
    worker_policy: Policy = Policy.ANY  # what we show
    certificate: str | None = Field(default=None, max_length=4096)  # NAME: shows NAME_cert.pem (NAME_key.pem), not ours
    check_hashes: bool = False  # whether what is shown must be on the root contract's lists
    socks5: str = Field(default="127.0.0.1:8116", pattern=r"^[0-9.]+:[0-9]{1,5}$")  # the local router
    proof_of_work_bits: int = Field(default=20, ge=0, le=28)  # what a launched network's own proxy asks for
    connections: int = Field(default=1, ge=1, le=64)  # to how many proxies at once
    model: str = Field(max_length=200, pattern=r"^[^@\s]+(@[^@\s]+)?$")
    model_folder: str = Field(pattern=r"^[a-z0-9-]+$")
    owner_address: str = ""  # who is paid; "": that its owner must say
    root_contract_address: str
    chain: ChainFile | None = None
    lite_servers: dict[str, Any] | None = None
    payout: PayoutRules = PayoutRules()
    launch: Literal["demo-network"] | None = None
    front_url: str | None = None
    faucet_url: str | None = None  # gives play money
    payment_commit_seconds: float = Field(default=30, gt=0)
    traffic: Traffic = Traffic()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.chain is None) == (self.lite_servers is None):
            raise ValueError("exactly one of `chain` and `lite_servers` must be there")
        return self

    @model_validator(mode="after")
    def _real_money_wants_real_proofs(self) -> Self:
        if self.kind == "mainnet" and (
            self.transport == "plain"
            or self.proxy_policy is not Policy.TDX
            or self.worker_policy is Policy.FAKE_TDX
            or not self.check_hashes
        ):
            raise ValueError(
                "on the main network proofs are real: RA-TLS, proxies' policy tdx, ours not fake_tdx, hashes checked"
            )
        return self

    @field_validator("certificate")
    @classmethod
    def _wherever_the_agent_runs(cls, value: str | None) -> str | None:
        if value is not None and not Path(value).is_absolute():
            raise ValueError("the certificate's path must be a full one")
        return value

    def over(self, transport: TransportName | None) -> "NetworkProfile":
        """The same network reached in another way; None: as it says itself. Raises `UserFacingError` as at reading."""
        if transport is None or transport == self.transport:
            return self
        other = self.model_copy(update={"transport": transport})
        return parse_profile(other.model_dump_json().encode(), source=f"{self.name!r} over {transport}")

    @property
    def model_base_name(self) -> str:
        """What precedes `@`: the name that requests must carry."""
        return self.model.partition("@")[0]

    @property
    def is_on_this_computer(self) -> bool:
        """Whether every job comes from here, so that it may run where no sandbox holds."""
        if self.kind != "test":
            return self.kind == "demo"
        return self.chain is not None and all(_is_loopback(door.host) for door in self.root_parameters().proxies)

    def root_parameters(self) -> RootParameters:
        """What the chain part says. Only for a profile that has one: the others' root contract must be read."""
        if self.chain is None:
            raise ValueError(f"the profile {self.name!r} says nothing of prices: its root contract does")
        return self.chain.parameters(self.root_contract_address)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def load_profile(name_or_path: str) -> NetworkProfile:
    """A bundled profile by its name, or a file. Raises `UserFacingError`: the file is missing, too large or wrong."""
    bundled = name_or_path.replace("-", "").isalnum() and name_or_path.islower()
    try:
        path = resource(f"networks/{name_or_path}.json") if bundled else Path(name_or_path)
        with path.open("rb") as file:
            untrusted_text = file.read(PROFILE_SIZE_LIMIT_BYTES + 1)
    except OSError as problem:
        raise UserFacingError(
            what=tr("The network profile {name} could not be read.", name=repr(name_or_path)),
            why=str(problem.strerror or problem),
            next_step=tr("Give the name of a bundled network (demo, mainnet) or the path of a profile file."),
        ) from problem
    return parse_profile(untrusted_text, source=str(path))


def parse_profile(untrusted_text: bytes, *, source: str) -> NetworkProfile:
    """Reads a profile's JSON. Raises `UserFacingError` with every mistake in it."""
    try:
        if len(untrusted_text) > PROFILE_SIZE_LIMIT_BYTES:
            raise ValueError(f"larger than {PROFILE_SIZE_LIMIT_BYTES:,} bytes")
        return NetworkProfile.model_validate_json(untrusted_text)
    except ValidationError as mistakes:
        lines = (f"{'.'.join(map(str, m['loc'])) or 'file'}: {m['msg']}" for m in mistakes.errors(include_input=False))
        why = "; ".join(lines)
    except ValueError as problem:
        why = str(problem)
    raise UserFacingError(
        what=tr("The network profile {source} is not usable.", source=source),
        why=why,
        next_step=tr("Correct the file, or start with a bundled network (demo, mainnet)."),
    )
