"""The contracts that belong to a worker and its proxy: their first data, and the addresses that follow from it.

Source: protocol page, section 6. An address is the hash of code and first data, so a proxy cannot name a contract of
other prices or of another owner: the worker computes both addresses itself and compares.
"""

from nacl.bindings import crypto_sign_PUBLICKEYBYTES
from pytoniq_core.boc.cell import Cell

from mulberry.model.root_contract import RootParameters
from mulberry.ton.address import Address, parse_address
from mulberry.ton.boc import read_boc
from mulberry.ton.cells import CellWriter

MAX_CODE_BYTES = 100_000
MAX_CODE_CELLS = 2_000
HAS_CODE_AND_DATA = 0b00110  # StateInit: no split depth, not special, code, data, no library


def proxy_contract_address(params: RootParameters, proxy_key: bytes, owner: Address) -> Address:
    """Where the proxy with `proxy_key` (32 bytes, Ed25519) of `owner` keeps its stake."""
    return _address(contract_code(params.proxy_code), proxy_contract_data(params, proxy_key, owner))


def worker_contract_address(
    params: RootParameters, proxy_key: bytes, proxy_contract: Address, owner: Address
) -> Address:
    """Where the worker of `owner` is paid by the proxy with `proxy_key`."""
    return _address(contract_code(params.worker_code), worker_contract_data(params, proxy_key, proxy_contract, owner))


def proxy_contract_data(params: RootParameters, proxy_key: bytes, owner: Address) -> Cell:
    """The proxy contract's first data. Raises `AddressError` or `BocError` if `params` are not usable."""
    data = CellWriter().address(owner).bytes(_public_key(proxy_key)).address(parse_address(params.root_address))
    data.uint(0, 2)  # state: open
    data.coins(0).coins(0)  # balance and stake
    data.uint(0, 32)  # unlocked at
    worker_code, client_code = contract_code(params.worker_code), contract_code(params.client_code)
    return data.reference(params_cell(params, None, worker_code, client_code)).cell()


def worker_contract_data(params: RootParameters, proxy_key: bytes, proxy_contract: Address, owner: Address) -> Cell:
    """The worker contract's first data."""
    data = CellWriter().address(owner).address(proxy_contract).bytes(_public_key(proxy_key))
    data.uint(0, 2)  # state: open
    data.uint(0, 64)  # tokens paid for
    return data.reference(params_cell(params, None, None, None)).cell()


def params_cell(params: RootParameters, proxy: Cell | None, worker: Cell | None, client: Cell | None) -> Cell:
    """The root contract's parameters with the codes given. Newer struct versions have more fields."""
    version = params.struct_version
    cell = CellWriter().uint(version, 8).uint(params.params_version, 32).uint(params.unique_id, 32)
    cell.uint(params.is_test, 1).coins(params.price_per_token).coins(params.worker_fee_per_token)
    for since, multiplier in (
        (3, params.prompt_multiplier),
        (2, params.cached_multiplier),
        (3, params.completion_multiplier),
        (2, params.reasoning_multiplier),
    ):
        if version >= since:
            cell.uint(multiplier, 32)
    cell.uint(params.proxy_delay_before_close_seconds, 32).uint(params.client_delay_before_close_seconds, 32)
    if version >= 1:
        cell.coins(params.min_proxy_stake).coins(params.min_client_stake)
    return cell.maybe_reference(proxy).maybe_reference(worker).maybe_reference(client).cell()


def contract_code(boc: bytes) -> Cell:
    """The code cell; no bytes stand for an empty cell. Raises `BocError`."""
    return read_boc(boc, max_bytes=MAX_CODE_BYTES, max_cells=MAX_CODE_CELLS) if boc else CellWriter().cell()


def _address(code: Cell, data: Cell) -> Address:
    state_init = CellWriter().uint(HAS_CODE_AND_DATA, 5).reference(code).reference(data).cell()
    return Address(state_init.hash)


def _public_key(key: bytes) -> bytes:
    if len(key) != crypto_sign_PUBLICKEYBYTES:
        raise ValueError(f"a public key has {crypto_sign_PUBLICKEYBYTES} bytes, not {len(key)}")
    return key
