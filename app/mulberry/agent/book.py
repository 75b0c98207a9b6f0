"""The book of one proxy: who it is, what it owes, what it signed. It believes nothing that it can compute itself.

Both contracts' addresses follow from the proxy's key and the network's parameters, so a proxy that names other ones
has other prices or another owner in mind. A payment counts when its signature, contract and growth are right and it
is on disk.
"""

import logging
from collections.abc import Callable

from mulberry.agent.ledger import (
    LARGEST_CONFIRMATION,
    LARGEST_INTEGER,
    Finished,
    KnownProxy,
    LedgerFull,
)
from mulberry.agent.till import Confirmation, Till
from mulberry.cocoon.messages import ProxyParams
from mulberry.cocoon.seams import Booked, BookFull, ProxyDistrusted, Served
from mulberry.model.clock import Clock
from mulberry.model.jobs import JobOutcome
from mulberry.model.language import number, tr
from mulberry.model.pace import Pace
from mulberry.model.payments import Counters, ProxyAccount, SignedPayment
from mulberry.model.root_contract import RootParameters
from mulberry.ton.address import Address, AddressError, parse_address
from mulberry.ton.contracts import proxy_contract_address, worker_contract_address
from mulberry.ton.payment import PaymentRefused, verify_payment

OTHER_PRICES = tr("its contracts are not those of this network's prices and of your address")
OTHER_ROOT = tr(
    "its own contract belongs to another root contract than this network's, or to other codes"
    " (`mulberry run --root-contract` names a test network's)"
)
REFUSED_LIMIT = 100  # requests in an hour: no proxy decides how large the ledger is
REFUSED_SECONDS = 3600.0

log = logging.getLogger(__name__)


