"""The demo network's own contracts: their codes, and the messages that networks and clients send, not workers.

Sources and compiler: resources/contracts/. A worker cannot tell them from the Cocoon network's: layouts and operations
are the same, and what a worker sends is built by `mulberry.ton.messages` for both.
"""

import base64
import json
from dataclasses import dataclass, replace
from enum import IntEnum

from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell

from mulberry.model.money import Nanoton
from mulberry.model.places import resource
from mulberry.model.root_contract import Registration, RootParameters
from mulberry.ton.address import Address
from mulberry.ton.boc import write_boc
from mulberry.ton.cells import CellWriter
from mulberry.ton.contract_params import contract_code
from mulberry.ton.contracts import Birth
from mulberry.ton.root import registration_value, root_data

GAS = Nanoton(100_000_000)  # what a message must bring beside the amount it is about; the rest comes back


class Operation(IntEnum):
    """What owners and clients ask of the network's contracts, as on the Cocoon network."""

    DEPOSIT = 0xF172E6C2
    CHARGE = 0xBB63FF93
    GRANT_REFUND = 0xEFD711E1
    ASK_REFUND = 0xFAFA6CC1
    PAY_PROXY_OWNER = 0x7610E6EB
    INCREASE_STAKE = 0x9713F187
    CLOSE_PROXY = 0xB51D5A01
    REGISTER_PROXY = 0x927C7CB5
    UNREGISTER_PROXY = 0x6D49EAF2
    UPDATE_PROXY = 0x9C7924BA
    CHANGE_FEES = 0xC52ED8D4
    UPGRADE_CONTRACTS = 0xA2370F61
    ADD_PROXY_HASH = 0x71860E80
    REMOVE_PROXY_HASH = 0x3C41D0B2
    ADD_WORKER_HASH = 0xE34B1C60
    REMOVE_WORKER_HASH = 0x8D94A79A
    ADD_MODEL_HASH = 0xC146134D
    REMOVE_MODEL_HASH = 0x92B11C18


@dataclass(frozen=True, slots=True)
class Codes:
    """The five contracts' code cells."""

    root: Cell
    proxy: Cell
    worker: Cell
    client: Cell
    wallet: Cell


def load_codes() -> Codes:
    """The committed codes. Raises `ValueError` if one is not what its hash says: the installation is damaged."""
    compiled = json.loads(resource("contracts/compiled.json").read_text())["contracts"]
    return Codes(**{name: _code(name, entry) for name, entry in compiled.items()})


def with_codes(params: RootParameters, codes: Codes) -> RootParameters:
    """`params` of a network whose contracts have these codes."""
    return replace(
        params,
        proxy_code=write_boc(codes.proxy),
        worker_code=write_boc(codes.worker),
        client_code=write_boc(codes.client),
    )


def root_contract(params: RootParameters, codes: Codes) -> Birth:
    """The root contract that begins with `params`, which need an owner. `root_address` in them does not matter."""
    return Birth(codes.root, root_data(params))


def deposit(query_id: int, amount: Nanoton, excess_address: Address) -> Cell:
    """To a client's contract, with `amount` and `GAS`: more to spend. The first must cover the client's stake."""
    return _begin(Operation.DEPOSIT, query_id).coins(amount).address(excess_address).cell()


def ask_refund(query_id: int, excess_address: Address) -> Cell:
    """A client's owner to his contract: the first time gives notice, after the delay it pays what is left."""
    return _begin(Operation.ASK_REFUND, query_id).address(excess_address).cell()


def charge(key: SigningKey, *, query_id: int, tokens: int, client_contract: Address, excess_address: Address) -> Cell:
    """The proxy, by its key, to a client's contract: `tokens` have been used since its birth."""
    return _signed(key, Operation.CHARGE, query_id, tokens, client_contract, excess_address)


def grant_refund(
    key: SigningKey, *, query_id: int, tokens: int, client_contract: Address, excess_address: Address
) -> Cell:
    """The proxy, by its key: `tokens` were all, the client gets the rest back and the contract closes."""
    return _signed(key, Operation.GRANT_REFUND, query_id, tokens, client_contract, excess_address)


def pay_proxy_owner(query_id: int, excess_address: Address) -> Cell:
    """Anyone to a proxy's contract: pay your owner his part."""
    return _begin(Operation.PAY_PROXY_OWNER, query_id).address(excess_address).cell()


def increase_stake(query_id: int, amount: Nanoton, excess_address: Address) -> Cell:
    """To a proxy's contract, with `amount` and `GAS`."""
    return _begin(Operation.INCREASE_STAKE, query_id).coins(amount).address(excess_address).cell()


def close_proxy(query_id: int, excess_address: Address) -> Cell:
    """A proxy's owner to its contract: the first time gives notice, after the delay it pays him all that is left."""
    return _begin(Operation.CLOSE_PROXY, query_id).address(excess_address).cell()


def register_proxy(query_id: int, registration: Registration) -> Cell:
    """The network's owner to the root contract, which counts the seqno itself."""
    return _begin(Operation.REGISTER_PROXY, query_id).all_of(registration_value(registration)).cell()


def update_proxy(query_id: int, registration: Registration) -> Cell:
    """The network's owner to the root contract: the proxy of that seqno has moved."""
    value = registration_value(registration)
    return _begin(Operation.UPDATE_PROXY, query_id).uint(registration.seqno, 32).all_of(value).cell()


def unregister_proxy(query_id: int, seqno: int) -> Cell:
    return _begin(Operation.UNREGISTER_PROXY, query_id).uint(seqno, 32).cell()


def change_fees(query_id: int, price_per_token: Nanoton, worker_fee_per_token: Nanoton) -> Cell:
    """The network's owner to the root contract. Contracts made before keep their prices."""
    return _begin(Operation.CHANGE_FEES, query_id).coins(price_per_token).coins(worker_fee_per_token).cell()


def upgrade_contracts(query_id: int, codes: Codes) -> Cell:
    """The network's owner to the root contract. Contracts made before keep their codes."""
    body = _begin(Operation.UPGRADE_CONTRACTS, query_id).reference(codes.proxy)
    return body.reference(codes.worker).reference(codes.client).cell()


def change_hashes(operation: Operation, query_id: int, digest: bytes) -> Cell:
    """The network's owner to the root contract: one of the six `ADD_…` and `REMOVE_…`. `digest`: 32 bytes."""
    return _begin(operation, query_id).bytes(digest).cell()


def _begin(operation: Operation, query_id: int) -> CellWriter:
    return CellWriter().uint(operation, 32).uint(query_id, 64)


def _signed(
    key: SigningKey, operation: Operation, query_id: int, tokens: int, contract: Address, excess_address: Address
) -> Cell:
    content = _begin(operation, query_id).uint(tokens, 64).address(contract).cell()
    signature = key.sign(content.hash).signature
    return _begin(operation, query_id).address(excess_address).bytes(signature).reference(content).cell()


def _code(name: str, entry: dict[str, str]) -> Cell:
    code = contract_code(base64.b64decode(entry["boc"]))
    if code.hash.hex() != entry["hash"]:
        raise ValueError(f"the {name} contract is not the one that its hash names")
    return code
