"""Whoever may issue certificates under a maker's root makes computers genuine: the rules on who may must hold."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from mulberry.attestation.certificate_chain import MOST_PEM_BYTES, common_name, read_pem_chain, verify_chain
from mulberry.attestation.errors import NotProven
from synthetic_gpu_report import EXPIRES, ISSUED, NOW, Holder, new_root


def issued(
    name: str, issuer: Holder, *, path_length: int | None = None, ca: bool | None = True, may_sign: bool = True
) -> Holder:
    """`ca` None: it does not say whether it is an authority."""
    key = ec.generate_private_key(ec.SECP384R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(issuer.certificate.subject, subject, key.public_key(), 7, ISSUED, EXPIRES)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length if ca else None), critical=True)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=may_sign,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return Holder(key, builder.add_extension(usage, critical=True).sign(issuer.key, hashes.SHA384()))


@pytest.fixture(scope="module")
def root() -> Holder:
    return new_root("fake root")


def followed(root: Holder, *chain: Holder) -> object:
    return verify_chain([each.certificate for each in chain], root.certificate, NOW, "its maker")


def test_a_chain_ends_with_its_first_certificate_to_expire(root: Holder) -> None:
    authority = issued("authority", root)
    short = authority.issue("short", is_authority=False, expires=NOW + timedelta(days=3))
    assert followed(root, short, authority) == NOW + timedelta(days=3)
    assert followed(root, short, authority, root) == NOW + timedelta(days=3)


def test_an_authority_is_only_who_is_called_one(root: Holder) -> None:
    for ca in (False, None):
        impostor = issued("impostor", root, ca=ca)
        with pytest.raises(NotProven, match="impostor may not issue certificates"):
            followed(root, issued("own", impostor), impostor)


def test_a_key_that_may_not_sign_certificates_signs_none(root: Holder) -> None:
    authority = issued("authority", root, may_sign=False)
    with pytest.raises(NotProven, match="key may not sign certificates"):
        followed(root, issued("own", authority), authority)


def test_no_more_authorities_stand_below_one_than_it_says(root: Holder) -> None:
    upper = issued("upper", root, path_length=0)
    followed(root, issued("own", upper), upper)
    lower = issued("lower", upper)
    with pytest.raises(NotProven, match="upper may not have so many authorities below it"):
        followed(root, issued("own", lower), lower, upper)


def test_another_key_under_the_right_name_is_not_the_root(root: Holder) -> None:
    other = new_root("fake root")
    with pytest.raises(NotProven, match="was not issued by fake root"):
        followed(root, issued("own", other))
    with pytest.raises(NotProven, match="was not issued by fake root"):
        followed(root, issued("own", other), other)


def test_a_text_of_certificates_is_read_within_bounds(root: Holder) -> None:
    text = root.certificate.public_bytes(Encoding.PEM)
    assert read_pem_chain(text * 3, "its maker") == (root.certificate,) * 3
    for untrusted, why in (
        (b"", "cannot be read"),
        (text[:-40], "cannot be read"),
        (text * 9, "9 certificates"),
        (text + bytes(MOST_PEM_BYTES), "at most 65,536 are read"),
    ):
        with pytest.raises(NotProven, match=why):
            read_pem_chain(untrusted, "its maker")


def test_a_strangers_name_is_shown_without_its_tricks(root: Holder) -> None:
    named = issued("\u202eevil\x07" + "W" * 40, root)
    assert common_name(named.certificate) == "evil" + "W" * 40
