"""Which of our modules a script depends on, and a hash of them, so that an edit reruns its jobs."""

import ast
import hashlib
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
_ROOT = _PACKAGE.parent


def digest(script) -> str:
    """A hash of a script's code and of all modules of this package that it imports.

    It holds names relative to the package's folder and contents: no path of this machine, so
    that a folder that was moved or copied is not run anew.
    """
    files = [Path(script), *map(Path, modules_of(script))]
    whole = hashlib.sha256()
    for file in files:
        name = file.name if file == Path(script) else str(file.relative_to(_ROOT))
        whole.update(f"{name} {_content(file)}\n".encode())
    return whole.hexdigest()[:16]


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
def _content(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@cache
def _imports(file: Path) -> frozenset[Path]:
    """Files of this package that one file imports, and the packages that these lie in."""
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
            at = _ROOT.joinpath(*name[:depth])
            files |= {at.with_suffix(".py"), at / "__init__.py"}
    return frozenset(f for f in files if f.is_file() and f != file)
