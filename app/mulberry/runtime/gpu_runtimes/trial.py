"""Tries a GPU runtime out: `python -I <this file> <its libraries> <cpu or cuda> …`, in a process of its own.

It computes on each provider that is named, and prints as JSON what there is. What goes wrong ends it, with the words of
onnxruntime on standard error.
"""

import json
import sys
from pathlib import Path


def main() -> None:
    libraries, *providers = sys.argv[1:]
    sys.path[:0] = [libraries, str(Path(__file__).resolve().parents[3])]
    import onnxruntime

    from mulberry.runtime.child.provider import prove
    from mulberry.runtime.wire import Provider

    if not Path(onnxruntime.__file__).is_relative_to(libraries):
        raise SystemExit("onnxruntime was found elsewhere")
    for provider in providers:
        prove(Provider(provider))
    found = {"onnxruntime": onnxruntime.__version__, "providers": onnxruntime.get_available_providers()}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
