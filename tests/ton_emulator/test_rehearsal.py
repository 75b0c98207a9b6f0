"""What a payout costs is told before it is sent: the rehearsal must be right to the nanoton, and never guess."""

from datetime import timedelta

import pytest
from bitarray import bitarray
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell
from pytoniq_core.boc.exotic import CellTypes

from conftest import SettableClock
from contract_network import OWNER, STRANGER, TON, ContractNetwork, external
from mulberry.demo.chain.dictionary import PLAIN, Dictionary, dictionary_of
from mulberry.model.money import Nanoton
from mulberry.model.places import resource
from mulberry.model.rehearsal import RehearsalImpossible
from mulberry.ton.address import Address
from mulberry.ton.cells import CellWriter
from mulberry.ton.chain.bags import read_bag
from mulberry.ton.chain.dictionary import find
from mulberry.ton.contracts import Birth
from mulberry.ton.emulator.executor import Emulator
from mulberry.ton.messages import Operation, cash_out, comment, deploy_worker_contract, internal_message
from mulberry.ton.rehearsal import MAX_TRANSACTIONS, NEWEST_VERSION, VERSION_PARAMETER, rehearse
from mulberry.ton.wallet import ALL_OF_THE_BALANCE, IGNORE_ERRORS, Outgoing
from rehearsal_stage import newest_block, proven_accounts, proven_config, rehearsed

TOKENS = 1_000_000_000


def message_of(boc: bytes) -> Cell:
    cell: Cell = Cell.one_from_boc(boc)
    return cell


@pytest.fixture
def network(emulator: Emulator, clock: SettableClock) -> ContractNetwork:
    network = ContractNetwork(emulator, clock)
    network.start()
    return network


def payout_request(network: ContractNetwork, tokens: int = TOKENS) -> bytes:
    cashing = cash_out(network.payment(tokens), network.worker.address, excess_address=network.wallet.address)
    return network.request(cashing)


def check_against_the_chain(network: ContractNetwork, boc: bytes) -> None:
    """Rehearses `boc`, sends it, and compares every transaction, every fee and every balance."""
    rehearsal = rehearsed(network, message_of(boc))
    network.send(boc)
    done = newest_block(network)
    assert done, "nothing happened"
    assert [(step.account, step.fee, step.success, step.exit_code) for step in rehearsal.transactions] == [
        (address.raw, transaction.fee, transaction.success, transaction.exit_code) for address, transaction in done
    ]
    for address in {address for address, _ in done}:
        assert rehearsal.balance(address.raw) == network.balance(address)
    assert rehearsal.fee == sum(transaction.fee for _, transaction in done)
    assert not rehearsal.refused


def test_a_payout_costs_what_was_rehearsed(network: ContractNetwork) -> None:
    boc = payout_request(network)
    rehearsal = rehearsed(network, message_of(boc))
    assert 5_000_000 < rehearsal.fee < 30_000_000
    paid = [item for item in rehearsal.deliveries if item.destination == OWNER.raw]
    assert [(item.amount, item.operation) for item in paid] == [(TOKENS * 20, Operation.PAYOUT)]
    assert all(0 < step.gas_fee <= step.fee for step in rehearsal.transactions)
    check_against_the_chain(network, boc)


def test_the_first_request_with_wallet_and_contract_made_costs_what_was_rehearsed(
    emulator: Emulator, clock: SettableClock
) -> None:
    network = ContractNetwork(emulator, clock)
    network.open_shop()
    network.chain.faucet(network.wallet.address, Nanoton(5 * TON))
    network.chain.make_block()
    check_against_the_chain(network, network.request(deploy_worker_contract(network.worker), deploy=True))


def test_a_withdrawal_of_all_costs_what_was_rehearsed(network: ContractNetwork) -> None:
    everything = Outgoing(internal_message(OWNER, Nanoton(0), bounce=False), ALL_OF_THE_BALANCE | IGNORE_ERRORS)
    check_against_the_chain(network, network.request(everything))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    funds=st.integers(1, 10 * TON),
    tokens=st.integers(1, 2**36),
    deposited=st.integers(1, 200),
    waited=st.integers(0, 10**7),
)
def test_whatever_the_balances_and_times_the_chain_does_what_was_rehearsed(
    emulator: Emulator, funds: int, tokens: int, deposited: int, waited: int
) -> None:
    network = ContractNetwork(emulator, SettableClock())
    network.open_shop(deposited * TON)
    network.chain.faucet(network.wallet.address, Nanoton(TON))
    network.chain.make_block()
    network.send(network.request(deploy_worker_contract(network.worker), deploy=True))
    network.chain.faucet(network.wallet.address, Nanoton(funds))
    network.chain.make_block()
    network.clock.pass_time(seconds=waited)
    check_against_the_chain(network, payout_request(network, tokens))


def test_a_top_up_is_rehearsed_with_what_it_is_for(emulator: Emulator, clock: SettableClock) -> None:
    network = ContractNetwork(emulator, clock)
    network.open_shop()
    gift = internal_message(network.wallet.address, Nanoton(TON), bounce=False, source=OWNER)
    boc = network.request(deploy_worker_contract(network.worker), deploy=True)
    rehearsal = rehearsed(network, gift, message_of(boc))
    network.chain.send_internal(network.wallet.address, Nanoton(TON), source=OWNER)
    network.chain.make_block()
    network.send(boc)
    for contract in (network.wallet, network.worker):
        assert rehearsal.balance(contract.address.raw) == network.balance(contract)


