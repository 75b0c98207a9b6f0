"""The contracts that belong to a worker and its proxy: their first data, and the addresses that follow from it.

Source: protocol page, section 6. An address is the hash of code and first data, so a proxy cannot name a contract of
other prices or of another owner: the worker computes both addresses itself and compares.
"""

from dataclasses import dataclass

from nacl.bindings import crypto_sign_PUBLICKEYBYTES
from pytoniq_core.boc.cell import Cell

from mulberry.model.root_contract import RootParameters
from mulberry.ton.address import Address, parse_address
from mulberry.ton.cells import CellWriter
from mulberry.ton.contract_data import ClientContract, ProxyContract, WorkerContract
from mulberry.ton.contract_params import contract_code, params_cell

HAS_CODE_AND_DATA = 0b00110  # StateInit: no split depth, not special, code, data, no library


@dataclass(frozen=True, slots=True)
class Birth:
    """A contract's code and first data: whoever sends a message with them brings it to life at `address`."""

    code: Cell
    data: Cell

    @property
    def state_init(self) -> Cell:
        return CellWriter().uint(HAS_CODE_AND_DATA, 5).reference(self.code).reference(self.data).cell()

    @property
    def address(self) -> Address:
        return Address(self.state_init.hash)


def proxy_contract(params: RootParameters, proxy_key: bytes, owner: Address) -> Birth:
    """Where the proxy with `proxy_key` (32 bytes, Ed25519) of `owner` keeps its stake and its clients' money."""
    return Birth(contract_code(params.proxy_code), proxy_contract_data(params, proxy_key, owner))


def worker_contract(params: RootParameters, proxy_key: bytes, proxy_contract: Address, owner: Address) -> Birth:
    """Where the worker of `owner` is paid by the proxy with `proxy_key`."""
    return Birth(contract_code(params.worker_code), worker_contract_data(params, proxy_key, proxy_contract, owner))


def client_contract(params: RootParameters, proxy_key: bytes, proxy_contract: Address, owner: Address) -> Birth:
    """Where a client of the proxy with `proxy_key` pays. Its stake is the one thing not zero at first."""
    first = ClientContract(
        owner, proxy_contract, _public_key(proxy_key), params_cell(params, None, None, None), params.min_client_stake
    )
    return Birth(contract_code(params.client_code), first.cell())


def proxy_contract_address(params: RootParameters, proxy_key: bytes, owner: Address) -> Address:
    return proxy_contract(params, proxy_key, owner).address


def worker_contract_address(
    params: RootParameters, proxy_key: bytes, proxy_contract: Address, owner: Address
) -> Address:
    return worker_contract(params, proxy_key, proxy_contract, owner).address


def proxy_contract_data(params: RootParameters, proxy_key: bytes, owner: Address) -> Cell:
    """The proxy contract's first data. Raises `AddressError` or `BocError` if `params` are not usable."""
    worker_code, client_code = contract_code(params.worker_code), contract_code(params.client_code)
    codes = params_cell(params, None, worker_code, client_code)
    return ProxyContract(owner, _public_key(proxy_key), parse_address(params.root_address), codes).cell()


def worker_contract_data(params: RootParameters, proxy_key: bytes, proxy_contract: Address, owner: Address) -> Cell:
    """The worker contract's first data."""
    prices = params_cell(params, None, None, None)
    return WorkerContract(owner, proxy_contract, _public_key(proxy_key), prices).cell()


def _public_key(key: bytes) -> bytes:
    if len(key) != crypto_sign_PUBLICKEYBYTES:
        raise ValueError(f"a public key has {crypto_sign_PUBLICKEYBYTES} bytes, not {len(key)}")
    return key
