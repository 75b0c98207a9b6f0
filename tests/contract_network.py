"""A whole demo network on a local chain, for tests: root, one proxy, one client, one worker with its node wallet."""

from dataclasses import replace
from datetime import datetime, timedelta

from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell

from conftest import SettableClock
from mulberry.demo import contracts as demo
from mulberry.demo.chain.chain import LocalChain
from mulberry.model.money import Nanoton
from mulberry.model.payments import SignedPayment
from mulberry.model.root_contract import RootParameters
from mulberry.ton.address import Address
from mulberry.ton.boc import write_boc
from mulberry.ton.contract_data import (
    ClientContract,
    ProxyContract,
    WorkerContract,
    read_client_contract,
    read_proxy_contract,
    read_worker_contract,
)
from mulberry.ton.contracts import Birth, client_contract, proxy_contract, worker_contract
from mulberry.ton.emulator.executor import Emulator
from mulberry.ton.messages import cash_out, deploy_worker_contract, external_message
from mulberry.ton.payment import build_payment
from mulberry.ton.root import read_root
from mulberry.ton.wallet import NodeWallet, Outgoing, external_boc, node_wallet, read_node_wallet, signed_request

TON = 10**9
NETWORK_OWNER, PROXY_OWNER, CLIENT, OWNER, STRANGER = (Address(bytes([number]) * 32) for number in (1, 2, 3, 4, 5))
PRICES = RootParameters(
    root_address="",
    price_per_token=Nanoton(24),
    worker_fee_per_token=Nanoton(20),
    proxies=(),
    version=1,
    params_version=1,
    struct_version=3,
    owner_address=NETWORK_OWNER.raw,
    prompt_multiplier=10_000,
    cached_multiplier=1_000,
    completion_multiplier=40_000,
    reasoning_multiplier=20_000,
)


class ContractNetwork:
    """The contracts' addresses, and the ways in which people use them. Nothing is deployed before it is asked for."""

    def __init__(self, emulator: Emulator, clock: SettableClock, prices: RootParameters = PRICES) -> None:
        self.clock = clock
        self.chain = LocalChain(b"contracts", clock, emulator)
        self.codes = demo.load_codes()
        self.prices = demo.with_codes(prices, self.codes)
        self.root = demo.root_contract(self.prices, self.codes)
        self.prices = replace(self.prices, root_address=self.root.address.raw)
        self.proxy_key = SigningKey(b"p" * 32)
        self.wallet_key = SigningKey(b"w" * 32)
        proxy_key = bytes(self.proxy_key.verify_key)
        self.proxy = proxy_contract(self.prices, proxy_key, PROXY_OWNER)
        self.worker = worker_contract(self.prices, proxy_key, self.proxy.address, OWNER)
        self.client = client_contract(self.prices, proxy_key, self.proxy.address, CLIENT)
        self.wallet = node_wallet(self.codes.wallet, bytes(self.wallet_key.verify_key), OWNER)

    # Looking

    def balance(self, of: Address | Birth) -> int:
        return self.chain.account(of if isinstance(of, Address) else of.address).balance

    def data(self, of: Birth) -> Cell:
        data = self.chain.account(of.address).data
        assert data is not None, "not deployed"
        return data

    def worker_now(self) -> WorkerContract:
        return read_worker_contract(self.data(self.worker))

    def proxy_now(self) -> ProxyContract:
        return read_proxy_contract(self.data(self.proxy))

    def client_now(self) -> ClientContract:
        return read_client_contract(self.data(self.client))

    def wallet_now(self) -> NodeWallet:
        return read_node_wallet(self.data(self.wallet))

    def root_now(self) -> RootParameters:
        return read_root(self.data(self.root), root=self.root.address)

    # Doing

    def say(
        self,
        to: Address | Birth,
        body: Cell | None,
        *,
        by: Address = STRANGER,
        amount: int = TON,
        bounce: bool = True,
    ) -> None:
        """A message of someone's wallet, and the block that holds all that follows from it."""
        destination = to if isinstance(to, Address) else to.address
        self.chain.send_internal(destination, Nanoton(amount), body=body, source=by, bounce=bounce)
        self.chain.make_block()

    def deploy(self, contract: Birth, amount: int = TON) -> None:
        self.chain.send_internal(contract.address, Nanoton(amount), state_init=contract.state_init)
        self.chain.make_block()

    def request(self, *messages: Cell | Outgoing, key: SigningKey | None = None, seqno: int | None = None,
                valid_until: datetime | None = None, subwallet: int = 0, deploy: bool = False) -> bytes:  # fmt: skip
        """What the node wallet's key signs, as a lite server takes it."""
        body = signed_request(
            key or self.wallet_key,
            [message if isinstance(message, Outgoing) else Outgoing(message) for message in messages],
            seqno=(0 if deploy else self.wallet_now().seqno) if seqno is None else seqno,
            valid_until=valid_until or self.clock.now() + timedelta(seconds=60),
            subwallet=subwallet,
        )
        return external_boc(self.wallet, body, deploy=deploy)

    def send(self, boc: bytes) -> None:
        """From outside of the chain, and the block that holds all that follows."""
        self.chain.send_external(boc)
        self.chain.make_block()

    def open_shop(self, deposited: int = 100 * TON) -> None:
        """The network's own contracts deployed; the client has paid in. There is no worker yet."""
        for contract in (self.root, self.proxy, self.client):
            self.deploy(contract)
        amount = Nanoton(deposited)
        self.say(self.client, demo.deposit(1, amount, CLIENT), by=CLIENT, amount=amount + demo.GAS)

    def start(self, deposited: int = 100 * TON) -> None:
        """All contracts deployed; the client has paid in; the worker has made its wallet and its contract."""
        self.open_shop(deposited)
        self.chain.faucet(self.wallet.address, Nanoton(5 * TON))
        self.chain.make_block()
        self.send(self.request(deploy_worker_contract(self.worker), deploy=True))

    def payment(self, tokens: int, *, key: SigningKey | None = None, contract: Address | None = None,
                closing: bool = False) -> SignedPayment:  # fmt: skip
        """As the proxy signs it."""
        payee = contract or self.worker.address
        boc = build_payment(
            key or self.proxy_key,
            query_id=tokens + 7,
            excess_address=STRANGER,
            worker_contract=payee,
            tokens=tokens,
            closing=closing,
        )
        proxy = bytes(self.proxy_key.verify_key).hex()
        return SignedPayment(proxy, payee.raw, tokens, boc, self.clock.now())

    def cash(self, payment: SignedPayment) -> None:
        """The worker turns `payment` into money."""
        self.send(self.request(cash_out(payment, self.worker.address, excess_address=self.wallet.address)))


def external(destination: Address, body: Cell) -> bytes:
    """Any message from outside."""
    return write_boc(external_message(destination, body))
