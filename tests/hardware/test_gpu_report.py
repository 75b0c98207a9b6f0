"""The owner is told why a GPU gives no report; and what it gives is passed on as it is, bound to what was asked."""

from pathlib import Path

import pytest

from fake_driver import FakeDriver, no_library, without
from mulberry.attestation.gpu_report import verify
from mulberry.hardware.gpu_report import collect
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.time_limit import TimeLimit
from synthetic_gpu_report import NONCE, NOW, SyntheticNvidia

UUID = "GPU-fa4e0000-0000-0000-0000-000000000001"


@pytest.fixture(scope="module")
def nvidia() -> SyntheticNvidia:
    return SyntheticNvidia()


@pytest.fixture
def confidential(driver: FakeDriver, nvidia: SyntheticNvidia, tmp_path: Path) -> str:
    """The state of a driver with two GPUs, the second of which answers one nonce."""
    (tmp_path / "chain.pem").write_bytes(nvidia.chain_pem)
    (tmp_path / NONCE.hex()).write_bytes(nvidia.report(NONCE))
    state = f"count 2\ncc_feature 1\nd1.cc_certificates {tmp_path / 'chain.pem'}\nd1.cc_reports {tmp_path}\n"
    driver.says(state)
    return state


@pytest.mark.usefixtures("confidential")
def test_what_the_driver_gives_is_passed_on_and_verifies(nvidia: SyntheticNvidia) -> None:
    evidence = collect(UUID, NONCE)
    assert (evidence.uuid, evidence.nonce, evidence.chain) == (UUID, NONCE, nvidia.chain)
    assert verify(evidence, NONCE, nvidia.references(), NOW).driver_version == "590.12"


@pytest.mark.parametrize(
    ("code", "why", "turn"),
    [
        (3, "not run in confidential mode", WhoseTurn.YOU),
        (4, "may not talk", WhoseTurn.YOU),
        (10, "did not answer in time", WhoseTurn.YOU),
        (15, "fallen off the bus", WhoseTurn.YOU),
        (16, "must be reset", WhoseTurn.YOU),
        (18, "was updated", WhoseTurn.YOU),
        (19, "Another program", WhoseTurn.YOU),
        (27, "not ready yet", WhoseTurn.NOBODY),
        (999, "gave an error", WhoseTurn.YOU),
    ],
)
def test_each_error_of_the_driver_is_said_in_words(
    driver: FakeDriver, confidential: str, code: int, why: str, turn: WhoseTurn
) -> None:
    driver.says(f"{confidential}err.nvmlDeviceGetConfComputeGpuAttestationReport {code}\n")
    with pytest.raises(UserFacingError) as refused:
        collect(UUID, NONCE)
    assert why in refused.value.why
    assert refused.value.whose_turn is turn
    assert f"NVML error {code}" in refused.value.detail
    assert str(code) not in str(refused.value).replace(UUID, "")


def test_a_gpu_outside_confidential_mode_has_no_certificates(driver: FakeDriver) -> None:
    driver.says("count 2\n")
    with pytest.raises(UserFacingError, match="not run in confidential mode"):
        collect(UUID, NONCE)


def test_a_gpu_that_is_gone_is_said_to_be(driver: FakeDriver) -> None:
    driver.says("count 1\n")
    with pytest.raises(UserFacingError, match="does not find this GPU"):
        collect(UUID, NONCE)


@pytest.mark.usefixtures("confidential")
def test_a_driver_from_before_reports_is_too_old() -> None:
    with without("nvmlDeviceGetConfComputeGpuCertificate"), pytest.raises(UserFacingError, match="too old"):
        collect(UUID, NONCE)


def test_without_a_driver_that_is_said() -> None:
    with no_library(), pytest.raises(UserFacingError, match="No NVIDIA driver is installed"):
        collect(UUID, NONCE)


def test_a_driver_that_hangs_holds_one_thread_and_nobody(driver: FakeDriver, confidential: str) -> None:
    driver.says(f"{confidential}hang.nvmlDeviceGetConfComputeGpuAttestationReport 1\n")
    limit = TimeLimit(0.05)
    for _ in range(3):
        with pytest.raises(UserFacingError, match="does not answer"):
            collect(UUID, NONCE, limit)
    driver.says(confidential)


@pytest.mark.parametrize("size", [0, 8193, 4_000_000_000])
def test_a_size_that_cannot_be_is_no_report(driver: FakeDriver, confidential: str, size: int) -> None:
    driver.says(f"{confidential}cc_report_size {size}\n")
    with pytest.raises(UserFacingError, match="no report"):
        collect(UUID, NONCE)


def test_certificates_that_cannot_be_read_are_no_report(driver: FakeDriver, confidential: str, tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    driver.says(confidential)
    with pytest.raises(UserFacingError) as refused:
        collect(UUID, NONCE)
    assert refused.value.whose_turn is WhoseTurn.YOU
