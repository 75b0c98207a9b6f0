"""The window must be there at once: what only its talk with the agent needs, or another page, may not be waited for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TALK = ("asyncio", "ssl", "aiohttp", "qasync", "pydantic", "mulberry.client.control", "numpy", "cryptography")
PAGES = ("earnings", "jobs", "wallet", "network_page", "models_page", "log_page", "settings_page", "about_page")
NOUNS = ("eligibility", "models", "net", "rules", "settings")
LATER = (*TALK, *(f"mulberry.desktop.{page}" for page in PAGES), *(f"mulberry.model.{noun}" for noun in NOUNS))
LOOK = """
import json, linecache, sys
from pathlib import Path
from mulberry.client.first_run import chosen_network
from mulberry.desktop.app import opened
from mulberry.desktop.theme import Scheme
root = Path(sys.argv[1])
with opened(root, chosen_network(root), Scheme.DARK, 1.0):
    loaded = [name for name in sys.argv[2:] if name in sys.modules]
    print(json.dumps([loaded, len(linecache.cache)]))
"""


@pytest.mark.parametrize("last_seen", ["", '{"at": "2026-11-22T12:00:00Z"}'])
def test_nothing_of_the_talk_with_the_agent_or_of_another_page_is_loaded_before_the_first_frame(
    tmp_path: Path, last_seen: str
) -> None:
    (tmp_path / "first-run.json").write_text(
        '{"step": "end", "is_done": true, "agreed_at": "2026-11-22T12:00:00Z", "network": "demo"}'
    )
    if last_seen:
        (tmp_path / "demo").mkdir()
        escaped = last_seen.replace('"', '\\"')
        (tmp_path / "demo" / "window.ini").write_text(f'[General]\nlast_seen="{escaped}"\n')
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", LOOK, str(tmp_path), *LATER]
    told = subprocess.run(words, env=environment, capture_output=True, text=True, check=True, timeout=60)
    loaded, sources_kept = json.loads(told.stdout.splitlines()[-1])
    assert loaded == []
    assert sources_kept < 20, "PySide reads and keeps the source of each module; see mulberry/desktop/__init__.py"
