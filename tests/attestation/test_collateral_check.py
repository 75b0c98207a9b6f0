"""What is put on the shelf replaces what was there: something broken, foreign or old may not."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mulberry.attestation.collateral_check import check_collateral
from mulberry.attestation.errors import NotProven
from synthetic_tdx import COLLATERAL_ENDS, FMSPC, ISSUED, NOW, SyntheticIntel, certificate, new_key, pem

Change = Callable[[dict[str, str]], object]


def with_change(collateral: str, change: Change) -> str:
    parts: dict[str, str] = json.loads(collateral)
    change(parts)
    return json.dumps(parts)


def test_good_collateral_holds_until_its_first_part_ends(intel: SyntheticIntel) -> None:
    assert check_collateral(intel.collateral(), FMSPC, "platform", NOW, intel.root_der) == COLLATERAL_ENDS


def test_under_intels_own_root_made_up_collateral_is_nothing(intel: SyntheticIntel) -> None:
    with pytest.raises(NotProven, match="does not come from Intel's root"):
        check_collateral(intel.collateral(), FMSPC, "platform", NOW)


def test_another_root_of_the_same_name_is_nobody(intel: SyntheticIntel) -> None:
    with pytest.raises(NotProven, match="does not come from Intel's root"):
        check_collateral(SyntheticIntel().collateral(), FMSPC, "platform", NOW, intel.root_der)


def test_it_is_for_one_platform_and_authority(intel: SyntheticIntel) -> None:
    with pytest.raises(NotProven, match="another platform than 00906ED50001"):
        check_collateral(intel.collateral(), "00906ED50001", "platform", NOW, intel.root_der)
    with pytest.raises(NotProven, match="Intel SGX PCK Processor CA"):
        check_collateral(intel.collateral(), FMSPC, "processor", NOW, intel.root_der)


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (ISSUED - timedelta(hours=1), "valid only from 2026-11-20"),
        (ISSUED - timedelta(days=365 * 20), "valid only from"),
        (COLLATERAL_ENDS, "expired on 2026-12-20"),
        (ISSUED + timedelta(days=365 * 20), "expired on"),
    ],
)
def test_a_clock_that_is_wrong_is_asked_about(intel: SyntheticIntel, now: datetime, why: str) -> None:
    with pytest.raises(NotProven, match=why):
        check_collateral(intel.collateral(), FMSPC, "platform", now, intel.root_der)


CHANGES: list[tuple[Change, str]] = [
    (lambda parts: parts.update(tcb_info=parts["tcb_info"].replace("UpToDate", "Revoked!")), "not what Intel SGX TCB"),
    (lambda parts: parts.update(qe_identity=parts["qe_identity"].replace('"isvsvn":4', '"isvsvn":1')), "not what"),
    (lambda parts: parts.update(tcb_info_signature="00" * 64), "not what Intel SGX TCB Signing signed|cannot be read"),
    (lambda parts: parts.update(tcb_info_signature="00"), "another way than Intel signs"),
    (lambda parts: parts.update(qe_identity=parts["tcb_info"], qe_identity_signature=parts["tcb_info_signature"]),
     "for TDX and not for TD_QE"),
    (lambda parts: parts.update(pck_crl=parts["root_ca_crl"]), "not signed by Intel SGX PCK Platform CA"),
    (lambda parts: parts.update(root_ca_crl=parts["pck_crl"]), "not signed by Intel SGX Root CA"),
    (lambda parts: parts.update(tcb_info_issuer_chain=parts["pck_crl_issuer_chain"]), "by Intel SGX PCK Platform"),
    (lambda parts: parts.update(pck_crl_issuer_chain=parts["tcb_info_issuer_chain"]), "by Intel SGX TCB Signing"),
    (lambda parts: parts.update(pck_crl_issuer_chain=""), "cannot be read|no certificates"),
    (lambda parts: parts.update(pck_crl="zz"), "cannot be read"),
    (lambda parts: parts.update(pck_crl=parts["pck_crl"][:-2]), "cannot be read"),
    (lambda parts: parts.pop("qe_identity"), "cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "why"), CHANGES)
def test_every_part_must_be_the_right_one(intel: SyntheticIntel, change: Change, why: str) -> None:
    with pytest.raises(NotProven, match=why):
        check_collateral(with_change(intel.collateral(), change), FMSPC, "platform", NOW, intel.root_der)


def test_a_signer_on_the_roots_own_list_signs_nothing(intel: SyntheticIntel) -> None:
    parts = json.loads(intel.collateral())
    revoking = intel.root.revoked(ends=COLLATERAL_ENDS, numbers=(intel.tcb_signing.certificate.serial_number,))
    parts["root_ca_crl"] = revoking.hex()
    with pytest.raises(NotProven, match="Intel SGX TCB Signing was revoked"):
        check_collateral(json.dumps(parts), FMSPC, "platform", NOW, intel.root_der)


def test_a_list_of_another_name_is_not_the_authoritys(intel: SyntheticIntel) -> None:
    """Though the same key signed it."""
    other = replace(intel.platform_ca, name="Intel SGX PCK Processor CA").revoked(ends=COLLATERAL_ENDS)
    changed = with_change(intel.collateral(), lambda parts: parts.update(pck_crl=other.hex()))
    with pytest.raises(NotProven, match="not signed by Intel SGX PCK Platform CA"):
        check_collateral(changed, FMSPC, "platform", NOW, intel.root_der)


@pytest.mark.parametrize(("part", "owner"), [("pck_crl", "platform_ca"), ("root_ca_crl", "root")])
def test_a_list_that_somebody_else_signed_in_the_authoritys_name_is_nothing(
    intel: SyntheticIntel, part: str, owner: str
) -> None:
    """It could leave out what was revoked."""
    forged = replace(getattr(intel, owner), key=new_key()).revoked(ends=COLLATERAL_ENDS)
    changed = with_change(intel.collateral(), lambda parts: parts.update({part: forged.hex()}))
    with pytest.raises(NotProven, match="a revocation list is not signed by Intel SGX"):
        check_collateral(changed, FMSPC, "platform", NOW, intel.root_der)


def test_a_root_that_others_wrote_around_intels_key_is_refused(intel: SyntheticIntel) -> None:
    """It could live for ever, or issue what the true one does not."""
    forged = replace(
        intel.root, certificate=certificate(intel.root.name, intel.root.key, intel.root.name, new_key(), True)
    )
    changed = with_change(
        intel.collateral(), lambda parts: parts.update(pck_crl_issuer_chain=pem(intel.platform_ca, forged))
    )
    with pytest.raises(NotProven, match="does not come from Intel's root"):
        check_collateral(changed, FMSPC, "platform", NOW, intel.root_der)


@pytest.mark.parametrize("noise", ["", "[]", "null", "{}", "[" * 100_000, '{"pck_crl_issuer_chain": 1}'])
def test_noise_is_no_collateral(intel: SyntheticIntel, noise: str) -> None:
    with pytest.raises(NotProven, match="cannot be read"):
        check_collateral(noise, FMSPC, "platform", NOW, intel.root_der)
