"""Whoever can forge a feed puts programs of theirs on every owner's computer: every forgery we know is tried here."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.agent.updates.feed import (
    CLOCK_SLACK,
    FEED_KIND,
    KEYS_KIND,
    LONGEST_LIFE,
    MOST_FEED_BYTES,
    MOST_KEY_CHANGES,
    Feed,
    FeedRefused,
    ReleaseKeys,
    check_time,
    open_feed,
    read_keys,
    write_feed,
)
from mulberry.agent.updates.memory import Memory
from mulberry.agent.updates.signed import MOST_SIGNATURES, Envelope, sign
from mulberry.model.encoding import to_json
from mulberry.model.update import LARGEST_FILE_BYTES, MOST_FILES, ReleaseFile, Version
from release_feed import (
    KEYS,
    MAINTAINERS,
    NEXT_KEYS,
    STRANGER,
    SUCCESSORS,
    a_feed,
    a_key,
    a_release,
    change,
    public,
    published,
    signed_by,
)
from samples import NOON

FEED = a_feed()


def refused(untrusted: bytes, keys: ReleaseKeys = KEYS) -> str:
    """Why."""
    with pytest.raises(FeedRefused) as why:
        open_feed(untrusted, keys)
    return str(why.value)


def edited(edit: Callable[[dict[str, Any]], object], content: bytes | None = None) -> bytes:
    """The published document after somebody's edit, who has no key."""
    document = json.loads(content or published())
    edit(document)
    return json.dumps(document).encode()


def signed_payload(payload: bytes) -> bytes:
    """What the maintainers would sign if they made a mistake."""
    return write_feed(signed_by(Envelope(FEED_KIND, payload, ()), MAINTAINERS), [])


def open_payload(content: bytes) -> bytes:
    """What is signed there, unproven."""
    return base64.b64decode(json.loads(content)["feed"]["payload"])


def with_field(**changes: object) -> bytes:
    return signed_payload(json.dumps(json.loads(to_json(Feed, FEED)) | changes).encode())


def with_artefact(**changes: object) -> bytes:
    said = json.loads(to_json(Feed, FEED))
    said["releases"][0]["artefacts"][0] |= changes
    return signed_payload(json.dumps(said).encode())


def with_another_file(**changes: object) -> bytes:
    said = {"path": "0.2.0/engine.deb", "size": 1, "sha256": "0" * 64}
    return with_artefact(also=[said | changes])


def test_a_feed_that_enough_keys_have_signed_is_believed() -> None:
    for signers in (MAINTAINERS[:2], MAINTAINERS[1:], MAINTAINERS, (*MAINTAINERS[:2], STRANGER)):
        opened = open_feed(published(FEED, signers), KEYS)
        assert (opened.feed, opened.keys) == (FEED, KEYS)


def test_too_few_signatures_are_refused_whatever_else_is_signed() -> None:
    needed = "it takes 2"
    assert refused(published(FEED, ())).endswith(f"by 0 of the release keys; {needed}.")
    assert needed in refused(published(FEED, MAINTAINERS[:1]))
    assert needed in refused(published(FEED, (MAINTAINERS[0], STRANGER)))
    assert needed in refused(published(FEED, (STRANGER, a_key(8), a_key(7))))


def test_one_key_that_signs_twice_is_one_key() -> None:
    def doubled(document: dict[str, Any]) -> None:
        document["feed"]["signatures"] *= 2

    assert "by 1 of the release keys" in refused(edited(doubled, published(FEED, MAINTAINERS[:1])))


def test_a_signature_under_another_keys_name_is_none() -> None:
    def renamed(document: dict[str, Any]) -> None:
        first, second = document["feed"]["signatures"]
        first["keyid"], second["keyid"] = second["keyid"], first["keyid"]

    assert "by 0 of the release keys" in refused(edited(renamed))


def test_a_single_bit_of_what_was_signed_counts() -> None:
    def flipped(document: dict[str, Any]) -> None:
        payload = bytearray(base64.b64decode(document["feed"]["payload"]))
        payload[payload.index(b"Faster")] ^= 1
        document["feed"]["payload"] = base64.b64encode(payload).decode()

    assert "by 0 of the release keys" in refused(edited(flipped))


def test_the_same_feed_in_other_bytes_is_not_what_was_signed() -> None:
    def spaced(document: dict[str, Any]) -> None:
        said = json.loads(base64.b64decode(document["feed"]["payload"]))
        document["feed"]["payload"] = base64.b64encode(json.dumps(said, indent=1).encode()).decode()

    assert "by 0 of the release keys" in refused(edited(spaced))


