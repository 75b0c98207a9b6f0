"""pip, as Debian keeps it for virtual environments (python3-pip-whl): `mulberry gpu-setup` asks it for addresses.

Debian's own security updates reach it there, and no second copy is shipped. A wheel can be imported from where it lies
(PEP 427, "Is it possible to import Python code directly from a wheel file?"; pip is tested for that).
"""

from pathlib import Path

WHEELS = sorted(Path("/usr/share/python-wheels").glob("pip-*.whl"))
if not WHEELS:
    raise ImportError("pip is not installed here: install the package python3-pip-whl")
__path__ = [f"{WHEELS[-1]}/pip"]
__version__ = WHEELS[-1].name.split("-")[1]  # which pip tells its index
