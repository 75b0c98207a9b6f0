"""Reads what the kernel says of itself, below a root folder that tests replace. All of it is small and untrusted."""

from pathlib import Path

from mulberry.model.language import tr

MOST_BYTES = 256 * 1024  # /proc/cpuinfo of 256 processors is cut; its first processor is enough


class UnreadableError(Exception):
    """A path is there and cannot be read. Its text goes after "unknown, because"."""


class SystemFiles:
    """Paths are absolute, as the system knows them."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def at(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def read(self, path: str) -> bytes | None:
        """None: there is no such file. Raises `UnreadableError`."""
        try:
            with self.at(path).open("rb") as file:
                return file.read(MOST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as problem:
            raise UnreadableError(
                tr("{path} cannot be read: {why}", path=path, why=problem.strerror or problem)
            ) from problem

    def text(self, path: str) -> str | None:
        untrusted = self.read(path)
        return None if untrusted is None else untrusted.decode("utf-8", "replace").strip("\0 \t\r\n")

    def exists(self, path: str) -> bool:
        """Raises `UnreadableError` where a folder on the way is closed."""
        try:
            self.at(path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as problem:
            raise UnreadableError(
                tr("{path} cannot be seen: {why}", path=path, why=problem.strerror or problem)
            ) from problem
        return True

    def names(self, path: str) -> tuple[str, ...] | None:
        """What lies in a folder, sorted. None: there is no such folder. Raises `UnreadableError`."""
        try:
            return tuple(sorted(entry.name for entry in self.at(path).iterdir()))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as problem:
            raise UnreadableError(
                tr("{path} cannot be read: {why}", path=path, why=problem.strerror or problem)
            ) from problem

    def link_name(self, path: str) -> str | None:
        """The last part of what a symbolic link points to."""
        try:
            return self.at(path).readlink().name
        except OSError:
            return None
