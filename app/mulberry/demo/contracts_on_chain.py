"""The demo network's own side of the chain: its root contract, its proxy's and its client's, and money for both.

One address owns all three, and its messages come from nowhere, as play money does. What a worker sees is the same as
on the Cocoon network: the client's deposits lie in the proxy's contract, and workers are paid out of them.
"""

from dataclasses import replace

from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell

from mulberry.demo import contracts
from mulberry.demo.chain.account import AccountStatus
from mulberry.demo.chain.chain import LocalChain
from mulberry.model.money import Nanoton
from mulberry.model.root_contract import ONE_TON, ProxyAddress, Registration, RootParameters
from mulberry.ton.address import Address, parse_address
from mulberry.ton.contract_data import (
    NOTHING,
    ClientContract,
    ProxyContract,
    read_client_contract,
    read_proxy_contract,
)
from mulberry.ton.contracts import Birth, client_contract, proxy_contract
from mulberry.ton.root import read_root

DEPOSIT = Nanoton(200 * ONE_TON)  # what the client pays in at once
LOWEST_CREDIT = Nanoton(100 * ONE_TON)  # it pays in again before its credit falls below


class ContractsOnChain:
    """Deploys what is missing, and keeps it as a running network does. `deploy` and `register` make blocks."""

    def __init__(self, chain: LocalChain, wanted: RootParameters, key: SigningKey) -> None:
        """`wanted`: how the root contract begins, with the contracts' codes put in; `key`: the proxy's."""
        self._chain = chain
        self._key = key
        self._owner = owner_of(wanted)
        codes = contracts.load_codes()
        first = replace(
            contracts.with_codes(wanted, codes),
            owner_address=self._owner.raw,
            proxies=(),
            registrations=(),
            last_proxy_seqno=0,
        )
        self.root = contracts.root_contract(first, codes)
        params = replace(first, root_address=self.root.address.raw)
        public_key = bytes(key.verify_key)
        self.proxy = proxy_contract(params, public_key, self._owner)
        self.client = client_contract(params, public_key, self.proxy.address, self._owner)

    def deploy(self) -> RootParameters:
        """All contracts are there, with stake and credit. Returns what the root contract says.

        Does only what is still to be done, so a network that was interrupted here goes on where it was.
        """
        for contract in (self.root, self.proxy, self.client):
            if self._chain.account(contract.address).status is not AccountStatus.ACTIVE:
                self._chain.send_internal(contract.address, ONE_TON, state_init=contract.state_init)
        self._make_block()
        missing = self.parameters().min_proxy_stake - self.proxy_now().stake
        if missing > 0:
            stake = Nanoton(missing)
            self._say(self.proxy, contracts.increase_stake(0, stake, self._owner), stake)
        self._deposit_when_low(used=0)
        self._make_block()
        return self.parameters()

    def register(self, proxy: ProxyAddress) -> RootParameters:
        """The root contract says where the proxy listens; its version grows when that has changed."""
        params = self.parameters()
        if params.proxies != (proxy,):
            if not params.registrations:
                body = contracts.register_proxy(0, Registration(1, proxy, proxy))
            else:
                body = contracts.update_proxy(0, Registration(params.registrations[0].seqno, proxy, proxy))
            self._say(self.root, body)
            self._make_block()
        return self.parameters()

    def charge(self, tokens: int) -> None:
        """With the next block the client has paid for all `tokens` that were ever used, and pays in if it runs low."""
        client = self.client_now()
        if tokens <= client.tokens:
            return
        bill = contracts.charge(
            self._key,
            query_id=tokens,
            tokens=tokens,
            client_contract=self.client.address,
            excess_address=self._owner,
        )
        self._deposit_when_low(used=tokens - client.tokens)  # first: a bill takes no more than there is
        self._say(self.client, bill)

    def parameters(self) -> RootParameters:
        """What the root contract says."""
        return read_root(self._data(self.root), root=self.root.address)

    def proxy_now(self) -> ProxyContract:
        return read_proxy_contract(self._data(self.proxy))

    def client_now(self) -> ClientContract:
        return read_client_contract(self._data(self.client))

    def _deposit_when_low(self, *, used: int) -> None:
        price = self.parameters().price_per_token
        if self.client_now().balance - used * price < LOWEST_CREDIT:
            amount = Nanoton(max(DEPOSIT, used * price))
            self._say(self.client, contracts.deposit(0, amount, self._owner), amount)

    def _say(self, to: Birth, body: Cell, amount: Nanoton = NOTHING) -> None:
        brought = Nanoton(amount + 2 * contracts.GAS)  # a deposit goes through two contracts
        self._chain.send_internal(to.address, brought, body=body, source=self._owner)

    def _make_block(self) -> None:
        if self._chain.has_work:
            self._chain.make_block()

    def _data(self, contract: Birth) -> Cell:
        data = self._chain.account(contract.address).data
        if data is None:
            raise RuntimeError(f"the contract at {contract.address} is not deployed")
        return data


def owner_of(parameters: RootParameters) -> Address:
    """Who owns the demo network, its proxy and its customers' money."""
    return parse_address(parameters.owner_address or parameters.root_address)
