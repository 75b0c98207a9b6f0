"""Compiles the demo network's contracts: resources/contracts/*.tolk into resources/contracts/compiled.json.

python tools/contracts.py            compiles and writes; fetches the compiler first where it is missing
python tools/contracts.py --check    compiles and compares; status 1 and a word for each contract that differs

Needs node; fetching also needs npm. The compiler is one npm package without dependencies that it would use, taken only
if its bytes are the ones we know, and kept in .venv. Nothing of it is needed to run Mulberry.
"""

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "resources" / "contracts"
COMPILED = CONTRACTS / "compiled.json"
NAMES = ("root", "proxy", "worker", "client", "wallet")

COMPILER = "@ton/tolk-js@1.3.0"
COMPILER_SHA512 = "joK9l5+zK+lU2jK2tWVqsYo08nTaCC/Y2N+KsnsoGkHCVyfTLh6ZhbEcZE37s53pmSgTp73PWf7DQy+Ekq4qMA=="
COMPILER_FOLDER = ROOT / ".venv" / "tolk-js-1.3.0"

PROGRAM = """
const { runTolkCompiler } = require(process.argv[1]);
const { readFileSync } = require("fs");
const { join } = require("path");
(async () => {
  const compiled = {};
  for (const name of process.argv.slice(3)) {
    const result = await runTolkCompiler({
      entrypointFileName: name + ".tolk",
      fsReadCallback: (path) => readFileSync(join(process.argv[2], path), "utf-8"),
    });
    if (result.status === "error") throw result.message;
    compiled[name] = { hash: result.codeHashHex.toLowerCase(), boc: result.codeBoc64 };
  }
  console.log(JSON.stringify(compiled));
})().catch((problem) => { console.error(String(problem)); process.exit(1); });
"""


def fetch_compiler() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", COMPILER, "--ignore-scripts", "--silent", "--pack-destination", folder]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        digest = hashlib.sha512(archive.read_bytes()).digest()
        if base64.b64encode(digest).decode() != COMPILER_SHA512:
            raise SystemExit(f"{COMPILER} is not the package that we know; nothing was unpacked")
        with tarfile.open(archive) as package:
            package.extractall(COMPILER_FOLDER, filter="data")


def compile_contracts() -> dict[str, dict[str, str]]:
    """Name to `hash` (64 hexadecimal digits) and `boc` (base64)."""
    if not COMPILER_FOLDER.exists():
        fetch_compiler()
    entry = COMPILER_FOLDER / "package" / "dist" / "index.js"
    command = ["node", "-e", PROGRAM, str(entry), str(CONTRACTS), *NAMES]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(run.stderr.strip())
    compiled: dict[str, dict[str, str]] = json.loads(run.stdout)
    return compiled


def main() -> None:
    parser = argparse.ArgumentParser(description="Compiles the demo network's contracts.")
    parser.add_argument("--check", action="store_true", help="compare with what is committed instead of writing it")
    checking = parser.parse_args().check
    contracts = compile_contracts()
    if not checking:
        COMPILED.write_text(json.dumps({"compiler": COMPILER, "contracts": contracts}, indent=2) + "\n")
        return
    committed = json.loads(COMPILED.read_text())
    if committed["compiler"] != COMPILER:
        sys.exit(f"compiled.json was made with {committed['compiler']}")
    for name in NAMES:
        if contracts[name] != committed["contracts"].get(name):
            sys.exit(f"{name}.tolk does not compile to what compiled.json holds")


if __name__ == "__main__":
    main()
