"""Fuzzes one target in this process, as libFuzzer's options say: `python -m fuzz.one TARGET [OPTION | FOLDER]…`.

A process of its own, because libFuzzer ends it at the first input that breaks a property.
"""

import shlex
import sys
import tracemalloc

import atheris

with atheris.instrument_imports(include=["mulberry", "pytoniq_core.boc"]):
    from fuzz.targets import PLANTED, TARGETS


def main() -> None:
    name, *options = sys.argv[1:]
    target = (TARGETS | {PLANTED.name: PLANTED})[name]
    tracemalloc.start()
    own_command = shlex.join([sys.executable, "-m", "fuzz.one", name])  # libFuzzer starts it anew to merge folders
    atheris.Setup([own_command, *options], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
