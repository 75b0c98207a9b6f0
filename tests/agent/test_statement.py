"""Drivers and firmware say anything; what is made of it must still be a statement that every verifier reads."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.agent.device_key import device_key
from mulberry.agent.statement import Looked, model_of, statement_of
from mulberry.attestation.manifest import Statement, facts_of, read_statement, write_statement
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu import ConfidentialMode, GpuInfo, GpuReport
from mulberry.model.host import ConfidentialReport, Finding, HostReport
from mulberry.model.language import tr
from mulberry.model.places import resource
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.provider import Confinement, Tier
from mulberry.runtime.wire import ALL_CANARIES
from shown_computer import SOFTWARE

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
UNKNOWN: Finding[bool] = Finding(None, "nobody looked")
HOST = HostReport(
    **{
        field.name: Finding("Linux", "/proc") if field.name in ("kernel", "cpu", "machine", "qemu") else UNKNOWN
        for field in fields(HostReport)
    }  # type: ignore[arg-type]
)
CONFIDENTIAL = ConfidentialReport(
    gpus=(),
    mode=Finding(ConfidentialMode.DEV_TOOLS, "the NVIDIA driver"),
    simulated=UNKNOWN,
    protected_pcie=UNKNOWN,
    ready=UNKNOWN,
    cpu=Finding("Intel TDX", "the NVIDIA driver"),
)


def a_gpu(number: int = 0, name: str = "NVIDIA H100", vbios: str | None = "96.00.A5.00.01") -> GpuInfo:
    return GpuInfo(
        uuid=f"GPU-{number}",
        pci_address="00000000:01:00.0",
        name=name,
        driver_version="590.12",
        memory_total_bytes=80 * 2**30,
        memory_used_bytes=None,
        load_percent=None,
        power_milliwatt=None,
        power_limit_milliwatt=None,
        temperature_celsius=None,
        vbios_version=vbios,
    )


def looked(*gpus: GpuInfo, host: HostReport = HOST, confinement: Confinement | None = None) -> Looked:
    return Looked(SOFTWARE, GpuReport(gpus, None, NOW), host, CONFIDENTIAL, None, confinement)


def read_back(seen: Looked) -> Statement:
    return read_statement(write_statement(statement_of(seen, bytes(32), b"", NOW)))


@given(st.text(max_size=400), st.text(max_size=400), st.none() | st.text(max_size=400))
def test_whatever_names_say_the_statement_is_read(name: str, evidence: str, vbios: str | None) -> None:
    host = replace(HOST, kernel=Finding(name, evidence), secure_boot=Finding(None, evidence))
    statement = read_back(looked(a_gpu(name=name, vbios=vbios), host=host))
    assert all(fact.value.isprintable() for fact in facts_of(statement))


def test_uuids_are_told_as_hashes_only() -> None:
    statement = statement_of(looked(a_gpu(7)), bytes(32), b"", NOW)
    assert b"GPU-7" not in write_statement(statement)
    assert statement.gpus[0].uuid == sha256(b"GPU-7").hexdigest()


def test_more_gpus_than_are_read_are_left_out() -> None:
    assert len(read_back(looked(*map(a_gpu, range(70)))).gpus) == 64


def test_modes_and_truths_are_told_in_words() -> None:
    facts = {fact.name: fact.value for fact in facts_of(read_back(looked()))}
    assert facts["GPUs' confidential computing"] == "dev tools (the NVIDIA driver)"
    assert facts["Secure Boot"] == "unknown, because nobody looked"


@pytest.mark.parametrize(
    ("tier", "told"), [(Tier.NONE, str(Tier.NONE)), (Tier.LANDLOCK, "Landlock and seccomp: 13 of 13 checks passed")]
)
def test_the_sandbox_is_told_as_it_was_tested(tier: Tier, told: str) -> None:
    confinement = Confinement(tier, ALL_CANARIES, landlock=5, user=1000)
    facts = {fact.name: fact.value for fact in facts_of(read_back(looked(confinement=confinement)))}
    assert facts["Sandbox"] == told


def test_a_model_is_the_hash_of_its_manifest_as_it_lies_there_now() -> None:
    folder = resource("models/tiny-lm")
    stated = model_of(ModelFolder.read(folder))
    assert stated.manifest == sha256((folder / "manifest.json").read_bytes()).hexdigest()


def test_a_device_key_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="device key cannot be kept"):
        device_key(tmp_path / "no folder" / "device.key")
    (tmp_path / "large").write_bytes(bytes(100_000))
    with pytest.raises(UserFacingError, match="holds something else"):
        device_key(tmp_path / "large")


@pytest.mark.usefixtures("in_brackets")
def test_a_statement_is_in_english() -> None:
    """Its verifier may not speak the owner's language."""
    host = replace(HOST, tdx_guest=Finding(False, tr("there is no {path}", path="/dev/tdx_guest")))
    written = write_statement(statement_of(looked(host=host), bytes(32), b"", NOW))
    assert b"there is no /dev/tdx_guest" in written
    assert b"\\u27e6" not in written
