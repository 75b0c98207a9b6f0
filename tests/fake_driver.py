"""A stand-in for NVIDIA's driver, built from C when a test asks for it, so that the real pynvml calls a real library.

It owns no card and says so in every name. `fake_nvml/fake_nvml.c` tells what its state can say.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pynvml

SOURCE = Path(__file__).with_name("fake_nvml") / "fake_nvml.c"


def build_library(folder: Path) -> Path | None:
    """`libnvidia-ml.so.1` in `folder`. None where this computer has no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None or os.name == "nt":
        return None
    library = folder / "libnvidia-ml.so.1"
    flags = ("-shared", "-fPIC", "-O1", "-Wl,-soname,libnvidia-ml.so.1")
    subprocess.run([compiler, *flags, "-o", library, SOURCE], check=True)
    return library


class FakeDriver:
    """What the library says from now on is what `state` was last told."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self.says("")

    def says(self, text: str) -> None:
        """Lines of "key value", all at once. Latin-1, so that a text can say any byte."""
        new = self._state.with_suffix(".new")
        new.write_bytes(text.encode("latin-1"))
        new.replace(self._state)


@contextmanager
def loaded(library: Path, state: Path) -> Iterator[FakeDriver]:
    """`library` stands where pynvml would have loaded NVIDIA's own."""
    driver = FakeDriver(state)
    with (
        patch.dict(os.environ, {"FAKE_NVML_STATE": str(state)}),
        patch.object(pynvml, "nvmlLib", ctypes.CDLL(str(library))),
        patch.dict(pynvml._nvmlGetFunctionPointer_cache, clear=True),
    ):
        yield driver


class _OlderLibrary:
    def __init__(self, library: object, missing: tuple[str, ...]) -> None:
        self._library, self._missing = library, missing

    def __getattr__(self, name: str) -> object:
        if name in self._missing:
            raise AttributeError(name)
        return getattr(self._library, name)


@contextmanager
def without(*functions: str) -> Iterator[None]:
    """The loaded library is older: it has no such functions."""
    with (
        patch.object(pynvml, "nvmlLib", _OlderLibrary(pynvml.nvmlLib, functions)),
        patch.dict(pynvml._nvmlGetFunctionPointer_cache, clear=True),
    ):
        yield


@contextmanager
def no_library() -> Iterator[None]:
    """No driver is installed, whatever this computer has."""

    def missing(*names: object, **options: object) -> None:
        raise OSError("no such library")

    with (
        patch.object(pynvml, "nvmlLib", None),
        patch.object(pynvml, "CDLL", missing),
        patch.dict(pynvml._nvmlGetFunctionPointer_cache, clear=True),
    ):
        yield
