"""A body of OpenAI's chat or completions API, read into what an engine runs.

`cocoon.requests` has checked which fields there are and their outer types. What it leaves open (the inside of
`messages`, `stop`, `response_format`) is checked here, and so is what this engine cannot do: an option that would
change the answer is refused with OpenAI's error body. Only hints are ignored, and `HINTS` says which.
"""

from typing import Any

from mulberry.runtime.engine import EngineRefused, JsonObject
from mulberry.runtime.wire import GenerationRequest, Sampling, Turn

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"

ANSWERS_LIMIT = 8  # of one request, all prompts together
STOP_STRINGS_LIMIT = 16
STOP_STRING_LENGTH_LIMIT = 256
TURNS_LIMIT = 2_000
COMPLETIONS_DEFAULT_MAX_TOKENS = 16  # OpenAI's and vLLM's default for this API
SEED_LIMIT = 2**63

ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}

# Fields that `read_request` reads, per API; `stream_options` changes nothing, usage always comes.
COMMON = {"model", "max_tokens", "n", "stop", "stream", "stream_options", "temperature", "top_p", "seed"}
COMMON |= {"frequency_penalty", "presence_penalty"}
READ = {
    CHAT: COMMON | {"messages", "max_completion_tokens", "chat_template_kwargs"},
    COMPLETIONS: COMMON | {"prompt", "best_of"},
}

# Fields that promise nothing about the answer: how fast, how long, how much thought.
HINTS = {"parallel_tool_calls", "prediction", "reasoning_effort", "verbosity"}

# Fields that are fine as long as they ask for what happens anyway.
ONLY_AS: dict[str, tuple[Any, ...]] = {
    "echo": (False,),
    "logprobs": (False,),
    "response_format": ({"type": "text"},),
    "skip_special_tokens": (True,),
    "suffix": (False, ""),
    "tool_choice": ("none",),
    "tools": ([],),
    "top_logprobs": (0,),
}


def read_request(path: str, body: JsonObject, *, stream: bool, seed: int, temperature: float) -> GenerationRequest:
    """The request in `body`; `seed` and `temperature` stand in where it names none. Raises `EngineRefused` (400)."""
    given = {name: value for name, value in body.items() if value is not None}
    _refuse_unsupported(given, READ[path])
    prompts = (_conversation(given.get("messages")),) if path == CHAT else _texts(given.get("prompt"))
    choices = _whole_number(given, "n", 1, low=1, high=ANSWERS_LIMIT)
    if len(prompts) * choices > ANSWERS_LIMIT:
        raise _mistake(f"{len(prompts) * choices} answers were asked for; one request may have {ANSWERS_LIMIT}")
    if given.get("best_of", choices) != choices:
        raise _mistake("best_of other than n is not supported")
    return GenerationRequest(
        prompts=prompts,
        sampling=Sampling(
            seed=_whole_number(given, "seed", seed, low=-SEED_LIMIT, high=SEED_LIMIT - 1),
            temperature=_number(given, "temperature", temperature, low=0, high=2),
            top_p=_number(given, "top_p", 1.0, low=0, high=1),
            frequency_penalty=_number(given, "frequency_penalty", 0.0, low=-2, high=2),
            presence_penalty=_number(given, "presence_penalty", 0.0, low=-2, high=2),
        ),
        max_tokens=_max_tokens(path, given),
        choices=choices,
        stop=_stop_strings(given.get("stop", [])),
        stream=stream,
        template_options=_template_options(given.get("chat_template_kwargs", {})),
    )


def _refuse_unsupported(given: JsonObject, read: set[str]) -> None:
    for name, value in given.items():
        if name in read or name in HINTS:
            continue
        allowed = ONLY_AS.get(name, ())
        if not any(type(value) is type(same) and value == same for same in allowed):
            raise EngineRefused(400, f"{name} is not supported by this engine", "unsupported_option")


def _conversation(untrusted: Any) -> tuple[Turn, ...]:
    if not isinstance(untrusted, list) or not untrusted:
        raise _mistake("messages must be a list with at least one message")
    if len(untrusted) > TURNS_LIMIT:
        raise _mistake(f"{len(untrusted):,} messages; {TURNS_LIMIT:,} are possible")
    turns = tuple(_turn(message, f"messages[{index}]") for index, message in enumerate(untrusted))
    if not any(turn.content.strip() for turn in turns):
        raise _mistake("the messages hold no text")
    return turns


