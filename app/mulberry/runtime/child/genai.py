"""Answers by onnxruntime-genai's engine, in place of our batcher: for models that are built with paged attention.

It batches, reads prompts and chooses tokens by itself; what a token means stays ours. What it cannot keep is refused:
response formats, OpenAI's penalties, best_of, and where it has no paged attention, seeds. There, on the CPU, it serves
few at once, and whoever comes later waits for them. A cancelled prompt is read to the end of its part.

Its interface changes with every version, so it is one version or none. Source: that version's Python binding.
"""

import importlib
import json
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from mulberry.runtime.child.answers import Answer, News, Speaker
from mulberry.runtime.child.prompt import PromptRefused
from mulberry.runtime.child.provider import ProviderUnusable
from mulberry.runtime.child.sampling import GREEDY_BELOW
from mulberry.runtime.wire import Finish, GenerationRequest, Load, Provider

VERSION = "0.18.0"
PACKAGES = ("onnxruntime-genai-cuda", "onnxruntime-genai")  # one of them; they hold the same module
CONFIGURATION = "genai_config.json"  # the only name that it reads
EVENTS = 64  # told at once; what does not fit comes with the next step
BLOCK_TOKENS = 16  # of the cache, as onnxruntime-genai's builder has it

# All that a configuration may say: the library would also load programs that one names.
SECTIONS = {"model", "search", "engine"}
OF_MODEL = {"bos_token_id", "context_length", "decoder", "eos_token_id", "pad_token_id", "type", "vocab_size"}
OF_DECODER = {
    "filename",
    "head_size",
    "hidden_size",
    "inputs",
    "num_attention_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "outputs",
    "session_options",
}
OF_SESSION = {"log_id", "provider_options"}  # these are replaced
OF_BATCHING = {"block_size", "num_blocks", "max_batch_size"}


class LibraryMissing(Exception):
    """onnxruntime-genai is not here, or is another version."""


def installed() -> str | None:
    """The version that is installed."""
    for package in PACKAGES:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return None


def the_library() -> Any:
    """Raises `LibraryMissing`."""
    if (found := installed()) != VERSION:
        there = "is not installed" if found is None else f"is there as {found}"
        raise LibraryMissing(f"this model needs onnxruntime-genai {VERSION}, which {there}")
    return importlib.import_module("onnxruntime_genai")


