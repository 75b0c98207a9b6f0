"""A statement is signed byte for byte: it must have one encoding, and a stranger's must cost no more than a refusal."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.attestation.errors import NotProven
from mulberry.attestation.manifest import (
    MOST_STATEMENT_BYTES,
    Package,
    StatedFinding,
    StatedGpu,
    StatedSandbox,
    Statement,
    facts_of,
    read_statement,
    write_statement,
)
from shown_computer import STATEMENT

lines = st.text(st.characters(exclude_categories=("C", "Z")), max_size=40)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
findings = st.builds(StatedFinding, lines, st.none() | st.booleans() | lines, lines)
statements = st.builds(
    replace,
    st.just(STATEMENT),
    made_at=st.integers(0, 253_402_300_799),
    nonce=st.just("") | st.binary(min_size=16, max_size=64).map(bytes.hex),
    software=st.builds(
        replace,
        st.just(STATEMENT.software),
        packages=st.lists(st.builds(Package, lines, lines, st.none() | hashes), max_size=4).map(tuple),
    ),
    gpus=st.lists(st.builds(StatedGpu, hashes, lines, lines, st.none() | lines), max_size=3).map(tuple),
    model=st.none() | st.just(STATEMENT.model),
    sandbox=st.none() | st.builds(StatedSandbox, lines, st.integers(0, 2**32 - 1), st.integers(0, 32)),
    host=st.lists(findings, max_size=4).map(tuple),
)


@given(statements)
def test_what_was_written_is_read_back(statement: Statement) -> None:
    assert read_statement(write_statement(statement)) == statement


def test_the_form_is_the_one_of_the_docs() -> None:
    """Keys ascend, no spaces, ASCII, whole numbers: by hand, so that other programs can make the same bytes."""
    statement = replace(
        STATEMENT, made_at=7, nonce="", gpus=(), model=None, sandbox=None, host=(StatedFinding("Machine", "é", "/sys"),)
    )
    key, files, record = "00" * 32, "ab" * 32, "cd" * 32
    packages = (
        f'[{{"name":"numpy","record":"{record}","version":"2.4.0"}},'
        '{"name":"of-the-system","record":null,"version":"1"}]'
    )
    software = (
        f'{{"files":"{files}","mulberry":"0.1.0","onnxruntime":"onnxruntime-gpu 1.31.1","origin":"package",'
        f'"packages":{packages},"python":"CPython 3.11.7","system":"Linux-6.8"}}'
    )
    host = '[{"evidence":"/sys","name":"Machine","value":"\\u00e9"}]'
    assert write_statement(statement).decode("ascii") == (
        f'{{"format":"mulberry statement 1","gpus":[],"host":{host},"key":"{key}","made_at":7,"model":null,'
        f'"nonce":"","sandbox":null,"software":{software}}}'
    )


def other_forms() -> dict[str, bytes]:
    written = write_statement(STATEMENT)
    value: dict[str, Any] = json.loads(written)

    def form(**changes: object) -> bytes:
        return json.dumps({**value, **changes}, sort_keys=True, separators=(",", ":")).encode()

    return {
        "nothing": b"",
        "a list": b"[]",
        "with spaces": json.dumps(value, sort_keys=True).encode(),
        "in another order": json.dumps(dict(reversed(value.items())), separators=(",", ":")).encode(),
        "with a name more": form(extra=1),
        "with a name twice": b'{"format":"x",' + written[1:],
        "without a name": json.dumps({k: v for k, v in value.items() if k != "key"}).encode(),
        "of another version": form(format="mulberry statement 2"),
        "with a fraction": form(made_at=1.5),
        "with a whole number as a fraction": written.replace(b'"made_at":', b'"made_at":1e3,"x":'),
        "before its time": form(made_at=-1),
        "after the end of time": form(made_at=253_402_300_800),
        "with a truth for a number": form(made_at=True),
        "with a short nonce": form(nonce="00"),
        "with a nonce in capitals": form(nonce="AB" * 16),
        "with a nonce and a new line": form(nonce="ab" * 16 + "\n"),
        "with orders for a terminal": form(host=[{"name": "x", "value": "\x1b[2J", "evidence": ""}]),
        "with half a character": written.replace(b"Linux", b"\\ud800"),
        "with too many GPUs": form(gpus=[value["gpus"][0]] * 65),
        "with a long line": form(host=[{"name": "x" * 301, "value": None, "evidence": ""}]),
        "deep": b"[" * 100_000,
        "deep inside": form(host=None).replace(b"null", b"[" * 50_000 + b"]" * 50_000, 1),
        "too large": b" " * (MOST_STATEMENT_BYTES + 1),
        "no UTF-8": b"\xff\xfe",
    }


@pytest.mark.parametrize("name", other_forms())
def test_no_other_form_is_read(name: str) -> None:
    with pytest.raises(NotProven, match="its statement "):
        read_statement(other_forms()[name])


@given(st.binary(max_size=200))
def test_bytes_of_nobodys_are_refused_in_words(untrusted: bytes) -> None:
    with pytest.raises(NotProven):
        read_statement(untrusted)


def test_the_last_moment_that_is_read_has_a_date() -> None:
    assert f"{replace(STATEMENT, made_at=253_402_300_799).made:%Y-%m-%d %H:%M:%S}" == "9999-12-31 23:59:59"


def test_the_facts_say_what_is_unknown_and_why() -> None:
    finding = StatedFinding("TPM 2.0", None, "there is no /sys/class")
    bare = replace(STATEMENT, gpus=(), model=None, sandbox=None, host=(finding,))
    facts = {fact.name: fact.value for fact in facts_of(bare)}
    assert facts["TPM 2.0"] == "unknown, because there is no /sys/class"
    assert facts["Sandbox"] == "unknown, because no job process runs"
    assert facts["GPU"] == "none that the NVIDIA driver shows"
    whole = {fact.name: fact.value for fact in facts_of(STATEMENT)}
    assert whole["Sandbox"] == "bubblewrap, Landlock and seccomp: 13 of 13 checks passed"
    assert whole["GPU"] == "NVIDIA H100 80GB HBM3, driver 590.12, VBIOS 96.00.A5.00.01"
    assert all(fact.whose_word == "this computer" for fact in facts_of(STATEMENT))
