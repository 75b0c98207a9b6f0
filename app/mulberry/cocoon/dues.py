"""What one proxy says it owes us: signed payments and counters, judged before they reach the book.

Source: the protocol page, section 5. The same payment comes again and again, with every request; the book sees it once.
"""

import asyncio
from dataclasses import replace

from mulberry.cocoon.channel import ChannelClosed, ProtocolError
from mulberry.cocoon.messages import CompareBalanceWithProxyResult, SignedPayment, SignedPaymentEmpty
from mulberry.cocoon.seams import Book, ProxyDistrusted
from mulberry.model.language import tr
from mulberry.model.pace import Pace
from mulberry.model.payments import Counters

PAYMENTS_LIMIT = 30  # new ones in so many seconds: each is forced to the disk; the public proxy signs twice a minute
PAYMENTS_SECONDS = 10.0


class CountersFell(ChannelClosed):
    """The proxy's counters went back during a session. A new handshake settles it or ends in distrust."""


class Dues:
    """What is taken may prove the proxy wrong: then it raises `ProxyDistrusted`."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._newest_payment = b""
        self._payments = Pace(PAYMENTS_LIMIT, PAYMENTS_SECONDS)
        self._counters = (0, 0)  # committed_to_db and max_known, the proxy's newest
        self.gives_in = False  # the proxy cannot settle what it lost before it had saved it

    @property
    def committed_to_db(self) -> int:
        """What the proxy had saved, as it said last."""
        return self._counters[0]

    def claimed(self, known: Counters) -> Counters:
        """What we say of what we know, in a handshake: no more than the proxy does, when it gives in."""
        return replace(known, max_known=min(known.max_known, self._counters[1])) if self.gives_in else known

    def begin(self, theirs: CompareBalanceWithProxyResult) -> None:
        """Takes the handshake's numbers, which may be smaller than those of the session before."""
        self.take_payment(theirs.signed_payment)
        self._counters = (theirs.tokens_committed_to_db, theirs.max_tokens)
        self._check_counters()
        self._book.take_counters(*self._counters)

    def take_payment(self, payment: SignedPayment | SignedPaymentEmpty) -> None:
        """Raises `ProtocolError` at a flood of new ones."""
        if isinstance(payment, SignedPayment) and payment.data != self._newest_payment:
            if not self._payments.takes(asyncio.get_running_loop().time()):  # the others would wait for the disk
                raise ProtocolError(f"more than {PAYMENTS_LIMIT} new payments in {PAYMENTS_SECONDS:g} seconds")
            self._book.take_payment(payment.data)
            self._newest_payment = payment.data

    def take_counters(self, committed_to_db: int, max_known: int) -> None:
        """Raises `CountersFell`."""
        before, self._counters = self._counters, (committed_to_db, max_known)
        if committed_to_db < before[0] or max_known < before[1]:
            raise CountersFell(tr("the proxy's counters went back"))
        self._check_counters()
        if self._counters != before:
            self._book.take_counters(committed_to_db, max_known)

    def _check_counters(self) -> None:
        committed_to_db, max_known = self._counters
        if not 0 <= committed_to_db <= max_known:
            raise ProxyDistrusted(tr("the proxy's counters contradict one another"))
