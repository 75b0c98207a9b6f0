"""A challenge that a false TPM could answer, or that a true one could not, would turn level 2 into a decoration.

That true TPMs answer is shown in `test_tpm_collecting`, against a TPM that others wrote.
"""

import pytest

from mulberry.attestation.errors import NotProven
from mulberry.attestation.tpm import challenge
from mulberry.attestation.tpm.credential import derive, derive_shared, make_credential
from synthetic_tpm import PaperTpm


@pytest.mark.parametrize(
    ("key", "label", "of_one", "of_other", "bits", "derived"),
    [  # go-tpm, tpm2/test/testvectors/kdfa.json: 30_SHA256_200 and 38_SHA256_552
        (
            "",
            b"SECRET",
            "fbf51f160255018bbc8efea4c36ac4fb4cbba34e9eff",
            "3cea0fdc2600",
            200,
            "a26c73dca13a265e09eec4b0abc4ecb2bf8d26db04e8823ee6",
        ),
        (
            "e38573d849a5cfc9973f58b4535e42b7c08ef28b1b3e775375b5c66b9644be",
            b"STORAGE",
            "00586dccbebc998087e4",
            "",
            552,
            "968f349b066ed26be3bd4e78333eb5c5b51c26ea376efe5dfaf061a2cf7f5eb82e4fcc2a30736e30f12b48ab17efd10576a4cf33450324b"
            "3f20011628df7a07c411f8c0f6c",
        ),
    ],
)
def test_keys_are_derived_as_the_specification_says(
    key: str, label: bytes, of_one: str, of_other: str, bits: int, derived: str
) -> None:
    found = derive(bytes.fromhex(key), label, bytes.fromhex(of_one), bytes.fromhex(of_other), bits)
    assert found.hex() == derived


def test_shared_keys_are_derived_as_the_specification_says() -> None:
    # go-tpm, tpm2/test/testvectors/kdfe.json: 37_SHA256_728
    found = derive_shared(
        bytes.fromhex("6cbfdee9e66367b676"),
        b"STORAGE",
        bytes.fromhex("c303fe79ff"),
        bytes.fromhex("79e34519a8a32f13d400"),
        728,
    )
    assert found.hex() == (
        "e59560660988b3d66e3a76bcc96110cc199bfa0418dca315f7070619e04fa0b6cdb2912db3786aaa34f2cad7dcee560eed2b4c3f7566e533"
        "e4a3bba9c9364397dd2ce45a0b85dde5c83fea27b4fb20bb0125346d24e5d9321f81b2"
    )


@pytest.mark.parametrize("with_rsa", [False, True])
def test_no_two_challenges_are_alike(with_rsa: bool) -> None:
    paper = PaperTpm(with_rsa=with_rsa)
    one, other = (challenge(paper.ek_public, paper.ak_public) for _ in range(2))
    assert one.answer != other.answer
    assert one.credential.secret != other.credential.secret
    assert one.answer not in one.credential.identity
    assert one.answer.hex() not in repr(one)


def test_only_an_endorsement_key_is_challenged() -> None:
    paper = PaperTpm()
    with pytest.raises(NotProven, match="not of a kind that makers certify"):
        make_credential(paper.ak_public, b"name", b"secret")
    with pytest.raises(NotProven, match="cut short"):
        make_credential(paper.ek_public[:-1], b"name", b"secret")
