"""The money's whole way on TON's own virtual machine: what clients pay reaches the worker's owner, to the nanoton."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from conftest import SettableClock
from contract_network import CLIENT, OWNER, PRICES, STRANGER, TON, ContractNetwork
from mulberry.demo import contracts as demo
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.cells import CellWriter
from mulberry.ton.contract_data import ContractState
from mulberry.ton.emulator.executor import Emulator
from mulberry.ton.messages import CASH_OUT_GAS, PayoutRequest, WorkerRequest, cash_out, register_worker
from mulberry.ton.payment import LAST_PAYMENT, PAYMENT

GAS_OF_A_PAYOUT = 30_000_000  # nanoton: three contracts and five messages cost less


@pytest.fixture
def network(emulator: Emulator, clock: SettableClock) -> ContractNetwork:
    network = ContractNetwork(emulator, clock)
    network.start()
    return network


def test_a_signed_payment_becomes_exactly_its_tokens_times_the_fee(network: ContractNetwork) -> None:
    wallet, deposit = network.balance(network.wallet), network.balance(network.proxy)
    network.cash(network.payment(1_000_000_000))
    assert network.balance(OWNER) == 1_000_000_000 * 20
    assert network.worker_now().tokens == 1_000_000_000
    assert network.proxy_now().balance == 1_000_000_000 * 4
    assert network.balance(network.proxy) == deposit - 1_000_000_000 * 20
    assert 0 < wallet - network.balance(network.wallet) < GAS_OF_A_PAYOUT  # of the 0.5 TON attached, the rest came back


def test_a_newer_payment_pays_only_what_is_new(network: ContractNetwork) -> None:
    network.cash(network.payment(1_000))
    network.cash(network.payment(1_001))
    assert network.balance(OWNER) == 1_001 * 20
    assert network.proxy_now().balance == 1_001 * 4


@pytest.mark.parametrize("tokens", [999, 1_000])
def test_an_old_payment_does_not_even_reach_the_proxy(network: ContractNetwork, tokens: int) -> None:
    network.cash(network.payment(1_000))
    wallet, heard = network.balance(network.wallet), len(network.chain.transactions(network.proxy.address))
    network.cash(network.payment(tokens))
    assert network.balance(OWNER) == 1_000 * 20
    assert len(network.chain.transactions(network.proxy.address)) == heard
    assert wallet - network.balance(network.wallet) < GAS_OF_A_PAYOUT  # it bounced: nearly all came back


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals=st.lists(st.tuples(st.integers(1, 10**9), st.booleans()), min_size=1, max_size=8))
def test_payments_in_any_order_pay_the_highest_once(
    emulator: Emulator, clock: SettableClock, arrivals: list[tuple[int, bool]]
) -> None:
    network = ContractNetwork(emulator, clock)
    network.start()
    for tokens, is_genuine in arrivals:
        network.cash(network.payment(tokens, key=None if is_genuine else SigningKey(b"x" * 32)))
    highest = max((tokens for tokens, is_genuine in arrivals if is_genuine), default=0)
    assert network.balance(OWNER) == highest * 20
    assert network.proxy_now().balance == highest * 4
    assert network.worker_now().tokens == highest


def test_a_payment_by_another_key_pays_nothing(network: ContractNetwork) -> None:
    network.cash(network.payment(1_000, key=SigningKey(b"x" * 32)))
    assert (network.balance(OWNER), network.worker_now().tokens) == (0, 0)


def test_a_payment_for_another_contract_pays_nothing(network: ContractNetwork) -> None:
    network.cash(network.payment(1_000, contract=Address(bytes(32))))
    assert (network.balance(OWNER), network.worker_now().tokens) == (0, 0)


@pytest.mark.parametrize(("operation", "query_id"), [(PAYMENT, 8), (LAST_PAYMENT, 7)])
def test_what_is_signed_cannot_be_sent_as_something_else(
    network: ContractNetwork, operation: int, query_id: int
) -> None:
    """Signed as number 7 and sent as number 8; a payment sent as the last one, which would close the contract."""
    signed = CellWriter().uint(PAYMENT, 32).uint(7, 64).uint(1_000, 64).address(network.worker.address).cell()
    body = CellWriter().uint(operation, 32).uint(query_id, 64).address(STRANGER)
    body.bytes(network.proxy_key.sign(signed.hash).signature).reference(signed)
    network.say(network.worker, body.cell())
    assert network.worker_now().state is ContractState.OPEN
    assert (network.balance(OWNER), network.worker_now().tokens) == (0, 0)


def test_the_last_payment_closes_the_contract_and_empties_it(network: ContractNetwork) -> None:
    network.cash(network.payment(1_000, closing=True))
    assert network.balance(OWNER) == 1_000 * 20
    assert network.worker_now().state is ContractState.CLOSED
    assert network.balance(network.worker) <= 0.01 * TON
    network.cash(network.payment(2_000))
    assert network.balance(OWNER) == 1_000 * 20


def test_the_last_payment_may_bring_nothing_new(network: ContractNetwork) -> None:
    network.cash(network.payment(1_000))
    network.cash(network.payment(1_000, closing=True))
    assert network.balance(OWNER) == 1_000 * 20
    assert network.worker_now().state is ContractState.CLOSED


def test_anyone_may_cash_a_payment_and_gets_back_his_own_gas(network: ContractNetwork) -> None:
    message = cash_out(network.payment(1_000), network.worker.address, excess_address=STRANGER)
    network.say(network.worker, message.refs[0], by=STRANGER, amount=CASH_OUT_GAS)
    assert network.balance(OWNER) == 1_000 * 20
    assert CASH_OUT_GAS - GAS_OF_A_PAYOUT < network.balance(STRANGER) < CASH_OUT_GAS


def test_too_little_gas_bounces_before_anything_happens(network: ContractNetwork) -> None:
    message = cash_out(network.payment(1_000), network.worker.address, excess_address=STRANGER)
    network.say(network.worker, message.refs[0], amount=90_000_000)
    assert (network.balance(OWNER), network.worker_now().tokens) == (0, 0)
    assert network.balance(STRANGER) > 80_000_000


def test_the_proxy_pays_no_contract_that_is_not_the_networks(network: ContractNetwork) -> None:
    """A stranger who asks in a worker's name, from an address that does not follow from the parameters."""
    payout = PayoutRequest(Nanoton(50 * TON), Nanoton(0), STRANGER)
    network.say(network.proxy, WorkerRequest(1, STRANGER, ContractState.OPEN, 10**9, payout).cell(), by=STRANGER)
    network.say(network.proxy, WorkerRequest(1, OWNER, ContractState.OPEN, 10**9, payout).cell(), by=STRANGER)
    assert network.balance(STRANGER) < 2 * TON  # his own, bounced
    assert network.balance(OWNER) == 0


