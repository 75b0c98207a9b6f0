"""Makes resources/gpu-runtimes.json. For a computer that reaches a package index; `python tools/gpu_runtimes.py`.

What stands in RECIPES is decided by people; files, sizes and hashes come from pip's own report and from the files, and
the machine code from onnxruntime's own library. pip's configuration says which index is asked; the table names none.
"""

import hashlib
import json
import mmap
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

TABLE = Path(__file__).parent.parent / "resources" / "gpu-runtimes.json"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {
    "linux": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "windows": ("win_amd64",),
}
PROVIDER = {"linux": "libonnxruntime_providers_cuda.so", "windows": "onnxruntime_providers_cuda.dll"}
BLOCK_BYTES = 1 << 20
# Of CUDA's archives of machine code ("fat binaries"): the same layout since CUDA 8, as public readers of them have it.
ARCHIVE = b"\x50\xed\x55\xba"
ARCHIVE_HEADER, ENTRY_HEADER = struct.Struct("<4sHHQ"), struct.Struct("<HHIQIIHHI")
MACHINE_CODE = 2


@dataclass(frozen=True)
class Recipe:
    """`cuda_toolkit` is NVIDIA's own list of which libraries belong together; `cudnn` must not be newer than the oldest
    card. Drivers: CUDA's minor version compatibility, from NVIDIA's deployment guide."""

    name: str
    onnxruntime: str
    cuda: str
    oldest_driver: int
    cuda_toolkit: str
    cudnn: str


LIBRARIES = "cuda-toolkit[cudart,cublas,cufft,curand,nvrtc,nvjitlink]"
RECIPES = (
    Recipe("cuda13", "1.31.1", "13.0", 580, f"{LIBRARIES}==13.0.2", "nvidia-cudnn-cu13==9.28.1.4"),
    # The last of onnxruntime for CUDA 12; the last cuDNN for Pascal and Volta (9.11 begins with Turing).
    Recipe("cuda12", "1.26.0", "12.8", 525, f"{LIBRARIES}==12.8.1", "nvidia-cudnn-cu12==9.10.2.21"),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        runtimes = [made(recipe, Path(folder)) for recipe in RECIPES]
    TABLE.write_text(json.dumps({"format": 1, "runtimes": runtimes}, indent=1) + "\n", "utf-8")


def made(recipe: Recipe, folder: Path) -> dict[str, Any]:
    wheels: list[dict[str, Any]] = []
    machine_code = {}
    for system, platforms in PLATFORMS.items():
        for python in PYTHONS:
            tag = f"cp{python.replace('.', '')}"
            (own,) = resolved((f"onnxruntime-gpu=={recipe.onnxruntime}", "--no-deps"), platforms, python, folder)
            wheel, path = fetched(own, folder)
            wheels.append({"name": wheel["name"], "system": system, "python": tag, **wheel})
            machine_code[system] = capabilities(path, PROVIDER[system], folder)
            path.unlink()
        for library in resolved((recipe.cuda_toolkit, recipe.cudnn), platforms, PYTHONS[0], folder):
            if "cuda_toolkit" in library["download_info"]["url"]:
                continue  # a list, without files
            wheel, path = fetched(library, folder)
            wheels.append({"name": wheel["name"], "system": system, "python": "py3", **wheel})
            path.unlink()
    return {
        "name": recipe.name,
        "onnxruntime": recipe.onnxruntime,
        "cuda": recipe.cuda,
        "oldest_driver": recipe.oldest_driver,
        "machine_code": machine_code,
        "wheels": wheels,
    }


def resolved(wanted: tuple[str, ...], platforms: tuple[str, ...], python: str, folder: Path) -> list[dict[str, Any]]:
    """What pip would install, by its own report."""
    report = folder / "report.json"
    words = [*("--dry-run", "--ignore-installed", "--only-binary", ":all:", "--python-version", python, "--quiet")]
    words += [word for platform in platforms for word in ("--platform", platform)]
    words += ["--target", str(folder / "nothing"), "--report", str(report), *wanted]
    subprocess.run([sys.executable, "-m", "pip", "install", *words], check=True)
    found: list[dict[str, Any]] = json.loads(report.read_bytes())["install"]
    return sorted(found, key=lambda each: str(each["download_info"]["url"]).rpartition("/")[2])


def fetched(found: dict[str, Any], folder: Path) -> tuple[dict[str, Any], Path]:
    """The file's line of the table, and the file."""
    url, said = found["download_info"]["url"], found["download_info"]["archive_info"]["hashes"]["sha256"]
    path = folder / unquote(urlsplit(url).path.rpartition("/")[2])
    digest = hashlib.sha256()
    with urlopen(url) as answer, path.open("wb") as file:  # noqa: S310 - pip's own address
        while block := answer.read(BLOCK_BYTES):
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != said:
        raise SystemExit(f"{path.name}: the index's hash is not the file's")
    with zipfile.ZipFile(path) as wheel:
        unpacked = sum(entry.file_size for entry in wheel.infolist())
    return {"name": path.name, "size": path.stat().st_size, "unpacked": unpacked, "sha256": said}, path


def capabilities(wheel: Path, library: str, folder: Path) -> list[tuple[int, int]]:
    """For which compute capabilities the library within the wheel has machine code."""
    with zipfile.ZipFile(wheel) as files:
        path = Path(files.extract(f"onnxruntime/capi/{library}", folder))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = sorted(set(architectures(content)))
    path.unlink()
    return [divmod(architecture, 10) for architecture in found]


def architectures(content: mmap.mmap) -> Iterator[int]:
    """Of each piece of machine code: 75 for compute capability 7.5."""
    place = content.find(ARCHIVE, 0)
    while 0 <= place <= len(content) - ARCHIVE_HEADER.size:
        _, _, header_bytes, size = ARCHIVE_HEADER.unpack_from(content, place)
        end = place + ARCHIVE_HEADER.size
        if header_bytes == ARCHIVE_HEADER.size and end + size <= len(content):
            entry, end = end, end + size
            while entry + ENTRY_HEADER.size <= end:
                kind, _, entry_header_bytes, entry_bytes, *_, architecture = ENTRY_HEADER.unpack_from(content, entry)
                if kind == MACHINE_CODE:
                    yield architecture
                entry += max(entry_header_bytes + entry_bytes, ENTRY_HEADER.size)
        place = content.find(ARCHIVE, end)


if __name__ == "__main__":
    main()