class GenaiBatcher:
    """Runs answers as `Batcher` does. `stop_ids` are the tokens that end one, besides those of the configuration.

    The provider must be proven. Raises `LibraryMissing`, `ProviderUnusable`, `ValueError` at a configuration that is
    not for this engine, or the library's own errors.
    """

    def __init__(self, load: Load, stop_ids: frozenset[int], clock: Callable[[], float], library: Any = None) -> None:
        whole = json.loads((Path(load.folder) / CONFIGURATION).read_text("utf-8"))
        _refuse_unknown(whole)
        self.vocabulary: int = whole["model"]["vocab_size"]
        self._library = library or the_library()
        self._is_paged = load.provider is Provider.CUDA
        self._engine = self._loaded(load, whole.get("engine", {}).get("dynamic_batching"))
        self._events = self._engine.create_event_buffer(EVENTS)
        self._speaker = Speaker(stop_ids, clock)
        self._answers: dict[Any, Answer] = {}  # by the engine's request

    @property
    def is_busy(self) -> bool:
        return bool(self._answers)

    @property
    def running(self) -> int:
        """Those that wait for the engine too: it does not tell."""
        return len(self._answers)

    @property
    def waiting(self) -> int:
        return 0

    def check(self, request: GenerationRequest) -> None:
        """Raises `PromptRefused`: the engine could not keep what it asks for."""
        sampling = request.sampling
        for is_asked, what, parameter in (
            (request.schema is not None, "a response_format", "response_format"),
            (sampling.frequency_penalty != 0, "a frequency_penalty", "frequency_penalty"),
            (sampling.presence_penalty != 0, "a presence_penalty", "presence_penalty"),
            (request.scored, "best_of", "best_of"),
            (not self._is_paged and _is_drawn(sampling), "a temperature other than 0", "temperature"),
        ):
            if is_asked:
                raise PromptRefused(
                    "unsupported_option", f"this model's engine cannot keep {what}", parameter=parameter
                )

    def add(self, answer: Answer) -> None:
        request = self._engine.create_request()
        options = self._library.TurnOptions(request)
        options.set_max_generated_tokens(answer.limit)
        sampling = answer.sampling
        options.set_do_sample(_is_drawn(sampling))
        if _is_drawn(sampling):
            options.set_temperature(sampling.temperature)
            options.set_top_p(sampling.top_p)
            options.set_top_k(0)
            options.set_seed((sampling.seed + answer.choice) % 2**64)
        request.begin_turn(np.array(answer.prompt, np.int32), options)
        self._answers[request] = answer

    def cancel(self, number: int) -> None:
        """Drops all answers of a request; unknown ones too: it may just have ended."""
        for request, answer in list(self._answers.items()):
            if answer.number == number:
                self._drop(request)

    def step(self) -> News:
        """Lets the engine do what it does at once. Raises `RuntimeError`: it failed."""
        news = News()
        for event in self._engine.run(self._events):
            answer = self._answers.get(event.request)
            if answer is not None:
                self._take(event, answer, news)
        return news

    def _take(self, event: Any, answer: Answer, news: News) -> None:
        flags, reasons = self._library.EngineEventFlags, self._library.FinishReason
        if event.flags & flags.FAILED:
            raise RuntimeError(f"onnxruntime-genai: {event.error_code}")
        if event.flags & flags.TOKEN and self._speaker.advance(answer, event.token, news):
            self._drop(event.request)
        elif event.flags & flags.TURN_FINISHED:
            ended = event.finish_reason == reasons.EOS
            answer.count += ended  # the end token, which it keeps to itself
            self._speaker.end(answer, Finish.STOP if ended else Finish.LENGTH, news)
            self._drop(event.request)

    def _drop(self, request: Any) -> None:
        request.close()
        del self._answers[request]

    def _loaded(self, load: Load, batching: Mapping[str, int] | None) -> Any:
        config = self._library.Config(load.folder)
        config.clear_providers()
        if self._is_paged:
            if batching is None:
                raise ValueError("the model was not built with paged attention")
            config.append_provider("cuda")
        config.overlay(json.dumps(_settings(load, batching)))
        model = self._library.Model(config)
        if model.device_type.lower() != load.provider.value:
            raise ProviderUnusable(f"onnxruntime-genai put the model on {model.device_type}")
        return self._library.Engine(model)


def _is_drawn(sampling: Any) -> bool:
    return bool(sampling.temperature >= GREEDY_BELOW and sampling.top_p > 0)


def _settings(load: Load, batching: Mapping[str, int] | None) -> dict[str, Any]:
    """What is ours to say. Left alone, it takes six tenths of the GPU's free memory, and lets a customer's prompt be
    answered sooner when another one began alike.
    """
    threads = {"intra_op_num_threads": load.threads, "session.intra_op.allow_spinning": "0"}
    decoder = {"session_options": threads}
    if load.provider is Provider.CPU:
        engine: dict[str, Any] = {"static_batching": {"max_batch_size": load.slots}}
    else:
        tokens = (batching or {}).get("block_size", BLOCK_TOKENS)
        blocks = load.slots * -(-load.context_tokens // tokens)
        engine = {"dynamic_batching": {"max_batch_size": load.slots, "num_blocks": blocks, "prefix_caching": False}}
    return {"model": {"decoder": decoder}, "engine": engine, "search": {"max_length": load.context_tokens}}


def _refuse_unknown(whole: Mapping[str, Any]) -> None:
    """Raises `ValueError`, `KeyError` or `TypeError`."""
    model = whole["model"]
    decoder = model["decoder"]
    engine = whole.get("engine", {})
    for named, known in (
        (whole, SECTIONS),
        (model, OF_MODEL),
        (decoder, OF_DECODER),
        (decoder.get("session_options", {}), OF_SESSION),
        (engine, {"dynamic_batching"}),
        (engine.get("dynamic_batching", {}), OF_BATCHING),
    ):
        if unknown := sorted(set(named) - known):
            raise ValueError(f"{CONFIGURATION} says what this engine is not told: {', '.join(unknown)[:200]}")