def test_a_proxy_without_money_pays_nothing_and_keeps_what_it_has(network: ContractNetwork) -> None:
    before = network.balance(network.proxy)
    network.cash(network.payment(10**10))  # 200 TON
    assert network.balance(OWNER) == 0
    assert network.balance(network.proxy) == before
    assert network.proxy_now().balance == 0


def test_a_worker_reports_itself_on_its_owners_word_only(network: ContractNetwork) -> None:
    heard = len(network.chain.transactions(network.proxy.address))
    network.say(network.worker, register_worker(1, OWNER), by=OWNER)
    assert network.balance(OWNER) > 0.98 * TON
    assert len(network.chain.transactions(network.proxy.address)) == heard + 1
    network.say(network.worker, register_worker(1, STRANGER), by=STRANGER)
    assert network.balance(STRANGER) > 0.98 * TON  # bounced
    assert len(network.chain.transactions(network.proxy.address)) == heard + 1


@pytest.mark.parametrize("struct_version", [0, 1, 2, 3])
def test_every_version_of_the_parameters_pays(emulator: Emulator, clock: SettableClock, struct_version: int) -> None:
    """The proxy's contract derives the worker's and the client's address as we do, whatever the parameters hold."""
    network = ContractNetwork(emulator, clock, replace(PRICES, struct_version=struct_version))
    network.start()
    assert network.client_now().balance == 100 * TON
    network.cash(network.payment(1_000))
    assert network.balance(OWNER) == 1_000 * 20


def test_what_the_client_is_charged_is_what_worker_and_proxy_get(network: ContractNetwork) -> None:
    tokens = 10**9
    bill = demo.charge(
        network.proxy_key, query_id=1, tokens=tokens, client_contract=network.client.address, excess_address=CLIENT
    )
    network.say(network.client, bill)
    network.cash(network.payment(tokens))
    spent = 100 * TON - network.client_now().balance
    assert spent == network.balance(OWNER) + network.proxy_now().balance == tokens * 24