def _turn(untrusted: Any, place: str) -> Turn:
    if not isinstance(untrusted, dict):
        raise _mistake(f"{place} must be an object")
    role = untrusted.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise _mistake(f"{place}.role must be one of {', '.join(ROLES)}")
    if untrusted.get("tool_calls") or untrusted.get("function_call"):
        raise _mistake(f"{place}: tool calls are not supported")
    return Turn(ROLES[role], _content(untrusted.get("content"), f"{place}.content"))


def _content(untrusted: Any, place: str) -> str:
    """A message's text; several text parts become lines, as vLLM joins them."""
    if isinstance(untrusted, list):
        parts = []
        for index, part in enumerate(untrusted):
            if not isinstance(part, dict) or part.get("type") != "text":
                raise _mistake(f"{place}[{index}] must be an object of type text: this engine reads nothing else")
            parts.append(_text(part.get("text"), f"{place}[{index}].text"))
        return "\n".join(parts)
    return _text(untrusted, place)


def _texts(untrusted: Any) -> tuple[str, ...]:
    prompts = untrusted if isinstance(untrusted, list) else [untrusted]
    if not 1 <= len(prompts) <= ANSWERS_LIMIT:
        raise _mistake(f"prompt must be a text or a list of 1 to {ANSWERS_LIMIT} texts")
    texts = tuple(_text(prompt, "prompt") for prompt in prompts)
    if not all(texts):
        raise _mistake("the prompt is empty")
    return texts


def _text(untrusted: Any, place: str) -> str:
    if not isinstance(untrusted, str):
        raise _mistake(f"{place} must be a text")
    try:
        untrusted.encode()
    except UnicodeEncodeError:
        raise _mistake(f"{place} is not valid Unicode") from None
    return untrusted


def _stop_strings(untrusted: Any) -> tuple[str, ...]:
    strings = [untrusted] if isinstance(untrusted, str) else untrusted
    if not isinstance(strings, list) or len(strings) > STOP_STRINGS_LIMIT:
        raise _mistake(f"stop must be a text or a list of at most {STOP_STRINGS_LIMIT} texts")
    texts = tuple(_text(string, "stop") for string in strings)
    if not all(1 <= len(text) <= STOP_STRING_LENGTH_LIMIT for text in texts):
        raise _mistake(f"each stop text must have 1 to {STOP_STRING_LENGTH_LIMIT} characters")
    return texts


def _max_tokens(path: str, given: JsonObject) -> int | None:
    name = "max_completion_tokens" if "max_completion_tokens" in given else "max_tokens"
    if name not in given:
        return None if path == CHAT else COMPLETIONS_DEFAULT_MAX_TOKENS
    return _whole_number(given, name, 0, low=1, high=2**31 - 1)


def _template_options(untrusted: Any) -> tuple[tuple[str, bool], ...]:
    if not isinstance(untrusted, dict) or not all(isinstance(value, bool) for value in untrusted.values()):
        raise _mistake("chat_template_kwargs must be an object of booleans")
    if set(untrusted) - {"enable_thinking"}:
        raise _mistake("chat_template_kwargs knows only enable_thinking")
    return tuple(untrusted.items())


def _whole_number(given: JsonObject, name: str, default: int, *, low: int, high: int) -> int:
    untrusted = given.get(name, default)
    if type(untrusted) is not int or not low <= untrusted <= high:
        raise _mistake(f"{name} must be a whole number from {low} to {high}")
    return untrusted


def _number(given: JsonObject, name: str, default: float, *, low: float, high: float) -> float:
    untrusted = given.get(name, default)
    if type(untrusted) not in (int, float) or not low <= untrusted <= high:  # NaN is not within
        raise _mistake(f"{name} must be a number from {low} to {high}")
    return float(untrusted)


def _mistake(text: str) -> EngineRefused:
    return EngineRefused(400, text, "invalid_request")
