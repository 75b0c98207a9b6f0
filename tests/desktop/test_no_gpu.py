"""The GPU is the product: a window that draws with it takes memory and time from what is paid for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Qt's own libraries are linked against the empty fronts libGL and libGLX. These are what would stand behind them.
NEVER = (
    *("libGLX_", "libEGL_", "libGLES", "libOpenGL", "libvulkan", "libcuda", "nvidia", "gallium", "swrast", "_dri."),
    *("Qt6OpenGL", "Qt6Quick", "glx-integration", "egl-integration"),
)
WINDOW = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtGui import QSurface
from PySide6.QtWidgets import QApplication
from mulberry.desktop.app import opened
from mulberry.desktop.theme import Scheme
from mulberry.desktop.sidebar import PAGES

with opened(Path(sys.argv[1]), "demo", Scheme.DARK, 1.0) as desktop:
    for page in PAGES:
        desktop.window.choose(page)
        QApplication.processEvents()
    handle = desktop.window.windowHandle()
    assert handle.isExposed() and handle.surfaceType() is QSurface.SurfaceType.RasterSurface, handle.surfaceType()
    print(QApplication.platformName())
    print(Path("/proc/self/maps").read_text())
    desktop.end()
"""


def libraries(maps: str) -> set[str]:
    """The files that a process has mapped, by name."""
    return {line.split()[-1].rpartition("/")[2] for line in maps.splitlines() if "/" in line}


def draw(folder: Path, platform: str, *before: str) -> str:
    """What a process that has shown every page has mapped, after the name of its platform."""
    environment = {**os.environ, "QT_QPA_PLATFORM": platform, "PYTHONPATH": str(ROOT / "app"), "HOME": str(folder)}
    environment.pop("WAYLAND_DISPLAY", None)
    done = subprocess.run(
        [*before, sys.executable, "-c", WINDOW, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_raster_only(said: str, platform: str) -> None:
    name, _, maps = said.partition("\n")
    assert name == platform
    loaded = libraries(maps)
    assert any(library.startswith("libQt6Widgets") for library in loaded), "nothing was seen"
    assert [library for library in sorted(loaded) if any(part in library for part in NEVER)] == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/maps")
def test_without_a_screen_no_library_that_draws_with_the_gpu_is_loaded(tmp_path: Path) -> None:
    assert_raster_only(draw(tmp_path, "offscreen"), "offscreen")


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs xvfb-run, a screen in memory")
def test_on_a_real_screen_no_library_that_draws_with_the_gpu_is_loaded(tmp_path: Path) -> None:
    assert_raster_only(draw(tmp_path, "xcb", "xvfb-run", "-a"), "xcb")
