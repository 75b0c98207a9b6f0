"""The cell of prices and delays: the root contract keeps it, every other contract carries it. Protocol page, section 6.

It ends with the codes of the three contracts, each of which may be absent: a worker's contract carries none, a proxy's
the worker's and the client's. Prices are part of a contract's first data, hence of its address.
"""

from pytoniq_core.boc.cell import Cell

from mulberry.model.money import Nanoton
from mulberry.model.root_contract import ONE_TON, RootParameters
from mulberry.ton.boc import BocError, read_boc, write_boc
from mulberry.ton.cells import CellReader, CellShapeError, CellWriter

NEWEST_STRUCT_VERSION = 3
PLAIN_MULTIPLIER = 10_000  # 1.0: what older struct versions mean by saying nothing
MAX_CODE_BYTES = 100_000
MAX_CODE_CELLS = 2_000


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


def read_params(untrusted: Cell, *, root_address: str) -> RootParameters:
    """The same read back, as far as this cell says it: no proxies, no hashes. Raises `CellShapeError`."""
    reader = CellReader(untrusted)
    version = reader.uint(1)
    if version > NEWEST_STRUCT_VERSION:
        raise CellShapeError(f"the network's parameters have version {version}; this Mulberry reads up to 3")

    def multiplier(since: int) -> int:
        return reader.uint(4) if version >= since else PLAIN_MULTIPLIER

    def stake() -> Nanoton:
        return Nanoton(reader.coins()) if version >= 1 else ONE_TON

    params = RootParameters(  # the order of these lines is the order of the fields in the cell
        root_address=root_address,
        proxies=(),
        version=0,
        struct_version=version,
        params_version=reader.uint(4),
        unique_id=reader.uint(4),
        is_test=reader.flag(),
        price_per_token=Nanoton(reader.coins()),
        worker_fee_per_token=Nanoton(reader.coins()),
        prompt_multiplier=multiplier(since=3),
        cached_multiplier=multiplier(since=2),
        completion_multiplier=multiplier(since=3),
        reasoning_multiplier=multiplier(since=2),
        proxy_delay_before_close_seconds=reader.uint(4),
        client_delay_before_close_seconds=reader.uint(4),
        min_proxy_stake=stake(),
        min_client_stake=stake(),
        proxy_code=_code_boc(reader.maybe_reference()),
        worker_code=_code_boc(reader.maybe_reference()),
        client_code=_code_boc(reader.maybe_reference()),
    )
    reader.finish()
    return params


def contract_code(boc: bytes) -> Cell:
    """The code cell; no bytes stand for an empty cell. Raises `BocError`."""
    return read_boc(boc, max_bytes=MAX_CODE_BYTES, max_cells=MAX_CODE_CELLS) if boc else CellWriter().cell()


def _code_boc(untrusted_code: Cell | None) -> bytes:
    """Empty when absent. Read once more at once, so that nothing is kept that cannot be used."""
    if untrusted_code is None:
        return b""
    boc = write_boc(untrusted_code)
    try:
        contract_code(boc)
    except BocError as problem:
        raise CellShapeError(f"a contract's code is not usable: {problem}") from problem
    return boc
