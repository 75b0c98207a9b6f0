"""Models as an agent reports them, for tests of what shows them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from mulberry.model.models import (
    CopyProgress,
    ModelKind,
    ModelsStatus,
    ModelVerb,
    ModelWay,
    ModelWork,
    StoredModel,
    StoreStatus,
    WorkState,
)
from samples import NOON

ADDRESS = "https://models.example.org/qwen3-4b/manifest.json"
BUNDLED = StoredModel(
    entry="tiny-lm",
    name="mulberry/tiny-lm",
    version="1",
    title="Mulberry tiny-lm",
    licence="Apache-2.0",
    size_bytes=548_000,
    imported_at=None,
    source="",
    in_use=True,
    context_tokens=256,
    ways=(ModelWay("cpu", "int4", 0),),
    made_from="Trained on sentences written for Mulberry by tools/train_tiny_lm.py.",
    is_bundled=True,
)
QWEN = StoredModel(
    entry="qwen-qwen3-4b-1-0123456789ab",
    name="Qwen/Qwen3-4B",
    version="2026.09",
    title="Qwen3 4B Instruct",
    licence="Apache-2.0",
    size_bytes=2_710_000_000,
    imported_at=NOON - timedelta(days=2),
    source=ADDRESS,
    in_use=False,
    context_tokens=32_768,
    ways=(ModelWay("cpu", "int4", 0), ModelWay("cuda", "fp16", 9_600_000_000)),
    made_from="Qwen team's weights, exported with onnxruntime-genai's builder.",
    judged_in="bubblewrap, Landlock and seccomp: 13 of 13 checks passed",
)
DAMAGED = replace(
    QWEN,
    entry="other-1-ba9876543210",
    title="Somebody's model",
    name="somebody/model",
    licence="",
    problem="Its manifest was changed after the import.",
    context_tokens=0,
    ways=(),
)
ENCODER = replace(
    QWEN,
    entry="all-minilm-l6-v2-1-00112233aabb",
    name="sentence-transformers/all-MiniLM-L6-v2",
    title="MiniLM L6, English",
    version="1",
    size_bytes=91_000_000,
    context_tokens=256,
    kind=ModelKind.EMBEDDING,
)
STORE = StoreStatus(
    place=Path("/home/me/.local/share/mulberry/model_store/models"),
    models=(QWEN, DAMAGED),
    used_bytes=5_420_000_000,
    free_bytes=412_000_000_000,
    quota_bytes=50_000_000_000,
)
MODELS = ModelsStatus((BUNDLED,), STORE)
EMPTY = ModelsStatus((BUNDLED,), replace(STORE, models=(), used_bytes=0, quota_bytes=None))
IMPORTING = ModelWork(
    ModelVerb.IMPORT,
    ADDRESS,
    WorkState.RUNNING,
    CopyProgress("model.onnx.data", 1_084_000_000, 2_710_000_000),
)
REFUSED = ModelWork(
    ModelVerb.IMPORT,
    ADDRESS,
    WorkState.REFUSED,
    problem=(
        "Qwen3 4B Instruct was inspected and refused. It is not on your disk any more.",
        "model.onnx: the operator 'com.evil.Shell' is not allowed. model.onnx: the tensor 'w' lies outside of the "
        "folder, in '../../etc/passwd'. model.onnx: a loop without a constant number of rounds.",
        "Choose another model, or ask its makers for one that needs nothing of this.",
    ),
)
