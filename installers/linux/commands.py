"""The command line as data, read from the application itself: manual pages and completions are made from it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer

from mulberry.cli.main import application


@dataclass(frozen=True, slots=True)
class Option:
    """`words` are its spellings; `value` is what follows, "" where nothing does, e.g. `str`; `choices` all that may."""

    words: tuple[str, ...]
    value: str
    text: str
    choices: tuple[str, ...] = ()
    is_path: bool = False


@dataclass(frozen=True, slots=True)
class Argument:
    """`name` as its command's usage line has it."""

    name: str
    text: str
    choices: tuple[str, ...] = ()
    is_path: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """`words` lead to it, the program's own name first. `text` is what its help says, whole."""

    words: tuple[str, ...]
    text: str
    usage: str
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]
    commands: tuple["Command", ...]

    @property
    def name(self) -> str:
        return self.words[-1]

    @property
    def summary(self) -> str:
        """The first sentence, without its full stop."""
        return re.split(r"(?<=[a-z)])[.;:] |[.]$", self.text, maxsplit=1)[0]

    def all(self) -> Iterator["Command"]:
        """Itself and every command below it."""
        yield self
        for command in self.commands:
            yield from command.all()


def command_line() -> Command:
    """`mulberry` with all that it can be told; what is hidden from its help is left out."""
    return _read(typer.main.get_command(application), ("mulberry",), None)


def _read(told: Any, words: tuple[str, ...], parent: Any) -> Command:
    """`told` is a command of typer's, which has no public type for them."""
    context = told.make_context(words[-1], [], parent=parent, resilient_parsing=True)
    usage = context.get_usage().removeprefix("Usage: ").split()
    parameters = [parameter for parameter in told.get_params(context) if not getattr(parameter, "hidden", False)]
    commands = [
        _read(command, (*words, name), context)
        for name, command in getattr(told, "commands", {}).items()
        if not command.hidden
    ]
    return Command(
        words=words,
        text=" ".join((told.help or "").split()),
        usage=" ".join(usage),
        options=tuple(_option(one, context) for one in parameters if one.param_type_name == "option"),
        arguments=tuple(_argument(one) for one in parameters if one.param_type_name == "argument"),
        commands=tuple(commands),
    )


def _option(told: Any, context: Any) -> Option:
    left, text = told.get_help_record(context)
    value = re.search(r"<(.*)>", left)
    choices, is_path = _kind(told)
    words = (*told.opts, *told.secondary_opts)
    return Option(words, "" if told.is_flag or value is None else value[1], " ".join(text.split()), choices, is_path)


def _argument(told: Any) -> Argument:
    choices, is_path = _kind(told)
    name = told.metavar or told.name.upper()
    return Argument(name, " ".join((told.help or "").split()), choices, is_path or "FOLDER" in name)


def _kind(told: Any) -> tuple[tuple[str, ...], bool]:
    """All values where they are few, and whether one is a path."""
    annotation = getattr(getattr(told, "type_descriptor", None), "annotation", None)
    if get_origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation))), False
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(one.value) for one in annotation), False
    return (), annotation is Path
