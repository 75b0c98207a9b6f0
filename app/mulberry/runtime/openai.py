"""OpenAI's two text APIs on top of an engine: a checked body in, the API's JSON objects out.

Requests are read by `openai_request`; this module shapes the answers as vLLM does, so that whoever reads vLLM's
answers (the network's accounting among them) reads ours.
"""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from mulberry.runtime.engine import Engine, JsonObject, Piece, Usage
from mulberry.runtime.openai_request import CHAT, read_request
from mulberry.runtime.wire import Finish


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes one answer this answer: an id without prefix, the moment in unix seconds, a seed of 0 to 2**63 - 1
    for the request that brings none.
    """

    answer_id: str
    created: int
    seed: int


async def answer(
    engine: Engine, path: str, body: JsonObject, *, stream: bool, stamp: Stamp
) -> AsyncGenerator[JsonObject, None]:
    """Runs the request `body` that came for `path` (one of `CHAT`, `COMPLETIONS`).

    Yields one object; with `stream` a chunk with the role for each answer (chat), chunks of text of which each
    answer's last has the finish reason, and a chunk with the usage. Closing the generator ends the request.
    Raises `EngineRefused` before the first object, `EngineFailed` at any time.
    """
    request = read_request(path, body, stream=stream, seed=stamp.seed, temperature=engine.default_temperature)
    shape = _Shape(chat=path == CHAT, stamp=stamp, model=body.get("model"))
    async with contextlib.aclosing(engine.generate(request)) as pieces:
        if stream:
            async for chunk in _chunks(pieces, shape, answers=len(request.prompts) * request.choices):
                yield chunk
        else:
            yield await _whole(pieces, shape)


async def _chunks(pieces: AsyncIterator[Piece], shape: "_Shape", answers: int) -> AsyncIterator[JsonObject]:
    opened = not shape.chat
    async for piece in pieces:
        if not opened:
            opened = True
            for choice in range(answers):
                yield shape.role_chunk(choice)
        if piece.text or piece.finish:
            yield shape.text_chunk(piece)
        if piece.usage:
            yield shape.usage_chunk(piece.usage)


async def _whole(pieces: AsyncIterator[Piece], shape: "_Shape") -> JsonObject:
    texts: dict[int, list[str]] = {}
    finishes: dict[int, Finish | None] = {}
    usage = Usage(0, 0)
    async for piece in pieces:
        texts.setdefault(piece.choice, []).append(piece.text)
        finishes[piece.choice] = piece.finish
        usage = piece.usage or usage
    return shape.whole([("".join(texts[choice]), finishes[choice]) for choice in sorted(texts)], usage)


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
            text = {"delta": {"content": piece.text} if piece.text else {}}
        return self._chunk([{"index": piece.choice, **text, "logprobs": None, "finish_reason": _plain(piece.finish)}])

    def usage_chunk(self, usage: Usage) -> JsonObject:
        return {**self._chunk([]), "usage": _usage(usage)}

    def whole(self, answers: list[tuple[str, Finish | None]], usage: Usage) -> JsonObject:
        choices = []
        for index, (text, finish) in enumerate(answers):
            said: JsonObject = {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text}
            choices.append({"index": index, **said, "logprobs": None, "finish_reason": _plain(finish)})
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
        "prompt_tokens_details": {"cached_tokens": 0},
    }
