"""Which of our modules a script depends on, so that an edit of one reruns its jobs."""

import ast
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent


def modules_of(script) -> list[str]:
    """Files of this package that `script` imports, directly or not, sorted.

    Read from the syntax tree, wherever in the file the import stands; nothing is run.
    """
    found: set[Path] = set()
    waiting = list(_imports(Path(script)))
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imports(file)
    return sorted(map(str, found))


@cache
def _imports(file: Path) -> frozenset[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = _PACKAGE.name if node.level else ""
            module = ".".join(filter(None, [inside, node.module]))
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    parts = (name.split(".") for name in names)
    files = {
        _PACKAGE / f"{p[1] if len(p) > 1 else '__init__'}.py"
        for p in parts
        if p[0] == _PACKAGE.name
    }
    return frozenset(f for f in files if f.exists())
