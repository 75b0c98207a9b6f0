"""The wrong CUDA for a card is two gigabytes for nothing: which one fits is known before anything is fetched."""

import json
import sys
from dataclasses import replace

import pytest

from mulberry.model import gpu
from mulberry.model.gpu import GpuInfo
from mulberry.model.gpu_runtime import OF_MULBERRY, GpuNeeds
from mulberry.model.places import resource
from mulberry.runtime.gpu_runtimes.choosing import choose_runtime
from mulberry.runtime.gpu_runtimes.table import TABLE, runtimes_for
from samples import RTX_4090

LINUX = runtimes_for("linux", "cp311")
WINDOWS = runtimes_for("windows", "cp311")


def a_gpu(capability: tuple[int, int] | None, driver: str = "580.95.05", name: str = "A GPU") -> GpuInfo:
    return replace(RTX_4090, name=name, uuid=f"GPU-{name}", driver_version=driver, compute_capability=capability)


@pytest.mark.parametrize(
    ("capability", "driver", "on_linux", "on_windows"),
    [
        ((8, 9), "580.95.05", "cuda13", "cuda13"),  # RTX 4090
        ((12, 0), "590.10", "cuda13", "cuda13"),  # RTX 5090
        ((7, 5), "580.95.05", "cuda13", "cuda13"),  # RTX 2080
        ((9, 0), "580.95.05", "cuda13", "cuda13"),  # H100
        ((8, 9), "575.57.08", "cuda12", "cuda12"),  # a driver that was not updated
        ((6, 1), "580.95.05", "cuda12", "cuda12"),  # GTX 1080
        ((7, 0), "580.95.05", "cuda12", ""),  # V100: onnxruntime has no code for it on Windows
        ((5, 2), "580.95.05", "", "cuda12"),  # GTX 980: none on Linux
        ((10, 0), "580.95.05", "", ""),  # B200
        ((3, 5), "470.42.01", "", ""),
        ((8, 9), "470.42.01", "", ""),
        (None, "580.95.05", "cuda13", "cuda13"),
        ((8, 9), "a driver of tomorrow", "cuda13", "cuda13"),
    ],
)
def test_each_card_and_driver(capability: tuple[int, int] | None, driver: str, on_linux: str, on_windows: str) -> None:
    for table, name in ((LINUX, on_linux), (WINDOWS, on_windows)):
        choice = choose_runtime(table, [a_gpu(capability, driver)])
        assert (choice.runtime.name if choice.runtime else "") == name, choice.because
        assert choice.because.endswith(".")


def test_a_card_and_its_driver_are_named() -> None:
    choice = choose_runtime(LINUX, [a_gpu((6, 1), name="GTX 1080")])
    assert choice.because == "It is the newest for GTX 1080 (compute capability 6.1) with driver 580.95.05."


def test_with_several_cards_the_most_of_them_and_the_others_are_told_why() -> None:
    old, new = a_gpu((6, 1), name="GTX 1080"), a_gpu((8, 9), name="RTX 4090")
    both = choose_runtime(LINUX, [old, new])
    assert both.runtime is not None and both.runtime.name == "cuda12" and len(both.gpus) == 2
    newest = choose_runtime(LINUX, [a_gpu((12, 0), name="RTX 5090"), a_gpu((12, 0), name="RTX 5080"), old])
    assert newest.runtime is not None and newest.runtime.name == "cuda13"
    assert "GTX 1080: By its driver, this GPU has compute capability 6.1" in newest.because


def test_an_old_driver_is_told_what_it_could_be() -> None:
    assert "CUDA 13 needs 580 or newer" in choose_runtime(LINUX, [a_gpu((8, 9), "470.42.01")]).because


def test_without_a_gpu_or_a_table_there_is_a_reason() -> None:
    assert choose_runtime(LINUX, [], "No driver.").because == "No driver."
    assert "Linux or Windows on x86-64" in choose_runtime((), [a_gpu((8, 9))]).because


def test_the_nouns_say_of_cuda_13_and_12_what_the_table_says() -> None:
    newest, last_for_old = LINUX
    assert newest.needs == OF_MULBERRY == WINDOWS[0].needs
    assert last_for_old.needs.oldest_driver == gpu.OLDEST_DRIVER_OF_ALL
    assert min((LINUX, WINDOWS)[sys.platform == "win32"][1].needs.machine_code) == gpu.OLDEST_CAPABILITY_OF_ALL


def test_the_table_has_everything_for_each_python_and_each_system() -> None:
    content = json.loads(resource(TABLE).read_bytes())
    assert "://" not in json.dumps(content)
    for system in ("linux", "windows"):
        for python in ("cp311", "cp312", "cp313", "cp314"):
            for runtime in runtimes_for(system, python):
                projects = {wheel.project.removesuffix("-cu12").removesuffix("-cu13") for wheel in runtime.wheels}
                assert projects == {
                    *("onnxruntime-gpu", "nvidia-cublas", "nvidia-cuda-nvrtc", "nvidia-cuda-runtime"),
                    *("nvidia-cudnn", "nvidia-cufft", "nvidia-curand", "nvidia-nvjitlink"),
                }
                assert 10**9 < runtime.download_bytes < runtime.unpacked_bytes < 5 * 10**9
    assert runtimes_for("linux", "cp38") == () and runtimes_for("", "cp311") == ()


def test_no_two_sets_of_files_have_one_version() -> None:
    every = [runtime for system in ("linux", "windows") for runtime in runtimes_for(system, "cp312")]
    assert len({runtime.version for runtime in (*every, *LINUX, *WINDOWS)}) == 8


@pytest.mark.parametrize(
    "table", [b"", b"{}", b'{"format": 2, "runtimes": []}', b'{"format": 1, "runtimes": [{"name": "../x"}]}']
)
def test_a_table_that_is_none_is_no_table(table: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        runtimes_for("linux", "cp311", table)


def test_onnxruntime_is_the_one_that_mulberry_names() -> None:
    """A model that was tried out with one version must not meet another one on a GPU."""
    pyproject = (resource(TABLE).parents[1] / "pyproject.toml").read_text("utf-8")
    assert f"onnxruntime-gpu=={LINUX[0].onnxruntime};" in pyproject


def test_machine_code_runs_on_later_cards_of_its_generation_only() -> None:
    needs = GpuNeeds("13.0", 580, ((8, 0), (8, 6)))
    found = [needs.has_code_for(capability) for capability in ((7, 5), (8, 0), (8, 5), (8, 9), (9, 0))]
    assert found == [False, True, True, True, False]
