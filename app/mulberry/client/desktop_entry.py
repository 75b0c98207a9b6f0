"""Desktop Entry files as freedesktop.org specifies them, version 1.5: strings with escapes, and the words of `Exec`."""

import re

BLANK = " \t"
GROUP = "[Desktop Entry]"
ESCAPES = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
ESCAPED_IN_QUOTES = '"`$\\'
RESERVED = " \t\n\r\"'\\><~|&;$*?#()`"
WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^ \t\n\r"]+)', re.DOTALL)


def entry(name: str, comment: str, words: tuple[str, ...]) -> str:
    """A program that is started with `words`, while that program is there."""
    lines = (
        GROUP,
        "Type=Application",
        f"Name={_escaped(name)}",
        f"Comment={_escaped(comment)}",
        f"TryExec={_escaped(words[0])}",
        f"Exec={_escaped(' '.join(map(_quoted, words)))}",
        "Icon=mulberry",
        "Terminal=false",
        "X-GNOME-Autostart-enabled=true",
    )
    return "\n".join(lines) + "\n"


def value_of(untrusted_text: str, key: str) -> str:
    """The key's string in the main group, "" where it is not there."""
    in_group = False
    for line in untrusted_text.split("\n"):
        stripped = line.strip(BLANK)
        if stripped.startswith("["):
            in_group = stripped == GROUP
        name, is_pair, value = stripped.partition("=")
        if in_group and is_pair and name.rstrip(BLANK) == key:
            return _unescaped(value.lstrip(BLANK))
    return ""


def exec_words(untrusted_line: str) -> tuple[str, ...]:
    """The words of an `Exec` string."""
    found = []
    for quoted, bare in WORD.findall(untrusted_line):
        word = bare or re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        found.append(word.replace("%%", "%"))
    return tuple(found)


def _quoted(word: str) -> str:
    escaped = "".join(f"\\{letter}" if letter in ESCAPED_IN_QUOTES else letter for letter in word)
    return f'"{escaped}"'.replace("%", "%%") if _needs_quotes(word) else word.replace("%", "%%")


def _needs_quotes(word: str) -> bool:
    return not word or any(letter in RESERVED for letter in word)


def _escaped(text: str) -> str:
    return "".join(ESCAPES.get(letter, letter) for letter in text)


def _unescaped(text: str) -> str:
    plain = {"\\": "\\", "n": "\n", "t": "\t", "r": "\r", "s": " "}
    found, letters = [], iter(text)
    for letter in letters:
        if letter == "\\":
            after = next(letters, "")
            found.append(plain.get(after, f"\\{after}"))
        else:
            found.append(letter)
    return "".join(found)
