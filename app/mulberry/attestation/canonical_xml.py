"""The little of XML that signed reference manifests are made of, and its one canonical form.

Source: W3C Canonical XML 1.1, without comments. Documents with anything that would make canonicalisation subtle are
refused instead: a document type, entities, comments, processing instructions, attributes of the xml: namespace.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

MOST_BYTES = 64 * 2**10
MOST_ELEMENTS = 512
MOST_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Element:
    """`name` and the keys of `attributes` are as written, with their prefix. `namespaces` are all that hold here, by
    prefix ("" is the default one)."""

    name: str
    attributes: Mapping[str, str]
    namespaces: Mapping[str, str]
    children: "list[Element | str]" = field(default_factory=list)

    @property
    def full_name(self) -> tuple[str, str]:
        """Namespace and local name."""
        prefix, _, local = self.name.rpartition(":")
        return self.namespaces.get(prefix, ""), local

    @property
    def elements(self) -> "Iterator[Element]":
        return (child for child in self.children if isinstance(child, Element))

    @property
    def text(self) -> str:
        """Of an element without elements in it. Raises `ValueError`: it has some."""
        if any(self.elements):
            raise ValueError(f"{self.name} has elements in it")
        return "".join(child for child in self.children if isinstance(child, str))

    def child(self, namespace: str, local_name: str) -> "Element":
        """The only child of that name. Raises `ValueError`: there is none, or several."""
        found = [each for each in self.elements if each.full_name == (namespace, local_name)]
        if len(found) != 1:
            raise ValueError(f"{len(found)} elements {local_name} in {self.name}, not one")
        return found[0]

    def attribute(self, namespace: str, local_name: str) -> str | None:
        """An attribute by its full name; those without a prefix have no namespace."""
        return next(
            (value for name, value in self.attributes.items() if _key(self, name) == (namespace, local_name)), None
        )


def parse_xml(untrusted: bytes) -> Element:
    """Reads a document in UTF-8. Raises `ValueError`: not well-formed, too large, or with what is refused here."""
    if len(untrusted) > MOST_BYTES:
        raise ValueError(f"{len(untrusted):,} bytes, at most {MOST_BYTES:,} are read")
    building = _Building()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = building.start
    parser.EndElementHandler = building.end
    parser.CharacterDataHandler = building.text
    parser.StartDoctypeDeclHandler = parser.CommentHandler = parser.ProcessingInstructionHandler = _refuse
    try:
        parser.Parse(untrusted, True)
    except expat.ExpatError as problem:
        raise ValueError(str(problem)) from problem
    if building.root is None:
        raise ValueError("no element")
    return building.root


def canonical(element: Element, *, without: Element | None = None) -> bytes:
    """The canonical form of `element` as a document's part, in UTF-8 and without `without`: an enveloped signature."""
    return "".join(_written(element, {}, without)).encode()


class _Building:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS or len(self._open) == MOST_DEPTH:
            raise ValueError("too many elements")
        namespaces = dict(self._open[-1].namespaces) if self._open else {}
        own = {}
        for key, value in attributes.items():
            prefix, _, local = key.rpartition(":")
            if "xml" in (prefix, local) or key.count(":") > 1 or (prefix == "xmlns" and not value):
                raise ValueError(f"an attribute {key[:40]}")
            if key == "xmlns" or prefix == "xmlns":
                namespaces["" if key == "xmlns" else local] = value
            else:
                own[key] = value
        element = Element(name, own, namespaces)
        for prefix in {key.rpartition(":")[0] for key in (name, *own)} - {"", *namespaces}:
            raise ValueError(f"nothing declares the prefix {prefix[:40]}")
        if len({_key(element, key) for key in own}) < len(own):
            raise ValueError(f"an attribute of {name[:40]} is there twice")
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, name: str) -> None:
        self._open.pop()

    def text(self, said: str) -> None:
        self._open[-1].children.append(said)


def _refuse(*_: object) -> None:
    raise ValueError("a document type, a comment or a processing instruction")


def _key(element: Element, attribute: str) -> tuple[str, str]:
    prefix, _, local = attribute.rpartition(":")
    return (element.namespaces[prefix] if prefix else ""), local


def _written(element: Element, above: Mapping[str, str], without: Element | None) -> Iterator[str]:
    yield f"<{element.name}"
    for prefix, uri in sorted(element.namespaces.items()):
        if above.get(prefix, "") != uri:
            yield f' xmlns{":" if prefix else ""}{prefix}="{_escaped_value(uri)}"'
    for name in sorted(element.attributes, key=lambda name: _key(element, name)):
        yield f' {name}="{_escaped_value(element.attributes[name])}"'
    yield ">"
    for child in element.children:
        if isinstance(child, str):
            yield _escaped(child).replace(">", "&gt;")
        elif child is not without:
            yield from _written(child, element.namespaces, without)
    yield f"</{element.name}>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\r", "&#xD;")


def _escaped_value(text: str) -> str:
    return _escaped(text).replace('"', "&quot;").replace("\t", "&#x9;").replace("\n", "&#xA;")
