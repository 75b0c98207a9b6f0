"""The level that evidence reaches: computed here by whoever verifies, and never believed of the one who shows it.

Source of the rules: `model.proof.Level`, whose words docs/attestation.md explains. What is wrong counts as not shown,
and is told; what cannot be checked here counts as not shown too. So more evidence never lowers a level, except a fake
quote: that is a test's, and whatever comes with it is level 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from mulberry.attestation import gpu_report, tpm
from mulberry.attestation.errors import NotCheckable, NotProven, refusing, sentence
from mulberry.attestation.evidence import Evidence, GpuEvidence
from mulberry.attestation.gpu_references import GpuReferences
from mulberry.attestation.manifest import SECURE_BOOT, Statement, read_statement
from mulberry.attestation.quote import FAKE_QUOTE_BYTES
from mulberry.attestation.tdx import TdxVerifier
from mulberry.model.language import tr
from mulberry.model.places import DataFolder
from mulberry.model.proof import Check, Level, Outcome, Verdict

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

GOOD_FOR = timedelta(days=1)  # as the certificates that peers show one another
LAST_WHOLE_DAY = datetime.max.replace(tzinfo=UTC) - GOOD_FOR  # a clock may be wrong by so much
CLOCKS_DIFFER = timedelta(minutes=5)
KEY_BYTES = 32

STATEMENT, FRESHNESS = "Statement", "Freshness"  # the checks' names
BOOT_STATE, GENUINE_TPM = tr("Boot state (TPM)"), tr("Genuine TPM")
CPU_ENCLAVE, IMAGE = tr("CPU enclave (Intel TDX)"), tr("Image")
GPUS = "GPUs"

DEVICE_KEY = tr("this computer's device key")
THIS_COMPUTER = tr("this computer")
INTEL = "Intel"
NVIDIA = "NVIDIA"
TPM_MAKER = tr("the TPM's maker")
THE_NETWORK = tr("the network's root contract")


@dataclass(frozen=True, slots=True)
class ImageList:
    """The images that a network accepts: SHA-256 in small hexadecimal digits; and where that was read, in words."""

    hashes: frozenset[str]
    read_from: str


@dataclass(frozen=True, slots=True)
class References:
    """What the verifier brings along.

    `tpm_roots` are the TPM makers' certificates that it trusts. `images` None: the network's list is not known. `nonce`
    is what the verifier asked with, `challenge` what it asked the TPM; None: it did not ask.
    """

    tdx: TdxVerifier
    gpus: GpuReferences
    tpm_roots: "tuple[Certificate, ...]" = ()
    images: ImageList | None = None
    nonce: bytes | None = None
    challenge: tpm.Challenge | None = None


def references_in(folder: DataFolder, tdx: TdxVerifier) -> References:
    """What lies in a network's data folder to compare with; the network's list of images is not among it."""
    return References(tdx, GpuReferences(folder.gpu_references), tpm.read_roots(folder.tpm_roots))


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
    boot = _judge_tpm(untrusted, statement, references, now)
    enclave = _judge_tdx(untrusted, references, now)
    gpus = _judge_gpus(untrusted, statement, references, now)
    level, rests_on = _level(stated, fresh, boot, enclave, gpus)
    ends = [each.valid_until for each in rests_on if each.valid_until is not None]
    return Verdict(
        level=level,
        checks=tuple(each.check for each in (stated, fresh, boot, enclave, gpus)),
        as_of=now,
        valid_until=min(ends, default=None),
        is_test=enclave.check.outcome is Outcome.TEST,
    )


def _level(
    stated: _Found, fresh: _Found, boot: _Found, enclave: _Found, gpus: _Found
) -> tuple[Level, tuple[_Found, ...]]:
    """The highest level whose evidence holds, and what it rests on."""
    outdated = fresh.check.outcome is Outcome.FAILED
    if not stated.holds or outdated or enclave.check.outcome is Outcome.TEST:
        return Level.NOT_ATTESTED, ()
    if enclave.holds and gpus.holds:
        return Level.CONFIDENTIAL, (stated, fresh, enclave, gpus)
    if enclave.holds:
        return Level.CPU_ENCLAVE, (stated, fresh, enclave)
    if boot.holds:
        return Level.TPM_BACKED, (stated, fresh, boot)
    return Level.SELF_REPORTED, (stated, fresh)


def _judge_statement(untrusted: Evidence) -> tuple[_Found, Statement | None]:
    name = STATEMENT
    try:
        _demand_signature(untrusted)
        statement = read_statement(untrusted.statement)
        if bytes.fromhex(statement.key) != untrusted.public_key:
            raise NotProven("its statement names another key than the one that signed it")
    except NotProven as problem:
        return _Found(Check(name, Outcome.FAILED, sentence(problem), DEVICE_KEY)), None
    told = tr("Signed by the device key {key}…, for which nobody vouches.", key=untrusted.public_key.hex()[:16])
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
    name = FRESHNESS
    if statement is None:
        return _Found(Check(name, Outcome.MISSING, tr("There is no statement that could be fresh.")))
    made = statement.made
    dated = tr("{made} UTC by its own clock", made=f"{made:%Y-%m-%d %H:%M}")
    if nonce is not None:
        if statement.nonce != nonce.hex():
            told = tr("It does not carry the nonce that it was asked with: it may be an old one.")
            return _Found(Check(name, Outcome.FAILED, told, DEVICE_KEY))
        told = tr("Made for our nonce, {dated}.", dated=dated)
        if abs(now - made) > CLOCKS_DIFFER:
            told = tr("Made for our nonce, {dated}, which differs from ours.", dated=dated)
        return _Found(Check(name, Outcome.HOLDS, told, DEVICE_KEY))
    if not -CLOCKS_DIFFER <= now - made <= GOOD_FOR:
        told = tr("Made {dated}; without a nonce of the verifier's a statement is good for one day.", dated=dated)
        return _Found(Check(name, Outcome.FAILED, told, THIS_COMPUTER))
    told = tr("Made {dated}. No nonce was asked for, so it may be a copy of an earlier one.", dated=dated)
    return _Found(Check(name, Outcome.MISSING, told, THIS_COMPUTER), min(made, LAST_WHOLE_DAY) + GOOD_FOR)


def _judge_tpm(untrusted: Evidence, statement: Statement | None, references: References, now: datetime) -> _Found:
    name = BOOT_STATE
    if untrusted.tpm is None:
        return _Found(Check(name, Outcome.MISSING, tr("No TPM quote was shown."), TPM_MAKER))
    try:
        verified = tpm.verify(untrusted.tpm, untrusted.bound_to, references.tpm_roots, now, references.challenge)
    except NotProven as problem:
        return _Found(Check(name, _outcome_of(problem), sentence(problem), TPM_MAKER))
    signed = tr("The boot registers PCR 0 to 7 were signed for this statement.")
    parts = (Check("Quote", Outcome.HOLDS, signed, "a TPM"), _genuine(verified), _secure_boot(statement))
    told = tr("A genuine TPM signed how this computer was started.")
    return _Found(_all_of(name, parts, told, TPM_MAKER), verified.expires)


def _genuine(verified: tpm.VerifiedTpm) -> Check:
    name = GENUINE_TPM
    if not verified.is_genuine or verified.endorsement is None:
        return Check(name, Outcome.MISSING, " ".join(verified.missing), TPM_MAKER)
    made = verified.endorsement
    told = tr(
        "{maker} {model}, certified by {root}; it holds the key that signed.",
        maker=made.maker,
        model=made.model,
        root=made.root,
    )
    return Check(name, Outcome.HOLDS, told, made.maker)


def _secure_boot(statement: Statement | None) -> Check:
    """PCR 7 stands for it, but only with the boot's event log, which root alone may read, could it be told what for."""
    said = statement.finding(SECURE_BOOT) if statement is not None else None
    if said is None or said.value is None:
        told = tr("Whether it is on is unknown.")
        if said is not None:
            told = tr("Whether it is on is unknown, because {evidence}.", evidence=said.evidence)
        return Check(SECURE_BOOT, Outcome.MISSING, told, THIS_COMPUTER)
    if said.value is not True:
        return Check(SECURE_BOOT, Outcome.FAILED, tr("It is off: {evidence}.", evidence=said.evidence), THIS_COMPUTER)
    told = tr("It says that it is on. PCR 7 was signed, but without the boot's event log nobody can read it there.")
    return Check(SECURE_BOOT, Outcome.HOLDS, told, THIS_COMPUTER)


