"""All that decides what is paid out now and which contracts are made, gathered from the ledger and the chain."""

from collections.abc import Callable
from datetime import timedelta

from mulberry.agent.history_rows import CashOut, SeenContract
from mulberry.agent.holdings import Holdings
from mulberry.agent.ledger import Ledger
from mulberry.agent.outbox import Outbox
from mulberry.agent.payouts import Case, WalletOnChain, under_way
from mulberry.agent.rehearsals import Rehearsals
from mulberry.model.clock import Clock
from mulberry.model.language import tr
from mulberry.model.network import NetworkProfile
from mulberry.model.payments import ProxyAccount
from mulberry.model.root_contract import RootParameters
from mulberry.ton.address import parse_address
from mulberry.ton.contracts import Birth, worker_contract
from mulberry.ton.payment import PaymentRefused, verify_payment

IDLE_AFTER = timedelta(minutes=5)


class Cases:
    """`asked`: the proxies whose payouts the owner wants now. `parameters`: the root contract's; None: not read yet."""

    def __init__(
        self,
        ledger: Ledger,
        holdings: Holdings,
        outbox: Outbox,
        rehearsals: Rehearsals,
        profile: Callable[[], NetworkProfile],
        *,
        clock: Clock,
        connected: Callable[[], set[str]],
    ) -> None:
        self.asked: set[str] = set()
        self.parameters: RootParameters | None = None
        self._ledger = ledger
        self._holdings = holdings
        self._outbox = outbox
        self._rehearsals = rehearsals
        self._profile = profile
        self._clock = clock
        self._connected = connected

    def sent(self) -> set[CashOut]:
        """The payments that were handed to the chain, which does not show them yet."""
        wallet = self._holdings.wallet
        return under_way(self._outbox.newest, wallet, self._ledger.chain.contracts()) if wallet else set()

    def undeployed(self) -> list[Birth]:
        """Worker contracts that are to be made: of proxies we work for, or that signed something."""
        if self.parameters is None:
            return []
        wanted = self._connected()
        births = []
        for account in self._ledger.accounts():
            if account.worker_contract not in wanted and not account.counters.committed_to_blockchain:
                continue
            birth = self._birth(account, self.parameters)
            state = self._holdings.state(birth.address)
            if birth.address.raw == account.worker_contract and state is not None and state.data is None:
                births.append(birth)
        return births

    def all(self) -> list[Case]:
        """One for each account that we have with a proxy."""
        seen = {contract.worker_contract: contract for contract in self._ledger.chain.contracts()}
        wallet, sent, is_idle = self._holdings.wallet, self.sent(), self._is_idle()
        return [
            self._case(account, seen.get(account.worker_contract), wallet, sent, is_idle)
            for account in self._ledger.accounts()
        ]

    def proxies_of(self, cash_outs: list[CashOut]) -> set[str]:
        """The keys of the proxies whose payments these are."""
        contracts = {item.worker_contract for item in cash_outs}
        return {account.proxy for account in self._ledger.accounts() if account.worker_contract in contracts}

    def _birth(self, account: ProxyAccount, parameters: RootParameters) -> Birth:
        proxy_contract = parse_address(account.proxy_contract)
        return worker_contract(parameters, bytes.fromhex(account.proxy), proxy_contract, self._holdings.parties.owner)

    def _case(
        self,
        account: ProxyAccount,
        contract: SeenContract | None,
        wallet: WalletOnChain | None,
        sent: set[CashOut],
        is_idle: bool,
    ) -> Case:
        funds = self._holdings.state(parse_address(account.proxy_contract))
        parameters = self.parameters
        current = parameters is None or self._birth(account, parameters).address.raw == account.worker_contract
        newest = CashOut(account.worker_contract, account.counters.committed_to_blockchain)
        return Case(
            account=account,
            contract=contract,
            wallet=wallet,
            proxy_funds=funds.balance if funds else None,
            rules=self._profile().payout,
            sent=any(item.worker_contract == account.worker_contract for item in sent),
            attempts=self._ledger.chain.attempts(newest),
            is_idle=is_idle,
            is_closing=not current,
            asked=account.proxy in self.asked,
            last_paid_at=self._ledger.chain.last_paid_at(account.proxy_contract),
            first_signed_at=self._ledger.chain.first_signed_at(account.worker_contract),
            refused=self._another_owners(account) or self._payment_problem(account),
            prospect=self._rehearsals.payout(account.worker_contract),
        )

    def _another_owners(self, account: ProxyAccount) -> str:
        """Only that owner's node wallet can cash it, which is another address than the present one's."""
        owner = self._holdings.other_owner(account.worker_contract)
        if owner is None:
            return ""
        return tr(
            "This was earned for {owner}. Name that owner again (`mulberry owner`) to have it paid out.",
            owner=owner.friendly(),
        )

    def _payment_problem(self, account: ProxyAccount) -> str:
        """A payment was verified when it came; the disk may have changed it since."""
        payment = self._ledger.newest_payment(account.worker_contract)
        if payment is None:
            return ""
        key, contract = bytes.fromhex(account.proxy), parse_address(account.worker_contract)
        try:
            verify_payment(payment.boc, proxy_key=key, worker_contract=contract)
        except PaymentRefused as problem:
            return tr("The proxy's payment cannot be cashed: {problem}.", problem=problem)
        return ""

    def _is_idle(self) -> bool:
        newest = self._ledger.newest_job()
        jobs = self._ledger.jobs(newest, newest)
        return not jobs or self._clock.now() - jobs[0].finished_at > IDLE_AFTER
