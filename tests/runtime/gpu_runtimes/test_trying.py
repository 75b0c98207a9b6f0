"""What was unpacked is used only after it has computed: a runtime that cannot be loaded would stop all work."""

import shutil
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest

from mulberry.model.errors import UserFacingError
from mulberry.runtime.gpu_runtimes import trying
from mulberry.runtime.gpu_runtimes.trying import CUDA_PROVIDER, try_out
from wheel_samples import SmallRuntime

RUNTIME = SmallRuntime().runtime
OURS = replace(RUNTIME, onnxruntime=onnxruntime.__version__)


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    """With the onnxruntime that is here, as another place of it."""
    folder = tmp_path / "libraries"
    folder.mkdir()
    (folder / "onnxruntime").symlink_to(Path(onnxruntime.__file__).parent)
    return folder


def says(folder: Path, program: str) -> None:
    (folder / "onnxruntime").unlink()
    (folder / "onnxruntime").mkdir()
    (folder / "onnxruntime" / "__init__.py").write_text(program, "utf-8")


def compiled(folder: Path) -> list[Path]:
    return list(folder.rglob("*.pyc"))


async def test_one_that_computes(libraries: Path) -> None:
    if CUDA_PROVIDER not in onnxruntime.get_available_providers():
        pytest.skip("the onnxruntime that is here is not made for GPUs")
    await try_out(OURS, libraries, "")


async def test_one_of_another_version(libraries: Path) -> None:
    with pytest.raises(UserFacingError, match="It is not what it should be"):
        await try_out(RUNTIME, libraries, "")


async def test_one_that_cannot_use_the_gpu_is_refused_with_the_cause(libraries: Path) -> None:
    with pytest.raises(UserFacingError) as refused:
        await try_out(OURS, libraries, "GPU-00000000-0000-0000-0000-000000000000")
    assert refused.value.why[0].isupper() and refused.value.why.endswith(".")
    assert "\n" not in refused.value.detail


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("raise ImportError('libsomething.so: cannot open')", "onnxruntime could not be started with it"),
        ("import os; os.abort()", "onnxruntime could not be started with it"),
        ("print('{}'); raise SystemExit(0)", "It said something else than it should"),
        ("print('x' * 1_000_000); raise SystemExit(0)", "It said something else than it should"),
    ],
)
async def test_one_that_is_broken(libraries: Path, program: str, why: str) -> None:
    says(libraries, program)
    with pytest.raises(UserFacingError) as refused:
        await try_out(OURS, libraries, "")
    assert why in refused.value.why and "kept" in refused.value.next_step
    assert not compiled(libraries), "what is installed is what the wheels have, and stays of their sizes"


async def test_an_onnxruntime_of_elsewhere_proves_nothing(libraries: Path) -> None:
    (libraries / "onnxruntime").unlink()
    with pytest.raises(UserFacingError) as refused:
        await try_out(OURS, libraries, "")
    assert "elsewhere" in refused.value.detail or "No module" in refused.value.detail


async def test_one_that_hangs_is_ended(libraries: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "TRIAL_SECONDS", 0.3)
    says(libraries, "import time; time.sleep(600)")
    with pytest.raises(UserFacingError, match="did not end within"):
        await try_out(OURS, libraries, "")
    shutil.rmtree(libraries)