def test_a_document_of_another_kind_is_no_feed_though_the_keys_have_signed_it() -> None:
    """A signature over release keys, or over anything else that these keys ever sign, opens no feed."""
    keys = signed_by(Envelope(KEYS_KIND, to_json(Feed, FEED), ()), MAINTAINERS)
    assert refused(write_feed(keys, [])) == "What is signed there is no release feed."
    relabelled = replace(keys, kind=FEED_KIND)
    assert "by 0 of the release keys" in refused(write_feed(relabelled, []))


def test_what_is_not_well_formed_is_refused_before_anything_is_believed() -> None:
    said = published()
    for untrusted in (
        b"",
        b"[]",
        b"{}",
        b"\xff" + said,
        said[:-10],
        said.replace(b'"feed":', b'"feed":null,"feed":', 1),
        edited(lambda document: document.update(feed=[])),
        edited(lambda document: document["feed"].update(payload="%%%")),
        edited(lambda document: document["feed"].update(payload=7)),
        edited(lambda document: document["feed"]["signatures"].append("x")),
        edited(lambda document: document["feed"]["signatures"].append({"keyid": "zz", "sig": ""})),
        edited(lambda document: document["feed"]["signatures"][0].update(sig="AAAA")),
        edited(lambda document: document.update(keys={})),
        b"[" * 100_000,
    ):
        assert refused(untrusted).startswith("The feed"), untrusted[:80]


def test_a_feed_of_a_gigabyte_is_not_even_read() -> None:
    assert "larger than" in refused(b" " * (MOST_FEED_BYTES + 1))


def test_endless_lists_of_signatures_or_keys_cost_nothing() -> None:
    def many(document: dict[str, Any]) -> None:
        document["feed"]["signatures"] *= MOST_SIGNATURES

    assert f"more than {MOST_SIGNATURES} signatures" in refused(edited(many))
    assert "too long" in refused(published(changes=[change()] * (MOST_KEY_CHANGES + 1)))


@pytest.mark.parametrize(
    "mistake",
    [
        with_field(format=2),
        with_field(format="1"),
        with_field(sequence=0),
        with_field(sequence=-1),
        with_field(sequence=2**63),
        with_field(sequence="7"),
        with_field(sequence=1.5),
        with_field(published="2026-11-22T12:00:00"),
        with_field(published="yesterday"),
        with_field(published=(NOON - LONGEST_LIFE).isoformat()),
        with_field(expires=NOON.isoformat()),
        with_field(expires="9999-12-31T23:59:59Z"),
        with_field(releases=None),
        with_field(releases=[json.loads(to_json(Feed, FEED))["releases"][0]] * 2),
        with_artefact(path="/etc/passwd"),
        with_artefact(path="../mulberry.deb"),
        with_artefact(path="0.2.0/../../mulberry.deb"),
        with_artefact(path="https://elsewhere.example/mulberry.deb"),
        with_artefact(path="//elsewhere.example/mulberry.deb"),
        with_artefact(path="0.2.0/mulberry.deb?from=elsewhere"),
        with_artefact(path="0.2.0\\mulberry.deb"),
        with_artefact(path="0.2.0/$(reboot).deb"),
        with_artefact(path="0.2.0/mulberry 0.2.0.deb"),
        with_artefact(path="0.2.0/.hidden"),
        with_artefact(path="0.2.0/mulberry\n.deb"),
        with_artefact(path="a/" * 40 + "b"),
        with_artefact(path="a" * 201),
        with_artefact(path=""),
        with_artefact(size=0),
        with_artefact(size=-5),
        with_artefact(size=LARGEST_FILE_BYTES + 1),
        with_artefact(size=True),
        with_artefact(sha256="00"),
        with_artefact(sha256="0" * 63 + "G"),
        with_artefact(also=None),
        with_artefact(also=["0.2.0/mulberry-engine.deb"]),
        with_another_file(path="../mulberry-engine.deb"),
        with_another_file(path="0.2.0/$(reboot).deb"),
        with_another_file(path="0.3.0/Mulberry.AppImage"),
        with_another_file(size=0),
        with_another_file(size="7"),
        with_another_file(sha256=""),
        with_artefact(also=[{"path": f"file-{number}", "size": 1, "sha256": "0" * 64} for number in range(MOST_FILES)]),
        signed_payload(b"null"),
        signed_payload(b'{"format":1,"format":1}'),
        signed_payload(b'{"format":1,"sequence":NaN}'),
    ],
)
def test_what_no_maintainer_would_say_is_refused_though_they_have_signed_it(mistake: bytes) -> None:
    assert refused(mistake).startswith("The feed is")


def test_what_a_newer_mulberry_adds_does_not_lock_this_one_out() -> None:
    opened = open_feed(with_field(channel="stable"), KEYS)
    assert opened.feed == FEED
    assert open_feed(with_artefact(kind="snap", compression="zstd"), KEYS).feed.releases[0].artefacts[0].kind == "snap"


