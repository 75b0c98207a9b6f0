"""llama.cpp's server with a small random model, for `test_real_server`: `python llama_server.py TOKENIZER_FOLDER GGUF`.

Runs in a Python that has `xllamacpp` and `gguf`, and nothing of ours. Prints the server's URL.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import xllamacpp  # type: ignore[import-not-found]
from gguf import GGUFWriter  # type: ignore[import-not-found]

NAME, CONTEXT = "mulberry/ignorant", 4096
TOKENS, WIDTH, LAYERS, HEADS, KEY_HEADS, HEAD, INNER = 512, 64, 2, 4, 2, 16, 128
END, PADDING = 2, 0
NORMAL, CONTROL = 1, 3  # kinds of tokens


def write_tokenizer(writer: GGUFWriter, folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    special = {one["id"]: one["content"] for one in tokenizer["added_tokens"]}
    names = {number: text for text, number in tokenizer["model"]["vocab"].items()} | special
    merges = tokenizer["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([names.get(number, f"[unused{number}]") for number in range(TOKENS)])
    writer.add_token_types([CONTROL if number in special else NORMAL for number in range(TOKENS)])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_eos_token_id(END)
    writer.add_pad_token_id(PADDING)
    writer.add_add_bos_token(False)
    writer.add_chat_template((folder / "chat_template.jinja").read_text("utf-8"))


def write_model(path: str, folder: Path) -> None:
    writer = GGUFWriter(path, "qwen3")
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    write_tokenizer(writer, folder)
    random = np.random.default_rng(7)
    shapes = {"token_embd": (TOKENS, WIDTH)}
    norms = {"output_norm": WIDTH}
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        norms |= {block + "attn_norm": WIDTH, block + "ffn_norm": WIDTH}
        norms |= {block + "attn_q_norm": HEAD, block + "attn_k_norm": HEAD}
        shapes |= {block + "attn_q": (HEADS * HEAD, WIDTH), block + "attn_output": (WIDTH, HEADS * HEAD)}
        shapes |= {block + "attn_k": (KEY_HEADS * HEAD, WIDTH), block + "attn_v": (KEY_HEADS * HEAD, WIDTH)}
        shapes |= {block + "ffn_gate": (INNER, WIDTH), block + "ffn_up": (INNER, WIDTH)}
        shapes |= {block + "ffn_down": (WIDTH, INNER)}
    for name, width in norms.items():
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", (random.standard_normal(shape) * 0.1).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    folder, path = Path(sys.argv[1]), sys.argv[2]
    write_model(path, folder)
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.model_alias = {NAME}
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel = CONTEXT, 4
    params.cpuparams.n_threads = 1
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    time.sleep(3600)  # until it is ended


if __name__ == "__main__":
    main()
