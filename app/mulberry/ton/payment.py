"""Signed payments: the proxy's word that can be turned into TON. Source: protocol page, section 5.

The signature covers the inner cell only. The excess address outside of it may be changed by anyone, also by us: it is
where the rest of the gas goes when the payment is cashed, and no part of what is owed.
"""

from dataclasses import dataclass

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey
from pytoniq_core.boc.cell import Cell

from mulberry.model.language import tr
from mulberry.ton.address import Address
from mulberry.ton.boc import BocError, read_boc, write_boc
from mulberry.ton.cells import CellReader, CellShapeError, CellWriter

PAYMENT = 0xA040AD28
LAST_PAYMENT = 0xF5F26A36  # the proxy closes: nothing comes after this one
MAX_PAYMENT_BYTES = 1024  # the public proxy sends 180
PAYMENT_CELLS = 2
SIGNATURE_BYTES = 64


class PaymentRefused(ValueError):
    """The bytes are no payment by this proxy to this contract. Its message says why, as a part of a sentence about the
    proxy."""


@dataclass(frozen=True, slots=True)
class VerifiedPayment:
    """`tokens` were earned since the contract's birth, all told: a newer payment replaces an older one."""

    tokens: int
    query_id: int
    closing: bool
    excess_address: Address


def build_payment(
    key: SigningKey,
    *,
    query_id: int,
    excess_address: Address,
    worker_contract: Address,
    tokens: int,
    closing: bool = False,
) -> bytes:
    """The payment as the proxy sends it: a BoC of 180 bytes. `query_id` and `tokens` have 64 bits."""
    operation = LAST_PAYMENT if closing else PAYMENT
    inner = CellWriter().uint(operation, 32).uint(query_id, 64).uint(tokens, 64).address(worker_contract).cell()
    signature = key.sign(inner.hash).signature
    outer = CellWriter().uint(operation, 32).uint(query_id, 64).address(excess_address).bytes(signature)
    return write_boc(outer.reference(inner).cell())


def verify_payment(untrusted_boc: bytes, *, proxy_key: bytes, worker_contract: Address) -> VerifiedPayment:
    """Checks form, contract and signature. `proxy_key` is an Ed25519 key, 32 bytes. Raises `PaymentRefused`."""
    try:
        root = read_boc(untrusted_boc, max_bytes=MAX_PAYMENT_BYTES, max_cells=PAYMENT_CELLS)
        return _verify(root, VerifyKey(proxy_key), worker_contract)
    except (BocError, CellShapeError) as problem:
        raise PaymentRefused(tr("it sent a payment that is not well formed: {problem}", problem=problem)) from problem


def _verify(untrusted_root: Cell, proxy_key: VerifyKey, worker_contract: Address) -> VerifiedPayment:
    outer = CellReader(untrusted_root)
    operation, query_id = outer.uint(4), outer.uint(8)
    excess_address, signature = outer.address(), outer.bytes(SIGNATURE_BYTES)
    signed = outer.reference()
    outer.finish()
    inner = CellReader(signed)
    if operation not in (PAYMENT, LAST_PAYMENT):
        raise PaymentRefused(tr("it sent a message that is not a payment"))
    if (inner.uint(4), inner.uint(8)) != (operation, query_id):
        raise PaymentRefused(tr("it sent a payment whose signed part belongs to another one"))
    tokens, payee = inner.uint(8), inner.address()
    inner.finish()
    if payee != worker_contract:
        raise PaymentRefused(tr("it sent a payment for somebody else's contract"))
    try:
        proxy_key.verify(signed.hash, signature)
    except BadSignatureError as problem:
        raise PaymentRefused(tr("it sent a payment with a wrong signature")) from problem
    return VerifiedPayment(tokens, query_id, operation == LAST_PAYMENT, excess_address)
