"""Takes TON's transaction emulator out of the npm package `@ton/sandbox` and puts it into resources/emulator/.

python tools/vendor_emulator.py            writes the files; needs `npm` on the PATH
python tools/vendor_emulator.py --check    compares them with what npm has and writes nothing

npm checks a download only against what the registry says today, so the package's hash is pinned here.
"""

import argparse
import base64
import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE, VERSION = "@ton/sandbox", "0.41.0"
INTEGRITY = "sha512-+WRWiHfm62xQebVt6BvLb2UhVphpBHCwSby8R5vP9llzdVck+XEs+p4csIkZBh6gRQsy1Xomzh1PpgZS5XVE3A=="
FOLDER = Path(__file__).resolve().parent.parent / "resources" / "emulator"

GLUE = "package/dist/executor/emulator-emscripten.js"
MODULE = "package/dist/executor/emulator-emscripten.wasm.js"
CONFIG = "package/dist/config/slimConfig.js"
LICENSE = "package/LICENSE"


def download() -> dict[str, bytes]:
    """The package's files by name. Ends the program if they are not the pinned ones."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--silent"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != INTEGRITY:
            raise SystemExit(f"{PACKAGE} {VERSION} is not the pinned package: {found}")
        with tarfile.open(archive) as files:
            return {name: files.extractfile(name).read() for name in (GLUE, MODULE, CONFIG, LICENSE)}  # type: ignore[union-attr]


def quoted_base64(script: bytes, after: str) -> bytes:
    """What the first quoted text behind `after` encodes."""
    match = re.search(re.escape(after) + r"\s*['\"`]([A-Za-z0-9+/=]+)['\"`]", script.decode())
    if match is None:
        raise SystemExit(f"{after!r} is not where it was: look at the package and correct this tool")
    return base64.b64decode(match[1])


def names(glue: str) -> dict[str, dict[str, str]]:
    """The module's imports and exports have one or two letters for names; only the JavaScript around it knows them."""
    table = re.search(r"var wasmImports=\{(.*?)\};", glue)
    exported = re.search(r"function assignWasmExports\(wasmExports\)\{(.*?)\}", glue)
    constructors = re.search(r'TTY\.init\(\);wasmExports\["(\w+)"\]\(\)', glue)
    if table is None or exported is None or constructors is None:
        raise SystemExit("the JavaScript of the package has changed: look at it and correct this tool")
    imports = dict(pair.split(":") for pair in table[1].split(","))
    exports = {}
    for statement in exported[1].split(";"):
        first, letters = re.match(r'([\w$]+)=.*wasmExports\["(\w+)"\]$|$', statement).groups()  # type: ignore[union-attr]
        exports[first] = letters
    exports["__wasm_call_ctors"] = constructors[1]
    return {"imports": dict(sorted(imports.items())), "exports": dict(sorted(exports.items()))}


def vendored() -> dict[str, bytes]:
    """Name to content of every file that this tool makes."""
    files = download()
    module = quoted_base64(files[MODULE], "EmulatorEmscriptenWasm:")
    config = quoted_base64(files[CONFIG], "exports.slimConfig =")
    description = {
        "package": PACKAGE,
        "version": VERSION,
        "integrity": INTEGRITY,
        "sha256": hashlib.sha256(module).hexdigest(),
        "config_sha256": hashlib.sha256(config).hexdigest(),
        **names(files[GLUE].decode()),
    }
    return {
        "emulator.wasm": module,
        "config.boc": config,
        "emulator.json": (json.dumps(description, indent=1) + "\n").encode(),
        "LICENSE": files[LICENSE],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Vendors TON's emulator from npm.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    different = []
    for name, content in vendored().items():
        path = FOLDER / name
        if check and (not path.exists() or path.read_bytes() != content):
            different.append(name)
        elif not check:
            path.write_bytes(content)
            print(f"{name}: {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    if different:
        raise SystemExit(f"not what npm has: {', '.join(different)}")


if __name__ == "__main__":
    main()
