"""Draws the Hardware and Attestation pages of made-up computers, to be looked at: not all of them stand on a desk.

    PYTHONPATH=app:tests python tools/hardware_images.py FOLDER

The computers are those of the tests: files and a fake driver, read by the real code; their evidence is made up as well
and judged by the real verifier. The readings over time are invented here.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import sin
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["QT_SCALE_FACTOR"] = "2"

from PySide6.QtWidgets import QApplication

from fake_driver import build_library
from gpu_setup_samples import NO_GPU, NOTHING
from mulberry.agent.attesting_words import next_step, no_gpu_report, no_quote, seen
from mulberry.attestation.evidence import Evidence
from mulberry.attestation.levels import judge
from mulberry.attestation.manifest import facts_of
from mulberry.desktop.connection import Link, View
from mulberry.desktop.hardware_page import Part
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.theme import Scheme, Theme
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.desktop.window import MainWindow
from mulberry.model.gpu import GpuInfo, GpuProcess, GpuReport, Throttle
from mulberry.model.network import load_profile
from mulberry.model.proof import AttestationStatus, Level
from samples import NOON, a_status, a_wallet
from seen_computers import SeenComputer, see
from shown_computer import STATEMENT, World, stated
from synthetic_gpu_report import SyntheticNvidia
from synthetic_tdx import SyntheticIntel

COMPUTERS = {
    "rtx-4090": "RTX 4090 desktop with Secure Boot and TPM",
    "laptop": "laptop with two GPUs, Intel and RTX 4060",
    "h100-guest": "H100 in a TDX guest, confidential computing on",
    "no-gpu": "no GPU at all",
    "vfio": "H100 kept for a virtual machine",
}
SIZE = (1280, 1000)
SECONDS = 300


@dataclass
class Clock:
    """Stands where it was put."""

    moment: datetime = NOON

    def now(self) -> datetime:
        return self.moment


def evidence(name: str, world: World) -> Evidence:
    """A signed statement from all, more from some; the one without a GPU joins a test network with a fake quote."""
    if name == "h100-guest":
        return world.everything()
    bare = stated(STATEMENT)
    if name == "rtx-4090":
        return replace(bare, tpm=world.boot(bare))
    return replace(bare, tdx_quote=bare.report_data) if name == "no-gpu" else bare


def attested(name: str, world: World, computer: SeenComputer) -> AttestationStatus:
    verdict = judge(evidence(name, world), world.references, NOON)
    facts = facts_of(STATEMENT)
    hindrances = (
        () if verdict.level is Level.CONFIDENTIAL else (no_quote(computer.host), no_gpu_report(computer.confidential))
    )
    profile = load_profile("demo" if verdict.is_test else "mainnet")
    return AttestationStatus(verdict, facts, seen(profile, facts), hindrances, next_step=next_step(verdict, hindrances))


def reading(gpu: GpuInfo, second: int, place: int) -> GpuInfo:
    """Something that moves."""
    wave = sin((second + 40 * place) / 25)
    is_at_work = second > -200
    return replace(
        gpu,
        load_percent=int(50 + 45 * wave) if is_at_work else 3,
        memory_used_bytes=int(gpu.memory_total_bytes * (0.4 if is_at_work else 0.05)),
        power_milliwatt=int(180_000 + 80_000 * wave) if is_at_work else 30_000,
        temperature_celsius=int(60 + 8 * wave) if is_at_work else 41,
        graphics_mhz=2520 if is_at_work else 210,
        throttles=() if is_at_work else (Throttle.IDLE,),
        processes=(GpuProcess(4711, int(gpu.memory_total_bytes * 0.35), draws=False),) if is_at_work else (),
    )


def reports(computer: SeenComputer) -> Iterator[GpuReport]:
    """One a second, until noon."""
    for second in range(-SECONDS, 1):
        gpus = tuple(reading(gpu, second, place) for place, gpu in enumerate(computer.gpus.gpus))
        yield replace(computer.gpus, gpus=gpus, as_of=NOON + timedelta(seconds=second))


def draw(theme: Theme, computer: SeenComputer, status: AttestationStatus, picture: str) -> None:
    """Three pictures in the present colours; `picture` is a path with a {} for the page."""
    clock = Clock()
    jobs, transactions = JobsModel(), TransactionsModel()
    window = MainWindow(theme, clock, jobs, transactions)
    window.resize(*SIZE)
    window.show()
    for report in reports(computer):
        clock.moment = report.as_of
        window.show_view(View(Link.ANSWERS, replace(a_status(), gpus=report, as_of=report.as_of), a_wallet()))
    window.hardware.gpus.show_computer(computer.host, computer.confidential)
    window.hardware.gpus.runtime.show_status(NOTHING if computer.gpus.gpus else NO_GPU)
    window.hardware.eligibility.show_report(computer.eligibility)
    window.attestation.show_status(status)
    for page, part in (("Hardware", Part.ELIGIBILITY), ("Hardware", Part.GPUS), ("Attestation", None)):
        window.choose(page)
        if part is not None:
            window.hardware.show_part(part)
        for _ in range(5):
            QApplication.processEvents()
        window.grab().save(picture.format(part.name.lower() if part is not None else "attestation"))
    window.closing.connect(window.hide)
    window.close()
    window.deleteLater()
    QApplication.processEvents()


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    application = QApplication([])
    theme = Theme(application, Scheme.DARK)
    with tempfile.TemporaryDirectory(prefix="mulberry-") as temporary:
        library = build_library(Path(temporary))
        assert library is not None, "needs a C compiler to build the fake driver"
        for name, title in COMPUTERS.items():
            place = Path(temporary) / name
            place.mkdir()
            computer = see(title, library, place, Clock())
            status = attested(name, World(place, SyntheticIntel(), SyntheticNvidia()), computer)
            for scheme in (Scheme.DARK, Scheme.LIGHT):
                theme.choose(scheme)
                draw(theme, computer, status, str(folder / f"{name}-{{}}-{scheme}.png"))
    for picture in sorted(folder.glob("*.png")):
        print(picture)


if __name__ == "__main__":
    main()
