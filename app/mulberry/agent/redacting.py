"""The second wall of a diagnosis: takes out of any text what could be a key, or name a person or a place.

The first wall is that only chosen facts are written at all. This one knows nothing of what it reads: it goes by the
forms that secrets have, and by the names of this computer and its user, and rather takes out too much. What it takes
out leaves a mark; two equal marks in one bundle were equal texts, and the salt that made them is thrown away.
"""

import getpass
import hashlib
import ipaddress
import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mulberry.model.text import plain

LONGEST_LINE = 1_000  # characters; what is longer is cut, and with it the word in which it is cut
SHORT_NAME = 4  # letters; a shorter name is looked for as a word only
COMMON_NAME = re.compile(  # of nobody; our own sentences are made of them
    r"admin|agent|cocoon|debian|demo|home|linux|localhost|mulberry|nobody|nvidia|proxy|root|test|ubuntu|user|worker",
    re.I,
)

PACKAGE = Path(__file__).resolve().parent.parent
WORD = r"[^\s\"'<>|;,()\[\]{}]"

LOG_PREFIX = re.compile(r"^[0-9-]{10} [0-9:,]{8,12} [A-Z]{4,8} [a-z_]{1,24}(?:\.[a-z_]{1,24}){0,6}: ", re.M)
PROGRAM_PATH = re.compile(
    r"(?:[^\s\"']{0,200}[/\\])?((?:site-packages|python3\.\d{1,2}|mulberry)[/\\][\w./\\+-]{1,200}\.py)\b"
)
NAMED_SECRET = re.compile(
    r"((?<![\w+-])[\w-]{0,32}(?:pass(?:word|phrase|wd)?|secret|token|key|seed|mnemonic|authorization|cookie|credential)s?"
    r"[\"']?\s?[=:]\s?)([^\n]*\S)",
    re.I,
)
KEY_BY_PREFIX = re.compile(r"(?<![\w-])(?:(?i:sk|pk|hf|gh[a-z]|xox[a-z])[-_]|(?:Bearer|Basic) )[\w.~+/=-]{8,}")
LITERAL = re.compile(r"\b[bB](?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")")
NUMBERS = re.compile(r"\d{1,3}(?:, ?\d{1,3}){15,}")
ESCAPED = re.compile(r"(?<![\w.~+/=-])[\w.~+/=-]*(?:(?:%|\\x)[0-9A-Fa-f]{2}[^\s%\\\"']{0,64}){4,}")
URL = re.compile(rf"\b[A-Za-z][A-Za-z0-9+.-]{{1,20}}://{WORD}+")
SYSTEM_PATH = re.compile(
    r"(?<![\w./~+-])/(?:dev(?!/disk|/mapper)|proc|sys|usr|etc|lib|lib64|bin|sbin|v1)(?:/[\w.+:@-]*)*(?![\w/])"
)
QUOTED_PATH = re.compile(r"(?<=[\"'])(?:~|[A-Za-z]:)?[/\\][^\"'\n]+(?=[\"'])")
PATH = re.compile(
    rf"(?<![\w./+-])(?:~[\w.-]*[/\\]|[A-Za-z]:[/\\]|\\\\|/){WORD}+(?:(?: [^\s/\\\"':;,]+){{1,3}}[/\\][^\s\"']*)*"
)
E_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
MAC = re.compile(r"(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])")
IPV4 = re.compile(r"(?<!\d)(?<!\d\.)\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d|-microsoft)")  # whose kernels have four numbers
IPV6 = re.compile(r"(?<![\w:])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:.]{2,45}(?![\w:])")
RUN = re.compile(r"[A-Za-z0-9+/=_%-]{32,}(?:[ \t]*\n[ \t]*[A-Za-z0-9+/=_%-]{8,}(?![\w+/=%:.(-]))*")
LONGEST_PART = 20  # characters; of a path that might be base64
HEX_GROUPS = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2,16}[ :,-]){3,}[0-9A-Fa-f]{2,16}(?![0-9A-Za-z])")
HEX_GROUPS_DIGITS = 32
FINGERPRINT = re.compile(r"(?<!\w)(?=\d*[A-Fa-f])[0-9A-Fa-f]{16,}(?!\w)")  # a key's beginning tells whose it is
AMOUNT = re.compile(r"\d(?:[\d,.]|\s(?=\d{3}))*(?= TON\b)")  # thousands may stand apart
SEED_WORDS = re.compile(r"\b(?:[a-z]{3,8}[ ,]{1,2}){11,}[a-z]{3,8}\b")

