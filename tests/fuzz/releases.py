"""The `targets` that whoever serves the release feed reaches."""

from urllib.parse import urljoin

from fuzz.target import CORPUS, read
from mulberry.agent.updates.feed import FEED_KIND, Feed, FeedRefused, check_time, open_feed, write_feed
from mulberry.agent.updates.signed import Envelope
from mulberry.model.encoding import from_json, to_json
from mulberry.model.update import Version
from release_feed import KEYS, MAINTAINERS, signed_by

FOLDER = "https://releases.example/mulberry/"
ADDRESS = f"{FOLDER}feed.json"


def feeds(data: bytes) -> bool:
    """The feed as it comes, and as if the maintainers had signed what comes: their mistakes harm nobody either."""
    opened = read(lambda untrusted: open_feed(untrusted, KEYS), FeedRefused, data, times=60)
    if opened is not None:
        genuine = [open_feed(path.read_bytes(), KEYS) for path in (CORPUS / "feeds").glob("genuine-*")]
        assert opened in genuine
    said = read(lambda untrusted: open_feed(_signed(untrusted), KEYS), FeedRefused, data, times=60)
    if said is not None:
        _harmless(said.feed)
        assert from_json(Feed, to_json(Feed, said.feed)) == said.feed
    return opened is not None or said is not None


def _signed(payload: bytes) -> bytes:
    return write_feed(signed_by(Envelope(FEED_KIND, payload, ()), MAINTAINERS[:2]), [])


def _harmless(feed: Feed) -> None:
    """It leads nowhere but below its own folder, and is of a time."""
    read(lambda _: check_time(feed, feed.published), FeedRefused, b"", times=1)
    for release in feed.releases:
        assert str(Version.read(release.version)) == release.version
        for artefact in release.artefacts:
            assert len({file.name for file in artefact.files}) == len(artefact.files)
            for file in artefact.files:
                assert urljoin(ADDRESS, file.path) == FOLDER + file.path
                assert not {"", ".", ".."} & set(file.path.split("/"))
                assert file.name.isprintable()
