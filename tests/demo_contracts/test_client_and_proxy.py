"""The other side's money: a client must get back what it did not use, a proxy's owner only what is his."""

import pytest
from nacl.signing import SigningKey

from conftest import SettableClock
from contract_network import CLIENT, OWNER, PROXY_OWNER, STRANGER, TON, ContractNetwork
from mulberry.demo import contracts as demo
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.cells import CellWriter
from mulberry.ton.contract_data import ContractState
from mulberry.ton.emulator.executor import Emulator

TOKENS = 10**9  # 24 TON of 100


@pytest.fixture
def network(emulator: Emulator, clock: SettableClock) -> ContractNetwork:
    network = ContractNetwork(emulator, clock)
    network.start()
    return network


def bill(network: ContractNetwork, tokens: int, key: SigningKey | None = None) -> None:
    signer = key or network.proxy_key
    client = network.client.address
    body = demo.charge(signer, query_id=tokens, tokens=tokens, client_contract=client, excess_address=PROXY_OWNER)
    network.say(network.client, body, by=PROXY_OWNER)


def test_a_deposit_waits_in_the_proxys_contract(network: ContractNetwork) -> None:
    assert network.client_now().balance == 100 * TON
    assert network.balance(network.proxy) > 100 * TON
    network.say(network.client, demo.deposit(2, Nanoton(TON), STRANGER), amount=TON + demo.GAS)
    assert network.client_now().balance == 101 * TON
    assert network.balance(STRANGER) > demo.GAS // 2  # anyone may pay in, and what is left of the gas comes back