def _judge_tdx(untrusted: Evidence, references: References, now: datetime) -> _Found:
    name, quote = CPU_ENCLAVE, untrusted.tdx_quote
    if quote is None:
        return _Found(Check(name, Outcome.MISSING, tr("No TDX quote was shown."), INTEL))
    if len(quote) == FAKE_QUOTE_BYTES:
        told = tr("A fake quote of a test network: everyone can make one. TEST, nothing proven.")
        return _Found(Check(name, Outcome.TEST, told))
    try:
        verified = references.tdx.verify(quote, now)
    except NotProven as problem:
        return _Found(Check(name, _outcome_of(problem), sentence(problem), INTEL))
    told = tr(
        "Intel signed it for a platform that is up to date; the collateral is good until {valid_until}.",
        valid_until=_day(verified.valid_until),
    )
    parts = (
        Check("Quote", Outcome.HOLDS, told, INTEL),
        Check(tr("No debug guest"), Outcome.HOLDS, tr("The host cannot look into it with debugging tools."), INTEL),
        _bound(verified.quote.report_data == untrusted.report_data),
        _on_list(verified.quote.measurements.image_hash, references.images),
    )
    return _Found(_all_of(name, parts, tr("A guest that Intel's hardware protects."), INTEL), verified.valid_until)


