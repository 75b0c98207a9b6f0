"""The worker trusts a proxy because it computes the contracts' addresses itself: every input must count."""

from dataclasses import fields, replace
from itertools import pairwise

import pytest
from bitarray import bitarray
from pytoniq_core.boc.cell import Cell

from mulberry.model.money import Nanoton
from mulberry.model.network import load_profile
from mulberry.model.root_contract import ProxyAddress, Registration, RootParameters
from mulberry.ton.address import Address, AddressError
from mulberry.ton.boc import BocError, write_boc
from mulberry.ton.cells import CellReader
from mulberry.ton.contract_params import contract_code, params_cell
from mulberry.ton.contracts import (
    proxy_contract_address,
    worker_contract_address,
    worker_contract_data,
)

KEY = bytes(range(32))
OWNER = Address(bytes([7]) * 32)
PROXY = Address(bytes([8]) * 32)
CODE = write_boc(Cell(bitarray("1"), []))
PARAMS = RootParameters(
    root_address=Address(bytes(32)).raw,
    price_per_token=Nanoton(24),
    worker_fee_per_token=Nanoton(20),
    proxies=(),
    version=1,
    params_version=1,
    struct_version=3,
)


def bits(text: str) -> bitarray:
    return bitarray(text.replace(" ", ""))


def test_params_bit_by_bit() -> None:
    """Written out by hand from the protocol page, section 6, with struct version 1: no multipliers."""
    expected = bits(
        f"00000001 {1:032b} {13:032b} 1"  # struct_version, params_version, unique_id, is_test
        f"0001 {24:08b} 0001 {20:08b}"  # two Coins of one byte
        f"{600:032b} {300:032b}"
        f"0100 {10**9:032b} 0100 {10**9:032b}"  # two Coins of four bytes
        "000"  # no codes
    )
    assert bitarray(params_cell(replace(PARAMS, struct_version=1), None, None, None).bits) == expected


def test_older_and_newer_struct_versions_differ_by_their_fields() -> None:
    sizes = [len(params_cell(replace(PARAMS, struct_version=v), None, None, None).bits) for v in (0, 1, 2, 3)]
    assert [b - a for a, b in pairwise(sizes)] == [2 * 36, 2 * 32, 2 * 32]


def test_the_workers_first_data_reads_back() -> None:
    reader = CellReader(worker_contract_data(PARAMS, KEY, PROXY, OWNER))
    assert (reader.address(), reader.address(), reader.bytes(32)) == (OWNER, PROXY, KEY)
    reader.reference()


def test_no_code_is_an_empty_cell() -> None:
    assert contract_code(b"").hash == Cell(bitarray(), []).hash


# what each contract's address does not depend on: who proxies are, what they run, and the other contracts' code
WITHOUT_EFFECT = {
    "proxies",
    "version",
    "proxy_hashes",
    "worker_hashes",
    "model_hashes",
    "owner_address",
    "registrations",
    "last_proxy_seqno",
}
CHANGED: dict[str, object] = {
    "root_address": Address(bytes([1]) * 32).raw,
    "owner_address": Address(bytes([1]) * 32).raw,
    "proxies": (ProxyAddress("127.0.0.1", 1),),
    "registrations": (Registration(1, ProxyAddress("127.0.0.1", 1), ProxyAddress("127.0.0.1", 1)),),
    "proxy_hashes": (KEY,),
    "worker_hashes": (KEY,),
    "model_hashes": (KEY,),
    "proxy_code": CODE,
    "worker_code": CODE,
    "client_code": CODE,
    "is_test": False,
    "struct_version": 2,
}


@pytest.mark.parametrize("field", [field.name for field in fields(RootParameters)])
def test_each_parameter_moves_the_contracts_that_hold_it(field: str) -> None:
    value = CHANGED.get(field, getattr(PARAMS, field) + 1 if field not in CHANGED else None)
    changed = replace(PARAMS, **{field: value})  # type: ignore[arg-type]
    proxy_moved = proxy_contract_address(changed, KEY, OWNER) != proxy_contract_address(PARAMS, KEY, OWNER)
    worker_moved = worker_contract_address(changed, KEY, PROXY, OWNER) != worker_contract_address(
        PARAMS, KEY, PROXY, OWNER
    )
    assert proxy_moved == (field not in WITHOUT_EFFECT)
    assert worker_moved == (field not in WITHOUT_EFFECT | {"root_address", "proxy_code", "client_code"})


def test_key_owner_and_proxy_move_them_too() -> None:
    here = worker_contract_address(PARAMS, KEY, PROXY, OWNER)
    assert worker_contract_address(PARAMS, bytes(32), PROXY, OWNER) != here
    assert worker_contract_address(PARAMS, KEY, OWNER, OWNER) != here
    assert worker_contract_address(PARAMS, KEY, PROXY, PROXY) != here
    there = proxy_contract_address(PARAMS, KEY, OWNER)
    assert proxy_contract_address(PARAMS, bytes(32), OWNER) != there
    assert proxy_contract_address(PARAMS, KEY, PROXY) != there


def test_the_bundled_demo_profile_has_contracts() -> None:
    params = load_profile("demo").root_parameters()
    assert proxy_contract_address(params, KEY, OWNER) != worker_contract_address(params, KEY, PROXY, OWNER)


def test_unusable_parameters_are_refused() -> None:
    with pytest.raises(AddressError):
        proxy_contract_address(replace(PARAMS, root_address="somewhere"), KEY, OWNER)
    with pytest.raises(BocError):
        worker_contract_address(replace(PARAMS, worker_code=b"\xff" * 20), KEY, PROXY, OWNER)
    with pytest.raises(ValueError, match="32 bytes"):
        worker_contract_address(PARAMS, KEY[:31], PROXY, OWNER)
