"""A value as JSON knows them, for annotations that are read before the window's first frame.

Pydantic has a name for it, but to import pydantic takes a good part of the time until that frame. What pydantic reads
by these annotations has come out of JSON, so it needs no second look.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue as JsonValue
else:
    JsonValue = object