def test_an_artefact_of_several_files_is_read_and_so_is_a_feed_from_before_there_were_any() -> None:
    (several, *_) = open_feed(with_another_file(), KEYS).feed.releases[0].artefacts
    assert several.files[1:] == (ReleaseFile("0.2.0/engine.deb", 1, "0" * 64),)
    assert several.takes_bytes == several.size + 1
    genuine = Path(__file__).parents[1] / "fuzz" / "corpus" / "feeds" / "genuine-plain"
    assert b'"also"' not in open_payload(genuine.read_bytes())
    for artefact in open_feed(genuine.read_bytes(), KEYS).feed.releases[0].artefacts:
        assert artefact.files == (ReleaseFile(artefact.path, artefact.size, artefact.sha256),)


# Time


def test_a_feed_is_of_the_present() -> None:
    check_time(FEED, NOON)
    check_time(FEED, NOON - CLOCK_SLACK)
    with pytest.raises(FeedRefused, match="ended on 2026-12-22"):
        check_time(FEED, FEED.expires)
    with pytest.raises(FeedRefused, match="still to come"):
        check_time(FEED, NOON - CLOCK_SLACK - timedelta(seconds=1))


def seen(memory: Memory, feed: Feed, address: str = "a") -> Memory:
    return memory.after(address, open_feed(published(feed), KEYS), KEYS, NOON)


def test_an_older_feed_than_one_that_was_seen_is_refused() -> None:
    memory = seen(Memory(), a_feed(sequence=7))
    assert seen(memory, a_feed(sequence=7)) == memory
    assert seen(memory, a_feed(sequence=8)).sequence == 8
    with pytest.raises(FeedRefused, match="number 6, and number 7 was seen before"):
        seen(memory, a_feed(sequence=6))


def test_two_feeds_of_one_number_are_told_as_what_they_are() -> None:
    memory = seen(Memory(), a_feed(sequence=7))
    with pytest.raises(FeedRefused, match="two feeds with the number 7"):
        seen(memory, a_feed(a_release("0.3.0"), sequence=7))


def test_no_other_address_is_a_way_back_to_an_older_feed() -> None:
    memory = seen(Memory(), a_feed(sequence=7), "https://releases.example/feed.json")
    for elsewhere in ("https://releases.example/feed.json/", "https://mirror.example/feed.json"):
        with pytest.raises(FeedRefused, match="number 6, and number 7 was seen before"):
            seen(memory, a_feed(sequence=6), elsewhere)
        assert seen(memory, a_feed(sequence=7), elsewhere).feed == elsewhere, "a mirror"
        assert seen(memory, a_feed(sequence=8), elsewhere).sequence == 8


def test_another_packagers_keys_begin_at_their_own_number() -> None:
    """Who installs their package has chosen them: what others have signed is neither believed nor in the way."""
    theirs = ReleaseKeys(1, 1, (public(STRANGER),))
    followed = open_feed(published(a_feed(sequence=7), SUCCESSORS[:2], [change()]), KEYS)
    memory = Memory().after("a", followed, KEYS, NOON)
    assert memory.trusted(theirs) == theirs
    begun = memory.after("a", open_feed(published(a_feed(sequence=1), [STRANGER]), theirs), theirs, NOON)
    assert (begun.sequence, begun.trusted(theirs), begun.trusted(KEYS)) == (1, theirs, KEYS)


# Keys


def test_new_keys_are_believed_when_old_and_new_ones_have_signed_them() -> None:
    opened = open_feed(published(FEED, SUCCESSORS[:2], [change()]), KEYS)
    assert opened.keys == NEXT_KEYS
    assert "by 0 of" in refused(published(FEED, MAINTAINERS, [change()])), "the old keys sign no feed any more"


def test_an_old_copy_follows_several_changes_one_by_one() -> None:
    third = ReleaseKeys(3, 1, (public(a_key(6)),))
    changes = [change(), change(third, (*SUCCESSORS, a_key(6)))]
    content = published(FEED, [a_key(6)], changes)
    assert open_feed(content, KEYS).keys == third
    assert open_feed(content, NEXT_KEYS).keys == third
    assert open_feed(content, third).keys == third
    assert refused(published(FEED, [a_key(6)], changes[1:])) == "A change of the release keys is missing."


def test_keys_that_nobody_handed_over_are_refused() -> None:
    assert "by 0 of" in refused(published(FEED, SUCCESSORS, [change(signers=SUCCESSORS)]))
    assert "by 1 of" in refused(published(FEED, SUCCESSORS, [change(signers=(MAINTAINERS[0], *SUCCESSORS))]))
    only_old = published(FEED, SUCCESSORS, [change(signers=MAINTAINERS)])
    assert refused(only_old) == "New release keys have not shown that somebody holds them."


