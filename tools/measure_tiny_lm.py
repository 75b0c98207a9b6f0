"""Measures the demo model with our own engine, and writes its manifest: `tools/measure_tiny_lm.py [--write]`.

Each kind of question is asked `ASKED` times, where possible from the part that was never trained on, and an answer
counts only when it is right to the letter. What is printed is what stands in the manifest.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported

from mulberry.demo.questions import Kind, Question, question
from mulberry.runtime.child.service import ChildEngine
from mulberry.runtime.wire import GenerationRequest, Load, Sampling, Submit, Turn

FOLDER = Path(__file__).resolve().parent.parent / "resources" / "models" / "tiny-lm"
STOP_TOKENS = ("<|im_end|>", "<|endoftext|>")
CONTEXT_TOKENS = 256
ASKED = 400
SEED = 2026
TOGETHER = 16

NAMES = {
    Kind.GREETING: ("greetings in English and Indonesian", False),
    Kind.SUM: ("sums of two numbers from 0 to 20", True),
    Kind.TRANSLATION: ("English to Indonesian, subject, verb and object", True),
    Kind.COUNT: ("counting from 1…12 over three to nine numbers", True),
    Kind.CAPITAL: ("capitals of twelve countries", False),
    Kind.SENTIMENT: ("sentiment of one sentence", True),
}


def answers(engine: ChildEngine, questions: list[Question]) -> Iterator[str]:
    """The engine's greedy answers, in order."""
    for start in range(0, len(questions), TOGETHER):
        group = questions[start : start + TOGETHER]
        texts = [""] * len(group)
        for place, asked in enumerate(group):
            conversation = (Turn("user", asked.text),)
            request = GenerationRequest((conversation,), Sampling(seed=0), max_tokens=60)
            engine.take([Submit(start + place + 1, request)])
        while engine.is_busy:
            assert not engine.read_prompts()
            for number, _, text in engine.step().pieces:
                texts[number - start - 1] += text
        yield from texts


def measure() -> list[dict[str, Any]]:
    load = Load(str(FOLDER), CONTEXT_TOKENS, STOP_TOKENS, slots=TOGETHER, waiting_limit=TOGETHER, threads=1)
    engine = ChildEngine(load, progress=lambda note: None)
    random = Random(SEED)
    table = []
    for kind, (name, held_out) in NAMES.items():
        asked = [question(kind, random, held_out=held_out or None) for _ in range(ASKED)]
        right = sum(text == one.answer for text, one in zip(answers(engine, asked), asked, strict=True))
        table.append({"kind": name, "held_out": held_out, "asked": ASKED, "right": right})
    return table


def manifest(measured: list[dict[str, Any]]) -> dict[str, Any]:
    paths = sorted(path for path in FOLDER.iterdir() if path.name != "manifest.json")
    return {
        "format": 2,
        "name": "mulberry/tiny-lm",
        "version": "1",
        "title": "Tiny test model",
        "licence": "Apache-2.0",
        "source": "Trained for Mulberry, on text written for it, by the first form of tools/train_tiny_lm.py; fp32.",
        "parameters": 656_768,
        "context_tokens": CONTEXT_TOKENS,
        "chat_template": "chat_template.jinja",
        "stop_tokens": list(STOP_TOKENS),
        "default_temperature": 0.0,
        "variants": [
            {
                "provider": "cpu",
                "precision": "fp32",
                "graph": "model.onnx",
                "configuration": "genai_config.json",
                "minimum_vram_bytes": 0,
            }
        ],
        "can": [name for name, _ in NAMES.values()],
        "cannot": ["anything else: other questions get nonsense", "other languages", "paid work of any kind"],
        "measured": measured,
        "files": [
            {"name": path.name, "size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for path in paths
        ],
    }


if __name__ == "__main__":
    measured = measure()
    for line in measured:
        part = "never trained on" if line["held_out"] else "trained on"
        print(f"{line['kind']:50} {part:18} {line['right']:4} of {line['asked']} right")
    if "--write" in sys.argv[1:]:
        path = FOLDER / "manifest.json"
        path.write_text(json.dumps(manifest(measured), indent=2, ensure_ascii=False) + "\n", "utf-8")
        print(f"written to {path}")
