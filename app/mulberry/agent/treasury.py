"""The money side of a shift: reads our accounts from the chain, makes contracts, cashes payments, keeps the history.

Everything it needs to know after a restart is on the chain or in the ledger; it decides anew in each round.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

from pytoniq_core.boc.cell import Cell

from mulberry.agent.chain import Chain
from mulberry.agent.history import History
from mulberry.agent.history_rows import CashOut, SeenContract, SignedRequest
from mulberry.agent.holdings import Holdings, Parties
from mulberry.agent.ledger import LedgerFull
from mulberry.agent.outbox import Outbox
from mulberry.agent.payouts import (
    CASH_OUT_NEEDS,
    Case,
    WalletOnChain,
    decide,
    deployment_needs,
    is_due,
    needs,
    shortage,
    under_way,
)
from mulberry.agent.rehearsal_process import Ask
from mulberry.agent.rehearsals import Rehearsals
from mulberry.agent.till import Till
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.network import NetworkProfile
from mulberry.model.payments import ProxyAccount
from mulberry.model.root_contract import RootParameters
from mulberry.model.wallet import Payout, PayoutState, WalletStatus
from mulberry.ton.address import Address, parse_address
from mulberry.ton.boc import BocError
from mulberry.ton.cells import CellShapeError
from mulberry.ton.chain.errors import ChainError, MessageRefused
from mulberry.ton.contracts import Birth, worker_contract
from mulberry.ton.messages import cash_out, deploy_worker_contract
from mulberry.ton.payment import PaymentRefused, verify_payment
from mulberry.ton.wallet import MAX_MESSAGES

if TYPE_CHECKING:
    from mulberry.ton.chain.nouns import BlockRef

log = logging.getLogger(__name__)

ROUND_SECONDS = 10.0
SEND_AGAIN_SECONDS = 5.0
LOOK_SECONDS = 0.8  # between two looks at the chain: two of TON's blocks
WATCHED_SECONDS = 15.0  # whoever asked what is within that time is looking
ROOT_SECONDS = 45.0
HISTORY_RETRY_SECONDS = 30.0
PAYOUT_SECONDS = 8.0  # how long an asked payout is waited for
IDLE_AFTER = timedelta(minutes=5)
MISFITS = (ChainError, CellShapeError, BocError)


class Treasury:
    """`connected` names the worker contracts of the proxies we work for; `on_change` is called after each round."""

    def __init__(
        self,
        chain: Chain,
        parties: Parties,
        till: Till,
        profile: Callable[[], NetworkProfile],
        *,
        clock: Clock,
        connected: Callable[[], set[str]],
        on_change: Callable[[], None],
        ask: Ask,
    ) -> None:
        self._chain = chain
        self._parties = parties
        self._till = till
        self._rows = till.ledger.chain
        self._profile = profile
        self._clock = clock
        self._connected = connected
        self._on_change = on_change
        self._outbox = Outbox(self._rows, parties.wallet, parties.key.key, clock)
        self._holdings = Holdings(chain, parties, till.ledger)
        self._rehearsals = Rehearsals(chain, self._holdings, parties, ask)
        self._history = History(self._rows, chain, self._holdings)
        self._sent = (0, 0.0)  # which request, and when by the loop's clock
        self._asked: set[str] = set()
        self._note = self._history_note = ""
        self._wake = asyncio.Event()
        self._look: asyncio.TimerHandle | None = None
        self._looked_at = self._watched_at = self._told_at = float("-inf")  # by the loop's clock
        self._is_urgent = True
        self._rounds = 0
        self._in_round = False
        self._round_ended = asyncio.Condition()
        self._root_read_at: float | None = None
        self.parameters: RootParameters | None = None

    # What is

    @property
    def wallet(self) -> WalletOnChain | None:
        """The node wallet as the chain showed it last; None: not read yet."""
        return self._holdings.wallet

    @property
    def wallet_address(self) -> str:
        return self._parties.wallet.address.friendly()

    def missing_gas(self) -> Nanoton:
        """What the node wallet lacks before work may start; 0: nothing."""
        held = self.wallet.balance if self.wallet else 0
        return Nanoton(max(self._profile().payout.wallet_minimum - held, 0))

    def deployment_shortage(self) -> str:
        """A sentence if the node wallet cannot pay for our new contracts and a first payout, else nothing."""
        wallet, births = self.wallet, self._undeployed()[:MAX_MESSAGES]
        if wallet is None or not births:
            return ""
        needed = needs(self._rehearsals.deployment(births), deployment_needs(len(births)))
        if needed <= wallet.balance:
            return ""
        return shortage(wallet, Nanoton(needed + CASH_OUT_NEEDS))

    def is_deployed(self, contract: str) -> bool:
        """Whether the chain has shown this worker contract."""
        return any(seen.worker_contract == contract for seen in self._rows.contracts())

    def status(self) -> WalletStatus:
        """The wallet page."""
        self._watched_at = asyncio.get_running_loop().time()
        rules = self._profile().payout
        wallet = self.wallet
        low = wallet is not None and wallet.balance < rules.wallet_warning
        warning = f"The node wallet is below {format_ton(Nanoton(rules.wallet_warning))}: top it up." if low else ""
        notes = (self._note, self._history_note, self._chain.clock_note(), warning)
        return WalletStatus(
            owner=self._parties.owner.friendly(),
            owner_balance=self._holdings.balance(self._parties.owner),
            node_wallet=self.wallet_address,
            node_wallet_balance=self._holdings.balance(self._parties.wallet.address),
            minimum=Nanoton(rules.wallet_minimum),
            warning_below=Nanoton(rules.wallet_warning),
            payouts=self.payouts(),
            paid=Nanoton(sum(self._rows.paid().values())),
            head_seqno=self._holdings.head.id.seqno if self._holdings.head else None,
            head_at=self._holdings.head.made_at if self._holdings.head else None,
            servers=self._chain.servers(),
            note=" ".join(note for note in notes if note),
            top_up_url=self._profile().faucet_url,
            as_of=self._clock.now(),
        )

    def payouts(self) -> tuple[Payout, ...]:
        """The next payout from each account that has or may get money."""
        return tuple(decide(case) for case in self._cases())

    def sent(self) -> set[CashOut]:
        """The payments that were handed to the chain, which does not show them yet."""
        wallet = self.wallet
        return under_way(self._outbox.newest, wallet, self._rows.contracts()) if wallet else set()

    # Work

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_reading(), name="read the chain")
            group.create_task(self._keep_history(), name="read the history")

    def nudge(self) -> None:
        """Something changed that may call for a round now."""
        self._wake.set()

    async def read(self) -> bool:
        """Reads our accounts as they are now. True: something changed. Raises `ChainError`, `CellShapeError`."""
        return await self._holdings.read(self._proxies_to_look_at)

    async def pay_out(self, proxy: str | None) -> None:
        """Cashes what waits at `proxy`, or everywhere, as soon as the chain takes it.

        Raises `UserFacingError`: nothing waits, or something stands in the way.
        """
        asked = {account.proxy for account in self._till.ledger.accounts() if proxy in (None, account.proxy)}
        self._asked |= asked
        await self._next_round()
        found = [payout for payout in self.payouts() if payout.proxy in asked]
        if not any(payout.state in (PayoutState.READY, PayoutState.SENT) for payout in found):
            self._asked -= asked
            raise _no_payout([payout for payout in found if payout.waiting] or found)

    async def refresh_root(self) -> RootParameters:
        """Reads the root contract. Raises `ChainError`, `UserFacingError`."""
        parameters = await self._chain.root_parameters()
        self._root_read_at = asyncio.get_running_loop().time()
        if self.parameters is not None and parameters.version != self.parameters.version:
            log.info("the root contract changed: version %d", parameters.version)
        self.parameters = parameters
        return parameters

    async def _keep_reading(self) -> None:
        """A round at a new block while that is urgent or somebody looks; else now and then."""
        loop = asyncio.get_running_loop()
        unsubscribe = self._chain.subscribe(self._on_head)
        try:
            while True:
                self._wake.clear()
                self._looked_at = loop.time()
                self._in_round = True
                before = self._besides_accounts()
                is_news, self._note = await self._round()
                self._in_round = False
                self._is_urgent = self._is_busy()
                async with self._round_ended:
                    self._rounds += 1
                    self._round_ended.notify_all()
                is_overdue = loop.time() - self._told_at >= ROUND_SECONDS
                if is_news or is_overdue or before != self._besides_accounts():
                    self._told_at = loop.time()
                    self._on_change()
                with suppress(TimeoutError):
                    async with asyncio.timeout(SEND_AGAIN_SECONDS if self._is_urgent else ROUND_SECONDS):
                        await self._wake.wait()
        finally:
            unsubscribe()
            if self._look is not None:
                self._look.cancel()

    def _besides_accounts(self) -> tuple[object, ...]:
        """What else a face shows of a round."""
        return self._note, self.parameters, self._sent

    def _on_head(self, _: "BlockRef") -> None:
        loop = asyncio.get_running_loop()
        is_watched = loop.time() - self._watched_at < WATCHED_SECONDS
        if self._look is None and (self._is_urgent or is_watched):
            self._look = loop.call_at(self._looked_at + LOOK_SECONDS, self._look_now)

    def _look_now(self) -> None:
        self._look = None
        self._wake.set()

    async def _round(self) -> tuple[bool, str]:
        """Reads and acts. Whether something changed, and what kept it from that, in words."""
        is_news = False
        try:
            if await self._chain.open() or self._root_is_old():
                await self.refresh_root()
            is_news = await self.read()
            is_news = await self._rehearse() or is_news
            await self._act()
        except MISFITS as problem:
            log.warning("the chain: %s", problem)
            return is_news, str(problem)
        except UserFacingError as problem:
            return is_news, f"{problem.what} {problem.why}"
        except LedgerFull as problem:
            self._till.is_full(problem)
        return is_news, ""

    def _root_is_old(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._root_read_at is None or now - self._root_read_at > ROOT_SECONDS

    async def _next_round(self) -> None:
        """Waits for the end of a round that begins after now."""
        last = self._rounds + (2 if self._in_round else 1)
        self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(PAYOUT_SECONDS), self._round_ended:
                await self._round_ended.wait_for(lambda: self._rounds >= last)

    def _is_busy(self) -> bool:
        wallet = self.wallet
        if wallet is None or self.missing_gas():
            return True
        if self._outbox.open_request(wallet) is not None or self._undeployed():
            return True
        return bool(self.sent())

    async def _rehearse(self) -> bool:
        """Tries out what is to be sent next. Whether something was learnt."""
        wallet = self.wallet
        if wallet is None or self._outbox.open_request(wallet) is not None:
            return False
        if births := self._undeployed()[:MAX_MESSAGES]:
            return await self._rehearsals.rehearse_deployment(births, wallet)
        learnt = False
        for case in filter(is_due, self._cases()):
            payment = self._till.ledger.newest_payment(case.account.worker_contract)
            if payment is not None:
                learnt |= await self._rehearsals.rehearse_payout(case.account, payment, case.waiting, wallet)
        return learnt

    async def _act(self) -> None:
        """Sends what is to be sent; one request at a time."""
        wallet = self.wallet
        if wallet is None:
            return
        request = self._outbox.open_request(wallet)
        if request is None:
            messages, cash_outs = self._next_messages(wallet)
            if not messages:
                return
            request = self._outbox.sign(messages, cash_outs, wallet)
            self._asked -= self._proxies_of(cash_outs)
        elif self._sent_lately(request):
            return
        self._sent = request.number, asyncio.get_running_loop().time()
        try:
            await self._chain.access.send(request.boc)
        except MessageRefused as problem:  # also what a server says of a request whose number is used already
            log.info("request %d was not taken: %s", request.seqno, problem)

    def _sent_lately(self, request: SignedRequest) -> bool:
        number, sent_at = self._sent
        return number == request.number and asyncio.get_running_loop().time() - sent_at < SEND_AGAIN_SECONDS

    def _next_messages(self, wallet: WalletOnChain) -> tuple[list[Cell], list[CashOut]]:
        births = self._undeployed()[:MAX_MESSAGES]
        if births:
            if short := self.deployment_shortage():
                raise UserFacingError("Your contract cannot be made.", short, f"Top up {self.wallet_address}.")
            if problem := self._rehearsals.deployment(births).problem:
                raise UserFacingError("Your contract cannot be made.", problem, "Mulberry tries again every minute.")
            return [deploy_worker_contract(birth) for birth in births], []
        ready = [case for case in self._cases() if decide(case).state is PayoutState.READY]
        wanted = accumulate(needs(case.prospect, CASH_OUT_NEEDS) for case in ready[:MAX_MESSAGES])
        affordable = [case for case, needed in zip(ready, wanted, strict=False) if needed <= wallet.balance]
        messages, cash_outs = [], []
        for case in affordable:
            contract = case.account.worker_contract
            payment = self._till.ledger.newest_payment(contract)
            if payment is not None:
                address = parse_address(contract)
                messages.append(cash_out(payment, address, excess_address=self._parties.wallet.address))
                cash_outs.append(CashOut(contract, payment.tokens))
        return messages, cash_outs

    # The parts of a round

    def _proxies_to_look_at(self) -> list[Address]:
        waiting = {case.account.proxy_contract for case in self._cases() if case.waiting and not case.sent}
        return [parse_address(proxy_contract) for proxy_contract in sorted(waiting)]

    def _undeployed(self) -> list[Birth]:
        """Worker contracts that are to be made: of proxies we work for, or that signed something."""
        if self.parameters is None:
            return []
        wanted = self._connected()
        births = []
        for account in self._till.ledger.accounts():
            if account.worker_contract not in wanted and not account.counters.committed_to_blockchain:
                continue
            birth = self._birth(account, self.parameters)
            state = self._holdings.state(birth.address)
            if birth.address.raw == account.worker_contract and state is not None and state.data is None:
                births.append(birth)
        return births

    def _birth(self, account: ProxyAccount, parameters: RootParameters) -> Birth:
        proxy_contract = parse_address(account.proxy_contract)
        return worker_contract(parameters, bytes.fromhex(account.proxy), proxy_contract, self._parties.owner)

    def _cases(self) -> list[Case]:
        ledger, wallet = self._till.ledger, self.wallet
        seen = {contract.worker_contract: contract for contract in self._rows.contracts()}
        sent = under_way(self._outbox.newest, wallet, list(seen.values())) if wallet else set()
        is_idle = self._is_idle()
        return [
            self._case(account, seen.get(account.worker_contract), wallet, sent, is_idle)
            for account in ledger.accounts()
        ]

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
            attempts=self._rows.attempts(newest),
            is_idle=is_idle,
            is_closing=not current,
            asked=account.proxy in self._asked,
            last_paid_at=self._rows.last_paid_at(account.proxy_contract),
            first_signed_at=self._rows.first_signed_at(account.worker_contract),
            refused=self._payment_problem(account),
            prospect=self._rehearsals.payout(account.worker_contract),
        )

    def _payment_problem(self, account: ProxyAccount) -> str:
        """A payment was verified when it came; the disk may have changed it since."""
        payment = self._till.ledger.newest_payment(account.worker_contract)
        if payment is None:
            return ""
        key, contract = bytes.fromhex(account.proxy), parse_address(account.worker_contract)
        try:
            verify_payment(payment.boc, proxy_key=key, worker_contract=contract)
        except PaymentRefused as problem:
            return str(problem)
        return ""

    def _is_idle(self) -> bool:
        newest = self._till.ledger.newest_job()
        jobs = self._till.ledger.jobs(newest, newest)
        return not jobs or self._clock.now() - jobs[0].finished_at > IDLE_AFTER

    def _proxies_of(self, cash_outs: list[CashOut]) -> set[str]:
        contracts = {item.worker_contract for item in cash_outs}
        return {account.proxy for account in self._till.ledger.accounts() if account.worker_contract in contracts}

    # History

    async def _keep_history(self) -> None:
        """After each round, and apart from the rounds: a long history must not hold up a payout."""
        await self._holdings.is_read.wait()
        while True:
            pause = 0.0
            try:
                came = await self._history.follow_all()
                self._history_note = ""
            except MISFITS as problem:
                came, pause = True, HISTORY_RETRY_SECONDS
                self._history_note = f"The history is not complete yet: {problem}"
            except LedgerFull as problem:
                came, pause = False, HISTORY_RETRY_SECONDS
                self._till.is_full(problem)
            if came:
                self._till.on_change(None)
            await asyncio.sleep(pause)
            async with self._round_ended:
                await self._round_ended.wait()


def _no_payout(found: list[Payout]) -> UserFacingError:
    why = " ".join(dict.fromkeys(payout.note for payout in found)) or "No proxy has signed anything yet."
    return UserFacingError(
        what="Nothing was paid out.",
        why=why,
        next_step="Mulberry pays out by itself when there is enough; or ask again then.",
    )
