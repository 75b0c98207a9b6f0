"""What the network's root contract says: prices, versions, who may take part. Source: protocol page, section 6."""

from dataclasses import dataclass

from mulberry.model.money import Nanoton

ONE_TON = Nanoton(10**9)


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """Where one registered proxy listens for workers."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Registration:
    """One proxy in the root contract's list. Most listen for both at one address."""

    seqno: int
    for_workers: ProxyAddress
    for_clients: ProxyAddress

    @property
    def text(self) -> str:
        """As the contract writes it: `ip:port`, or `ip:port ip:port`, for workers and for clients."""
        both = f"{self.for_workers} {self.for_clients}"
        return both if self.for_workers != self.for_clients else str(self.for_workers)


@dataclass(frozen=True, slots=True)
class RootParameters:
    """Fees and stakes in nanoton, multipliers in ten-thousandths (10000 = 1.0), codes as BoC (empty = an empty cell).

    The defaults are what a network without a chain has fixed (protocol page, section 8). `proxies` are the workers'
    doors of `registrations`, `owner_address` is empty where nobody is named.
    """

    root_address: str
    price_per_token: Nanoton
    worker_fee_per_token: Nanoton
    proxies: tuple[ProxyAddress, ...]
    version: int
    params_version: int
    proxy_hashes: tuple[bytes, ...] = ()
    worker_hashes: tuple[bytes, ...] = ()
    model_hashes: tuple[bytes, ...] = ()
    proxy_code: bytes = b""
    worker_code: bytes = b""
    client_code: bytes = b""
    struct_version: int = 1
    unique_id: int = 13
    is_test: bool = True
    prompt_multiplier: int = 10_000
    cached_multiplier: int = 10_000
    completion_multiplier: int = 10_000
    reasoning_multiplier: int = 10_000
    proxy_delay_before_close_seconds: int = 600
    client_delay_before_close_seconds: int = 300
    min_proxy_stake: Nanoton = ONE_TON
    min_client_stake: Nanoton = ONE_TON
    owner_address: str = ""
    registrations: tuple[Registration, ...] = ()
    last_proxy_seqno: int = 0
