"""Writes requirements.lock and requirements-dev.lock from pyproject.toml: every package, exact, with hashes, no host.

python tools/lock.py            needs `uv` on the PATH
"""

import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Asked for by a package of ours, imported by none of the code we run: `tokenizers` asks for huggingface-hub, a download
# client. A worker that serves strangers should not carry more ways to the internet than it needs.
LEFT_OUT = ("huggingface-hub",)
NEVER = "sys_platform == 'never'"


def compile_lock(target: Path, *options: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as overrides:
        overrides.writelines(f"{name}; {NEVER}\n" for name in LEFT_OUT)
        overrides.flush()
        command = ["uv", "pip", "compile", "pyproject.toml", *options, "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        locked = subprocess.check_output([*command, "--override", overrides.name, "--quiet"], cwd=ROOT, text=True)
    requirements = re.split(r"\n(?=\S)", locked.strip())
    kept = [requirement for requirement in requirements if NEVER not in requirement]
    if "://" in "".join(kept):
        raise SystemExit("the lock names a host")
    target.write_text("\n".join(kept) + "\n")
    print(f"{target.name}: {len(kept)} packages")


compile_lock(ROOT / "requirements.lock")
compile_lock(ROOT / "requirements-dev.lock", "--group", "dev")
