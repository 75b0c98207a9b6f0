"""What all tests share: loops, a settable clock, and the demand that nothing is left behind."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings

from fake_driver import FakeDriver, build_library, loaded
from virtual_time import VirtualTimeLoop

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

settings.register_profile("ci", deadline=None, print_blob=True)  # a busy CI core is no bug
settings.load_profile("ci")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    if "qtbot" in getattr(item, "fixturenames", ()):
        import qasync
        import shiboken6
        from PySide6.QtWidgets import QApplication

        class Loop(qasync.QEventLoop):  # type: ignore[misc]  # it brings no types
            """Takes its timer along: else the garbage collector deletes it, maybe on another thread, and Qt crashes."""

            def close(self) -> None:
                was_closed = self.is_closed()
                super().close()
                if not was_closed:
                    shiboken6.delete(self._timer)

        return {"qasync": lambda: Loop(QApplication.instance() or QApplication([]))}
    if item.get_closest_marker("virtual_time"):
        return {"virtual": VirtualTimeLoop}
    return {"asyncio": asyncio.new_event_loop}


class SettableClock:
    """A wall clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def pass_time(self, **duration: float) -> None:
        self.moment += timedelta(**duration)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, emulator_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or touches the developer's own Mulberry."""
    monkeypatch.setenv("MULBERRY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MULBERRY_CACHE", str(emulator_cache))


@pytest.fixture(scope="session")
def emulator_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Beside the folders of single test runs, so that only the first of them compiles."""
    return tmp_path_factory.getbasetemp().parent / "emulator"


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake driver, built once a run."""
    library = build_library(tmp_path_factory.mktemp("fake-nvml"))
    if library is None:
        pytest.skip("needs a C compiler to build the fake driver")
    return library


@pytest.fixture
def driver(nvml_library: Path, tmp_path: Path) -> Iterator[FakeDriver]:
    """An empty computer's."""
    with loaded(nvml_library, tmp_path / "driver-state") as driver:
        yield driver


@pytest.fixture(autouse=True)
def no_thread_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [thread for thread in set(threading.enumerate()) - before if thread.is_alive() and not thread.daemon]
    left = [thread for thread in left if not thread.name.startswith("asyncio_")]  # the loop's own pool ends with it
    assert not left, f"threads left behind: {left}"