Piece = tuple[str, bool]  # a text, and whether it may not be looked at any more
Rule = Callable[[Iterable[Piece]], Iterator[Piece]]
Replace = Callable[[re.Match[str]], Iterable[Piece] | None]  # None: it stays as it is, with what stands around it


@dataclass(frozen=True, slots=True)
class Identity:
    """What names this computer and whoever uses it. `data` is Mulberry's data folder."""

    home: Path
    data: Path
    users: tuple[str, ...]
    hosts: tuple[str, ...]


def identity_here(data: Path) -> Identity:
    """Of the user that this process runs as. Asks no network."""
    home = Path.home()
    users = {os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")} | {home.name}
    with suppress(OSError, KeyError, ImportError):  # a user without an entry anywhere
        users.add(getpass.getuser())
    with suppress(ImportError, KeyError):  # Windows has none
        import pwd

        full = pwd.getpwuid(os.getuid()).pw_gecos.partition(",")[0]
        users |= {full, *(name for name in full.split() if len(name) >= SHORT_NAME)}
    node = platform.node()
    return Identity(home, data, tuple(users), (node, node.partition(".")[0]))


class Redactor:
    """For one bundle. `kept` are texts that stay wherever they stand, as their owner allowed; `amounts`: money too."""

    def __init__(
        self, identity: Identity, salt: bytes, kept: frozenset[str] = frozenset(), *, amounts: bool = False
    ) -> None:
        self._identity = identity
        self._salt = salt
        self._names = tuple(_name_rules(identity))
        self._rules: tuple[Rule, ...] = (
            *([_rule(_any_of(kept), _keep)] if kept else []),
            _rule(LOG_PREFIX, _keep),
            _rule(PROGRAM_PATH, _program_path),
            _rule(URL, self._url),
            _rule(NAMED_SECRET, self._named_secret),
            *(_rule(form, self._hide("secret")) for form in (KEY_BY_PREFIX, LITERAL, NUMBERS, ESCAPED)),
            _rule(SYSTEM_PATH, self._system_path),
            _rule(RUN, self._long_run),
            _rule(QUOTED_PATH, self._path),
            _rule(PATH, self._path),
            _rule(E_MAIL, self._hide("e-mail")),
            _rule(MAC, self._hide("MAC")),
            _rule(IPV4, self._address),
            _rule(IPV6, self._address),
            _rule(RUN, self._hide("secret")),
            _rule(HEX_GROUPS, self._hex_groups),
            _rule(FINGERPRINT, self._hide("secret")),
            *([] if amounts else [_rule(AMOUNT, _say("[amount]"))]),
            _rule(SEED_WORDS, self._hide("words")),
            *self._names,
        )

    def mark(self, kind: str, secret: str) -> str:
        """What stands in its place; the same for the same text in this bundle, in capitals or not."""
        digest = hashlib.blake2s(secret.casefold().encode(errors="replace"), key=self._salt[:32]).hexdigest()
        return f"[{kind} #{digest[:4]}]"

    def text(self, untrusted: str, longest: int = LONGEST_LINE) -> str:
        """`untrusted` without what may not go out; printable characters and new lines, no line longer than a bit over
        `longest`."""
        lines = (_cut(line, longest) for line in untrusted.split("\n"))
        pieces: Iterable[Piece] = [(plain("\n".join(lines), len(untrusted) + 1, lines=True), False)]
        for rule in self._rules:
            pieces = rule(pieces)
        return "".join(text for text, _ in pieces)

    def _hide(self, kind: str) -> Replace:
        return lambda found: [(self.mark(kind, found[0]), True)]

    def _long_run(self, found: re.Match[str]) -> Iterable[Piece] | None:
        """Before paths are looked for: base64 may begin with a slash, but it has few of them."""
        is_path = all(len(part) < LONGEST_PART for part in found[0].split("/"))
        return None if is_path else [(self.mark("secret", found[0]), True)]

    def _named_secret(self, found: re.Match[str]) -> Iterable[Piece]:
        return (found[1], True), (self.mark("secret", found[2]), True)

    def _url(self, found: re.Match[str]) -> Iterable[Piece]:
        """Its scheme and host, no more: credentials stand before, tokens behind."""
        try:
            parts = urlsplit(found[0])
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return [(self.mark("URL", found[0]), True)]
        rest = "/…" if parts.path.strip("/") or parts.query or parts.fragment else ""
        return (f"{parts.scheme}://", True), (host, False), (rest if port is None else f":{port}{rest}", True)

    def _system_path(self, found: re.Match[str]) -> Iterable[Piece]:
        pieces: Iterable[Piece] = [(found[0], False)]
        for rule in self._names:
            pieces = rule(pieces)
        return [(text, True) for text, _ in pieces]

    def _path(self, found: re.Match[str]) -> Iterable[Piece]:
        path = found[0].rstrip(".:")
        data, home = str(self._identity.data), str(self._identity.home)
        after = found[0][len(path) :]
        if path == data or path.startswith((f"{data}/", f"{data}\\")):
            inside = path[len(data) :]
            return (f"DATA{inside[:1]}", True), (inside[1:], False), (after, False)
        where = "~/" if home != "/" and path.startswith((home, "~")) else ""
        return (f"{where}{self.mark('path', path)}", True), (after, False)

    def _address(self, found: re.Match[str]) -> Iterable[Piece] | None:
        text = found[0].rstrip(".")
        try:
            address = ipaddress.ip_address(text)
        except ValueError:  # a time, a version, a place on the PCI bus
            return None
        is_nobody = address.is_loopback or address.is_unspecified
        return (text if is_nobody else self.mark("IP", text), True), (found[0][len(text) :], False)

    def _hex_groups(self, found: re.Match[str]) -> Iterable[Piece] | None:
        digits = sum(letter.isalnum() for letter in found[0])
        return [(self.mark("secret", found[0]), True)] if digits >= HEX_GROUPS_DIGITS else None


def _name_rules(identity: Identity) -> Iterator[Rule]:
    for kind, names in (("host", identity.hosts), ("user", identity.users)):
        for name in sorted(set(names), key=len, reverse=True):
            if len(name) > 1 and not COMMON_NAME.fullmatch(name):
                yield _rule(_name(name), _say(f"[{kind}]"))


def _rule(pattern: re.Pattern[str], replace: Replace) -> Rule:
    def apply(pieces: Iterable[Piece]) -> Iterator[Piece]:
        for text, is_done in pieces:
            if is_done:
                yield text, True
                continue
            end = 0
            for found in pattern.finditer(text):
                replaced = replace(found)
                if replaced is not None:
                    yield text[end : found.start()], False
                    yield from replaced
                    end = found.end()
            yield text[end:], False

    return apply


def _say(words: str) -> Replace:
    return lambda _: [(words, True)]


def _keep(found: re.Match[str]) -> Iterable[Piece]:
    return [(found[0], True)]


def _program_path(found: re.Match[str]) -> Iterable[Piece] | None:
    """Of ours only what is there: anybody's folder may be called as we are."""
    inside = found[1].replace("\\", "/")
    name, _, rest = inside.partition("/")
    is_known = ".." not in rest and (name != "mulberry" or (PACKAGE / rest).is_file())
    return [(inside, True)] if is_known else None


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True)))


def _name(name: str) -> re.Pattern[str]:
    as_text = re.escape(name)
    return re.compile(as_text if len(name) >= SHORT_NAME else rf"(?<![^\W\d_]){as_text}(?![^\W\d_])", re.I)


def _cut(line: str, longest: int) -> str:
    """A secret that is cut might no longer look like one, so the word goes that the cut would go through."""
    if len(line) <= longest:
        return line
    kept, space, _ = line[: longest + 1].rpartition(" ")
    return f"{kept}{space}…"