def test_a_signed_feed_is_no_change_of_keys() -> None:
    disguised = signed_by(Envelope(FEED_KIND, to_json(ReleaseKeys, NEXT_KEYS), ()), (*MAINTAINERS, *SUCCESSORS))
    assert refused(published(FEED, SUCCESSORS, [disguised])) == (
        "What is signed there is no change of the release keys."
    )


def test_stolen_old_keys_do_not_bring_back_their_time() -> None:
    """Who has followed a change once never believes the keys before it, whichever feed is shown."""
    followed = open_feed(published(FEED, SUCCESSORS[:2], [change()]), KEYS)
    memory = Memory().after("a", followed, KEYS, NOON)
    trusted = memory.trusted(KEYS)
    assert trusted == NEXT_KEYS
    assert "by 0 of" in refused(published(a_feed(sequence=9), MAINTAINERS), trusted)
    newer_copy = ReleaseKeys(3, 1, (public(a_key(6)),))
    assert memory.trusted(newer_copy) == newer_copy


def test_a_package_that_comes_with_the_keys_that_were_followed_forgets_no_number() -> None:
    followed = open_feed(published(a_feed(sequence=7), SUCCESSORS[:2], [change()]), KEYS)
    memory = Memory().after("a", followed, KEYS, NOON)
    older = open_feed(published(a_feed(sequence=6), SUCCESSORS[:2]), NEXT_KEYS)
    with pytest.raises(FeedRefused, match="number 7 was seen before"):
        memory.after("b", older, NEXT_KEYS, NOON)
    newer = open_feed(published(a_feed(sequence=8), SUCCESSORS[:2]), NEXT_KEYS)
    assert memory.after("b", newer, NEXT_KEYS, NOON).trusted(KEYS) == NEXT_KEYS, "the older copy beside it, too"


@pytest.mark.parametrize(
    "mistake",
    [
        {"threshold": 0},
        {"threshold": 4},
        {"version": 0},
        {"keys": []},
        {"keys": [KEYS.keys[0]] * 3},
        {"keys": ["00"]},
        {"keys": [key.upper() for key in KEYS.keys]},
        {"keys": [public(a_key(number)) for number in range(17)]},
        {"format": 2},
    ],
)
def test_release_keys_that_would_protect_nothing_are_none(mistake: dict[str, object]) -> None:
    said = json.loads(to_json(ReleaseKeys, KEYS))
    assert read_keys(json.dumps(said).encode()) == KEYS
    with pytest.raises(FeedRefused, match="The list of release keys"):
        read_keys(json.dumps(said | mistake).encode())


def test_what_is_signed_is_what_dsse_says() -> None:
    """By the specification's own example: other tools can sign and verify the feed."""
    made = sign(Envelope("http://example.com/HelloWorld", b"hello world", ()), MAINTAINERS[0])
    ((_, signature),) = made.signatures
    said = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    MAINTAINERS[0].public_key().verify(signature, said)


# Properties


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_one_sentence(data: bytes) -> None:
    for untrusted in (data, b'{"feed":' + data + b"}", signed_payload(data)):
        said = refused(untrusted)
        assert said.isprintable()
        assert 0 < len(said) <= 400


@given(st.data())
def test_no_change_of_a_byte_gives_another_feed(data: st.DataObject) -> None:
    content = bytearray(published())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        opened = open_feed(bytes(content), KEYS)
    except FeedRefused:
        return
    assert opened.feed == FEED


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_in_whatever_order_feeds_are_shown_their_number_never_goes_back(numbers: list[int]) -> None:
    memory, highest = Memory(), 0
    for number in numbers:
        try:
            memory = seen(memory, a_feed(sequence=number))
        except FeedRefused:
            assert number < highest
        highest = max(highest, number)
        assert memory.sequence == highest


NUMBERS = st.integers(0, 99_999)
VERSIONS = st.builds(Version, NUMBERS, NUMBERS, NUMBERS)


@given(VERSIONS, VERSIONS)
def test_versions_are_ordered_as_their_numbers_are(one: Version, other: Version) -> None:
    assert Version.read(str(one)) == one
    assert (one < other) == ((one.major, one.minor, one.patch) < (other.major, other.minor, other.patch))


def test_ten_is_more_than_nine() -> None:
    assert Version.read("0.10.0") > Version.read("0.9.9")


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3rc1", "1.2.-3", "1.2.3 ", "1.2.٣", "100000.0.0"]
)
def test_what_is_no_release_has_no_version(text: str) -> None:
    with pytest.raises(ValueError, match="three numbers"):
        Version.read(text)
