"""Every field of OpenAI's two text APIs that a request may have, and what becomes of it.

`openai_request` reads by this table and docs/engine-api.md prints it. A field that is not here is refused. The
network's own rules (`cocoon.requests`) come first; a test holds the two tables together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
BOTH = (CHAT, COMPLETIONS)

ANSWERS_LIMIT = 8  # of one request, all prompts together
STOP_STRINGS_LIMIT = 16
STOP_STRING_LENGTH_LIMIT = 256
TURNS_LIMIT = 2_000
SCHEMA_LIMIT_CHARACTERS = 1 << 16
COMPLETIONS_DEFAULT_MAX_TOKENS = 16  # OpenAI's and vLLM's default for this API
CHAT_DEFAULT_MAX_TOKENS = 1000  # what the network reserves for a request that names no limit
SEED_LIMIT = 2**63

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
VERBOSITIES = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Option:
    """One field. `becomes` is for the documentation: what is done, and what is refused and why."""

    name: str
    paths: tuple[str, ...]
    becomes: str


OPTIONS = (
    Option("messages", (CHAT,), f"read: 1 to {TURNS_LIMIT:,} texts of system, developer, user or assistant. Control "
           "tokens in them are text. Refused: tools' messages, images, sound"),
    Option("prompt", (COMPLETIONS,), f"read: a text or 1 to {ANSWERS_LIMIT} texts. Refused: token numbers"),
    Option("model", BOTH, "must be the served model's name"),
    Option("n", BOTH, f"kept: up to {ANSWERS_LIMIT} answers in one request, all its prompts together"),
    Option("best_of", (COMPLETIONS,), "kept: so many answers are written, the n with the highest mean log-probability "
           "of a token are given, all are counted. Refused with stream when it is more than n"),
    Option("max_tokens", BOTH, f"kept, from 1 to what the context leaves. Without it: {CHAT_DEFAULT_MAX_TOKENS:,} "
           f"(chat), {COMPLETIONS_DEFAULT_MAX_TOKENS} (completions)"),
    Option("max_completion_tokens", (CHAT,), "as `max_tokens`, before which it goes; thoughts count"),
    Option("stop", BOTH, f"kept: a text or up to {STOP_STRINGS_LIMIT}, each of 1 to {STOP_STRING_LENGTH_LIMIT} "
           "characters; the answer ends before the one that is first complete. Thoughts are not searched"),
    Option("temperature", BOTH, "kept, 0 to 2; without it the model's own"),
    Option("top_p", BOTH, "kept, 0 to 1"),
    Option("frequency_penalty", BOTH, "kept, −2 to 2, over the tokens of the answer"),
    Option("presence_penalty", BOTH, "kept, −2 to 2, over the tokens of the answer"),
    Option("seed", BOTH, "kept: the same seed and request give the same answer, whoever else is served; 64 bits. "
           "The network lets it through for completions only"),
    Option("response_format", (CHAT,), "kept: `text`; `json_object`; `json_schema` with the keywords below. The answer "
           "is held to it token by token, so it is cut short only by `max_tokens`"),
    Option("stream", BOTH, "kept"),
    Option("stream_options", BOTH, "`include_usage`: usage always comes. `include_obfuscation`: kept, each chunk is "
           "filled up so that its size tells little"),
    Option("echo", (COMPLETIONS,), "kept: the prompt stands before each answer"),
    Option("skip_special_tokens", (COMPLETIONS,), "kept: false shows the control tokens within an answer"),
    Option("suffix", (COMPLETIONS,), "false only: as the network has it, a boolean, it names no text to insert before"),
    Option("chat_template_kwargs", (CHAT,), "`enable_thinking` goes to the model's template; refused where the model "
           "cannot do what it asks"),
    Option("reasoning_effort", (CHAT,), f"{', '.join(EFFORTS)}: none turns thinking off, the others go to the model's "
           "template; where that does not read it, only medium is possible"),
    Option("verbosity", (CHAT,), f"{', '.join(VERBOSITIES)}: goes to the model's template; where that does not read "
           "it, only medium is possible"),
    Option("parallel_tool_calls", (CHAT,), "kept: the network's requests bring no tools, so none are called"),
    Option("prediction", (CHAT,), "kept: a prediction can make an answer quicker, never different; it makes none "
           "quicker here"),
    Option("top_logprobs", (CHAT,), "0 only: it needs `logprobs`, which the network's requests do not have"),
    Option("logprobs", BOTH, "false only: the network's requests do not have it"),
    Option("tools", (CHAT,), "an empty list only: the network's requests do not have it"),
    Option("tool_choice", (CHAT,), "none only, for the same reason"),
)  # fmt: skip

OPTIONS_OF = {path: {option.name for option in OPTIONS if path in option.paths} for path in BOTH}


def documentation() -> Iterator[str]:
    """The lines of the table in docs/engine-api.md."""
    yield "| field | chat | completions | what becomes of it |"
    yield "|---|---|---|---|"
    for option in OPTIONS:
        places = " | ".join("yes" if path in option.paths else "–" for path in BOTH)
        yield f"| `{option.name}` | {places} | {option.becomes} |"
