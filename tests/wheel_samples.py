"""A small GPU runtime for tests: wheels made here, a table that names them, and wheels that go wrong."""

import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from mulberry.model.gpu_runtime import GpuNeeds, GpuRuntime, Wheel

NEEDS = GpuNeeds("13.0", 580, ((7, 5), (8, 6), (8, 9)))
OLDER_NEEDS = GpuNeeds("12.8", 525, ((6, 0), (7, 0), (7, 5), (8, 6)))
LIBRARY = "nvidia_something-13.0.1-py3-none-any.whl"
ONNXRUNTIME = "onnxruntime_gpu-9.9.9-cp311-cp311-any.whl"


def packed(files: dict[str, bytes]) -> bytes:
    """A wheel with these files, in their order."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in files.items():
            wheel.writestr(zipfile.ZipInfo(name), data)
    return content.getvalue()


def wheel_of(name: str, content: bytes) -> Wheel:
    """Its line in the table, by what it says of itself."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            unpacked = sum(entry.file_size for entry in wheel.infolist())
    except zipfile.BadZipFile:
        unpacked = 1
    return Wheel(name, len(content), unpacked, hashlib.sha256(content).hexdigest())


def usual_files() -> dict[str, bytes]:
    """By their names, as an index has them: one large enough to be cut."""
    onnxruntime = {
        "onnxruntime/__init__.py": b"__version__ = '9.9.9'\n",
        "onnxruntime/capi/libonnxruntime_providers_cuda.so": bytes(range(256)) * 40 + hashlib.sha512(b"x").digest(),
        "onnxruntime_gpu-9.9.9.dist-info/RECORD": b"",
    }
    library = {"nvidia/__init__.py": b"", "nvidia/cu13/lib/libsomething.so.13": hashlib.sha512(b"y").digest() * 100}
    other = {"nvidia/__init__.py": b"", "nvidia/cudnn/lib/libcudnn.so.9": hashlib.sha512(b"z").digest() * 100}
    return {
        ONNXRUNTIME: packed(onnxruntime),
        LIBRARY: packed(library),
        "nvidia_cudnn-9.1.0-py3-none-any.whl": packed(other),
    }


@dataclass
class SmallRuntime:
    """`files` as an index has them, and what the table says of them."""

    files: dict[str, bytes] = field(default_factory=usual_files)
    version: str = "9.9.9-cuda13-cp311-00000001"
    needs: GpuNeeds = NEEDS

    @property
    def runtime(self) -> GpuRuntime:
        wheels = tuple(wheel_of(name, content) for name, content in self.files.items())
        return GpuRuntime("cuda13", self.version, "9.9.9", self.needs, wheels)

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return folder
