"""What our next requests would do and cost, rehearsed before they are sent, and again only when something changed.

A rehearsal that is not possible says nothing: then the fixed reserves of `agent.payouts` decide, as an upper bound.
"""

import asyncio
import base64
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell

from mulberry.agent.chain import Chain
from mulberry.agent.holdings import Holdings, Parties
from mulberry.agent.outbox import VALID_FOR
from mulberry.agent.payouts import CASH_OUT_NEEDS, UNREHEARSED, Prospect, WalletOnChain, deployment_needs
from mulberry.agent.rehearsal_process import Ask
from mulberry.model.language import tr
from mulberry.model.money import Nanoton
from mulberry.model.payments import ProxyAccount, SignedPayment
from mulberry.model.rehearsal import Rehearsal, RehearsalImpossible, RehearsalQuestion
from mulberry.ton.address import Address, parse_address
from mulberry.ton.boc import write_boc
from mulberry.ton.chain.errors import ChainError
from mulberry.ton.contracts import Birth
from mulberry.ton.messages import Operation, cash_out, deploy_worker_contract, internal_message
from mulberry.ton.wallet import Outgoing, external_boc, signed_request

log = logging.getLogger(__name__)

NOBODYS_KEY = SigningKey(bytes(32))  # a rehearsal takes any signature, and a real one would be money
FAILED_AGAIN_SECONDS = 60.0  # others' doings change the accounts, and rarely what is wrong with ours

Judge = Callable[[Rehearsal], str]  # what is wrong with it, in words; "" if nothing


@dataclass(frozen=True, slots=True)
class _Kept:
    inputs: object  # all that the outcome depends on, but the time
    at: float  # by the loop's clock
    prospect: Prospect


