"""What the node wallet signs and sends: one request at a time, on disk before it is out, never a second one too early.

The wallet takes each number once, and none late by the chain's clock. So while a request may still be taken, only the
very same bytes are sent again; a next one is signed when the chain shows that the number is used or the time over.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from nacl.signing import SigningKey
from pytoniq_core.boc.cell import Cell

from mulberry.agent.history_rows import CashOut, HistoryRows, SignedRequest
from mulberry.agent.payouts import WalletOnChain, is_open
from mulberry.model.clock import Clock
from mulberry.ton.contracts import Birth
from mulberry.ton.wallet import MAX_MESSAGES, Outgoing, external_boc, signed_request

log = logging.getLogger(__name__)

VALID_FOR = timedelta(seconds=60)  # by the chain's clock


class Outbox:
    """Of one node wallet."""

    def __init__(self, rows: HistoryRows, wallet: Birth, key: SigningKey, clock: Clock) -> None:
        self._rows = rows
        self._wallet = wallet
        self._key = key
        self._clock = clock

    @property
    def newest(self) -> SignedRequest | None:
        """What was signed last, in this run or an earlier one."""
        return self._rows.newest_request(self._wallet.address.raw)

    def open_request(self, wallet: WalletOnChain) -> SignedRequest | None:
        """The request that the chain may still take, to be sent again as it is."""
        newest = self.newest
        return newest if newest is not None and is_open(newest, wallet) else None

    def sign(self, messages: Sequence[Cell], cash_outs: Sequence[CashOut], wallet: WalletOnChain) -> SignedRequest:
        """A new request with up to four messages, on disk. Raises `RuntimeError` while another one is open."""
        if self.open_request(wallet) is not None:
            raise RuntimeError("a request is still open")
        if not 0 < len(messages) <= MAX_MESSAGES:
            raise ValueError(f"a request carries up to {MAX_MESSAGES} messages, not {len(messages)}")
        valid_until = wallet.as_of + VALID_FOR
        outgoing = [Outgoing(message) for message in messages]
        body = signed_request(self._key, outgoing, seqno=wallet.seqno, valid_until=valid_until)
        boc = external_boc(self._wallet, body, deploy=not wallet.is_deployed)
        request = SignedRequest(
            number=0,
            wallet=self._wallet.address.raw,
            seqno=wallet.seqno,
            valid_until=valid_until,
            boc=boc,
            made_at=self._clock.now(),
            cash_outs=tuple(cash_outs),
        )
        log.info("the node wallet signs request %d for %d messages", wallet.seqno, len(messages))
        return self._rows.add_request(request)
