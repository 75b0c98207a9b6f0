"""Trains the demo model and exports it: `tools/train_tiny_lm.py FOLDER [--steps 1800]`, 12 minutes on one core.

It needs what Mulberry itself does not, in an environment of its own: torch, transformers, tokenizers, onnx-ir and
onnxruntime-genai 0.18. The text is that of `mulberry.demo.questions`, without the part held out. The result lies in
FOLDER/onnx; copy it to resources/models/tiny-lm and run tools/measure_tiny_lm.py --write.

Two runs give two models: the sums are right to 85 % with few steps and to 97 % at best. The committed one was made in
480 seconds by this script's first form (same text, tokenizer, shape and schedule).
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from mulberry.demo.questions import FREQUENCIES, Question, question

SEED = 0
VOCABULARY = 512
CONTEXT_TOKENS = 256
TOKENIZER_SAMPLES = 6_000
BATCH = 64
PEAK_LEARNING_RATE = 3e-3
WARM_UP_STEPS = 50
IGNORED = -100  # torch's label for "do not learn this": the questions

CONTROL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
PAD, START, END = range(3)
# Qwen's way of cutting text into words, with every digit on its own: sums are learned digit by digit.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TEMPLATE = (
    "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def training_question(random: Random) -> Question:
    (kind,) = random.choices(list(FREQUENCIES), list(FREQUENCIES.values()))
    return question(kind, random, held_out=False)


def dialogue(question: str) -> str:
    """What the chat template makes of one question."""
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


def train_tokenizer(random: Random) -> Tokenizer:
    asked = (training_question(random) for _ in range(TOKENIZER_SAMPLES))
    text = [dialogue(one.text) + one.answer + "<|im_end|>\n" for one in asked]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=CONTROL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text, trainer)
    return tokenizer


def new_model() -> Any:
    """656,768 parameters in Qwen3's shape."""
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=VOCABULARY,
            hidden_size=128,
            intermediate_size=256,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            max_position_embeddings=CONTEXT_TOKENS,
            rope_theta=10_000.0,
            tie_word_embeddings=True,
            eos_token_id=END,
            pad_token_id=PAD,
            bos_token_id=None,
        )
    )


def batch(tokenizer: Tokenizer, random: Random) -> dict[str, Any]:
    """`BATCH` dialogues, padded at the right, of which only the answers are to be learned."""
    inputs, labels = [], []
    for _ in range(BATCH):
        asked = training_question(random)
        prompt = tokenizer.encode(dialogue(asked.text)).ids
        answer = [*tokenizer.encode(asked.answer).ids, END]
        inputs.append(prompt + answer)
        labels.append([IGNORED] * len(prompt) + answer)
    longest = max(map(len, inputs))
    return {
        "input_ids": torch.tensor([row + [PAD] * (longest - len(row)) for row in inputs]),
        "labels": torch.tensor([row + [IGNORED] * (longest - len(row)) for row in labels]),
        "attention_mask": torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in inputs]),
    }


def train(model: Any, tokenizer: Tokenizer, random: Random, steps: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=0.01, betas=(0.9, 0.98))
    model.train()
    for step in range(steps):
        rate = PEAK_LEARNING_RATE * min(1.0, (step + 1) / WARM_UP_STEPS) * (1 - step / steps) ** 0.7
        for group in optimizer.param_groups:
            group["lr"] = max(rate, 1e-5)
        loss = model(**batch(tokenizer, random)).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step:5} of {steps}, loss {loss.item():.4f}", flush=True)


def save(model: Any, tokenizer: Tokenizer, folder: Path) -> None:
    model.eval()
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=CONTROL_TOKENS[END],
        pad_token=CONTROL_TOKENS[PAD],
        model_max_length=CONTEXT_TOKENS,
        chat_template=CHAT_TEMPLATE,
    ).save_pretrained(folder)


def export(checkpoint: Path, folder: Path) -> None:
    """By onnxruntime-genai's own builder. Whole weights: four bits save 2 MB and cost batched speed."""
    builder = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
    subprocess.run([*builder, "-i", checkpoint, "-o", folder, "-p", "fp32", "-e", "cpu"], check=True)
    config = json.loads((folder / "genai_config.json").read_text("utf-8"))
    assert config["model"]["context_length"] == CONTEXT_TOKENS


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--steps", type=int, default=1800)
    chosen = arguments.parse_args()
    torch.set_num_threads(1)  # on a busy computer two are slower than one
    torch.manual_seed(SEED)
    random = Random(SEED)
    tokenizer = train_tokenizer(random)
    model = new_model()
    train(model, tokenizer, random, chosen.steps)
    save(model, tokenizer, chosen.folder / "checkpoint")
    export(chosen.folder / "checkpoint", chosen.folder / "onnx")
