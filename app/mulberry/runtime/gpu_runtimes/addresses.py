"""Where a runtime's files can be had: pip says, from whatever index its owner or packager has configured.

Mulberry names no index. pip picks the very files, because each is asked for by its hash; the addresses in its report
(https://pip.pypa.io/en/stable/reference/installation-report/) are all that is taken. pip does not fetch the files
itself: what it has fetched of one is lost when it is interrupted, and a runtime has some hundred megabytes in a file.
"""

import asyncio
import importlib.util
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded
from mulberry.model.gpu_runtime import Wheel
from mulberry.model.language import tr
from mulberry.model.shown import shown

PATIENCE_SECONDS = 180.0
REPORT_LIMIT_BYTES = 16 << 20  # it has the projects' descriptions in it
WORDS_LIMIT_BYTES = 4096
PIP = (sys.executable, "-I", "-m", "pip")
OPTIONS = (
    *("install", "--dry-run", "--no-deps", "--ignore-installed", "--only-binary", ":all:", "--require-hashes"),
    *("--no-input", "--disable-pip-version-check", "--quiet"),
)


class _Place(BaseModel):
    model_config = ConfigDict(frozen=True)
    url: str


class _Found(BaseModel):
    model_config = ConfigDict(frozen=True)
    download_info: _Place


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True)
    install: tuple[_Found, ...]


async def ask_pip(wheels: Sequence[Wheel], pip: Sequence[str] = PIP) -> Mapping[str, str]:
    """The address of each file by its name. Raises `UserFacingError`."""
    if importlib.util.find_spec("pip") is None:
        raise _nowhere(tr("Python's pip, which knows where files can be had, is not installed."))
    with tempfile.TemporaryDirectory(prefix="mulberry-") as name:
        folder = Path(name)
        wanted, report = folder / "wanted.txt", folder / "report.json"
        lines = (f"{wheel.project}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in wheels)
        wanted.write_text("".join(lines), "ascii")
        command = [*pip, *OPTIONS, "--target", str(folder / "nothing"), "--report", str(report), "-r", str(wanted)]
        await _run(command)
        try:
            untrusted = read_bounded(report, REPORT_LIMIT_BYTES) or b""
            found = _Report.model_validate_json(untrusted).install
        except (OSError, ValueError, ValidationError) as problem:
            raise _nowhere(tr("pip's answer cannot be read.")) from problem
    named = {_file_name(each.download_info.url): each.download_info.url for each in found}
    for wheel in wheels:
        if wheel.name not in named:
            raise _nowhere(tr("pip's index has no {name}.", name=wheel.name))
    return named


async def _run(command: Sequence[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None  # noqa: S101 - asked for above
    words = bytearray()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while part := await process.stderr.read(WORDS_LIMIT_BYTES):
                words += part
                del words[:-WORDS_LIMIT_BYTES]
            status = await process.wait()
    except TimeoutError as problem:
        raise _nowhere(
            tr("pip found no answer within {seconds} seconds.", seconds=f"{PATIENCE_SECONDS:.0f}")
        ) from problem
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if status:
        last = words.decode(errors="replace").strip().rpartition("\n")[2]
        raise _nowhere(tr("pip found them nowhere, or could not ask."), shown(last, 300))


def _file_name(untrusted_url: str) -> str:
    try:
        return unquote(urlsplit(untrusted_url).path.rpartition("/")[2])
    except ValueError:
        return ""


def _nowhere(why: str, detail: str = "") -> UserFacingError:
    return UserFacingError(
        what=tr("Nobody says where the GPU runtime's files can be had."),
        why=why,
        next_step=tr(
            "See to the connection and to pip's configuration, or bring the files: `mulberry gpu-setup --from FOLDER`."
        ),
        detail=detail,
    )
