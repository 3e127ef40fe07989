"""The default config with a mistake in it, and the one line that refuses it."""

import copy

from conftest import DEFAULT

REMOVED = object()


def changed(path: str, value):
    """The default config with one key set or removed."""
    out = copy.deepcopy(DEFAULT)
    *parents, last = path.split(".")
    inner = out
    for key in parents:
        inner = inner[key]
    if value is REMOVED:
        del inner[last]
    else:
        inner[last] = value
    return out
