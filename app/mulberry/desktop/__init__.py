"""The window and the tray icon: a face that shows the agent's `Status` and sends its owner's commands."""

import sys

import PySide6.QtCore  # noqa: F401 - before all modules of ours, for what follows

# PySide reads the source of every module that is imported after it, looking for a use of its `__feature__`, which none
# of them has; and Python keeps what was read: 10 MiB. Where a later PySide names this otherwise, it reads again.
if _feature := sys.modules.get("shibokensupport.feature"):
    vars(_feature)["feature_imported"] = lambda module: None
