"""Writes the lock files from what asks for packages: every package, exact, with hashes, no host.

requirements.lock and requirements-dev.lock come from pyproject.toml; each installers/requirements-NAME.lock, a tool
of the packager's that Mulberry itself never needs, from the requirements-NAME.in beside it.

python tools/lock.py            everything anew, in the newest versions allowed; needs `uv` on the PATH
python tools/lock.py --keep     what is locked stays as it is; only what is new or gone changes
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Asked for by a package of ours, imported by none of the code we run. `tokenizers` asks for huggingface-hub, a download
# client: a worker that serves strangers should not carry more ways to the internet than it needs. `pytoniq` asks for
# setuptools, which builds packages.
LEFT_OUT = ("huggingface-hub", "setuptools")
NEVER = "sys_platform == 'never'"


def compile_lock(source: Path, target: Path, *options: str, left_out: tuple[str, ...] = ()) -> None:
    with tempfile.TemporaryDirectory() as folder:
        overrides = Path(folder, "overrides.txt")
        overrides.write_text("".join(f"{name}; {NEVER}\n" for name in left_out))
        output = Path(folder, "lock.txt")
        if "--keep" in sys.argv and target.exists():
            output.write_bytes(target.read_bytes())  # uv prefers the versions that it finds in its output
        command = ["uv", "pip", "compile", str(source), *options, "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        command += ["--override", str(overrides), "--output-file", str(output), "--quiet"]
        subprocess.run(command, cwd=ROOT, check=True)
        requirements = re.split(r"\n(?=\S)", output.read_text().strip())
    kept = [requirement for requirement in requirements if NEVER not in requirement]
    if "://" in "".join(kept):
        raise SystemExit("the lock names a host")
    target.write_text("\n".join(kept) + "\n")
    print(f"{target.name}: {len(kept)} packages")


compile_lock(ROOT / "pyproject.toml", ROOT / "requirements.lock", left_out=LEFT_OUT)
compile_lock(ROOT / "pyproject.toml", ROOT / "requirements-dev.lock", "--group", "dev", left_out=LEFT_OUT)
for asked in sorted((ROOT / "installers").glob("requirements-*.in")):
    compile_lock(asked, asked.with_suffix(".lock"))
