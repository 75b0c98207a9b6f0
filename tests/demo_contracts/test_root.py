"""All that a worker believes of a network stands in its root contract: TON's own machine must write what we read."""

from dataclasses import replace

import pytest

from conftest import SettableClock
from contract_network import NETWORK_OWNER, PRICES, STRANGER, ContractNetwork
from mulberry.demo import contracts as demo
from mulberry.demo.contracts import Operation
from mulberry.model.money import Nanoton
from mulberry.model.root_contract import ProxyAddress, Registration
from mulberry.ton.emulator.executor import Emulator
from mulberry.ton.root import root_data

HERE, THERE = ProxyAddress("127.0.0.1", 11001), ProxyAddress("192.0.2.7", 443)


@pytest.fixture
def network(emulator: Emulator, clock: SettableClock) -> ContractNetwork:
    network = ContractNetwork(emulator, clock)
    network.deploy(network.root)
    return network


def test_a_new_root_says_what_it_was_made_of(network: ContractNetwork) -> None:
    assert network.root_now() == network.prices


def test_proxies_come_move_and_go(network: ContractNetwork) -> None:
    for number in range(40):
        registration = Registration(0, ProxyAddress("192.0.2.1", 1 + number), HERE)
        network.say(network.root, demo.register_proxy(number, registration), by=NETWORK_OWNER)
    network.say(network.root, demo.unregister_proxy(1, 7), by=NETWORK_OWNER)
    network.say(network.root, demo.update_proxy(1, Registration(40, THERE, THERE)), by=NETWORK_OWNER)
    network.say(network.root, demo.update_proxy(1, Registration(99, THERE, THERE)), by=NETWORK_OWNER)  # unknown
    now = network.root_now()
    assert [entry.seqno for entry in now.registrations] == [n for n in range(1, 41) if n != 7]
    assert now.registrations[-1] == Registration(40, THERE, THERE)
    assert now.proxies[0] == ProxyAddress("192.0.2.1", 1)
    assert (now.last_proxy_seqno, now.version, now.params_version) == (40, 43, 1)


def test_our_dictionaries_are_the_machines_cell_by_cell(network: ContractNetwork) -> None:
    network.say(network.root, demo.register_proxy(1, Registration(1, HERE, THERE)), by=NETWORK_OWNER)
    hashes = [bytes([number]) * 32 for number in (0, 1, 2, 3, 128, 255)] + [b"\1" * 31 + b"\2", bytes(31) + b"\1"]
    for operation in (Operation.ADD_PROXY_HASH, Operation.ADD_WORKER_HASH, Operation.ADD_MODEL_HASH):
        for digest in hashes:
            network.say(network.root, demo.change_hashes(operation, 1, digest), by=NETWORK_OWNER)
    now = network.root_now()
    assert now.proxy_hashes == now.worker_hashes == now.model_hashes == tuple(sorted(hashes))
    assert root_data(now).hash == network.data(network.root).hash
    removed = demo.change_hashes(Operation.REMOVE_WORKER_HASH, 1, hashes[2])
    network.say(network.root, removed, by=NETWORK_OWNER)
    assert set(network.root_now().worker_hashes) == set(hashes) - {hashes[2]}
    assert root_data(network.root_now()).hash == network.data(network.root).hash


@pytest.mark.parametrize("struct_version", [0, 1, 2, 3])
def test_new_prices_and_codes_start_a_new_age(emulator: Emulator, clock: SettableClock, struct_version: int) -> None:
    network = ContractNetwork(emulator, clock, replace(PRICES, struct_version=struct_version))
    network.deploy(network.root)
    before = network.root_now()
    network.say(network.root, demo.change_fees(1, Nanoton(48), Nanoton(40)), by=NETWORK_OWNER)
    changed = replace(
        before,
        price_per_token=Nanoton(48),
        worker_fee_per_token=Nanoton(40),
        version=before.version + 1,
        params_version=before.params_version + 1,
    )
    assert network.root_now() == changed
    swapped = replace(network.codes, worker=network.codes.client, client=network.codes.worker)
    network.say(network.root, demo.upgrade_contracts(2, swapped), by=NETWORK_OWNER)
    assert network.root_now() == replace(
        changed,
        version=changed.version + 1,
        params_version=changed.params_version + 1,
        worker_code=changed.client_code,
        client_code=changed.worker_code,
    )


def test_strangers_change_nothing(network: ContractNetwork) -> None:
    before = network.root_now()
    network.say(network.root, demo.register_proxy(1, Registration(0, HERE, HERE)), by=STRANGER)
    network.say(network.root, demo.change_fees(1, Nanoton(1), Nanoton(1)), by=STRANGER)
    assert network.root_now() == before
