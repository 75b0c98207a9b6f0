"""A body of OpenAI's chat or completions API, read into what an engine runs.

`cocoon.requests` has checked which fields there are and their outer types. What it leaves open (the inside of
`messages`, `stop`, `response_format`) is checked here, and so is what this engine cannot do: nothing is passed over,
`openai_options` says what becomes of each field. Refusals are OpenAI's error bodies and name the field.
"""

import json
from dataclasses import dataclass
from typing import Any

from mulberry.runtime.engine import EngineRefused, JsonObject
from mulberry.runtime.openai_options import (
    ANSWERS_LIMIT,
    CHAT,
    COMPLETIONS_DEFAULT_MAX_TOKENS,
    EFFORTS,
    OPTIONS_OF,
    SCHEMA_LIMIT_CHARACTERS,
    SEED_LIMIT,
    STOP_STRING_LENGTH_LIMIT,
    STOP_STRINGS_LIMIT,
    TURNS_LIMIT,
    VERBOSITIES,
)
from mulberry.runtime.wire import GenerationRequest, Sampling, Turn

ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
FORMATS = ("text", "json_object", "json_schema")

# Fields that are fine as long as they ask for what happens anyway.
ONLY_AS: dict[str, tuple[Any, ...]] = {
    "logprobs": (False,),
    "suffix": (False, ""),
    "tool_choice": ("none",),
    "tools": ([],),
    "top_logprobs": (0,),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a body asks for. Of each prompt's answers the `given` best are given; `echoes` stand before them, one for
    each prompt or none at all. `obfuscated`: the sizes of chunks shall tell little.
    """

    generation: GenerationRequest
    given: int
    echoes: tuple[str, ...] = ()
    obfuscated: bool = False


def read_request(path: str, body: JsonObject, *, stream: bool, seed: int, temperature: float) -> Asked:
    """What `body` asks for; `seed` and `temperature` stand in where it names none. Raises `EngineRefused` (400)."""
    given = {name: value for name, value in body.items() if value is not None}
    _refuse_unsupported(path, given)
    prompts = (_conversation(given.get("messages")),) if path == CHAT else _texts(given.get("prompt"))
    wanted = _whole_number(given, "n", 1, low=1, high=ANSWERS_LIMIT)
    written = _best_of(given, wanted, stream=stream)
    if len(prompts) * written > ANSWERS_LIMIT:
        answers = f"{len(prompts) * written} answers were asked for; one request may have {ANSWERS_LIMIT}"
        raise _mistake(answers, "n" if written == wanted else "best_of")
    generation = GenerationRequest(
        prompts=prompts,
        sampling=Sampling(
            seed=_whole_number(given, "seed", seed, low=-SEED_LIMIT, high=SEED_LIMIT - 1),
            temperature=_number(given, "temperature", temperature, low=0, high=2),
            top_p=_number(given, "top_p", 1.0, low=0, high=1),
            frequency_penalty=_number(given, "frequency_penalty", 0.0, low=-2, high=2),
            presence_penalty=_number(given, "presence_penalty", 0.0, low=-2, high=2),
        ),
        max_tokens=_max_tokens(path, given),
        choices=written,
        stop=_stop_strings(given.get("stop", [])),
        stream=stream,
        template_options=_template_options(given),
        schema=_schema(given.get("response_format", {"type": "text"})),
        shows_control_tokens=not _flag(given, "skip_special_tokens", default=True),
        scored=written > wanted,
    )
    _flag(given, "parallel_tool_calls")
    echoes = tuple(prompt for prompt in prompts if isinstance(prompt, str)) if _flag(given, "echo") else ()
    options = _object(given.get("stream_options", {}), "stream_options")
    return Asked(generation, wanted, echoes, obfuscated=_flag(options, "include_obfuscation", within="stream_options"))


def _refuse_unsupported(path: str, given: JsonObject) -> None:
    for name, value in given.items():
        known = name in OPTIONS_OF[path]
        if known and name not in ONLY_AS:
            continue
        if not known or not any(type(value) is type(same) and value == same for same in ONLY_AS[name]):
            raise EngineRefused(400, f"{name} is not supported by this engine", "unsupported_option", name)


def _best_of(given: JsonObject, wanted: int, *, stream: bool) -> int:
    written = _whole_number(given, "best_of", wanted, low=1, high=ANSWERS_LIMIT)
    if written < wanted:
        raise _mistake("best_of must not be smaller than n", "best_of")
    if stream and written > wanted:
        raise _mistake("best_of larger than n cannot be streamed: the best is known at the end", "best_of")
    return written


def _schema(untrusted_format: Any) -> str | None:
    """The JSON schema of a response_format, as text."""
    name = "response_format"
    untrusted = _object(untrusted_format, name)
    kind = untrusted.get("type")
    if kind not in FORMATS:
        raise _mistake(f"{name}.type must be one of {', '.join(FORMATS)}", name)
    _only(untrusted, {"type", "json_schema"} if kind == "json_schema" else {"type"}, name)
    if kind == "text":
        return None
    if kind == "json_object":
        return '{"type":"object"}'
    wrapped = _object(untrusted.get("json_schema"), f"{name}.json_schema")
    _only(wrapped, {"name", "description", "schema", "strict"}, f"{name}.json_schema")
    text = json.dumps(_object(wrapped.get("schema"), f"{name}.json_schema.schema"))
    if len(text) > SCHEMA_LIMIT_CHARACTERS:
        raise _mistake(f"the schema has more than {SCHEMA_LIMIT_CHARACTERS:,} characters", name)
    return text


def _conversation(untrusted: Any) -> tuple[Turn, ...]:
    if not isinstance(untrusted, list) or not untrusted:
        raise _mistake("messages must be a list with at least one message", "messages")
    if len(untrusted) > TURNS_LIMIT:
        raise _mistake(f"{len(untrusted):,} messages; {TURNS_LIMIT:,} are possible", "messages")
    turns = tuple(_turn(message, f"messages[{index}]") for index, message in enumerate(untrusted))
    if not any(turn.content.strip() for turn in turns):
        raise _mistake("the messages hold no text", "messages")
    return turns


def _turn(untrusted: Any, place: str) -> Turn:
    if not isinstance(untrusted, dict):
        raise _mistake(f"{place} must be an object", "messages")
    role = untrusted.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise _mistake(f"{place}.role must be one of {', '.join(ROLES)}", "messages")
    if untrusted.get("tool_calls") or untrusted.get("function_call"):
        raise _mistake(f"{place}: tool calls are not supported", "messages")
    return Turn(ROLES[role], _content(untrusted.get("content"), f"{place}.content"))


def _content(untrusted: Any, place: str) -> str:
    """A message's text; several text parts become lines, as vLLM joins them."""
    if isinstance(untrusted, list):
        parts = []
        for index, part in enumerate(untrusted):
            if not isinstance(part, dict) or part.get("type") != "text":
                raise _mistake(
                    f"{place}[{index}] must be an object of type text: this engine reads nothing else", "messages"
                )
            parts.append(_text(part.get("text"), f"{place}[{index}].text"))
        return "\n".join(parts)
    return _text(untrusted, place)


def _texts(untrusted: Any) -> tuple[str, ...]:
    prompts = untrusted if isinstance(untrusted, list) else [untrusted]
    if not 1 <= len(prompts) <= ANSWERS_LIMIT:
        raise _mistake(f"prompt must be a text or a list of 1 to {ANSWERS_LIMIT} texts", "prompt")
    texts = tuple(_text(prompt, "prompt") for prompt in prompts)
    if not all(texts):
        raise _mistake("the prompt is empty", "prompt")
    return texts


def _text(untrusted: Any, place: str) -> str:
    if not isinstance(untrusted, str):
        raise _mistake(f"{place} must be a text", _field(place))
    try:
        untrusted.encode()
    except UnicodeEncodeError:
        raise _mistake(f"{place} is not valid Unicode", _field(place)) from None
    return untrusted


def _field(place: str) -> str:
    """The body's own field that `place` lies in."""
    return place.partition("[")[0]


def _stop_strings(untrusted: Any) -> tuple[str, ...]:
    strings = [untrusted] if isinstance(untrusted, str) else untrusted
    if not isinstance(strings, list) or len(strings) > STOP_STRINGS_LIMIT:
        raise _mistake(f"stop must be a text or a list of at most {STOP_STRINGS_LIMIT} texts", "stop")
    texts = tuple(_text(string, "stop") for string in strings)
    if not all(1 <= len(text) <= STOP_STRING_LENGTH_LIMIT for text in texts):
        raise _mistake(f"each stop text must have 1 to {STOP_STRING_LENGTH_LIMIT} characters", "stop")
    return texts


def _max_tokens(path: str, given: JsonObject) -> int | None:
    name = "max_completion_tokens" if "max_completion_tokens" in given else "max_tokens"
    if name not in given:
        return None if path == CHAT else COMPLETIONS_DEFAULT_MAX_TOKENS
    return _whole_number(given, name, 0, low=1, high=2**31 - 1)


def _template_options(given: JsonObject) -> tuple[tuple[str, bool | str], ...]:
    options: dict[str, bool | str] = {}
    kwargs = _object(given.get("chat_template_kwargs", {}), "chat_template_kwargs")
    _only(kwargs, {"enable_thinking"}, "chat_template_kwargs")
    if "enable_thinking" in kwargs:
        options["enable_thinking"] = _flag(kwargs, "enable_thinking", within="chat_template_kwargs")
    for name, possible in (("reasoning_effort", EFFORTS), ("verbosity", VERBOSITIES)):
        if name not in given:
            continue
        if given[name] not in possible:
            raise _mistake(f"{name} must be one of {', '.join(possible)}", name)
        options[name] = given[name]
    if options.get("reasoning_effort") == "none":
        if options.get("enable_thinking") is True:
            raise _mistake("reasoning_effort none contradicts enable_thinking", "reasoning_effort")
        del options["reasoning_effort"]
        options["enable_thinking"] = False
    return tuple(options.items())


def _object(untrusted: Any, name: str) -> JsonObject:
    if not isinstance(untrusted, dict):
        raise _mistake(f"{name} must be an object", name.partition(".")[0])
    return untrusted


def _only(untrusted: JsonObject, names: set[str], place: str) -> None:
    if set(untrusted) - names:
        raise _mistake(f"{place} knows only {', '.join(sorted(names))}", place.partition(".")[0])


def _flag(given: JsonObject, name: str, *, default: bool = False, within: str = "") -> bool:
    untrusted = given.get(name, default)
    if not isinstance(untrusted, bool):
        raise _mistake(f"{name} must be a boolean", within or name)
    return untrusted


def _whole_number(given: JsonObject, name: str, default: int, *, low: int, high: int) -> int:
    untrusted = given.get(name, default)
    if type(untrusted) is not int or not low <= untrusted <= high:
        raise _mistake(f"{name} must be a whole number from {low} to {high}", name)
    return untrusted


def _number(given: JsonObject, name: str, default: float, *, low: float, high: float) -> float:
    untrusted = given.get(name, default)
    if type(untrusted) not in (int, float) or not low <= untrusted <= high:  # NaN is not within
        raise _mistake(f"{name} must be a number from {low} to {high}", name)
    return float(untrusted)


def _mistake(text: str, parameter: str) -> EngineRefused:
    return EngineRefused(400, text, "invalid_request", parameter)
