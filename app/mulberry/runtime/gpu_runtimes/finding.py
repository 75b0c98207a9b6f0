"""Prints where pip would take files from: `python -I <this file> [<pip's wheel>] <project> …`, in a process of its own.

On standard output, as JSON: [name of the file, address, SHA-256 that the index tells or ""], …. It is what pip's own
`index versions` looks at. pip has no public way to that: its report (`install --dry-run --report`) comes after it has
fetched every file whole, a gigabyte and more.
"""

import json
import sys
from optparse import Values
from typing import Any

if sys.argv[1].endswith(".whl"):  # where no pip is installed
    sys.path.append(sys.argv.pop(1))

from pip._internal.commands.index import IndexCommand

OPTIONS = ("--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--quiet")


class Addresses(IndexCommand):
    def run(self, options: Values, args: list[str]) -> int:
        found: list[tuple[str, str, str]] = []
        with self._build_session(options) as session:
            finder = self._build_package_finder(options=options, session=session)
            for project in args:
                links: list[Any] = [candidate.link for candidate in finder.find_all_candidates(project)]
                found += [(link.filename, link.url_without_fragment, _sha256(link)) for link in links]
        sys.stdout.write(json.dumps(found))
        return 0


def _sha256(link: Any) -> str:
    return str(link.hash) if link.hash_name == "sha256" else ""


if __name__ == "__main__":
    sys.exit(Addresses("index", "").main([*OPTIONS, *sys.argv[1:]]))
