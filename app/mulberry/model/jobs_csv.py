"""Jobs as comma-separated lines, the same from the command line and out of the window."""

import csv
import io
from collections.abc import Iterable

from mulberry.model.jobs import Job

COLUMNS = ("number", "time", "model", "prompt", "answer", "seconds", "earned_nanoton", "outcome", "proxy", "error")


def csv_of_job(job: Job) -> str:
    """The line without its end; money empty until the proxy confirmed it."""
    return csv_line(
        (
            job.number,
            job.finished_at.isoformat(),
            harmless(job.model),
            job.prompt_tokens,
            job.completion_tokens,
            f"{job.latency_seconds:.6f}",
            job.earned if job.confirmed_tokens is not None else "",
            job.outcome,
            job.proxy,
            harmless(job.error),
        )
    )


def csv_line(values: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def harmless(text: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
