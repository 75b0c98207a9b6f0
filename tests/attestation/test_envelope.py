"""An envelope comes from anybody and is opened by anybody: what is not one is refused before it costs much."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.attestation.envelope import MOST_ENVELOPE_BYTES, read_envelope, write_envelope
from mulberry.attestation.errors import NotProven
from mulberry.attestation.evidence import Evidence, GpuEvidence, TpmEvidence
from mulberry.attestation.levels import judge
from mulberry.model.proof import Level
from shown_computer import NOW, STATEMENT, World, stated

parts = st.binary(max_size=60)
chains = st.lists(parts, max_size=3).map(tuple)
pcrs = st.dictionaries(st.integers(0, 23), st.binary(min_size=32, max_size=32), max_size=8)
tpms = st.builds(TpmEvidence, parts, parts, parts, pcrs, parts, chains, st.none() | parts)
gpus = st.builds(GpuEvidence, st.text(st.characters(exclude_categories=["C"]), max_size=20), parts, parts, chains)
evidence = st.builds(
    Evidence,
    parts,
    parts,
    parts,
    st.none() | parts,
    st.none() | tpms,
    st.lists(gpus, max_size=3).map(tuple),
)


@given(evidence)
def test_what_was_sealed_comes_out_again(shown: Evidence) -> None:
    assert read_envelope(write_envelope(shown)) == shown


def test_a_sealed_computer_proves_as_much_as_before(world: World) -> None:
    shown = read_envelope(write_envelope(world.everything()))
    assert judge(shown, world.references, NOW).level is Level.CONFIDENTIAL


def other_forms() -> dict[str, bytes]:
    tpm = TpmEvidence(b"1", b"2", b"3", {0: bytes(32)}, b"4")
    gpu = GpuEvidence("GPU-1", b"", b"", (b"c",))
    shown = replace(stated(STATEMENT), tpm=tpm, gpus=(gpu,))
    value: dict[str, Any] = json.loads(write_envelope(shown))

    def form(**changes: object) -> bytes:
        return json.dumps({**value, **changes}).encode()

    return {
        "nothing": b"",
        "a list": b"[]",
        "of another version": form(format="mulberry envelope 2"),
        "no base64": form(signature="%%%%"),
        "base64 with a gap": form(signature="AAAA AAAA"),
        "base64 cut short": form(signature="AAA"),
        "letters that look like digits": form(signature="ＡＡＡＡ"),
        "a PCR that no TPM has": form(tpm={**value["tpm"], "pcrs": {"24": "00" * 32}}),
        "a PCR written otherwise": form(tpm={**value["tpm"], "pcrs": {"00": "00" * 32}}),
        "too many PCRs": form(tpm={**value["tpm"], "pcrs": {str(n): "00" * 32 for n in range(25)}}),
        "too many GPUs": form(gpus=value["gpus"] * 65),
        "too long a chain": form(gpus=[{**value["gpus"][0], "chain": ["AAAA"] * 11}]),
        "too large a signature": form(signature="AAAA" * 400),
        "deep": b'{"gpus":' + b"[" * 100_000,
        "too large": b" " * (MOST_ENVELOPE_BYTES + 1),
        "no UTF-8": b"\xff\xfe",
    }


@pytest.mark.parametrize("name", other_forms())
def test_no_other_form_is_opened(name: str) -> None:
    with pytest.raises(NotProven, match="envelope"):
        read_envelope(other_forms()[name])


@pytest.fixture(scope="module")
def whole(world: World) -> Evidence:
    return world.everything()


@given(st.data())
def test_no_changed_byte_makes_another_statement_count(world: World, whole: Evidence, data: st.DataObject) -> None:
    sealed = bytearray(write_envelope(whole))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] = data.draw(st.integers(0, 255))
    try:
        shown = read_envelope(bytes(sealed))
    except NotProven:
        return
    level = judge(shown, world.references, NOW).level
    assert level is Level.NOT_ATTESTED or shown.statement == whole.statement
    assert shown != whole or level is Level.CONFIDENTIAL
