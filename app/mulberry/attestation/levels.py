"""The level that evidence reaches: computed here by whoever verifies, and never believed of the one who shows it.

Source of the rules: `model.proof.Level`, whose words docs/attestation.md explains. What is wrong counts as not shown,
and is told; what cannot be checked here counts as not shown too. So more evidence never lowers a level, except a fake
quote: that is a test's, and whatever comes with it is level 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mulberry.attestation.errors import NotCheckable, NotProven, refusing
from mulberry.attestation.evidence import Evidence
from mulberry.attestation.manifest import Statement, read_statement
from mulberry.attestation.quote import FAKE_QUOTE_BYTES
from mulberry.attestation.tdx import TdxVerifier
from mulberry.model.proof import Check, Level, Outcome, Verdict

GOOD_FOR = timedelta(days=1)  # as the certificates that peers show one another
CLOCKS_DIFFER = timedelta(minutes=5)
KEY_BYTES = 32

DEVICE_KEY = "this computer's device key"
THIS_COMPUTER = "this computer"
INTEL = "Intel"
THE_NETWORK = "the network's root contract"


@dataclass(frozen=True, slots=True)
class References:
    """What the verifier brings along.

    `image_hashes` are the SHA-256 of the images that the network accepts; None: its list is not known. `nonce` is what
    the verifier asked with; None: it did not ask.
    """

    tdx: TdxVerifier
    image_hashes: frozenset[bytes] | None = None
    nonce: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """One kind of evidence: the check that is shown, and until when it holds where something of it expires."""

    check: Check
    valid_until: datetime | None = None

    @property
    def holds(self) -> bool:
        return self.check.outcome is Outcome.HOLDS


def judge(untrusted: Evidence, references: References, now: datetime) -> Verdict:
    """What `untrusted` proves at `now` (aware). Never raises for what a stranger may have put into it."""
    stated, statement = _judge_statement(untrusted)
    fresh = _judge_freshness(statement, references.nonce, now)
    tdx = _judge_tdx(untrusted, references, now)
    is_test = tdx.check.outcome is Outcome.TEST
    found = (stated, fresh, tdx)
    level, rests_on = _level(stated, fresh, tdx)
    if is_test:
        level, rests_on = Level.NOT_ATTESTED, ()
    ends = [each.valid_until for each in rests_on if each.valid_until is not None]
    return Verdict(level, tuple(each.check for each in found), now, min(ends, default=None), is_test)


def _level(stated: _Found, fresh: _Found, tdx: _Found) -> tuple[Level, tuple[_Found, ...]]:
    """The highest level whose evidence holds, and what it rests on."""
    if not stated.holds or fresh.check.outcome is Outcome.FAILED:
        return Level.NOT_ATTESTED, ()
    base = (stated, fresh)
    if tdx.holds:
        return Level.CPU_ENCLAVE, (*base, tdx)
    return Level.SELF_REPORTED, base


def _judge_statement(untrusted: Evidence) -> tuple[_Found, Statement | None]:
    name = "Statement"
    try:
        _demand_signature(untrusted)
        statement = read_statement(untrusted.statement)
        if bytes.fromhex(statement.key) != untrusted.public_key:
            raise NotProven("its statement names another key than the one that signed it")
    except NotProven as problem:
        return _Found(Check(name, Outcome.FAILED, _sentence(problem), DEVICE_KEY)), None
    told = f"Signed by the device key {untrusted.public_key.hex()[:16]}…, for which nobody vouches."
    return _Found(Check(name, Outcome.HOLDS, told, DEVICE_KEY)), statement


def _demand_signature(untrusted: Evidence) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    with refusing("its device key cannot be read"):
        key = Ed25519PublicKey.from_public_bytes(untrusted.public_key)
    try:
        key.verify(untrusted.signature, untrusted.statement)
    except InvalidSignature:
        raise NotProven("its statement was changed: the signature is wrong") from None


def _judge_freshness(statement: Statement | None, nonce: bytes | None, now: datetime) -> _Found:
    """A nonce proves that the statement is new; without one that rests on the clock of who made it."""
    name = "Freshness"
    if statement is None:
        return _Found(Check(name, Outcome.MISSING, "There is no statement that could be fresh."))
    made = statement.made
    dated = f"{made:%Y-%m-%d %H:%M} UTC by its own clock"
    if nonce is not None:
        if statement.nonce != nonce.hex():
            told = "It does not carry the nonce that it was asked with: it may be an old one."
            return _Found(Check(name, Outcome.FAILED, told, DEVICE_KEY))
        off = "" if abs(now - made) <= CLOCKS_DIFFER else ", which differs from ours"
        return _Found(Check(name, Outcome.HOLDS, f"Made for our nonce, {dated}{off}.", DEVICE_KEY))
    if not -CLOCKS_DIFFER <= now - made <= GOOD_FOR:
        told = f"Made {dated}; without a nonce of the verifier's a statement is good for one day."
        return _Found(Check(name, Outcome.FAILED, told, THIS_COMPUTER))
    told = f"Made {dated}. No nonce was asked for, so it may be a copy of an earlier one."
    return _Found(Check(name, Outcome.MISSING, told, THIS_COMPUTER), made + GOOD_FOR)


def _judge_tdx(untrusted: Evidence, references: References, now: datetime) -> _Found:
    name, quote = "CPU enclave (Intel TDX)", untrusted.tdx_quote
    if quote is None:
        return _Found(Check(name, Outcome.MISSING, "No TDX quote was shown.", INTEL))
    if len(quote) == FAKE_QUOTE_BYTES:
        told = "A fake quote of a test network: everyone can make one. TEST, nothing proven."
        return _Found(Check(name, Outcome.TEST, told))
    try:
        verified = references.tdx.verify(quote, now)
    except NotProven as problem:
        outcome = Outcome.MISSING if isinstance(problem, NotCheckable) else Outcome.FAILED
        return _Found(Check(name, outcome, _sentence(problem), INTEL))
    told = (
        f"Intel signed it for a platform that is up to date; the collateral is good until {_day(verified.valid_until)}."
    )
    parts = (
        Check("Quote", Outcome.HOLDS, told, INTEL),
        Check("No debug guest", Outcome.HOLDS, "The host cannot look into it with debugging tools.", INTEL),
        _bound(verified.quote.report_data == untrusted.report_data),
        _on_list(verified.quote.measurements.image_hash, references.image_hashes),
    )
    return _Found(_all_of(name, parts, "A guest that Intel's hardware protects.", INTEL), verified.valid_until)


def _bound(is_bound: bool) -> Check:
    name = "Bound to the statement"
    if is_bound:
        return Check(name, Outcome.HOLDS, "The quote was made for this statement.", INTEL)
    return Check(name, Outcome.FAILED, "The quote was made for something else: it may be another computer's.", INTEL)


def _on_list(image_hash: bytes, accepted: frozenset[bytes] | None) -> Check:
    name, image = "Image", f"The guest's image {image_hash.hex()[:16]}…"
    if accepted is None:
        return Check(name, Outcome.MISSING, f"{image}: the network's list of images is not known here.", THE_NETWORK)
    if image_hash in accepted:
        return Check(name, Outcome.HOLDS, f"{image} is on the network's list.", THE_NETWORK)
    return Check(name, Outcome.FAILED, f"{image} is not on the network's list.", THE_NETWORK)


def _all_of(name: str, parts: Iterable[Check], told: str, whose_word: str) -> Check:
    """Holds when all parts hold; else it is as the worst of them, and tells what that tells."""
    parts = tuple(parts)
    for outcome in (Outcome.FAILED, Outcome.TEST, Outcome.MISSING):
        worst = next((part for part in parts if part.outcome is outcome), None)
        if worst is not None:
            return Check(name, outcome, worst.told, worst.whose_word, parts)
    return Check(name, Outcome.HOLDS, told, whose_word, parts)


def _sentence(problem: NotProven) -> str:
    words = str(problem)
    return f"{words[:1].upper()}{words[1:]}."


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
