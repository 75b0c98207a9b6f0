"""What the demo network deploys is what its profile promises, on one chain for ever, and pays what its proxy signs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from nacl.signing import SigningKey

from conftest import SettableClock
from mulberry.demo import contracts
from mulberry.demo.accounts import LARGEST_COUNTER
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.contracts_on_chain import DEPOSIT, LOWEST_CREDIT, ContractsOnChain
from mulberry.model.money import Nanoton
from mulberry.model.network import load_profile
from mulberry.model.payments import SignedPayment
from mulberry.model.root_contract import ONE_TON, ProxyAddress
from mulberry.ton.address import Address
from mulberry.ton.contract_data import read_worker_contract
from mulberry.ton.contracts import worker_contract
from mulberry.ton.emulator.executor import Emulator
from mulberry.ton.messages import cash_out, deploy_worker_contract
from mulberry.ton.payment import build_payment
from mulberry.ton.wallet import Outgoing, external_boc, node_wallet, signed_request

PROFILE = load_profile("demo")
KEY = SigningKey(b"p" * 32)
HERE = ProxyAddress("127.0.0.1", 4321)
WORKER_OWNER = Address(b"\x05" * 32)


@pytest.fixture
def chain(emulator: Emulator, clock: SettableClock) -> LocalChain:
    return LocalChain(b"seed", clock, emulator)


def on(chain: LocalChain) -> ContractsOnChain:
    return ContractsOnChain(chain, PROFILE.root_parameters(), KEY)


def test_the_root_contract_says_what_the_profile_says(chain: LocalChain) -> None:
    on_chain = on(chain)
    on_chain.deploy()
    said, wanted = on_chain.register(HERE), PROFILE.root_parameters()
    assert (said.price_per_token, said.worker_fee_per_token) == (24_000, 20_000)
    same = replace(
        wanted,
        root_address=on_chain.root.address.raw,
        owner_address=said.owner_address,
        proxies=(HERE,),
        registrations=said.registrations,
        version=wanted.version + 1,
    )
    assert said == contracts.with_codes(same, contracts.load_codes())


def test_the_proxy_has_its_stake_and_the_clients_money(chain: LocalChain) -> None:
    on_chain = on(chain)
    params = on_chain.deploy()
    assert on_chain.proxy_now().stake == params.min_proxy_stake
    assert on_chain.client_now().balance == DEPOSIT
    assert chain.account(on_chain.proxy.address).balance > DEPOSIT + params.min_proxy_stake


def test_a_second_start_deploys_nothing_and_only_tells_the_new_port(chain: LocalChain) -> None:
    on(chain).deploy()
    version = on(chain).register(HERE).version
    head = chain.head
    on(chain).deploy()
    assert on(chain).register(HERE).version == version
    assert chain.head == head
    moved = on(chain).register(ProxyAddress("127.0.0.1", 4322))
    assert (moved.version, moved.last_proxy_seqno) == (version + 1, 1)
    assert moved.proxies == (ProxyAddress("127.0.0.1", 4322),)


def test_the_client_pays_for_what_was_used_once_and_pays_in_before_it_runs_dry(chain: LocalChain) -> None:
    on_chain = on(chain)
    price = on_chain.deploy().price_per_token
    on_chain.charge(0)
    assert not chain.has_work
    used = 0
    for tokens in (1_000, 1_000, 5_000_000, 60_000_000, LARGEST_COUNTER):
        on_chain.charge(tokens)
        assert chain.has_work == (tokens > used)
        chain.make_block()
        used = tokens
        client = on_chain.client_now()
        assert client.tokens == tokens
        assert client.balance >= LOWEST_CREDIT - price
        assert chain.account(on_chain.proxy.address).balance >= client.balance + tokens * price


def worker_cashes(chain: LocalChain, on_chain: ContractsOnChain, clock: SettableClock, tokens: int) -> Address:
    """A worker deploys wallet and contract and hands in what the proxy signed for `tokens`. Returns its contract."""
    key, public = SigningKey(b"w" * 32), bytes(KEY.verify_key)
    worker = worker_contract(on_chain.parameters(), public, on_chain.proxy.address, WORKER_OWNER)
    wallet = node_wallet(contracts.load_codes().wallet, bytes(key.verify_key), WORKER_OWNER)
    chain.faucet(wallet.address, Nanoton(5 * ONE_TON))
    chain.make_block()
    boc = build_payment(KEY, query_id=1, excess_address=wallet.address, worker_contract=worker.address, tokens=tokens)
    payment = SignedPayment(public.hex(), worker.address.raw, tokens, boc, clock.now())
    steps = (deploy_worker_contract(worker), cash_out(payment, worker.address, excess_address=wallet.address))
    for seqno, message in enumerate(steps):
        valid_until = clock.now() + timedelta(seconds=60)
        request = signed_request(key, [Outgoing(message)], seqno=seqno, valid_until=valid_until)
        chain.send_external(external_boc(wallet, request, deploy=seqno == 0))
        chain.make_block()
    return worker.address


@pytest.mark.parametrize("charged", [lambda on_chain: None, lambda on_chain: on_chain.charge(1_500)])
def test_a_signed_payment_is_paid_whether_or_not_the_client_was_charged(
    chain: LocalChain, clock: SettableClock, charged: Callable[[ContractsOnChain], None]
) -> None:
    on_chain = on(chain)
    on_chain.deploy()
    charged(on_chain)
    worker = worker_cashes(chain, on_chain, clock, 1_500)
    assert chain.account(WORKER_OWNER).balance == 1_500 * 20_000 == PROFILE.payout.threshold
    data = chain.account(worker).data
    assert data is not None and read_worker_contract(data).tokens == 1_500