def _bound(is_bound: bool) -> Check:
    name = tr("Bound to the statement")
    if is_bound:
        return Check(name, Outcome.HOLDS, tr("The quote was made for this statement."), INTEL)
    return Check(
        name, Outcome.FAILED, tr("The quote was made for something else: it may be another computer's."), INTEL
    )


def _on_list(image_hash: bytes, images: ImageList | None) -> Check:
    name, image = IMAGE, tr("The guest's image {image_hash}…", image_hash=image_hash.hex()[:16])
    if images is None:
        return Check(
            name,
            Outcome.MISSING,
            tr("{image}: the network's list of images is not known here.", image=image),
            THE_NETWORK,
        )
    if image_hash.hex() in images.hashes:
        return Check(
            name,
            Outcome.HOLDS,
            tr("{image} is on the network's list ({read_from}).", image=image, read_from=images.read_from),
            THE_NETWORK,
        )
    return Check(
        name,
        Outcome.FAILED,
        tr("{image} is not on the network's list ({read_from}).", image=image, read_from=images.read_from),
        THE_NETWORK,
    )


def _judge_gpus(untrusted: Evidence, statement: Statement | None, references: References, now: datetime) -> _Found:
    """All that the statement names, each by a report of its own: jobs may run on any of them."""
    name = GPUS
    stated = {gpu.uuid: gpu.name for gpu in statement.gpus} if statement is not None else {}
    if not untrusted.gpus:
        return _Found(Check(name, Outcome.MISSING, tr("No GPU's report was shown."), NVIDIA))
    found = [_judge_gpu(each, stated, untrusted.bound_to, references.gpus, now) for each in untrusted.gpus]
    shown = [_hashed(each.uuid) for each in untrusted.gpus]
    parts = [each.check for each, _ in found]
    parts += [
        Check(gpu, Outcome.MISSING, tr("The statement names it, and no report of it was shown."), NVIDIA)
        for uuid, gpu in stated.items()
        if uuid not in shown
    ]
    devices = [device for _, device in found if device is not None]
    if len(set(devices)) < len(devices):
        parts.append(Check(tr("Number of GPUs"), Outcome.FAILED, tr("One GPU is shown as several."), NVIDIA))
    ends = [each.valid_until for each, _ in found if each.valid_until is not None]
    told = tr(
        "Each showed by a report for this statement that NVIDIA's own driver and firmware run it, closed to debuggers."
    )
    return _Found(_all_of(name, parts, told, NVIDIA), min(ends, default=None))


def _judge_gpu(
    untrusted: GpuEvidence, stated: dict[str, str], bound_to: bytes, references: GpuReferences, now: datetime
) -> tuple[_Found, bytes | None]:
    """The check of one GPU, and which device it is."""
    name = stated.get(_hashed(untrusted.uuid))
    if name is None:
        told = tr("A report of a GPU that the statement does not name.")
        return _Found(Check(tr("Another GPU"), Outcome.FAILED, told, NVIDIA)), None
    try:
        verified = gpu_report.verify(untrusted, bound_to, references, now)
    except NotProven as problem:
        return _Found(Check(name, _outcome_of(problem), sentence(problem), NVIDIA)), None
    if not verified.is_complete:
        told = tr("A genuine GPU signed for this statement, but: {missing}", missing=" ".join(verified.missing))
        return _Found(Check(name, Outcome.MISSING, told, NVIDIA), verified.expires), verified.device
    told = tr(
        "Driver {driver}, VBIOS {vbios}; {measurements} measurements are as NVIDIA's references say.",
        driver=verified.driver_version,
        vbios=verified.vbios_version,
        measurements=len(verified.compared),
    )
    return _Found(Check(name, Outcome.HOLDS, told, NVIDIA), verified.expires), verified.device


def _hashed(uuid: str) -> str:
    return sha256(uuid.encode()).hexdigest()


def _all_of(name: str, parts: Iterable[Check], told: str, whose_word: str) -> Check:
    """Holds when all parts hold; else it is as the worst of them, and tells what that tells."""
    parts = tuple(parts)
    for outcome in (Outcome.FAILED, Outcome.TEST, Outcome.MISSING):
        worst = next((part for part in parts if part.outcome is outcome), None)
        if worst is not None:
            return Check(name, outcome, worst.told, worst.whose_word, parts)
    return Check(name, Outcome.HOLDS, told, whose_word, parts)


def _outcome_of(problem: NotProven) -> Outcome:
    return Outcome.MISSING if isinstance(problem, NotCheckable) else Outcome.FAILED


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
