"""The node wallet holds gas money behind a hot key: a request must work once, in time, and not against the owner."""

from dataclasses import replace
from datetime import timedelta

import pytest
from bitarray import bitarray
from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell

from conftest import SettableClock
from contract_network import OWNER, STRANGER, TON, ContractNetwork, external
from mulberry.demo.chain.chain import MessageRefusedError
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.cells import CellWriter
from mulberry.ton.emulator.executor import Emulator
from mulberry.ton.messages import Operation as Message
from mulberry.ton.messages import comment, internal_message, notice
from mulberry.ton.wallet import ALL_OF_THE_BALANCE, IGNORE_ERRORS, USUAL_MODE, Outgoing, owner_command, signed_request

FRIENDS = tuple(Address(bytes([number]) * 32) for number in (0xA1, 0xA2, 0xA3, 0xA4))


def gift(to: Address = FRIENDS[0], amount: int = TON) -> Cell:
    return internal_message(to, Nanoton(amount), bounce=False)


@pytest.fixture
def network(emulator: Emulator, clock: SettableClock) -> ContractNetwork:
    network = ContractNetwork(emulator, clock)
    network.chain.faucet(network.wallet.address, Nanoton(10 * TON))
    network.chain.make_block()
    network.send(network.request(gift(), deploy=True))
    return network


def test_the_first_request_brings_it_to_life_and_is_carried_out(network: ContractNetwork) -> None:
    assert network.balance(FRIENDS[0]) == TON
    assert network.wallet_now().seqno == 1
    assert network.wallet_now().owner == OWNER


def test_one_request_sends_four_messages(network: ContractNetwork) -> None:
    network.send(network.request(*(gift(friend) for friend in FRIENDS)))
    assert [network.balance(friend) for friend in FRIENDS] == [2 * TON, TON, TON, TON]


def test_a_request_works_once(network: ContractNetwork) -> None:
    request = network.request(gift())
    network.send(request)
    with pytest.raises(MessageRefusedError, match="1032"):
        network.send(request)
    assert network.balance(FRIENDS[0]) == 2 * TON


def test_a_request_that_cannot_be_paid_is_used_up_all_the_same(network: ContractNetwork) -> None:
    request = network.request(gift(amount=1_000 * TON))
    network.send(request)
    assert network.wallet_now().seqno == 2
    with pytest.raises(MessageRefusedError, match="1032"):
        network.send(request)


@pytest.mark.parametrize("mode", [0, USUAL_MODE & ~IGNORE_ERRORS, ALL_OF_THE_BALANCE, 4, 8, 255])
def test_no_message_can_undo_the_count(network: ContractNetwork, mode: int) -> None:
    """A message that is none at all, sent in a mode that would undo the whole transaction."""
    network.send(network.request(Outgoing(Cell(bitarray("1" * 40), []), mode), gift()))
    assert network.wallet_now().seqno == 2


def test_a_request_of_which_nothing_makes_sense_is_used_up(network: ContractNetwork) -> None:
    """Signed, but a message comes without its mode: the machine stops in the middle, after the number is taken."""
    until = int(network.clock.now().timestamp()) + 60
    content = CellWriter().uint(0, 32).uint(until, 32).uint(1, 32).reference(gift()).cell()
    body = CellWriter().bytes(network.wallet_key.sign(content.hash).signature).all_of(content).cell()
    network.send(external(network.wallet.address, body))
    assert network.wallet_now().seqno == 2


def test_what_the_contract_refuses(network: ContractNetwork, clock: SettableClock) -> None:
    before = network.balance(network.wallet)
    late = network.request(gift(), valid_until=clock.now())
    for request, why in (
        (late, "1030"),
        (network.request(gift(), seqno=0), "1032"),
        (network.request(gift(), seqno=2), "1032"),
        (network.request(gift(), subwallet=1), "1033"),
        (network.request(gift(), key=SigningKey(bytes(32))), "1034"),
        (external(network.wallet.address, Cell(bitarray(), [])), "9"),
    ):
        with pytest.raises(MessageRefusedError, match=why):
            network.send(request)
    assert network.balance(network.wallet) == before  # a refused message costs nothing