class ProxyBook:
    """Implements `cocoon.worker.Book` for the proxy that the ledger calls `name`."""

    def __init__(
        self,
        till: Till,
        *,
        name: str,
        model: str,
        owner: Address,
        parameters: RootParameters,
        clock: Clock,
        on_served: Callable[[Served], None] = lambda served: None,
    ) -> None:
        self._till = till
        self._name = name
        self._model = model
        self._owner = owner
        self._parameters = parameters
        self._clock = clock
        self._on_served = on_served
        self._account: ProxyAccount | None = None
        self._proxy_key = b""
        self._refused = Pace(REFUSED_LIMIT, REFUSED_SECONDS)
        self._unbooked = 0

    @property
    def worker_contract(self) -> str:
        """Our contract with this proxy, as a raw address; "" before the proxy was met."""
        return self._account.worker_contract if self._account else ""

    @property
    def proxy_key(self) -> bytes:
        """32 bytes; b"" before the proxy was met."""
        return self._proxy_key

    def counters(self) -> Counters:
        return self._till.ledger.counters(self.worker_contract)

    def ledger_is_full(self, problem: LedgerFull) -> None:
        """A proxy could not be met because of it."""
        self._till.is_full(problem)

    def meet(self, proxy: ProxyParams, untrusted_worker_contract: str) -> None:
        """Raises `ProxyDistrusted`: an address is not the one we compute, or the proxy is not who it was."""
        try:
            proxy_owner = parse_address(proxy.proxy_owner_address)
            told = parse_address(proxy.proxy_sc_address), parse_address(untrusted_worker_contract)
        except AddressError as problem:
            raise ProxyDistrusted(tr("it sent an address that is none ({problem})", problem=problem)) from problem
        key = proxy.proxy_public_key
        proxy_contract = proxy_contract_address(self._parameters, key, proxy_owner)
        worker_contract = worker_contract_address(self._parameters, key, proxy_contract, self._owner)
        if told != (proxy_contract, worker_contract):
            ours_follows = worker_contract_address(self._parameters, key, told[0], self._owner) == told[1]
            raise ProxyDistrusted(OTHER_ROOT if ours_follows else OTHER_PRICES)
        met = KnownProxy(key.hex(), proxy_owner.raw)
        known = self._till.ledger.meet(self._name, met, self._clock.now())
        if known != met:
            raise ProxyDistrusted(tr("it is not the proxy that it was before: its key or its owner changed"))
        self._proxy_key = key
        self._account = self._till.ledger.open_account(
            ProxyAccount(
                proxy=key.hex(),
                proxy_contract=proxy_contract.raw,
                worker_contract=worker_contract.raw,
                counters=Counters(),
                worker_fee_per_token=self._parameters.worker_fee_per_token,
            )
        )

    def take_payment(self, untrusted_boc: bytes) -> None:
        """Raises `ProxyDistrusted`: not its signature, not our contract, or less than it signed before."""
        account = self._met()
        newest = self._till.ledger.newest_payment(account.worker_contract)
        if newest is not None and newest.boc == untrusted_boc:
            return
        try:
            verified = verify_payment(
                untrusted_boc, proxy_key=self._proxy_key, worker_contract=parse_address(account.worker_contract)
            )
        except PaymentRefused as problem:
            raise ProxyDistrusted(str(problem)) from problem
        if verified.tokens > LARGEST_INTEGER:
            raise ProxyDistrusted(tr("it signed for more tokens than can be"))
        if newest is not None and verified.tokens < newest.tokens:
            raise ProxyDistrusted(
                tr(
                    "it signed for {tokens} tokens after {earlier}",
                    tokens=number(f"{verified.tokens:,}"),
                    earlier=number(f"{newest.tokens:,}"),
                )
            )
        payment = SignedPayment(
            account.proxy, account.worker_contract, verified.tokens, untrusted_boc, self._clock.now()
        )
        try:
            self._till.put(payment)
        except LedgerFull:  # it does not count before it is on disk
            log.info("a payment for %d tokens waits for room on the disk", verified.tokens)

    def take_counters(self, committed_to_db: int, max_known: int) -> None:
        """Keeps the larger of the proxy's and our numbers: what it once said it owes, it said."""
        contract = self._met().worker_contract
        self._till.hear_counters(contract, committed_to_db=committed_to_db, max_known=max_known)

    def confirm(self, request_id: bytes, tokens: int) -> None:
        if not 0 <= tokens <= LARGEST_CONFIRMATION:
            raise ProxyDistrusted(tr("it says that one request is worth {tokens} tokens", tokens=number(f"{tokens:,}")))
        self._till.hear(Confirmation(self._met().proxy, request_id.hex(), tokens))

    def book(self, served: Served, booked: Booked) -> None:
        """`BookFull`: the job waits in memory for room on the disk, and no further one may come.

        Of refused requests, which earn nothing, only so many in an hour become rows; the others are counted.
        """
        self._on_served(served)
        is_worthless = served.outcome is JobOutcome.REFUSED and not served.adjusted.total
        if is_worthless and not self._refused.takes(self._clock.now().timestamp()):
            self._unbooked += 1
            if self._unbooked.bit_count() == 1:
                log.info("%s: %d refused requests are not in the ledger, too many came", self._name, self._unbooked)
            booked(None)
            return

        def written(problem: Exception | None) -> None:
            booked(BookFull(str(problem)) if isinstance(problem, LedgerFull) else problem)

        finished = Finished(
            request_id=served.request_id.hex(),
            proxy=self._met().proxy,
            model=self._model,
            outcome=served.outcome,
            error=served.error,
            received_at=served.received_at,
            first_answer_at=served.first_answer_at,
            finished_at=served.finished_at,
            prompt_tokens=served.counted.prompt,
            completion_tokens=served.counted.completion,
            adjusted_tokens=served.adjusted.total,
            worker_fee_per_token=self._parameters.worker_fee_per_token,
            cached_tokens=served.counted.cached,
            reasoning_tokens=served.counted.reasoning,
            coefficient=served.coefficient,
        )
        self._till.put_soon(finished, written)

    def _met(self) -> ProxyAccount:
        if self._account is None:
            raise RuntimeError("the proxy has not been met yet")
        return self._account
