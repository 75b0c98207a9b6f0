"""A signature is over the canonical form: a parser that sees another document than the signer did is a forgery's door.

The expected forms are those of W3C Canonical XML 1.1, sections 3.1 to 3.4, without what is refused here.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.attestation.canonical_xml import MOST_DEPTH, MOST_ELEMENTS, canonical, parse_xml


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("<doc><e1   /><e2   ></e2></doc>", "<doc><e1></e1><e2></e2></doc>"),
        ('<e5 xmlns:b="urn:b" xmlns:a="urn:a" xmlns="urn:d" b:attr="1" a:attr="2" attr2="3" attr="4"/>',
         '<e5 xmlns="urn:d" xmlns:a="urn:a" xmlns:b="urn:b" attr="4" attr2="3" a:attr="2" b:attr="1"></e5>'),
        ('<a xmlns="urn:d"><b xmlns="urn:d"><c xmlns=""/></b></a>', '<a xmlns="urn:d"><b><c xmlns=""></c></b></a>'),
        ('<a xmlns:z="urn:z"><z:b xmlns:z="urn:z"/></a>', '<a xmlns:z="urn:z"><z:b></z:b></a>'),
        ("<a x='&quot;&#9;&#10;&#13;&amp;&lt;&gt;'/>", '<a x="&quot;&#x9;&#xA;&#xD;&amp;&lt;>"></a>'),
        ("<a>&#13;&gt;&lt;&amp;\"</a>", '<a>&#xD;&gt;&lt;&amp;"</a>'),
        ("<a><![CDATA[1 < 2]]></a>", "<a>1 &lt; 2</a>"),
        ('<?xml version="1.0" encoding="UTF-8"?>\n<a>\u00e9</a>\n', "<a>\u00e9</a>"),
        ("<a>1\r\n2</a>", "<a>1\n2</a>"),
    ],
)  # fmt: skip
def test_the_form_is_the_standards(written: str, form: str) -> None:
    assert canonical(parse_xml(written.encode())) == form.encode()


def test_a_part_carries_the_namespaces_that_hold_for_it() -> None:
    document = parse_xml(b'<a xmlns="urn:d" xmlns:x="urn:x"><b y="1"><c/></b></a>')
    part = next(document.elements)
    assert canonical(part) == b'<b xmlns="urn:d" xmlns:x="urn:x" y="1"><c></c></b>'
    assert canonical(document, without=part) == b'<a xmlns="urn:d" xmlns:x="urn:x"></a>'


@pytest.mark.parametrize(
    "hostile",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        "<a><!-- what the signer did not see --></a>",
        "<a><?php ?></a>",
        '<a xml:space="preserve"/>',
        '<x:a/>',
        '<a x:b="1"/>',
        '<a xmlns:x="" x:b="1"/>',
        '<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>',
        "<a/><a/>",
        "<a>",
        "",
        "<a>" * (MOST_DEPTH + 1) + "</a>" * (MOST_DEPTH + 1),
        "<a>" + "<b/>" * MOST_ELEMENTS + "</a>",
        "<a>" + " " * 70_000 + "</a>",
    ],
)  # fmt: skip
def test_what_is_subtle_or_large_is_refused(hostile: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_xml(hostile.encode())


def test_other_encodings_are_not_read_as_if_they_were_utf_8() -> None:
    with pytest.raises(ValueError, match=r"invalid token|not well-formed"):
        parse_xml('<?xml version="1.0" encoding="ISO-8859-1"?><a>\u00e9</a>'.encode("latin-1"))


names = st.from_regex(r"[a-z]{1,4}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")), max_size=12)


@given(st.dictionaries(names, texts, max_size=4), st.lists(st.tuples(names, texts), max_size=4))
def test_the_form_of_the_form_is_the_form(attributes: dict[str, str], children: list[tuple[str, str]]) -> None:
    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;").replace(">", "&gt;")

    given_attributes = {name: value for name, value in attributes.items() if name not in ("xml", "xmlns")}
    written = "".join(f' {name}="{escaped(value)}"' for name, value in given_attributes.items())
    inside = "".join(f"<{name}>{escaped(text)}</{name}>" for name, text in children)
    once = canonical(parse_xml(f"<r{written}>{inside}</r>".encode()))
    assert canonical(parse_xml(once)) == once
