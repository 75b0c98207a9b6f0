"""What is being packaged: where the checkout lies, and the one place that says the version."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def version() -> str:
    match = re.search(r'^__version__ = "([^"]+)"$', (ROOT / "app/mulberry/__init__.py").read_text(), re.MULTILINE)
    if match is None:
        raise SystemExit("app/mulberry/__init__.py does not say the version")
    return match[1]
