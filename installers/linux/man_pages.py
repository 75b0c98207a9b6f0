"""Manual pages from the command line's own help: mulberry(1), and one for each of its commands.

Source of the form: man(7), groff's an.tmac macros.
"""

import datetime as dt
import re
from collections.abc import Iterator

from installers.linux.commands import Command

FILES = r"""
.SH ENVIRONMENT
.TP
.B MULBERRY_DATA
The data folder, in place of the usual one.
.SH FILES
.TP
.I ~/.local/share/mulberry
The data folder: for each network its ledger, settings, the owner's wish and logs. Removing the package leaves it.
.SH EXIT STATUS
0, or 1 with what happened, why, and what to do next on the standard error.
"""


def man_pages(program: Command, version: str, epoch: int) -> dict[str, str]:
    """File names, such as `mulberry-models.1`, to their text. A command's own commands stand on its page."""
    day = dt.datetime.fromtimestamp(epoch, dt.UTC).date().isoformat()
    pages = {"mulberry.1": _page(program, version, day, _overview(program))}
    for command in program.commands:
        pages[f"mulberry-{command.name}.1"] = _page(command, version, day, _details(command))
    return pages


def _page(command: Command, version: str, day: str, body: Iterator[str]) -> str:
    name = "-".join(command.words)
    head = (
        f'.TH "{escaped(name.upper())}" "1" "{day}" "mulberry {version}" "User Commands"',
        ".SH NAME",
        rf"{escaped(name)} \- {escaped(command.summary)}",
        ".SH SYNOPSIS",
        _usage(command),
        ".SH DESCRIPTION",
        _sentence(command.text),
    )
    return "\n".join((*head, *body)) + "\n"


def _overview(program: Command) -> Iterator[str]:
    yield ".PP\nWithout a command, the window opens. The agent, a process of its own, earns; every command talks to it."
    yield from _options(program)
    yield ".SH COMMANDS"
    for command in program.commands:
        yield f".TP\n.BR {escaped(f'mulberry-{command.name}')} (1)\n{_sentence(command.summary)}"
    yield FILES.strip()
    yield ".SH SEE ALSO"
    yield ",\n".join(f".BR {escaped(f'mulberry-{command.name}')} (1)" for command in program.commands)


def _details(command: Command) -> Iterator[str]:
    yield from _arguments(command)
    yield from _options(command)
    if command.commands:
        yield ".SH COMMANDS"
    for inner in command.commands:
        yield f".SS {_usage(inner).removeprefix('.B ')}"
        yield _sentence(inner.text)
        yield from _arguments(inner, heading=False)
        yield from _options(inner, heading=False)
    yield ".SH SEE ALSO\n.BR mulberry (1)"


def _usage(command: Command) -> str:
    return f".B {escaped(' '.join(command.words))}{escaped(command.usage.removeprefix(' '.join(command.words)))}"


def _arguments(command: Command, *, heading: bool = True) -> Iterator[str]:
    if command.arguments and heading:
        yield ".SH ARGUMENTS"
    for argument in command.arguments:
        yield f".TP\n.I {escaped(argument.name)}\n{_sentence(argument.text)}"


def _options(command: Command, *, heading: bool = True) -> Iterator[str]:
    if command.options and heading:
        yield ".SH OPTIONS"
    for option in command.options:
        words = ", ".join(rf"\fB{escaped(word)}\fR" for word in option.words)
        value = rf" \fI{escaped(option.value)}\fR" if option.value else ""
        yield f".TP\n{words}{value}\n{_sentence(option.text)}"


def _sentence(text: str) -> str:
    """Empty texts too, or the tag before would swallow what follows."""
    text = escaped(text.strip())
    if not text:
        return r"\&"
    return text if re.search(r"[].!?)]$", text) else f"{text}."


def escaped(text: str) -> str:
    """As groff prints it unchanged: hyphens are copied as such, and no line begins with a control character."""
    plain = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{plain}" if plain[:1] in (".", "'") else plain
