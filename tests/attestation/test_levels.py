"""The level is the one thing that job givers would rely on: it must never be higher than what was proven."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mulberry.attestation.collateral import CollateralFolder
from mulberry.attestation.evidence import Evidence, GpuEvidence, TpmEvidence
from mulberry.attestation.levels import ImageList, References, judge
from mulberry.attestation.manifest import SECURE_BOOT, StatedFinding, StatedGpu
from mulberry.attestation.tdx import TdxVerifier
from mulberry.model.proof import Check, Level, Outcome, Verdict
from shown_computer import GPU, NOW, STATEMENT, World, later, stated
from synthetic_gpu_report import FIRMWARE_ID, SyntheticNvidia, dice
from synthetic_tdx import DEBUG, ISSUED, Guest

ENCLAVE, BOOT, GPUS, STATED, FRESH = (
    "CPU enclave (Intel TDX)",
    "Boot state (TPM)",
    "GPUs",
    "Statement",
    "Freshness",
)


def check(verdict: Verdict, name: str) -> Check:
    return next(check for check in verdict.checks if check.name == name)


def part(verdict: Verdict, name: str, of_it: str) -> Check:
    return next(part for part in check(verdict, name).parts if part.name == of_it)


# What each kind of evidence may be: as it should, as it should not, or not there

Quote = Callable[[World, Evidence], bytes | None]
Boot = Callable[[World, Evidence], TpmEvidence | None]
Reports = Callable[[World, Evidence], tuple[GpuEvidence, ...]]


def changed(content: bytes, at: int = -100) -> bytes:
    broken = bytearray(content)
    broken[at] ^= 1
    return bytes(broken)


QUOTES: dict[str, Quote] = {
    "none": lambda world, bare: None,
    "good": lambda world, bare: world.quote(bare),
    "changed": lambda world, bare: changed(world.quote(bare), 700),
    "of another statement": lambda world, bare: world.intel.quote(Guest(bytes(64))),
    "of a debug guest": lambda world, bare: world.intel.quote(Guest(bare.report_data, td_attributes=DEBUG)),
    "of another image": lambda world, bare: world.intel.quote(Guest(bare.report_data, mrtd=b"\x99" * 48)),
    "no quote": lambda world, bare: b"\x04\x00",
    "empty": lambda world, bare: b"",
}
BOOTS: dict[str, Boot] = {
    "none": lambda world, bare: None,
    "good": lambda world, bare: world.boot(bare),
    "of another statement": lambda world, bare: world.tpm.evidence(world.maker, world.challenge),
    "unanswered": lambda world, bare: replace(world.boot(bare), activated=None),
    "not certified": lambda world, bare: replace(world.boot(bare), ek_chain=()),
    "with other registers": lambda world, bare: replace(world.boot(bare), pcrs={0: bytes(32)}),
    "nonsense": lambda world, bare: tpm_of(b"nonsense"),
}
REPORTS: dict[str, Reports] = {
    "none": lambda world, bare: (),
    "good": lambda world, bare: (world.report(bare),),
    "of another statement": lambda world, bare: (world.nvidia.evidence(bytes(32)),),
    "of another maker": lambda world, bare: (replace(world.report(bare), chain=SyntheticNvidia().chain),),
    "of an unstated GPU": lambda world, bare: (replace(world.report(bare), uuid="GPU-other"),),
    "twice": lambda world, bare: (world.report(bare), world.report(bare)),
    "nonsense": lambda world, bare: (GpuEvidence(GPU, b"", b"\x00", (b"\x30\x82",)),),
}


def tpm_of(junk: bytes) -> TpmEvidence:
    return TpmEvidence(junk, junk, junk, {0: junk}, junk, (junk,), junk)


# The table: whether boot state, quote and report hold, and the level that follows
TABLE = {
    (False, False, False): Level.SELF_REPORTED,
    (True, False, False): Level.TPM_BACKED,
    (False, True, False): Level.CPU_ENCLAVE,
    (True, True, False): Level.CPU_ENCLAVE,
    (False, False, True): Level.SELF_REPORTED,
    (True, False, True): Level.TPM_BACKED,
    (False, True, True): Level.CONFIDENTIAL,
    (True, True, True): Level.CONFIDENTIAL,
}


@pytest.fixture(scope="module")
def shown(world: World) -> dict[tuple[str, str, str], Evidence]:
    """Every combination, for one statement."""
    bare = stated(STATEMENT)
    boots = {name: make(world, bare) for name, make in BOOTS.items()}
    quotes = {name: make(world, bare) for name, make in QUOTES.items()}
    reports = {name: make(world, bare) for name, make in REPORTS.items()}
    return {
        (boot, quote, report): replace(bare, tpm=boots[boot], tdx_quote=quotes[quote], gpus=reports[report])
        for boot, quote, report in product(boots, quotes, reports)
    }


@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize("boot", BOOTS)
def test_every_combination_reaches_the_level_of_what_holds_and_no_more(
    world: World, shown: dict[tuple[str, str, str], Evidence], boot: str, quote: str
) -> None:
    for reports in REPORTS:
        verdict = judge(shown[boot, quote, reports], world.references, NOW)
        assert verdict.level is TABLE[boot == "good", quote == "good", reports == "good"]
        assert not verdict.is_test
        for name, kind in ((BOOT, boot), (ENCLAVE, quote), (GPUS, reports)):
            wrong = Outcome.MISSING if kind in ("none", "not certified") else Outcome.FAILED
            assert check(verdict, name).outcome is (Outcome.HOLDS if kind == "good" else wrong), check(verdict, name)


def test_nothing_that_is_taken_away_raises_the_level(world: World) -> None:
    """Evidence of the one side, references of the other: all 128 ways to lack some of them."""
    shown, levels = world.everything(), dict[frozenset[str], Level]()
    no_evidence: dict[str, Any] = {"tdx_quote": None, "tpm": None, "gpus": ()}
    no_references: dict[str, Any] = {"nonce": None, "challenge": None, "images": None, "tpm_roots": ()}
    names = (*no_evidence, *no_references)
    for count in range(len(names) + 1):
        for taken in map(frozenset, combinations(names, count)):
            evidence = replace(shown, **{name: no_evidence[name] for name in taken & no_evidence.keys()})
            references = replace(
                world.references, **{name: no_references[name] for name in taken & no_references.keys()}
            )
            levels[taken] = judge(evidence, references, NOW).level
            assert all(levels[taken] <= levels[taken - {name}] for name in taken), taken
    assert levels[frozenset()] is Level.CONFIDENTIAL and levels[frozenset(names)] is Level.SELF_REPORTED


def test_whatever_comes_with_a_fake_quote_is_a_test(world: World) -> None:
    whole = world.everything()
    verdict = judge(replace(whole, tdx_quote=whole.report_data), world.references, NOW)
    assert (verdict.level, verdict.is_test, verdict.valid_until) == (Level.NOT_ATTESTED, True, None)
    assert check(verdict, ENCLAVE).outcome is Outcome.TEST


# The statement


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda whole: replace(whole, signature=changed(whole.signature, 0)), "was changed"),
        (lambda whole: replace(whole, signature=b""), "was changed"),
        (lambda whole: replace(whole, public_key=whole.public_key[:-1]), "device key cannot be read"),
        (lambda whole: replace(whole, statement=changed(whole.statement, 30)), "was changed"),
        (lambda whole: signed_anew(whole, whole.statement), "names another key"),
        (lambda whole: signed_anew(whole, b"{}"), "not one that this version reads"),
        (lambda whole: signed_anew(whole, whole.statement + b" "), "not written in the one form"),
        (lambda whole: signed_anew(whole, b"\xff" * 300_000), "300,000 bytes"),
    ],
)
def test_without_a_good_statement_nothing_else_counts(
    world: World, change: Callable[[Evidence], Evidence], told: str
) -> None:
    verdict = judge(change(world.everything()), world.references, NOW)
    assert verdict.level is Level.NOT_ATTESTED
    assert check(verdict, STATED).outcome is Outcome.FAILED
    assert check(verdict, FRESH).outcome is Outcome.MISSING
    assert told in check(verdict, STATED).told


def signed_anew(whole: Evidence, statement: bytes) -> Evidence:
    """By somebody else, who would like to have made it."""
    thief = Ed25519PrivateKey.generate()
    return replace(
        whole, statement=statement, public_key=thief.public_key().public_bytes_raw(), signature=thief.sign(statement)
    )


def test_the_evidence_of_another_statement_of_the_same_computer_does_not_count(world: World) -> None:
    old, new = world.everything(), stated(replace(STATEMENT, made_at=STATEMENT.made_at + 1))
    shown = replace(old, statement=new.statement, public_key=new.public_key, signature=new.signature)
    assert judge(shown, world.references, NOW).level is Level.SELF_REPORTED


def test_a_statement_for_another_nonce_is_worth_nothing(world: World) -> None:
    verdict = judge(world.everything(), replace(world.references, nonce=bytes(32)), NOW)
    assert verdict.level is Level.NOT_ATTESTED
    assert "may be an old one" in check(verdict, FRESH).told


def test_without_a_nonce_a_statement_is_good_for_a_day_by_its_own_clock(world: World) -> None:
    references = replace(world.references, nonce=None)
    verdict = judge(stated(STATEMENT), references, NOW)
    assert (verdict.level, check(verdict, FRESH).outcome) == (Level.SELF_REPORTED, Outcome.MISSING)
    assert verdict.valid_until == later(days=1, minutes=-1)
    for moment in (later(days=1), later(minutes=-7), later(days=4_000), later(days=-4_000)):
        assert judge(stated(STATEMENT), references, moment).level is Level.NOT_ATTESTED


def test_with_a_nonce_a_clock_that_is_wrong_by_years_is_told_and_nothing_more(world: World) -> None:
    verdict = judge(stated(replace(STATEMENT, made_at=0)), world.references, NOW)
    assert (verdict.level, check(verdict, FRESH).outcome) == (Level.SELF_REPORTED, Outcome.HOLDS)
    assert "1970-01-01" in check(verdict, FRESH).told and "differs from ours" in check(verdict, FRESH).told


FIRST_DAY, LAST_DAY = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize(
    "now", [FIRST_DAY, datetime(1969, 12, 31, tzinfo=UTC), LAST_DAY - timedelta(hours=2), LAST_DAY], ids=str
)
def test_no_clock_is_so_wrong_that_nothing_is_said(world: World, now: datetime, *, asked: bool) -> None:
    """Its battery is empty, or somebody set it: statements of that very time, and of any other, are judged."""
    references = world.references if asked else replace(world.references, nonce=None)
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    for made in (begin, NOW, max(begin, now - timedelta(hours=1) if now > begin else now)):
        shown = world.everything(replace(STATEMENT, made_at=int((made - begin).total_seconds())))
        verdict = judge(shown, references, now)
        assert verdict.level <= Level.SELF_REPORTED
        assert verdict.as_of == now
        assert verdict.valid_until is None or verdict.valid_until >= now
        assert len(verdict.checks) == 5


# The CPU enclave


def test_without_collateral_or_with_old_one_a_quote_counts_for_nothing(world: World, tmp_path: Path) -> None:
    whole = replace(world.everything(), tpm=None)
    late = judge(whole, world.references, ISSUED.replace(year=2027))
    assert (late.level, check(late, ENCLAVE).outcome) == (Level.SELF_REPORTED, Outcome.MISSING)
    assert "expired at 2026-12-20" in check(late, ENCLAVE).told
    bare = a_verifier_without_collateral(world, tmp_path)
    verdict = judge(whole, bare, NOW)
    assert (verdict.level, check(verdict, ENCLAVE).outcome) == (Level.SELF_REPORTED, Outcome.MISSING)
    assert "no collateral here" in check(verdict, ENCLAVE).told


def a_verifier_without_collateral(world: World, empty: Path) -> References:
    return replace(world.references, tdx=TdxVerifier(CollateralFolder(empty), world.intel.root_der))


def test_a_quote_from_another_root_than_intels_is_wrong(world: World) -> None:
    intels_own = replace(world.references, tdx=TdxVerifier(CollateralFolder(world.collateral.parent)))
    verdict = judge(world.everything(), intels_own, NOW)
    assert (verdict.level, check(verdict, ENCLAVE).outcome) == (Level.TPM_BACKED, Outcome.FAILED)


@pytest.mark.parametrize(
    ("images", "outcome"),
    [
        (None, Outcome.MISSING),
        (ImageList(frozenset(), "an empty list"), Outcome.FAILED),
        (ImageList(frozenset({"00" * 32}), "another's list"), Outcome.FAILED),
    ],
)
def test_an_image_that_is_not_known_to_be_listed_proves_no_enclave(
    world: World, images: ImageList | None, outcome: Outcome
) -> None:
    verdict = judge(world.everything(), replace(world.references, images=images), NOW)
    assert verdict.level is Level.TPM_BACKED
    assert part(verdict, ENCLAVE, "Image").outcome is outcome
    assert part(verdict, ENCLAVE, "Quote").outcome is Outcome.HOLDS


# The TPM


def test_a_tpm_that_nobody_challenged_stays_at_level_1(world: World) -> None:
    whole = replace(world.everything(), tdx_quote=None, gpus=())
    verdict = judge(whole, replace(world.references, challenge=None), NOW)
    assert verdict.level is Level.SELF_REPORTED
    assert "Nobody challenged" in part(verdict, BOOT, "Genuine TPM").told
    assert part(verdict, BOOT, "Quote").outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(True, Outcome.HOLDS), (False, Outcome.FAILED), (None, Outcome.MISSING), ("1", Outcome.FAILED)],
)
def test_a_boot_state_without_secure_boot_is_none(world: World, value: bool | str | None, outcome: Outcome) -> None:
    statement = replace(STATEMENT, host=(StatedFinding(SECURE_BOOT, value, "the test says so"),))
    verdict = judge(replace(world.everything(statement), tdx_quote=None), world.references, NOW)
    assert verdict.level is (Level.TPM_BACKED if outcome is Outcome.HOLDS else Level.SELF_REPORTED)
    secure_boot = part(verdict, BOOT, SECURE_BOOT)
    assert (secure_boot.outcome, secure_boot.whose_word) == (outcome, "this computer")


def test_a_statement_that_is_silent_on_secure_boot_shows_no_boot_state(world: World) -> None:
    verdict = judge(replace(world.everything(replace(STATEMENT, host=())), tdx_quote=None), world.references, NOW)
    assert verdict.level is Level.SELF_REPORTED


def test_of_a_maker_that_nobody_here_trusts_nothing_is_believed(world: World) -> None:
    verdict = judge(replace(world.everything(), tdx_quote=None), replace(world.references, tpm_roots=()), NOW)
    assert (verdict.level, check(verdict, BOOT).outcome) == (Level.SELF_REPORTED, Outcome.MISSING)


# The GPUs


def test_every_gpu_that_is_stated_must_show_a_report(world: World) -> None:
    second = StatedGpu("12" * 32, "NVIDIA H100 NVL", "590.12", None)
    statement = replace(STATEMENT, gpus=(*STATEMENT.gpus, second))
    verdict = judge(world.everything(statement), world.references, NOW)
    assert verdict.level is Level.CPU_ENCLAVE
    assert part(verdict, GPUS, "NVIDIA H100 NVL").outcome is Outcome.MISSING


def test_a_genuine_gpu_without_references_proves_no_confidential_mode(world: World) -> None:
    references = replace(world.references, gpus=world.nvidia.references())
    verdict = judge(world.everything(), references, NOW)
    assert (verdict.level, check(verdict, GPUS).outcome) == (Level.CPU_ENCLAVE, Outcome.MISSING)
    assert "A genuine GPU signed for this statement, but: " in check(verdict, GPUS).told


def test_one_gpu_cannot_stand_for_two(world: World) -> None:
    second = StatedGpu(sha256(b"GPU-2").hexdigest(), "NVIDIA H100 NVL", "590.12", None)
    whole = world.everything(replace(STATEMENT, gpus=(*STATEMENT.gpus, second)))
    shown = replace(whole, gpus=(*whole.gpus, replace(whole.gpus[0], uuid="GPU-2")))
    verdict = judge(shown, world.references, NOW)
    assert verdict.level is Level.CPU_ENCLAVE
    assert part(verdict, GPUS, "Number of GPUs").told == "One GPU is shown as several."


# What the faces show


def test_one_gpu_that_was_started_anew_in_between_cannot_stand_for_two(world: World) -> None:
    """Then it has made itself another certificate, with another key."""
    second = StatedGpu(sha256(b"GPU-2").hexdigest(), "NVIDIA H100 NVL", "590.12", None)
    bare = stated(replace(STATEMENT, gpus=(*STATEMENT.gpus, second)))
    restarted = copy(world.nvidia)
    restarted.gpu = world.nvidia.boot_rom.issue("fake GH100", is_authority=False, extension=dice(FIRMWARE_ID))
    again = replace(restarted.evidence(bare.bound_to), uuid="GPU-2")
    shown = replace(bare, tdx_quote=world.quote(bare), gpus=(world.report(bare), again))
    verdict = judge(shown, world.references, NOW)
    assert part(verdict, GPUS, "NVIDIA H100 NVL").outcome is Outcome.HOLDS
    assert part(verdict, GPUS, "Number of GPUs").told == "One GPU is shown as several."
    assert verdict.level is Level.CPU_ENCLAVE


def test_a_computer_that_names_no_gpu_and_shows_none_is_not_at_level_4(world: World) -> None:
    bare = stated(replace(STATEMENT, gpus=()))
    verdict = judge(replace(bare, tdx_quote=world.quote(bare)), world.references, NOW)
    assert (verdict.level, check(verdict, GPUS).outcome) == (Level.CPU_ENCLAVE, Outcome.MISSING)


def test_the_verdict_ends_when_the_first_thing_it_rests_on_does(world: World) -> None:
    """GPU references are good for a day, collateral for thirty, a TPM's certificate for years."""
    everything = judge(world.everything(), world.references, NOW)
    assert everything.valid_until is not None
    assert NOW < everything.valid_until < later(days=1)
    enclave = judge(replace(world.everything(), gpus=()), world.references, NOW)
    assert enclave.valid_until == ISSUED.replace(day=20, month=12)
    boot = judge(replace(world.everything(), tdx_quote=None), world.references, NOW)
    assert boot.valid_until is not None and boot.valid_until.year > 2030
    assert judge(stated(STATEMENT), world.references, NOW).valid_until is None


