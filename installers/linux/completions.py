"""Completions for bash, zsh and fish, written out whole: pressing Tab starts no Python.

Sources: bash(1) "Programmable Completion", zshcompsys(1), fish's `complete`.
"""

from collections.abc import Callable, Iterator

from installers.linux.commands import Argument, Command, Option


def completions(program: Command) -> dict[str, str]:
    """Where each lies below /usr/share, to its text."""
    return {
        "bash-completion/completions/mulberry": bash(program),
        "zsh/vendor-completions/_mulberry": zsh(program),
        "fish/vendor_completions.d/mulberry.fish": fish(program),
    }


# bash


def bash(program: Command) -> str:
    lines = [
        "# bash completion for mulberry",
        "_mulberry() {",
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} at=mulberry i",
        "    for ((i = 1; i < COMP_CWORD; i++)); do",
        '        case "$at ${COMP_WORDS[i]}" in',
        *(f'            "{" ".join(command.words)}") at="{" ".join(command.words)}" ;;' for command in _below(program)),
        "        esac",
        "    done",
        '    case "$at $before" in',
    ]
    for command in program.all():
        for option in _with_value(command):
            patterns = "|".join(f'"{" ".join(command.words)} {word}"' for word in option.words)
            lines.append(f"        {patterns}) {_bash_values(option)} return ;;")
    lines += ["    esac", '    case "$at" in']
    for command in program.all():
        words = [*_words(command), *(choice for one in command.arguments for choice in one.choices)]
        files = " -f" if any(argument.is_path for argument in command.arguments) else ""
        reply = f'COMPREPLY=($(compgen{files} -W "{" ".join(words)}" -- "$word"))'
        lines.append(f'        "{" ".join(command.words)}") {reply} ;;')
    return "\n".join([*lines, "    esac", "}", "complete -o filenames -F _mulberry mulberry", ""])


def _bash_values(option: Option) -> str:
    if option.choices:
        return f'COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$word"));'
    return 'COMPREPLY=($(compgen -f -- "$word"));' if option.is_path else "COMPREPLY=();"


# zsh


def zsh(program: Command) -> str:
    lines = ["#compdef mulberry", ""]
    for command in program.all():
        name = _function(command)
        lines += [f"{name}() {{", "    local line state", "    _arguments -C \\"]
        parts = [_zsh_option(option, word) for option in command.options for word in option.words]
        if command.commands:
            parts += ["'1: :->command'", "'*:: :->rest'"]
        parts += [_zsh_argument(argument) for argument in command.arguments]
        lines.append(" \\\n".join(f"        {part}" for part in parts))
        if command.commands:
            described = "\n".join(
                f"            {_single(f'{inner.name}:{inner.summary}')}" for inner in command.commands
            )
            cases = "\n".join(f"            {inner.name}) {_function(inner)} ;;" for inner in command.commands)
            lines += ["    case $state in", "    command)", "        local -a commands=(", described, "        )"]
            lines += ["        _describe command commands ;;", "    rest)", "        case $line[1] in", cases]
            lines += ["        esac ;;", "    esac"]
        lines += ["}", ""]
    return "\n".join([*lines, '_mulberry "$@"', ""])


def _function(command: Command) -> str:
    return "_" + "_".join(command.words).replace("-", "_")


def _zsh_option(option: Option, word: str) -> str:
    text = option.text.replace("[", "(").replace("]", ")").replace(":", ";")
    return _single(
        f"{word}[{text}]" + (f":{option.value.replace(':', ';')}:{_zsh_values(option)}" if option.value else "")
    )


def _zsh_argument(argument: Argument) -> str:
    return _single(f"*:{argument.name}:{_zsh_values(argument)}")


def _zsh_values(one: Option | Argument) -> str:
    if one.choices:
        return f"({' '.join(one.choices)})"
    return "_files" if one.is_path else ""


# fish


def fish(program: Command) -> str:
    lines = ["# fish completion for mulberry", "complete -c mulberry -f"]
    for command in program.all():
        at = _fish_condition(command)
        lines += [
            f"complete -c mulberry {at} -a {inner.name} -d {_fish_quoted(inner.summary)}" for inner in command.commands
        ]
        lines += [_fish_option(option, at) for option in command.options]
        for argument in command.arguments:
            if argument.choices:
                lines.append(f"complete -c mulberry {at} -a {_fish_quoted(' '.join(argument.choices))}")
            elif argument.is_path:
                lines.append(f"complete -c mulberry {at} -F")
    return "\n".join([*lines, ""])


def _fish_condition(command: Command) -> str:
    """Where it is offered: after the words that lead to it, and before any of those that lead on."""
    parts = [f"__fish_seen_subcommand_from {word}" for word in command.words[1:]]
    if command.commands:
        onward = " ".join(inner.name for inner in command.commands)
        parts.append(f"not __fish_seen_subcommand_from {onward}")
    return f"-n {_fish_quoted('; and '.join(parts))}" if parts else ""


def _fish_option(option: Option, at: str) -> str:
    spelled = " ".join(f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}" for word in option.words)
    text = f"-d {_fish_quoted(option.text)}" if option.text else ""
    if option.choices:
        value = f"-x -a {_fish_quoted(' '.join(option.choices))}"
    else:
        value = "-r -F" if option.is_path else "-x" if option.value else ""
    return " ".join(part for part in ("complete -c mulberry", at, spelled, value, text) if part)


# All of them


def _below(program: Command) -> list[Command]:
    return [command for command in program.all() if command is not program]


def _with_value(command: Command) -> Iterator[Option]:
    return (option for option in command.options if option.value)


def _words(command: Command) -> list[str]:
    return [*(inner.name for inner in command.commands), *(word for option in command.options for word in option.words)]


def _quoted(escape: str) -> Callable[[str], str]:
    def quote(text: str) -> str:
        return "'" + text.replace("'", escape) + "'"

    return quote


_single = _quoted("'\\''")  # as POSIX shells and zsh read it


def _fish_quoted(text: str) -> str:
    return _quoted("\\'")(text.replace("\\", "\\\\"))
