"""What a contract on the chain says about our money is read here: exactly, or not at all."""

from dataclasses import replace

import pytest
from bitarray import bitarray
from hypothesis import given
from hypothesis import strategies as st
from pytoniq_core.boc.cell import Cell

from hostile_cells import any_cells, bits_of, library_reference, spoilt
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.cells import CellReader, CellShapeError, CellWriter
from mulberry.ton.contract_data import (
    ClientContract,
    ContractState,
    ProxyContract,
    WorkerContract,
    read_client_contract,
    read_proxy_contract,
    read_worker_contract,
)
from mulberry.ton.wallet import NodeWallet, read_node_wallet

OWNER, PROXY, ROOT = (Address(bytes([number]) * 32) for number in (7, 8, 9))
KEY = bytes(range(32))
PARAMS = Cell(bitarray("1"), [])
WORKER = WorkerContract(OWNER, PROXY, KEY, PARAMS)

addresses = st.binary(min_size=32, max_size=32).map(Address)
keys = st.binary(min_size=32, max_size=32)
states = st.sampled_from(ContractState)
coins = st.integers(0, 2**120 - 1).map(Nanoton)
uint32, uint64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
FIELDS = {
    "owner": addresses,
    "proxy_key": keys,
    "params": any_cells(),
    "state": states,
}
workers = st.builds(WorkerContract, proxy_contract=addresses, tokens=uint64, **FIELDS)
small = st.integers(0, 2**88 - 1).map(Nanoton)  # two amounts of more than 11 bytes do not fit beside the addresses
proxies = st.builds(ProxyContract, root=addresses, balance=small, stake=small, unlocked_at=uint32, **FIELDS)
clients = st.builds(
    ClientContract,
    proxy_contract=addresses,
    stake=coins,
    balance=coins,
    tokens=uint64,
    unlocked_at=uint32,
    secret_hash=keys,
    **FIELDS,
)
wallets = st.builds(NodeWallet, keys, addresses, uint32, uint32, uint32)

READERS = (read_worker_contract, read_proxy_contract, read_client_contract, read_node_wallet)


@given(workers)
def test_a_workers_contract_survives_the_trip(contract: WorkerContract) -> None:
    assert read_worker_contract(contract.cell()) == contract


@given(proxies)
def test_a_proxys_contract_survives_the_trip(contract: ProxyContract) -> None:
    assert read_proxy_contract(contract.cell()) == contract


@given(clients)
def test_a_clients_contract_survives_the_trip(contract: ClientContract) -> None:
    assert read_client_contract(contract.cell()) == contract


@given(wallets)
def test_a_node_wallet_survives_the_trip(wallet: NodeWallet) -> None:
    assert read_node_wallet(wallet.cell()) == wallet


def address_bits(byte: int) -> str:
    return "100 00000000" + f"{byte:08b}" * 32


def test_a_worker_bit_by_bit() -> None:
    """By hand from the protocol page: owner, proxy contract, key, state:2, tokens:64, ref params."""
    key = "".join(f"{byte:08b}" for byte in KEY)
    contract = replace(WORKER, state=ContractState.CLOSED, tokens=268)
    assert bitarray(contract.cell().bits) == bits_of(f"{address_bits(7)} {address_bits(8)} {key} 10 {268:064b}")
    assert [child.hash for child in contract.cell().refs] == [PARAMS.hash]


def test_a_proxy_bit_by_bit() -> None:
    """By hand from the protocol page: owner, key, root, state:2, balance, stake, unlock_ts:32, ref params."""
    key = "".join(f"{byte:08b}" for byte in KEY)
    contract = ProxyContract(OWNER, KEY, ROOT, PARAMS, balance=Nanoton(256), unlocked_at=5)
    expected = f"{address_bits(7)} {key} {address_bits(9)} 00 0010 {256:016b} 0000 {5:032b}"
    assert bitarray(contract.cell().bits) == bits_of(expected)


def test_a_node_wallet_bit_by_bit() -> None:
    """By hand from the protocol page: seqno:32, subwallet:32, key:256, status:32, owner."""
    key = "".join(f"{byte:08b}" for byte in KEY)
    cell = NodeWallet(KEY, OWNER, seqno=3).cell()
    assert bitarray(cell.bits) == bits_of(f"{3:032b} {0:032b} {key} {0:032b} {address_bits(7)}")
    assert not cell.refs


def test_a_state_that_does_not_exist_is_refused() -> None:
    cell = CellWriter().address(OWNER).address(PROXY).bytes(KEY).uint(3, 2).uint(0, 64).reference(PARAMS).cell()
    with pytest.raises(CellShapeError, match="state"):
        read_worker_contract(cell)


@pytest.mark.parametrize("untrusted", ["0001 00000000", "0010 00000000 11111111", "0001", "1111"])
def test_an_amount_is_written_one_way_only(untrusted: str) -> None:
    with pytest.raises(CellShapeError):
        CellReader(Cell(bits_of(untrusted), [])).coins()


@pytest.mark.parametrize("read", READERS)
def test_a_cell_that_stands_for_another_is_refused(read: object) -> None:
    assert callable(read)
    with pytest.raises(CellShapeError, match="ordinary"):
        read(library_reference())


@given(any_cells())
def test_any_cells_are_refused(untrusted: Cell) -> None:
    for read in READERS:
        with pytest.raises(CellShapeError):
            read(untrusted)


@given(workers.map(WorkerContract.cell).flatmap(lambda cell: spoilt(cell)))
def test_a_spoilt_contract_is_refused_or_says_something_else(untrusted: Cell) -> None:
    try:
        read = read_worker_contract(untrusted)
    except CellShapeError:
        return
    assert read.cell().hash == untrusted.hash
