"""The library modules that a script imports, and a hash of them: an edit reruns its jobs."""

import ast
import hashlib
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
_ROOT = _PACKAGE.parent


def digest(script) -> str:
    """A hash of a script's code and of all modules of this package that it imports.

    It is made of contents and of names relative to the package, never of this machine's paths,
    so a workflow that was moved or copied reruns nothing.
    """
    files = [Path(script), *map(Path, modules_of(script))]
    total = hashlib.sha256()
    for file in files:
        name = file.name if file == Path(script) else str(file.relative_to(_ROOT))
        total.update(f"{name} {_content(file)}\n".encode())
    return total.hexdigest()[:16]


def modules_of(script) -> list[str]:
    """Files of this package that `script` imports, directly or not, sorted.

    They are read from the syntax tree, imports inside functions too. No code is run.
    """
    modules: set[Path] = set()
    waiting = list(_imports(Path(script)))
    while waiting:
        file = waiting.pop()
        if file not in modules:
            modules.add(file)
            waiting += _imports(file)
    return sorted(map(str, modules))


@cache
def _content(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@cache
def _imports(file: Path) -> frozenset[Path]:
    """Files of this package that one file imports, and the `__init__.py` of their packages."""
    inside = file.relative_to(_ROOT).with_suffix("").parts if _ROOT in file.parents else ()
    names: set[tuple[str, ...]] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = inside[: -node.level] if node.level else ()
            module = (*start, *(node.module.split(".") if node.module else ()))
            names |= {module} | {(*module, alias.name) for alias in node.names}
    files = set()
    for name in names:
        if name[:1] != (_PACKAGE.name,):
            continue
        for depth in range(1, len(name) + 1):
            module = _ROOT.joinpath(*name[:depth])
            files |= {module.with_suffix(".py"), module / "__init__.py"}
    return frozenset(f for f in files if f.is_file() and f != file)
