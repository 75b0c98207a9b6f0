"""The money side of a shift: reads our accounts from the chain, makes contracts, cashes payments, keeps the history.

Everything it needs to know after a restart is on the chain or in the ledger; it decides anew in each round.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING

from pytoniq_core.boc.cell import Cell

from mulberry.agent.cases import Cases
from mulberry.agent.chain import Chain
from mulberry.agent.history import History
from mulberry.agent.history_rows import CashOut, SignedRequest
from mulberry.agent.holdings import Holdings, Parties
from mulberry.agent.ledger import LedgerFull
from mulberry.agent.outbox import Outbox
from mulberry.agent.payouts import (
    CASH_OUT_NEEDS,
    WalletOnChain,
    decide,
    deployment_needs,
    is_due,
    needs,
    shortage,
)
from mulberry.agent.rehearsal_process import Ask
from mulberry.agent.rehearsals import Rehearsals
from mulberry.agent.till import Till
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.money import Nanoton
from mulberry.model.network import NetworkProfile
from mulberry.model.root_contract import RootParameters
from mulberry.model.wallet import Payout, PayoutState, WalletStatus
from mulberry.ton.address import Address, parse_address
from mulberry.ton.boc import BocError
from mulberry.ton.cells import CellShapeError
from mulberry.ton.chain.errors import ChainError, MessageRefused
from mulberry.ton.messages import cash_out, deploy_worker_contract
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
        self._on_change = on_change
        self._outbox = Outbox(self._rows, parties.wallet, parties.key.key, clock)
        self._holdings = Holdings(chain, parties, till.ledger)
        self._rehearsals = Rehearsals(chain, self._holdings, parties, ask)
        self._cases = Cases(
            till.ledger,
            self._holdings,
            self._outbox,
            self._rehearsals,
            profile,
            clock=clock,
            connected=connected,
        )
        self._history = History(self._rows, chain, self._holdings)
        self._sent = (0, 0.0)  # which request, and when by the loop's clock
        self._note = self._history_note = ""
        self.is_compared = False  # the history was read up to the present at least once
        self._wake = asyncio.Event()
        self._look: asyncio.TimerHandle | None = None
        self._looked_at = self._watched_at = self._told_at = float("-inf")  # by the loop's clock
        self._is_urgent = True
        self._rounds = 0
        self._in_round = False
        self._round_ended = asyncio.Condition()
        self._root_read_at: float | None = None

    # What is

    @property
    def wallet(self) -> WalletOnChain | None:
        """The node wallet as the chain showed it last; None: not read yet."""
        return self._holdings.wallet

    @property
    def parameters(self) -> RootParameters | None:
        """What the root contract said last; None: not read yet."""
        return self._cases.parameters

    @property
    def wallet_address(self) -> str:
        return self._parties.wallet.address.friendly()

    def missing_gas(self) -> Nanoton:
        """What the node wallet lacks before work may start; 0: nothing."""
        held = self.wallet.balance if self.wallet else 0
        return Nanoton(max(self._profile().payout.wallet_minimum - held, 0))

    def deployment_shortage(self) -> str:
        """A sentence if the node wallet cannot pay for our new contracts and a first payout, else nothing."""
        wallet, births = self.wallet, self._cases.undeployed()[:MAX_MESSAGES]
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
        notes = (self._note, self._history_note, self._chain.clock_note())
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
        return tuple(decide(case) for case in self._cases.all())

    def sent(self) -> set[CashOut]:
        """The payments that were handed to the chain, which does not show them yet."""
        return self._cases.sent()

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
        if proxy is not None and not asked:
            raise UserFacingError(
                what=tr("Nothing was paid out."),
                why=tr("This node has met no proxy with that key."),
                next_step=tr("`mulberry wallet --json` names the keys of those it has met."),
            )
        self._cases.asked |= asked
        await self._next_round()
        found = [payout for payout in self.payouts() if payout.proxy in asked]
        if not any(payout.state in (PayoutState.READY, PayoutState.SENT) for payout in found):
            self._cases.asked -= asked
            raise _no_payout([payout for payout in found if payout.waiting] or found)

    async def refresh_root(self) -> RootParameters:
        """Reads the root contract. Raises `ChainError`, `UserFacingError`."""
        parameters = await self._chain.root_parameters()
        self._root_read_at = asyncio.get_running_loop().time()
        if self.parameters is not None and parameters.version != self.parameters.version:
            log.info("the root contract changed: version %d", parameters.version)
        self._cases.parameters = parameters
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
        if self._outbox.open_request(wallet) is not None or self._cases.undeployed():
            return True
        return bool(self.sent())

    async def _rehearse(self) -> bool:
        """Tries out what is to be sent next. Whether something was learnt."""
        wallet = self.wallet
        if wallet is None or self._outbox.open_request(wallet) is not None:
            return False
        if births := self._cases.undeployed()[:MAX_MESSAGES]:
            return await self._rehearsals.rehearse_deployment(births, wallet)
        learnt = False
        for case in filter(is_due, self._cases.all()):
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
            self._cases.asked -= self._cases.proxies_of(cash_outs)
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
        births = self._cases.undeployed()[:MAX_MESSAGES]
        if births:
            if short := self.deployment_shortage():
                raise UserFacingError(
                    tr("Your contract cannot be made."),
                    short,
                    tr("Top up {wallet}.", wallet=self.wallet_address),
                )
            if problem := self._rehearsals.deployment(births).problem:
                raise UserFacingError(
                    tr("Your contract cannot be made."), problem, tr("Mulberry tries again every minute.")
                )
            return [deploy_worker_contract(birth) for birth in births], []
        ready = [case for case in self._cases.all() if decide(case).state is PayoutState.READY]
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
        waiting = {case.account.proxy_contract for case in self._cases.all() if case.waiting and not case.sent}
        return [parse_address(proxy_contract) for proxy_contract in sorted(waiting)]

    # History

    async def _keep_history(self) -> None:
        """After each round, and apart from the rounds: a long history must not hold up a payout."""
        await self._holdings.is_read.wait()
        while True:
            pause = 0.0
            try:
                came = await self._history.follow_all() or not self.is_compared
                self.is_compared = True
                self._history_note = ""
            except MISFITS as problem:
                came, pause = True, HISTORY_RETRY_SECONDS
                self._history_note = tr("The history is not complete yet: {problem}", problem=problem)
            except LedgerFull as problem:
                came, pause = False, HISTORY_RETRY_SECONDS
                self._till.is_full(problem)
            if came:
                self._till.on_change(None)
            await asyncio.sleep(pause)
            async with self._round_ended:
                await self._round_ended.wait()


def _no_payout(found: list[Payout]) -> UserFacingError:
    why = " ".join(dict.fromkeys(payout.note for payout in found)) or tr("No proxy has signed anything yet.")
    return UserFacingError(
        what=tr("Nothing was paid out."),
        why=why,
        next_step=tr("Mulberry pays out by itself when there is enough; or ask again then."),
    )