def test_a_proxy_that_cannot_pay_is_seen(network: ContractNetwork) -> None:
    rehearsal = rehearsed(network, message_of(payout_request(network, 2**40)))
    assert not all(step.success for step in rehearsal.transactions)
    assert not any(item.operation == Operation.PAYOUT for item in rehearsal.deliveries)


def test_what_the_wallet_would_not_take_is_refused(network: ContractNetwork) -> None:
    late = network.request(comment_to(STRANGER), valid_until=network.clock.now() - timedelta(seconds=1))
    used = network.request(comment_to(STRANGER), seqno=0)
    for boc in (late, used, external(network.wallet.address, comment("hello"))):
        rehearsal = rehearsed(network, message_of(boc))
        assert rehearsal.refused
        assert (rehearsal.transactions, rehearsal.fee) == ((), 0)


def comment_to(address: Address) -> Cell:
    return internal_message(address, Nanoton(1), body=comment("hello"), bounce=False)


def test_no_signature_is_needed(network: ContractNetwork) -> None:
    boc = network.request(comment_to(STRANGER), key=SigningKey(b"x" * 32))
    assert rehearsed(network, message_of(boc)).transactions[0].success


def test_nothing_changes_on_the_chain(network: ContractNetwork) -> None:
    before = network.chain.snapshot()
    rehearsed(network, message_of(payout_request(network)))
    assert network.chain.snapshot() == before


SEND_IT_AGAIN = bytes.fromhex("303071FB00")  # DROP DROP, 1 PUSHINT, SENDRAWMSG: what came in, again


def test_what_never_ends_is_given_up(network: ContractNetwork) -> None:
    endless = Birth(CellWriter().bytes(SEND_IT_AGAIN).cell(), CellWriter().cell())
    network.deploy(endless)
    accounts = proven_accounts(network.chain, (endless.address,))
    first = internal_message(endless.address, Nanoton(TON), source=endless.address)
    with pytest.raises(RehearsalImpossible, match="more transactions than are looked at"):
        rehearse(network.chain.emulator, proven_config(network.chain), accounts, [first], at=network.clock.now())


def test_no_more_transactions_than_the_limit(network: ContractNetwork) -> None:
    gifts = [internal_message(network.wallet.address, Nanoton(1), bounce=False, source=OWNER)] * (MAX_TRANSACTIONS + 1)
    assert len(rehearsed(network, *gifts[1:]).transactions) == MAX_TRANSACTIONS
    with pytest.raises(RehearsalImpossible):
        rehearsed(network, *gifts)


def test_a_message_that_breaks_the_emulator_makes_it_impossible_and_no_more(network: ContractNetwork) -> None:
    body = Cell(bitarray(), [])
    for _ in range(1_000):
        body = Cell(body.bits, [body])
    with pytest.raises(RehearsalImpossible, match="broke down"):
        rehearsed(network, internal_message(network.wallet.address, Nanoton(1), body=body, source=OWNER))


@pytest.mark.parametrize("config", [Cell(bitarray("0"), []), Cell(bitarray("10" * 30), [])])
def test_without_a_usable_configuration_nothing_is_claimed(network: ContractNetwork, config: Cell) -> None:
    accounts = proven_accounts(network.chain, (network.wallet.address,))
    gift = internal_message(network.wallet.address, Nanoton(1), bounce=False, source=OWNER)
    with pytest.raises(RehearsalImpossible):
        rehearse(network.chain.emulator, config, accounts, [gift], at=network.clock.now())


@pytest.mark.parametrize(("version", "words"), [(NEWEST_VERSION + 1, "Mulberry's is older"), (None, "does not say")])
def test_a_network_with_a_newer_machine_is_not_guessed_at(
    network: ContractNetwork, version: int | None, words: str
) -> None:
    config = dict(Dictionary(32, PLAIN, proven_config(network.chain)).items())
    if version is None:
        del config[VERSION_PARAMETER]
    else:
        named = CellWriter().uint(0xC4, 8).uint(version, 32).uint(0, 64).cell()
        config[VERSION_PARAMETER] = CellWriter().reference(named).cell()
    changed = dictionary_of(32, config)
    assert changed is not None
    with pytest.raises(RehearsalImpossible, match=words):
        rehearse(network.chain.emulator, changed, {}, [], at=network.clock.now())


def test_the_vendored_emulator_knows_the_version_of_its_own_configuration(network: ContractNetwork) -> None:
    vendored = find(read_bag(resource("emulator/config.boc").read_bytes(), roots=range(1, 2), max_cells=1000)[0], 8, 32)
    assert vendored is not None
    version = vendored.reference()
    assert int(version.bits[8:40].to01(), 2) == NEWEST_VERSION


def test_code_in_a_library_makes_it_impossible(network: ContractNetwork) -> None:
    library = Cell(bitarray("00000010") + bitarray("0" * 256), [], CellTypes.library_ref)
    contract = Birth(library, CellWriter().cell())
    network.deploy(contract)
    gift = internal_message(contract.address, Nanoton(1), bounce=False, source=OWNER)
    accounts = proven_accounts(network.chain, (contract.address,))
    with pytest.raises(RehearsalImpossible, match="library"):
        rehearse(network.chain.emulator, proven_config(network.chain), accounts, [gift], at=network.clock.now())