def test_level_4_ends_with_the_collateral_when_that_ends_first(world: World, tmp_path: Path) -> None:
    ends = later(minutes=30)
    (tmp_path / world.collateral.name).write_text(world.intel.collateral(ends=ends))
    tdx = TdxVerifier(CollateralFolder(tmp_path), world.intel.root_der)
    verdict = judge(world.everything(), replace(world.references, tdx=tdx), NOW)
    assert (verdict.level, verdict.valid_until) == (Level.CONFIDENTIAL, ends)


def test_the_great_words_are_said_at_level_4_only(world: World) -> None:
    """Below it, whatever is told, nobody must read that their work is confidential."""
    everything = world.everything()
    for shown in (everything, replace(everything, gpus=()), replace(everything, tdx_quote=None), stated(STATEMENT)):
        verdict = judge(shown, world.references, NOW)
        words = f"{verdict.level.title} {verdict.level.evidence}"
        told = " ".join(part.told for check in verdict.checks for part in (check, *check.parts))
        assert verdict.level is Level.CONFIDENTIAL or "onfidential" not in words + told
        assert "secure enclave" not in (words + told).lower() and "private" not in (words + told).lower()


def test_every_level_says_what_it_does_not_prove() -> None:
    for level in Level:
        assert level.title and level.evidence and level.does_not_prove.endswith(".")