class Rehearsals:
    """`ask` carries a question to whoever has TON's machine."""

    def __init__(self, chain: Chain, holdings: Holdings, parties: Parties, ask: Ask) -> None:
        self._chain = chain
        self._holdings = holdings
        self._parties = parties
        self._ask = ask
        self._kept: dict[str, _Kept] = {}

    def payout(self, worker_contract: str) -> Prospect:
        """Of the payout at this contract, as rehearsed last."""
        return self._prospect_of(worker_contract)

    def deployment(self, births: Sequence[Birth]) -> Prospect:
        """Of making these contracts."""
        return self._prospect_of(_name(births))

    def _prospect_of(self, name: str) -> Prospect:
        kept = self._kept.get(name)
        return kept.prospect if kept else UNREHEARSED

    async def rehearse_payout(
        self, account: ProxyAccount, payment: SignedPayment, waiting: Nanoton, wallet: WalletOnChain
    ) -> bool:
        """Whether it was done now: not if nothing changed. Raises `BocError`, `CellShapeError`: a damaged payment."""
        worker, proxy = parse_address(account.worker_contract), parse_address(account.proxy_contract)
        ours, owner = self._parties.wallet.address, self._parties.owner
        message = cash_out(payment, worker, excess_address=ours)

        def judge(rehearsal: Rehearsal) -> str:
            paid = sum(
                item.amount
                for item in rehearsal.deliveries
                if (item.source, item.destination, item.operation) == (proxy.raw, owner.raw, Operation.PAYOUT)
            )
            if paid >= waiting:
                return ""
            named = {
                ours.raw: tr("the node wallet"),
                worker.raw: tr("your worker contract"),
                proxy.raw: tr("the proxy's contract"),
            }
            return tr(
                "Tried on this computer, this payout fails: {why}. Mulberry waits.",
                why=_culprit(rehearsal, named),
            )

        return await self._rehearse(worker.raw, [message], [ours, worker, proxy], wallet, CASH_OUT_NEEDS, judge)

    async def rehearse_deployment(self, births: Sequence[Birth], wallet: WalletOnChain) -> bool:
        """Whether it was done now: not if nothing changed."""
        ours = self._parties.wallet.address
        made = [birth.address for birth in births]

        def judge(rehearsal: Rehearsal) -> str:
            done = {item.account for item in rehearsal.transactions if item.success}
            if {address.raw for address in made} <= done:
                return ""
            named = {ours.raw: tr("the node wallet")} | {address.raw: tr("the new contract") for address in made}
            return tr("Tried on this computer, it fails: {why}.", why=_culprit(rehearsal, named))

        messages = [deploy_worker_contract(birth) for birth in births]
        return await self._rehearse(
            _name(births), messages, [ours, *made], wallet, deployment_needs(len(births)), judge
        )

    async def _rehearse(
        self,
        name: str,
        messages: Sequence[Cell],
        parties: Sequence[Address],
        wallet: WalletOnChain,
        enough: Nanoton,
        judge: Judge,
    ) -> bool:
        """`enough`: what the wallet needs by the fixed reserves. If it holds less, a top-up is rehearsed first."""
        now = asyncio.get_running_loop().time()
        kept = self._kept.get(name)
        try:
            config = await self._chain.access.config()
            accounts = {address: await self._account(address) for address in parties}
            inputs: object = (config.hash, *(cell.hash for cell in (*accounts.values(), *messages)))
            if kept is not None and (kept.inputs == inputs or _fails_still(kept, now)):
                return False
            top_up = Nanoton(max(enough - wallet.balance, 0))
            rehearsal = await self._ask(self._question(config, accounts, messages, wallet, top_up))
            prospect = self._prospect(rehearsal, top_up, wallet.balance, judge)
        except (ChainError, RehearsalImpossible) as problem:
            if kept is not None and _fails_still(kept, now):
                return False
            log.warning("the request could not be rehearsed, so fixed reserves decide: %s", problem)
            inputs, prospect = None, Prospect(unknown=str(problem))
        self._kept[name] = _Kept(inputs, now, prospect)
        return True

    async def _account(self, address: Address) -> Cell:
        state = self._holdings.state(address) or await self._chain.account(address)
        return state.shard_account

    def _question(
        self,
        config: Cell,
        accounts: dict[Address, Cell],
        messages: Sequence[Cell],
        wallet: WalletOnChain,
        top_up: Nanoton,
    ) -> RehearsalQuestion:
        ours = self._parties.wallet
        body = signed_request(
            NOBODYS_KEY,
            [Outgoing(message) for message in messages],
            seqno=wallet.seqno,
            valid_until=wallet.as_of + VALID_FOR,
        )
        sent = [external_boc(ours, body, deploy=not wallet.is_deployed)]
        if top_up:
            gift = internal_message(ours.address, top_up, bounce=False, source=self._parties.owner)
            sent.insert(0, write_boc(gift))
        return RehearsalQuestion(
            config=_text(write_boc(config)),
            accounts={address.raw: _text(write_boc(cell)) for address, cell in accounts.items()},
            messages=tuple(map(_text, sent)),
            unixtime=int(wallet.as_of.timestamp()),
        )

    def _prospect(self, rehearsal: Rehearsal, top_up: Nanoton, held: Nanoton, judge: Judge) -> Prospect:
        """`held`: by the wallet before. A top-up is the first transaction."""
        if rehearsal.refused or len(rehearsal.transactions) <= bool(top_up):
            return Prospect(
                problem=tr("Tried on this computer, the node wallet does not take the request. Mulberry waits.")
            )
        *received, request = rehearsal.transactions[: 1 + bool(top_up)]
        taken = (received[0].balance if received else held) - request.balance
        return Prospect(fee=rehearsal.fee, needed=Nanoton(taken + request.fee), problem=judge(rehearsal))


def _fails_still(kept: _Kept, now: float) -> bool:
    return bool(kept.prospect.problem or kept.prospect.unknown) and now - kept.at < FAILED_AGAIN_SECONDS


def _culprit(rehearsal: Rehearsal, named: Mapping[str, str]) -> str:
    for item in rehearsal.transactions:
        if not item.success:
            code = item.exit_code if item.exit_code not in (None, 0, 1) else item.result_code
            who = named[item.account]
            if code is None:
                return tr("{who} refuses", who=who)
            return tr("{who} refuses (code {code})", who=who, code=code)
    return tr("the money does not arrive")


def _name(births: Sequence[Birth]) -> str:
    return " ".join(("deployment of", *(birth.address.raw for birth in births)))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
