"""OpenAI's two text APIs on top of an engine: a checked body in, the API's JSON objects out.

Requests are read by `openai_request`; this module shapes the answers as vLLM does, so that whoever reads vLLM's
answers (the network's accounting among them) reads ours. What a model thinks comes as `reasoning_content`.
"""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from mulberry.runtime.engine import Engine, JsonObject, Piece, Usage
from mulberry.runtime.openai_options import CHAT
from mulberry.runtime.openai_request import Asked, read_request
from mulberry.runtime.wire import Finish

OBFUSCATION_STEP = 32  # characters; a chunk's text and its filling together are a multiple


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes one answer this answer: an id without prefix, the moment in unix seconds, a seed of 0 to 2**63 - 1
    for the request that brings none.
    """

    answer_id: str
    created: int
    seed: int


@dataclass(slots=True)
class _Answer:
    """One whole answer as it is collected."""

    thoughts: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    finish: Finish | None = None
    log_probability: float = 0.0


async def answer(
    engine: Engine, path: str, body: JsonObject, *, stream: bool, stamp: Stamp
) -> AsyncGenerator[JsonObject, None]:
    """Runs the request `body` that came for `path` (one of `CHAT`, `COMPLETIONS`).

    Yields one object; with `stream` a chunk with the role for each answer (chat), chunks of text of which each
    answer's last has the finish reason, and a chunk with the usage. Closing the generator ends the request.
    Raises `EngineRefused` before the first object, `EngineFailed` at any time.
    """
    asked = read_request(path, body, stream=stream, seed=stamp.seed, temperature=engine.default_temperature)
    shape = _Shape(chat=path == CHAT, stamp=stamp, model=body.get("model"))
    async with contextlib.aclosing(engine.generate(asked.generation)) as pieces:
        if not stream:
            yield await _whole(pieces, shape, asked)
            return
        filling = Random(stamp.answer_id)  # noqa: S311 - hides a size, no secret
        async for chunk in _chunks(pieces, shape, asked):
            if asked.obfuscated and chunk["choices"]:
                chunk["obfuscation"] = _filling(chunk["choices"], filling)
            yield chunk


async def _chunks(pieces: AsyncIterator[Piece], shape: "_Shape", asked: Asked) -> AsyncIterator[JsonObject]:
    choices = asked.generation.choices
    opened = False
    async for piece in pieces:
        if not opened:
            opened = True
            for choice in range(len(asked.generation.prompts) * choices):
                if shape.chat:
                    yield shape.role_chunk(choice)
                elif asked.echoes:
                    yield shape.text_chunk(Piece(choice, asked.echoes[choice // choices]))
        if piece.text or piece.thoughts or piece.finish:
            yield shape.text_chunk(piece)
        if piece.usage:
            yield shape.usage_chunk(piece.usage)


async def _whole(pieces: AsyncIterator[Piece], shape: "_Shape", asked: Asked) -> JsonObject:
    answers = [_Answer() for _ in range(len(asked.generation.prompts) * asked.generation.choices)]
    usage = Usage(0, 0)
    async for piece in pieces:
        answered = answers[piece.choice]
        answered.thoughts.append(piece.thoughts)
        answered.text.append(piece.text)
        answered.finish = piece.finish
        answered.log_probability = piece.log_probability or 0.0
        usage = piece.usage or usage
    for choice, answered in enumerate(answers):
        if asked.echoes:
            answered.text.insert(0, asked.echoes[choice // asked.generation.choices])
    return shape.whole(_best(answers, asked), usage)


def _best(answers: list[_Answer], asked: Asked) -> list[_Answer]:
    """Of each prompt's answers the best ones; among equals the earlier."""
    written = asked.generation.choices
    if written == asked.given:
        return answers
    best = []
    for start in range(0, len(answers), written):
        best += sorted(answers[start : start + written], key=lambda one: -one.log_probability)[: asked.given]
    return best


def _filling(choices: list[JsonObject], random: Random) -> str:
    said: list[Any] = [choice.get("text") or choice.get("delta", {}) for choice in choices]
    length = sum(len(one) if isinstance(one, str) else sum(map(len, one.values())) for one in said)
    missing = -length % OBFUSCATION_STEP
    return f"{random.getrandbits(4 * OBFUSCATION_STEP):0{OBFUSCATION_STEP}x}"[:missing]


class _Shape:
    """One API's JSON objects for one answer."""

    def __init__(self, *, chat: bool, stamp: Stamp, model: object) -> None:
        self.chat = chat
        self._common: JsonObject = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{stamp.answer_id}",
            "created": stamp.created,
            "model": model,
        }
        self._chunk_kind = "chat.completion.chunk" if chat else "text_completion"
        self._whole_kind = "chat.completion" if chat else "text_completion"

    def role_chunk(self, choice: int) -> JsonObject:
        delta = {"role": "assistant", "content": ""}
        return self._chunk([{"index": choice, "delta": delta, "logprobs": None, "finish_reason": None}])

    def text_chunk(self, piece: Piece) -> JsonObject:
        text: JsonObject = {"text": piece.text}
        if self.chat:
            said = {"reasoning_content": piece.thoughts, "content": piece.text}
            text = {"delta": {name: value for name, value in said.items() if value}}
        return self._chunk([{"index": piece.choice, **text, "logprobs": None, "finish_reason": _plain(piece.finish)}])

    def usage_chunk(self, usage: Usage) -> JsonObject:
        return {**self._chunk([]), "usage": _usage(usage)}

    def whole(self, answers: list[_Answer], usage: Usage) -> JsonObject:
        choices = []
        for index, one in enumerate(answers):
            said: JsonObject = {"text": "".join(one.text)}
            if self.chat:
                message = {"role": "assistant", "content": "".join(one.text)}
                if thoughts := "".join(one.thoughts):
                    message["reasoning_content"] = thoughts
                said = {"message": message}
            choices.append({"index": index, **said, "logprobs": None, "finish_reason": _plain(one.finish)})
        return {**self._common, "object": self._whole_kind, "choices": choices, "usage": _usage(usage)}

    def _chunk(self, choices: list[JsonObject]) -> JsonObject:
        return {**self._common, "object": self._chunk_kind, "choices": choices}


def _plain(finish: Finish | None) -> str | None:
    return None if finish is None else finish.value


def _usage(usage: Usage) -> JsonObject:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
