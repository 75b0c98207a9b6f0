"""What nobody may find out on an owner's computer: that an upgrade loses data, or an uninstaller takes a key away."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest

from installers.windows.trials import TRIALS, Bench, make_bench
from installers.windows.wine import wine_program

pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("MULBERRY_RELEASE"), reason="a minute of Wine; release builds set MULBERRY_RELEASE"
    ),
    pytest.mark.skipif(shutil.which("makensis") is None, reason="NSIS is not installed"),
    pytest.mark.skipif(wine_program() is None, reason="Wine is not installed"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = make_bench(tmp_path_factory.mktemp("windows"))
    yield made
    made.computer.end()


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.__name__)
def test_the_installer_keeps_its_promise(bench: Bench, trial: Callable[[Bench], None]) -> None:
    trial(bench)
