"""From a conversation to token ids, so that nothing a customer types can become a control token.

A chat template marks roles and ends of messages with control tokens, written out as text. A customer can type the
same text. So before the template runs, every character with which a control token begins or ends is replaced, in
the customer's text alone, by a private character that occurs nowhere in it. In the rendered text each control
token that is left was put there by the template; the parts between get their characters back and are encoded as
plain text. At the end the ids are looked at once more.
"""

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from mulberry.runtime.wire import Turn

EXACT_COUNT_LIMIT_BYTES = 1 << 18  # longer texts that cannot fit are not tokenised only to be counted
TEMPLATE_GROWTH_LIMIT = 1 << 20  # characters that a template may add to the conversation
TEMPLATE_SECONDS = 2.0  # checked whenever the template writes something; a silent loop is the supervisor's business
PRIVATE_PLANE = range(0xF0000, 0xFFFFE)  # Unicode's Supplementary Private Use Area-A


class PromptRefused(Exception):
    """The request cannot be run: `text` says why, for the customer."""

    def __init__(self, code: str, text: str, http_status: int = 400, parameter: str = "") -> None:
        super().__init__(text)
        self.parameter = parameter
        self.code = code
        self.text = text
        self.http_status = http_status


class PromptReader:
    """The chat template of the model in `folder`, and its tokenizer, from now on this reader's own.

    `longest_token` is in bytes; `thinks`: the model thinks unless it is told not to. Raises `OSError`, `ValueError` or
    `jinja2.exceptions.TemplateError` at unusable files.
    """

    def __init__(
        self, folder: Path, tokenizer: Tokenizer, context_tokens: int, longest_token: int, *, thinks: bool = False
    ) -> None:
        self._context_tokens = context_tokens
        self._longest_token = longest_token
        self._plain = tokenizer
        self._plain.encode_special_tokens = True
        added = self._plain.get_added_tokens_decoder()
        self._control = {token.content: number for number, token in added.items() if token.special}
        self._control_ids = frozenset(self._control.values())
        longest_first = sorted(self._control, key=len, reverse=True)
        self._control_pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._edges = sorted({edge for text in self._control for edge in (text[0], text[-1])})
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals.update(_named_tokens(folder), raise_exception=_refuse)
        source = (folder / "chat_template.jinja").read_text("utf-8")
        self._template = environment.from_string(source)
        self._read_by_template = find_undeclared_variables(environment.parse(source))
        self._thinks = thinks

    def conversation(self, turns: Sequence[Turn], options: Mapping[str, bool | str]) -> list[int]:
        """Token ids of `turns` in the model's own format, up to where its answer begins. Raises `PromptRefused`."""
        self._refuse_unread(options)
        size = self._refuse_hopeless(turn.content for turn in turns)
        hidden, shown = self._disguise(turns)
        messages = [{"role": turn.role, "content": turn.content.translate(hidden)} for turn in turns]
        rendered = self._render(messages, options, size)
        ids: list[int] = []
        start = 0
        for control in self._control_pattern.finditer(rendered):
            ids += self._encode(rendered[start : control.start()].translate(shown))
            ids.append(self._control[control.group()])
            start = control.end()
        ids += self._encode(rendered[start:].translate(shown))
        return self._fitting(ids)

    def text(self, text: str) -> list[int]:
        """Token ids of `text` as it is, with what the tokenizer itself puts before a text. Raises `PromptRefused`."""
        self._refuse_hopeless([text])
        before = self._plain.encode("").ids  # a begin-of-text token, with some models
        return self._fitting([*before, *self._encode(text)])

    def _disguise(self, turns: Sequence[Turn]) -> tuple[dict[int, int], dict[int, int]]:
        """Two translations for the control tokens' edge characters: to private characters, and back.

        Raises `PromptRefused`: none is free.
        """
        typed = set().union(*(turn.content for turn in turns))
        free = list(islice((code for code in PRIVATE_PLANE if chr(code) not in typed), len(self._edges)))
        if len(free) < len(self._edges):
            raise PromptRefused("unsupported_text", "the messages use every private character that there is")
        hidden = dict(zip(map(ord, self._edges), free, strict=True))
        return hidden, {private: edge for edge, private in hidden.items()}

    def opening(self, prompt: Sequence[int]) -> Sequence[int]:
        """The end of a conversation's ids that the template wrote: what follows its last control token."""
        start = len(prompt)
        while start and prompt[start - 1] not in self._control_ids:
            start -= 1
        return prompt[start:]

    def _refuse_unread(self, options: Mapping[str, bool | str]) -> None:
        """An option that the template does not read must ask for what happens anyway."""
        anyway = {"enable_thinking": self._thinks, "reasoning_effort": "medium", "verbosity": "medium"}
        for name, value in options.items():
            if name not in self._read_by_template and value != anyway.get(name):
                text = f"this model has no {name}: nothing but {json.dumps(anyway.get(name))} is possible"
                raise PromptRefused("unsupported_option", text, parameter=name)

    def _render(self, messages: list[dict[str, str]], options: Mapping[str, bool | str], size: int) -> str:
        deadline = time.monotonic() + TEMPLATE_SECONDS
        written = 0
        parts = []
        try:
            for part in self._template.generate(messages=messages, add_generation_prompt=True, **options):
                written += len(part)
                parts.append(part)
                if written > size + TEMPLATE_GROWTH_LIMIT or time.monotonic() > deadline:
                    raise PromptRefused("template_failed", "the conversation is too much for the model's template")
        except PromptRefused:
            raise
        except Exception:  # noqa: BLE001 - a template is a program; whatever it raises is this conversation's end alone
            raise PromptRefused("template_failed", "the model's template cannot write this conversation") from None
        return "".join(parts)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._plain.encode(text, add_special_tokens=False).ids
        if not self._control_ids.isdisjoint(ids):  # the tokenizer broke its promise; better no answer
            raise PromptRefused("control_token", "the text holds one of the model's control tokens")
        return ids

    def _refuse_hopeless(self, texts: Iterable[str]) -> int:
        """The size of `texts` in bytes. What is far too long is not worth a tokenizer's minute."""
        size = sum(len(text.encode()) for text in texts)
        if size > max(EXACT_COUNT_LIMIT_BYTES, self._context_tokens * self._longest_token):
            raise self._too_long(f"at least {size // self._longest_token:,}")
        return size

    def _fitting(self, ids: list[int]) -> list[int]:
        if not ids:
            raise PromptRefused("empty_prompt", "the prompt is empty")
        if len(ids) >= self._context_tokens:  # one token at least must be left for an answer
            raise self._too_long(f"{len(ids):,}")
        return ids

    def _too_long(self, tokens: str) -> PromptRefused:
        context = f"{self._context_tokens:,}"
        return PromptRefused(
            "context_length_exceeded", f"the prompt has {tokens} tokens, this model's context is {context}"
        )


def _refuse(text: object) -> None:
    """What a template calls when it cannot go on."""
    raise PromptRefused("template_failed", f"the model's template says: {str(text)[:200]}")


def _named_tokens(folder: Path) -> dict[str, str]:
    """The control tokens that templates know by a name, such as `bos_token`. Source: tokenizer_config.json."""
    config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    named = ((name, config.get(name)) for name in ("bos_token", "eos_token", "pad_token"))
    return {name: value["content"] if isinstance(value, dict) else value for name, value in named if value}
