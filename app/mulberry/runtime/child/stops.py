"""An answer's text up to its first stop string, however the text was cut into pieces."""


class UpToStop:
    """What could still become a stop string is held back; with none of them nothing is."""

    __slots__ = ("_held", "_stops", "stopped")

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held = ""
        self.stopped = False  # a stop string came; the text ends before it

    def add(self, text: str) -> str:
        """The text that is certain now and was not before."""
        if not self._stops or self.stopped or not text:
            return "" if self.stopped else text
        text = self._held + text
        found = [(position + len(stop), position) for stop in self._stops if (position := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            self._held = ""
            _, start = min(found)  # the one that is complete first
            return text[:start]
        kept = max(_overlap(text, stop) for stop in self._stops)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def rest(self) -> str:
        """What was held back, now that nothing follows."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` are a beginning of `stop`."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