def test_a_deposit_brings_its_money_and_covers_the_stake(emulator: Emulator, clock: SettableClock) -> None:
    network = ContractNetwork(emulator, clock)
    network.deploy(network.proxy)
    network.deploy(network.client)
    network.say(network.client, demo.deposit(1, Nanoton(100 * TON), CLIENT), amount=TON)
    assert network.client_now().balance == 0
    network.say(network.client, demo.deposit(1, Nanoton(TON // 2), CLIENT), amount=TON)  # a stake of 1 TON is wanted
    assert network.client_now().balance == 0


def test_charging_counts_all_tokens_once(network: ContractNetwork) -> None:
    bill(network, TOKENS)
    bill(network, TOKENS)
    bill(network, TOKENS - 1)
    assert network.client_now().balance == 76 * TON
    bill(network, TOKENS + 1)
    assert network.client_now().balance == 76 * TON - 24
    bill(network, 2 * TOKENS, key=SigningKey(bytes(32)))
    assert network.client_now().tokens == TOKENS + 1


def test_more_than_the_deposit_cannot_be_charged(network: ContractNetwork) -> None:
    bill(network, 10 * TOKENS)
    assert network.client_now().balance == 0


def test_a_granted_refund_returns_the_rest_and_closes(network: ContractNetwork) -> None:
    refund = demo.grant_refund(
        network.proxy_key,
        query_id=1,
        tokens=TOKENS,
        client_contract=network.client.address,
        excess_address=PROXY_OWNER,
    )
    before = network.balance(CLIENT)
    network.say(network.client, refund, by=PROXY_OWNER)
    assert network.balance(CLIENT) - before == 76 * TON
    assert network.client_now().state is ContractState.CLOSED
    network.say(network.client, refund, by=PROXY_OWNER)
    assert network.balance(CLIENT) - before == 76 * TON
    network.say(network.client, demo.deposit(2, Nanoton(9 * TON), STRANGER), amount=10 * TON)
    assert network.balance(STRANGER) > 9.9 * TON  # nothing is taken any more
    assert network.client_now().balance == 0


@pytest.mark.parametrize("operation", [0xC68EBC7B, 0xF4C354C9])  # a refund: granted, forced
def test_nobody_gets_a_refund_who_is_no_client(network: ContractNetwork, operation: int) -> None:
    """The message of a client's contract, as anyone can write it."""
    refund = CellWriter().uint(operation, 32).coins(50 * TON).address(STRANGER).cell()
    for owner in (STRANGER, CLIENT):
        body = CellWriter().uint(0x65448FF4, 32).uint(1, 64).address(owner).reference(CellWriter().cell())
        before = network.balance(CLIENT)
        network.say(network.proxy, body.maybe_reference(refund).cell(), by=STRANGER)
        assert network.balance(CLIENT) == before
    assert network.balance(STRANGER) < 2 * TON  # his own, bounced


def test_a_client_leaves_without_the_proxy_after_notice(network: ContractNetwork, clock: SettableClock) -> None:
    def ask(by: Address = CLIENT) -> None:
        network.say(network.client, demo.ask_refund(1, STRANGER), by=by)

    ask(by=STRANGER)
    assert network.client_now().state is ContractState.OPEN
    ask()
    assert network.client_now().state is ContractState.CLOSING
    bill(network, TOKENS)  # the proxy charges for the last requests
    clock.pass_time(seconds=network.prices.client_delay_before_close_seconds - 1)
    ask()
    assert network.client_now().state is ContractState.CLOSING
    clock.pass_time(seconds=1)
    received = network.balance(CLIENT)
    ask()
    assert 0 <= 76 * TON - (network.balance(CLIENT) - received) < 10  # his own account pays rent
    assert network.client_now().state is ContractState.CLOSED


def test_the_proxys_owner_gets_his_part_whoever_asks(network: ContractNetwork) -> None:
    network.cash(network.payment(TOKENS))
    network.say(network.proxy, demo.pay_proxy_owner(1, STRANGER))
    assert network.balance(PROXY_OWNER) == TOKENS * 4
    assert network.proxy_now().balance == 0
    network.say(network.proxy, demo.pay_proxy_owner(2, STRANGER))
    assert network.balance(PROXY_OWNER) == TOKENS * 4


def test_a_stake_grows_by_what_is_brought(network: ContractNetwork) -> None:
    network.say(network.proxy, demo.increase_stake(1, Nanoton(3 * TON), STRANGER), amount=3 * TON + demo.GAS)
    assert network.proxy_now().stake == 3 * TON
    network.say(network.proxy, demo.increase_stake(1, Nanoton(3 * TON), STRANGER), amount=3 * TON)
    assert network.proxy_now().stake == 3 * TON
    assert network.balance(STRANGER) > 3 * TON  # it bounced


def test_a_closing_proxy_still_pays_and_a_closed_one_no_more(network: ContractNetwork, clock: SettableClock) -> None:
    network.say(network.proxy, demo.close_proxy(1, STRANGER), by=STRANGER)
    assert network.proxy_now().state is ContractState.OPEN
    network.say(network.proxy, demo.close_proxy(1, PROXY_OWNER), by=PROXY_OWNER)
    assert network.proxy_now().state is ContractState.CLOSING
    network.cash(network.payment(TOKENS))
    assert network.balance(OWNER) == TOKENS * 20
    network.say(network.proxy, demo.close_proxy(2, PROXY_OWNER), by=PROXY_OWNER)
    assert network.proxy_now().state is ContractState.CLOSING  # too early
    clock.pass_time(seconds=network.prices.proxy_delay_before_close_seconds)
    network.say(network.proxy, demo.close_proxy(2, PROXY_OWNER), by=PROXY_OWNER)
    assert network.proxy_now().state is ContractState.CLOSED
    assert network.balance(PROXY_OWNER) > 80 * TON  # 100 paid in, 20 paid out
    assert network.balance(network.proxy) <= 10_000_000
    network.say(network.proxy, None, amount=100 * TON)  # it would have the money
    network.cash(network.payment(2 * TOKENS))
    assert network.balance(OWNER) == TOKENS * 20


def test_a_closing_proxy_takes_no_deposits(network: ContractNetwork) -> None:
    network.say(network.proxy, demo.close_proxy(1, PROXY_OWNER), by=PROXY_OWNER)
    before = network.balance(network.proxy)
    network.say(network.client, demo.deposit(2, Nanoton(TON), CLIENT), amount=TON + demo.GAS)
    assert network.balance(network.proxy) == before
