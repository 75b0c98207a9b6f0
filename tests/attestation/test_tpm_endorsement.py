"""Every maker has its own roots and its own way to write certificates; the owner reads from them who made the TPM."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from mulberry.attestation.errors import NotCheckable, NotProven
from mulberry.attestation.tpm import Endorsement, identify, read_roots
from mulberry.attestation.tpm.endorsement import verify_endorsement
from recorded_tpm import recording
from synthetic_tpm import EXPIRES, NOW, Maker, PaperTpm, new_maker

PAPER = PaperTpm()
ROOT = new_maker()
ISSUING = ROOT.issue("Paper TPM Issuing")
OWN = ISSUING.certify(PAPER.ek.public_key())


def endorsed(*authorities: Maker, roots: tuple[Maker, ...] = (ROOT,), own: bytes = OWN) -> Endorsement:
    chain = (own, *(authority.der for authority in authorities))
    return verify_endorsement(PAPER.ek_public, chain, [root.certificate for root in roots], NOW)


def test_a_chain_is_followed_to_the_root_whatever_its_order() -> None:
    lower = ISSUING.issue("Paper TPM Batch 7")
    own = lower.certify(PAPER.ek.public_key())
    found = endorsed(ISSUING, lower, own=own)
    assert found == endorsed(lower, ISSUING, own=own)
    assert (found.root, found.expires, found.maker, found.model) == (
        "Paper TPM Root",
        EXPIRES,
        "Infineon",
        "Paper 9670",
    )


def test_an_issuing_authority_may_be_trusted_itself() -> None:
    assert endorsed(roots=(ISSUING,)).root == "Paper TPM Issuing"


def test_of_two_roots_of_one_name_the_right_one_is_taken() -> None:
    namesake = new_maker()
    assert endorsed(ISSUING, roots=(namesake, ROOT)) == endorsed(ISSUING, roots=(ROOT, namesake))


@pytest.mark.parametrize("shown", [(), (ROOT,), (new_maker("Somebody"),)])
def test_a_missing_link_is_named(shown: tuple[Maker, ...]) -> None:
    with pytest.raises(NotCheckable, match="CN=Paper TPM Issuing"):
        endorsed(*shown)


def test_a_root_that_a_stranger_brings_along_is_not_trusted() -> None:
    with pytest.raises(NotCheckable, match="CN=Paper TPM Root"):
        endorsed(ISSUING, ROOT, roots=())


def test_certificates_that_name_one_another_end() -> None:
    """A chain that goes round in circles would be followed for ever."""
    one = new_maker("One").issue("Two")
    other = new_maker("Two").issue("One")
    with pytest.raises(NotCheckable):
        endorsed(one, other, own=other.certify(PAPER.ek.public_key()))


@given(st.integers(0, 1), st.integers(0, 5_000), st.integers(1, 255))
def test_one_changed_byte_in_a_certificate_is_found(which: int, at: int, change: int) -> None:
    chain = [bytearray(OWN), bytearray(ISSUING.der)]
    chain[which][at % len(chain[which])] ^= change
    with pytest.raises(NotProven) as refused:
        verify_endorsement(PAPER.ek_public, [bytes(each) for each in chain], [ROOT.certificate], NOW)
    assert str(refused.value).isprintable()


def test_too_many_certificates_are_refused() -> None:
    with pytest.raises(NotProven, match="shows 10 certificates"):
        endorsed(*[ISSUING] * 9)


def test_the_certificate_that_others_software_made_names_its_issuer() -> None:
    """swtpm's tools write "id:00001014" for IBM, which spells nothing."""
    recorded = recording("rsa")
    chain = identify(recorded.tpm).ek_chain
    found = verify_endorsement(recorded.challenge.ek_public, chain, recorded.roots, NOW)
    assert (found.maker, found.model, found.root) == ("unknown", "swtpm", "swtpm-localca")
    with pytest.raises(NotCheckable, match="CN=swtpm-localca"):
        verify_endorsement(recorded.challenge.ek_public, chain, (recorded.root_above,), NOW)


def test_a_key_of_a_kind_that_is_not_read_here_is_not_called_wrong() -> None:
    """Certificates may say that an RSA key is for OAEP only (RFC 4055); then its numbers are not read."""
    paper = PaperTpm(with_rsa=True)
    rsa, oaep = (bytes.fromhex(f"06092a864886f70d0101{last}") for last in ("01", "07"))
    own = ISSUING.certify(paper.ek.public_key()).replace(rsa, oaep)
    with pytest.raises(NotCheckable, match="not read here"):
        verify_endorsement(paper.ek_public, (own,), [ISSUING.certificate], NOW)


@pytest.mark.parametrize(
    ("said", "maker"),
    [
        ("id:414D4400", "AMD"),
        ("id:494E5443", "Intel"),
        ("id:58595A00", "XYZ"),
        ("nobody", "unknown"),
        ("id:", "unknown"),
    ],
)
def test_the_maker_is_named_as_people_know_it(said: str, maker: str) -> None:
    assert endorsed(ISSUING, own=ISSUING.certify(PAPER.ek.public_key(), maker=said)).maker == maker


def test_roots_are_read_from_a_folder_and_the_rest_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_bytes(
        ROOT.certificate.public_bytes(Encoding.PEM) + ISSUING.certificate.public_bytes(Encoding.PEM)
    )
    (tmp_path / "one.der").write_bytes(ROOT.der)
    (tmp_path / "broken.crt").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (tmp_path / "large.cer").write_bytes(bytes(100_000))
    (tmp_path / "notes.txt").write_text("not a certificate")
    (tmp_path / "folder.pem").mkdir()
    assert read_roots(tmp_path) == (ROOT.certificate, ISSUING.certificate, ROOT.certificate)


def test_no_folder_is_no_roots(tmp_path: Path) -> None:
    assert read_roots(tmp_path / "none") == ()
    assert read_roots(tmp_path / ("x" * 300)) == (), "nor is one that cannot be entered"
