"""What an OpenAI-compatible server is asked, and what it may answer: bounded, checked, believed no further than that.

Source: OpenAI's API reference. vLLM, SGLang, llama-server and others differ from it in what they leave out.
The server may be anybody's: an answer that does not fit the request ends it with `EngineFailed`.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mulberry.model.language import tr
from mulberry.runtime.child.stops import UpToStop
from mulberry.runtime.engine import EngineFailed, JsonObject, Piece, Usage
from mulberry.runtime.openai_options import CHAT, CHAT_DEFAULT_MAX_TOKENS, COMPLETIONS
from mulberry.runtime.wire import Finish, GenerationRequest

LINE_LIMIT_BYTES = 1 << 20  # of a stream
BYTES_PER_TOKEN_LIMIT = 4096  # a chunk with one token, and all that servers put around it
OTHER_BYTES_LIMIT = 1 << 20
WHOLE_LIMIT_BYTES = 16 << 20
TEMPLATE_TOKENS_LIMIT = 16_384  # that a server's template may add to a prompt
TOKENS_PER_TURN_LIMIT = 64
DONE = b"[DONE]"
THOUGHTS = ("reasoning_content", "reasoning")  # what servers call them


def path_of(request: GenerationRequest) -> str:
    return COMPLETIONS if isinstance(request.prompts[0], str) else CHAT


def body_of(request: GenerationRequest, model: str) -> JsonObject:
    """A request for one answer (`openai_parts.parts_of`) as the server understands it."""
    sampling = request.sampling
    body: JsonObject = {
        "model": model,
        "max_tokens": request.max_tokens or CHAT_DEFAULT_MAX_TOKENS,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "stream": request.stream,
    }
    if sampling.frequency_penalty or sampling.presence_penalty:
        body |= {"frequency_penalty": sampling.frequency_penalty, "presence_penalty": sampling.presence_penalty}
    if request.stop:
        body["stop"] = list(request.stop)
    if request.stream:
        body["stream_options"] = {"include_usage": True}
    if request.shows_control_tokens:
        body["skip_special_tokens"] = False
    if request.schema is not None:
        wrapped = {"name": "answer", "strict": True, "schema": json.loads(request.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": wrapped}
    if request.scored:
        body["logprobs"] = 1
    for name, value in request.template_options:
        if name == "enable_thinking":
            body["chat_template_kwargs"] = {name: value}
        else:
            body[name] = value
    (prompt,) = request.prompts
    if isinstance(prompt, str):
        return body | {"prompt": prompt}
    return body | {"messages": [{"role": turn.role, "content": turn.content} for turn in prompt]}


def size_limit_bytes(request: GenerationRequest) -> int:
    """What a streamed answer may have; one in a piece may have no more than `WHOLE_LIMIT_BYTES` of it."""
    return OTHER_BYTES_LIMIT + _tokens_limit(request) * BYTES_PER_TOKEN_LIMIT


def _tokens_limit(request: GenerationRequest) -> int:
    return min(request.max_tokens or CHAT_DEFAULT_MAX_TOKENS, 1 << 20)


def parsed(untrusted: bytes) -> JsonObject:
    """One JSON object. Raises `EngineFailed`."""
    try:
        value = json.loads(untrusted)
    except (ValueError, RecursionError):
        raise EngineFailed(tr("The engine's server sent what is not JSON.")) from None
    if not isinstance(value, dict):
        raise EngineFailed(tr("The engine's server sent no JSON object."))
    if value.get("error"):
        raise EngineFailed(tr("The engine's server told of an error in the middle of an answer."))
    return value


class Lines:
    """The data of server-sent events, one after the other. Source: WHATWG HTML, 9.2; each event has one line here."""

    def __init__(self, limit_bytes: int) -> None:
        self._left = limit_bytes
        self._buffer = b""

    def feed(self, untrusted: bytes) -> list[bytes]:
        """The data that is complete now. Raises `EngineFailed`: too much."""
        self._left -= len(untrusted)
        *lines, self._buffer = (self._buffer + untrusted).split(b"\n")
        if self._left < 0 or max(map(len, (*lines, self._buffer))) > LINE_LIMIT_BYTES:
            raise EngineFailed(tr("The engine's server sent more than the answer can have."))
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]


class Answer:
    """The answer to a request for one, as it comes; `pieces` for each object, then `last`."""

    def __init__(self, request: GenerationRequest) -> None:
        self._request = request
        self._usage: Usage | None = None
        self._end: Piece | None = None
        self._up_to_stop = UpToStop(request.stop)  # for servers that leave the stop text in
        self._texts: list[str] = []  # of an answer whose form is checked

    def pieces(self, untrusted: JsonObject) -> Iterator[Piece]:
        """What a chunk, or a whole answer, brings. Raises `EngineFailed`."""
        untrusted_choices = untrusted.get("choices") or []
        if not isinstance(untrusted_choices, list):
            raise _nonsense("choices are no list")
        for untrusted_choice in untrusted_choices:
            piece = self._piece(untrusted_choice)
            if piece.finish is not None:
                self._end = piece
            elif piece.text or piece.thoughts:
                yield piece
        if untrusted.get("usage") is not None:
            self._usage = self._checked_usage(untrusted["usage"])

    def last(self) -> Piece:
        """The end, with the usage. Raises `EngineFailed`."""
        if self._end is None:
            raise EngineFailed(tr("The engine's server ended before its answer."))
        if self._usage is None:
            raise EngineFailed(tr("The engine's server did not tell how many tokens it used."))
        return replace(self._end, usage=self._usage)

    def _piece(self, untrusted: Any) -> Piece:
        if not isinstance(untrusted, dict):
            raise _nonsense("a choice is no object")
        number = untrusted.get("index", 0)
        if type(number) is not int or number or self._end is not None:
            raise _nonsense("an answer that is not open")
        said = untrusted.get("delta") or untrusted.get("message") or {}
        if not isinstance(said, dict):
            raise _nonsense("a message is no object")
        text = self._up_to_stop.add(_text(untrusted.get("text")) + _text(said.get("content")))
        thoughts = "".join(dict.fromkeys(_text(said.get(name)) for name in THOUGHTS))  # some servers send both
        untrusted_finish = untrusted.get("finish_reason")
        if untrusted_finish is None:
            self._remember(text)
            return Piece(0, text, thoughts=thoughts)
        text += self._up_to_stop.rest()
        self._remember(text)
        finish = Finish.LENGTH if untrusted_finish == "length" and not self._up_to_stop.stopped else Finish.STOP
        self._check_form(finish)
        score = _mean(untrusted.get("logprobs")) if self._request.scored else None
        return Piece(0, text, finish, None, thoughts, score)

    def _remember(self, text: str) -> None:
        if self._request.schema is not None:
            self._texts.append(text)

    def _check_form(self, finish: Finish) -> None:
        """Servers that know no response_format pass over it in silence; what is no JSON at all was not asked for."""
        if self._request.schema is None or finish is not Finish.STOP:
            return
        try:
            json.loads("".join(self._texts))
        except (ValueError, RecursionError):
            raise EngineFailed(tr("The engine's server did not answer in the form that was asked for.")) from None

    def _checked_usage(self, untrusted: Any) -> Usage:
        """The network pays by it: numbers that the request cannot have are no usage."""
        if not isinstance(untrusted, dict):
            raise _nonsense("the usage is no object")
        prompt, completion = _count(untrusted, "prompt_tokens"), _count(untrusted, "completion_tokens")
        cached = _count(_details(untrusted, "prompt_tokens_details"), "cached_tokens")
        details = _details(untrusted, "completion_tokens_details")
        reasoning = max(_count(details, "reasoning_tokens"), _count(untrusted, "reasoning_tokens"))
        if cached > prompt or reasoning > completion:
            raise _nonsense("a part of the usage is larger than its whole")
        if not 0 < prompt <= self._prompt_limit() or completion > _tokens_limit(self._request):
            raise _nonsense("no tokens, or more than the request can have")
        return Usage(prompt, completion, cached, reasoning)

    def _prompt_limit(self) -> int:
        """No token is shorter than a byte."""
        limit = TEMPLATE_TOKENS_LIMIT
        for prompt in self._request.prompts:
            if isinstance(prompt, str):
                limit += len(prompt.encode())
            else:
                limit += sum(len(turn.content.encode()) + TOKENS_PER_TURN_LIMIT for turn in prompt)
        return limit


def _text(untrusted: Any) -> str:
    if untrusted is None:
        return ""
    if not isinstance(untrusted, str):
        raise _nonsense("a text is no text")
    return untrusted.encode(errors="replace").decode()


def _details(untrusted: JsonObject, name: str) -> JsonObject:
    details = untrusted.get(name) or {}
    if not isinstance(details, dict):
        raise _nonsense("the usage's details are no object")
    return details


def _count(untrusted: JsonObject, name: str) -> int:
    value = untrusted.get(name) or 0
    if type(value) is not int or value < 0:
        raise _nonsense("the usage is no number of tokens")
    return value


def _mean(untrusted: Any) -> float:
    """Of `token_logprobs`, as completions have them; llama.cpp writes them as chat answers have theirs."""
    given = untrusted if isinstance(untrusted, dict) else {}
    values, content = given.get("token_logprobs"), given.get("content")
    if isinstance(content, list):
        values = [one.get("logprob") if isinstance(one, dict) else None for one in content]
    if not isinstance(values, list) or not values or not all(type(one) in (int, float) and one <= 0 for one in values):
        raise EngineFailed(tr("The engine's server did not tell how likely its answers are, which best_of needs."))
    return sum(values) / len(values)


def _nonsense(what: str) -> EngineFailed:
    return EngineFailed(tr("The engine's server sent nonsense: {what}.", what=what))
