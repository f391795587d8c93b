"""What code a result depends on: digests of an import closure that comments and docstrings do not change.

The closure of a module is the module, the packages around it, and the closure of everything of the
project that it imports anywhere in its text; found in the syntax tree, nothing is executed. Imports by a
computed name (importlib) cannot be seen: name those modules as further starting points.
"""

import ast
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from speech_factorization.errors import InputError

__all__ = ["PROJECT", "closure", "code_digest", "fingerprint"]

# Top-level package -> its folder; stages are run from the root of the repository.
PROJECT: Mapping[str, Path] = {"speech_factorization": Path(__file__).parent, "stages": Path("stages")}

# Never data of the code: documentation, what Python writes itself, and YAML, which holds parameters and
# the gate's rules here (a stage gets its parameters through params.yaml, and DVC compares those).
_NOT_DATA = {".py", ".pyc", ".md", ".yaml"}

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def closure(
    modules: Iterable[str], roots: Mapping[str, Path] = PROJECT, opaque: Collection[str] = ()
) -> dict[str, str]:
    """Name -> SHA-256, sorted, of all that `modules` import of the project, themselves included.

    roots: top-level package -> its folder; imports from elsewhere are not followed.
    opaque: modules that are left out, with whatever only they import (the packages around them count).
    Modules have dotted names and the digest of their syntax tree without docstrings (the same on Python
    3.11 and 3.12). Data files of the packages met (beside their modules or in folders that are no
    packages) have names with slashes, "speech_factorization/phones/x.csv", and the digest of their bytes.
    Errors: InputError for a module that is not there or a file that is no Python.
    """
    digests: dict[str, str] = {}
    packages: set[str] = set()
    waiting = list(modules)
    for module in waiting:
        if not _exists(module, roots):
            raise InputError(f"no module {module}", "digest", f"known packages: {', '.join(sorted(roots))}")
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen or not _exists(module, roots):
            continue
        seen.add(module)
        waiting.append(module.rpartition(".")[0])
        if module in opaque:
            continue
        folder, file = _places(module, roots)
        if folder.is_dir():
            packages.add(module)
        if file is not None:
            package = module if folder.is_dir() else module.rpartition(".")[0]
            digests[module], imports = _examine(file, package)
            waiting += imports
    for package in packages:
        folder, _ = _places(package, roots)
        for path in _data_files(folder):
            name = f"{package.replace('.', '/')}/{path.relative_to(folder).as_posix()}"
            digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return dict(sorted(digests.items()))


def code_digest(
    modules: Iterable[str], roots: Mapping[str, Path] = PROJECT, opaque: Collection[str] = ()
) -> dict[str, Any]:
    """What code/NAME.json holds: "fingerprint", the digest of all; "modules" and "data", each by name."""
    digests = closure(modules, roots, opaque)
    return {
        "fingerprint": _digest_all(digests),
        "modules": {name: digest for name, digest in digests.items() if "/" not in name},
        "data": {name: digest for name, digest in digests.items() if "/" in name},
    }


def fingerprint(
    modules: Iterable[str], roots: Mapping[str, Path] = PROJECT, opaque: Collection[str] = ()
) -> str:
    """One SHA-256 of the whole closure: names and digests."""
    return _digest_all(closure(modules, roots, opaque))


def _digest_all(digests: Mapping[str, str]) -> str:
    lines = (f"{name} {digest}\n" for name, digest in digests.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _places(module: str, roots: Mapping[str, Path]) -> tuple[Path, Path | None]:
    """The folder the module is if it is a package, and its file (None for a package without __init__)."""
    root, *rest = module.split(".")
    folder = roots[root].joinpath(*rest)
    files = (folder / "__init__.py", folder.with_name(f"{folder.name}.py"))
    return folder, next((file for file in files if file.is_file()), None)


def _exists(module: str, roots: Mapping[str, Path]) -> bool:
    """Whether the project has a module or package of this name."""
    if module.partition(".")[0] not in roots:
        return False
    folder, file = _places(module, roots)
    return file is not None or folder.is_dir()


def _examine(file: Path, package: str) -> tuple[str, tuple[str, ...]]:
    """The digest of a module's tree, and what it may import."""
    try:
        return _examine_text(file.read_bytes(), package)
    except (SyntaxError, ValueError) as error:
        raise InputError(f"not Python ({error})", file, "mend the file") from None


@lru_cache(maxsize=1024)  # closures overlap, and parsing is what takes the time
def _examine_text(text: bytes, package: str) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(text)
    return _digest_tree(tree), tuple(_imports(tree, package))


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """Every name an import could be loading as a module; `package` is the one relative imports start from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _data_files(folder: Path) -> Iterator[Path]:
    """Data beside a package's modules, and below in folders that are no packages."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if not any(path.glob("*.py")):
                yield from _data_files(path)
        elif path.suffix not in _NOT_DATA:
            yield path


def _digest_tree(tree: ast.Module) -> str:
    """SHA-256 of the syntax tree without docstrings and places."""
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return hashlib.sha256(_text(tree).encode()).hexdigest()


def _text(node: Any) -> str:
    """The tree as text. Not ast.dump or ast.unparse: both differ from one Python to the next.

    Empty fields are left out (3.12 gave functions and classes a further one; a constant without a value
    can only be None), and so are the empty pieces of f-strings, which 3.12 adds. Constants are ASCII, since
    what `repr` takes for printable depends on Python's Unicode.
    """
    if isinstance(node, ast.JoinedStr):
        pieces = [v for v in node.values if not (isinstance(v, ast.Constant) and v.value == "")]
        return f"JoinedStr({_text(pieces)})"
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
        return f"{type(node).__name__}({','.join(f'{name}={_text(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(_text, node))}]"
    return f"{type(node).__name__}:{ascii(node)}"