def test_a_request_is_good_for_one_wallet_only(network: ContractNetwork) -> None:
    """Signed for ours, sent to another one with the same key and number: another owner's money stays where it is."""
    body = signed_request(
        network.wallet_key, [Outgoing(gift())], seqno=1, valid_until=network.clock.now() + timedelta(seconds=60)
    )
    network.send(external(network.wallet.address, body))
    with pytest.raises(MessageRefusedError):
        network.send(external(FRIENDS[1], body))


def test_the_owner_commands_it_without_the_key(network: ContractNetwork) -> None:
    everything = Outgoing(internal_message(OWNER, Nanoton(0), bounce=False), ALL_OF_THE_BALANCE)
    network.say(network.wallet, owner_command(1, everything), by=OWNER, amount=TON)
    assert network.balance(OWNER) > 9.9 * TON
    assert network.balance(network.wallet) == 0


def test_a_stranger_commands_nothing(network: ContractNetwork) -> None:
    before = network.balance(network.wallet)
    everything = Outgoing(internal_message(STRANGER, Nanoton(0), bounce=False), ALL_OF_THE_BALANCE)
    network.say(network.wallet, owner_command(1, everything), by=STRANGER, amount=TON)
    assert network.balance(STRANGER) < TON  # only his own, bounced
    assert network.balance(network.wallet) >= before
    for word in "wb":
        network.say(network.wallet, comment(word), by=STRANGER, amount=TON)
    assert network.balance(network.wallet) > before + TON  # comments of strangers are gifts
    assert not network.wallet_now().blocked


@pytest.mark.parametrize("word", ["w", "W"])
def test_the_owner_withdraws_with_a_comment_from_any_wallet(network: ContractNetwork, word: str) -> None:
    network.say(network.wallet, comment(word), by=OWNER, amount=TON // 10)
    assert network.balance(OWNER) > 9 * TON
    assert network.balance(network.wallet) == 10_000_000


def test_the_owner_blocks_the_key_and_unblocks_it(network: ContractNetwork) -> None:
    network.say(network.wallet, comment("b"), by=OWNER)
    assert network.wallet_now().blocked
    with pytest.raises(MessageRefusedError, match="1031"):
        network.send(network.request(gift()))
    network.say(network.wallet, comment("u"), by=OWNER)
    network.send(network.request(gift()))
    assert network.balance(FRIENDS[0]) == 2 * TON


@pytest.mark.parametrize("body", [None, notice(Message.EXCESSES, 1), notice(Message.PAYOUT, 2), comment("thank you")])
def test_money_with_nothing_to_do_is_taken(network: ContractNetwork, body: Cell | None) -> None:
    before = network.balance(network.wallet)
    network.say(network.wallet, body)
    assert network.balance(network.wallet) > before + 0.99 * TON


@pytest.mark.parametrize("text", ["", "x", "ww", "withdraw", "thank you"])
def test_other_comments_of_the_owner_are_only_money(network: ContractNetwork, text: str) -> None:
    before = network.wallet_now(), network.balance(network.wallet)
    network.say(network.wallet, comment(text), by=OWNER)
    assert network.wallet_now() == before[0]
    assert network.balance(network.wallet) > before[1] + 0.99 * TON


def test_an_unknown_operation_sends_the_money_back(network: ContractNetwork) -> None:
    network.say(network.wallet, notice(Message.REGISTER_WORKER, 1))
    assert network.balance(STRANGER) > 0.99 * TON


def test_it_says_its_number_to_wallet_software(network: ContractNetwork) -> None:
    assert network.chain.run_method(network.wallet.address, "seqno").stack == (1,)


def test_keys_and_owners_have_wallets_of_their_own(network: ContractNetwork) -> None:
    state = network.wallet_now()
    others = (replace(state, owner=STRANGER), replace(state, public_key=bytes(32)))
    assert all(other.cell().hash != state.cell().hash for other in others)
