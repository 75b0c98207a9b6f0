"""Makes a TDX quote of the machine we run on, through the kernel's configfs-tsm. Works only inside a TDX guest.

Source: Linux, Documentation/ABI/testing/configfs-tsm-report (kernel 6.7 and later). A report is a folder: writing
REPORTDATA to `inblob` asks for a quote, reading `outblob` waits for it; `generation` counts the writes.
"""

import secrets
from contextlib import suppress
from pathlib import Path

from mulberry.attestation.quote import MOST_QUOTE_BYTES
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.known_errors import Stack, to_error
from mulberry.model.language import tr

REPORTS = Path("/sys/kernel/config/tsm/report")
REPORT_DATA_BYTES = 64


def make_quote(report_data: bytes, reports: Path = REPORTS) -> bytes:
    """A quote that carries `report_data` (64 bytes). Takes up to a second.

    Raises `UserFacingError`: this is no TDX guest, or its quoting service does not answer.
    """
    if len(report_data) != REPORT_DATA_BYTES:
        raise ValueError(f"REPORTDATA of {len(report_data)} bytes")
    if not reports.is_dir():
        raise UserFacingError(
            what=tr("This machine cannot make a TDX quote."),
            why=tr("There is no {reports}: it is not an Intel TDX guest, or configfs is not mounted.", reports=reports),
            next_step=tr(
                "Join a network that asks for no proof, or run Mulberry in a TDX guest with Linux 6.7 or later."
            ),
        )
    report = reports / f"mulberry-{secrets.token_hex(8)}"
    try:
        report.mkdir()
        try:
            return _ask(report, report_data)
        finally:
            with suppress(OSError):  # a folder left behind costs the kernel a few bytes and nobody else anything
                report.rmdir()
    except OSError as problem:
        raise to_error(tr("No TDX quote was made."), Stack.TSM, problem.errno or 0, detail=str(problem)) from problem


def _ask(report: Path, report_data: bytes) -> bytes:
    provider = (report / "provider").read_text(encoding="ascii", errors="replace").strip()[:40]
    if provider != "tdx_guest":
        raise UserFacingError(
            what=tr("This machine cannot make a TDX quote."),
            why=tr(
                "It is a confidential guest of another kind ({provider}), and the network knows only Intel TDX.",
                provider=provider,
            ),
            next_step=tr("Run Mulberry inside a TDX guest."),
        )
    (report / "inblob").write_bytes(report_data)
    asked = (report / "generation").read_text(encoding="ascii")
    with (report / "outblob").open("rb") as file:
        quote = file.read(MOST_QUOTE_BYTES + 1)
    if (report / "generation").read_text(encoding="ascii") != asked or not 0 < len(quote) <= MOST_QUOTE_BYTES:
        raise UserFacingError(
            what=tr("No usable TDX quote was made."),
            why=tr("The kernel gave {quote} bytes, or another program used the same report.", quote=f"{len(quote):,}"),
            next_step=tr("It is tried again by itself."),
            whose_turn=WhoseTurn.NOBODY,
        )
    return quote
