"""Digests change with what code does, and with nothing else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from speech_factorization.digest import closure, code_digest, fingerprint
from speech_factorization.errors import InputError

FILES = {
    "work/__init__.py": '"""A package."""\n',
    "work/models/__init__.py": "",
    "work/models/first.py": (
        '"""First."""\nfrom work import tools\nfrom work.layers.linear import Linear as L\n\n\n'
        'class Model:\n    """A model."""\n\n    def f(self, x):\n        """Maths."""\n        return L(x)\n'
    ),
    "work/models/second.py": "import work.tools\n",
    "work/layers/__init__.py": "from .base import Base\n",
    "work/layers/base.py": "class Base:\n    pass\n",
    "work/layers/linear.py": "from ..sizes.table import size\n\n\ndef Linear(x):\n    return size(x)\n",
    "work/layers/unused.py": "x = 1\n",
    "work/sizes/__init__.py": "",
    "work/sizes/table.py": "import numpy\n\n\ndef size(x):\n    from .. import late\n    return late.y\n",
    "work/sizes/sizes.csv": "a,b\n1,2\n",
    "work/sizes/README.md": "About the sizes.\n",
    "work/sizes/data/more.txt": "more\n",
    "work/folds/__init__.py": "",
    "work/late.py": "y = 2\n",
    "work/tools.py": "def tool():\n    return 1\n",
    "stages/train.py": "import importlib\nfrom work.tools import tool\n",
    "stages/conf/model/first.yaml": "model: first\n",
    "stages/gate.yaml": "rules: []\n",
}
CLOSURE_OF_FIRST = [
    "work",
    "work.late",
    "work.layers",
    "work.layers.base",
    "work.layers.linear",
    "work.models",
    "work.models.first",
    "work.sizes",
    "work.sizes.table",
    "work.tools",
    "work/sizes/data/more.txt",
    "work/sizes/sizes.csv",
]


@pytest.fixture
def roots(tmp_path: Path) -> dict[str, Path]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return {"work": tmp_path / "work", "stages": tmp_path / "stages"}


def changed(roots: dict[str, Path], name: str, text: str) -> list[str]:
    """What of first's closure a new text of one file changes; the fingerprint must agree."""
    before, print_before = closure(["work.models.first"], roots), fingerprint(["work.models.first"], roots)
    path = roots["work"].parent / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    after = closure(["work.models.first"], roots)
    assert (fingerprint(["work.models.first"], roots) == print_before) == (before == after)
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def test_the_closure_is_what_the_module_imports(roots: dict[str, Path]) -> None:
    assert list(closure(["work.models.first"], roots)) == CLOSURE_OF_FIRST
    assert list(closure(["stages.train"], roots)) == ["stages.train", "work", "work.tools"]
    assert list(closure(["work.models"], roots)) == ["work", "work.models"]
    both = closure(["stages.train", "work.models.first"], roots)
    assert set(both) == {"stages.train", *CLOSURE_OF_FIRST}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""First."""\n', '"""Another\nstory."""\n'),
        ('"""First."""\n', ""),
        ('    """A model."""\n', "    # A comment.\n"),
        ('        """Maths."""\n', '        r"""More \\maths."""\n\n        # and a comment\n'),
        ("return L(x)", "return (L(x))"),
    ],
)
def test_docstrings_comments_and_layout_change_nothing(roots: dict[str, Path], old: str, new: str) -> None:
    text = FILES["work/models/first.py"]
    assert old in text
    assert changed(roots, "work/models/first.py", text.replace(old, new)) == []


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("work/models/first.py", "return L(x)", "return L(-x)"),
        ("work/models/first.py", "def f(self, x)", "def f(self, x=None)"),
        ("work/models/first.py", '        """Maths."""\n', '        """Maths."""\n        "No docstring."\n'),
        ("work/layers/base.py", "pass", "a = 'b'"),
        ("work/layers/linear.py", "(x):", "(x, *, y=0):"),
        ("work/tools.py", "return 1", "return 1.0"),
        ("work/tools.py", "return 1", "return True"),
        ("work/tools.py", "return 1", "return None"),
        ("work/tools.py", "return 1", "return '1'"),
        ("work/tools.py", "return 1", "return b'1'"),
        ("work/late.py", "y = 2", "y = 3"),
        ("work/sizes/__init__.py", "", "import os\n"),
    ],
)
def test_a_statement_changes_its_module(roots: dict[str, Path], name: str, old: str, new: str) -> None:
    module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert changed(roots, name, FILES[name].replace(old, new)) == [module]


def test_data_count_by_content(roots: dict[str, Path]) -> None:
    assert changed(roots, "work/sizes/sizes.csv", "a,b\n1,3\n") == ["work/sizes/sizes.csv"]
    assert changed(roots, "work/sizes/data/new.json", "{}") == ["work/sizes/data/new.json"]


@pytest.mark.parametrize(
    "name",
    [
        "work/models/second.py",
        "work/models/third.py",
        "work/layers/unused.py",
        "work/sizes/README.md",
        "stages/train.py",
        "stages/gate.yaml",
        "stages/conf/model/second.yaml",
        "work/sizes/__pycache__/table.cpython-311.pyc",
        "work/sizes/.sizes.csv.swp",
        "work/other/__init__.py",
        "work/folds/table.csv",
    ],
)
def test_what_is_not_imported_changes_nothing(roots: dict[str, Path], name: str) -> None:
    assert changed(roots, name, "x = 'new'\n") == []


def test_a_new_import_widens_the_closure(roots: dict[str, Path]) -> None:
    text = FILES["work/tools.py"].replace("return 1", "from .layers import unused\n    return unused.x")
    assert changed(roots, "work/tools.py", text) == ["work.layers.unused", "work.tools"]


def test_opaque_modules_are_left_out_with_what_only_they_import(roots: dict[str, Path]) -> None:
    found = closure(["work.models.first"], roots, opaque=["work.layers.linear"])
    behind = ("work.late", "work.sizes", "work/sizes", "work.layers.linear")
    assert list(found) == [name for name in CLOSURE_OF_FIRST if not name.startswith(behind)]
    assert fingerprint(["work.models.first"], roots, opaque=["work.layers.linear"]) != fingerprint(
        ["work.models.first"], roots
    )


def test_code_digest_is_ready_for_json(roots: dict[str, Path]) -> None:
    value = code_digest(["work.models.first"], roots)
    assert json.loads(json.dumps(value)) == value
    assert sorted({**value["modules"], **value["data"]}) == CLOSURE_OF_FIRST
    assert value["fingerprint"] == fingerprint(["work.models.first"], roots)


def test_errors_are_one_line(roots: dict[str, Path]) -> None:
    with pytest.raises(
        InputError, match=r"^digest: no module work.models.frist; known packages: stages, work$"
    ):
        closure(["work.models.frist"], roots)
    (roots["work"] / "tools.py").write_text("def (:\n")
    with pytest.raises(InputError, match=r"tools\.py: not Python \(invalid syntax"):
        closure(["work.models.first"], roots)


def test_the_project_itself() -> None:
    found = closure(["speech_factorization.training.loop"])
    assert "speech_factorization.interfaces" in found
    assert "speech_factorization.training.resume" in found
    assert not any(name.startswith("speech_factorization.models") for name in found)


# Forms whose syntax tree, or whose text, is not the same on Python 3.11 and 3.12.
CURIOUS = """
def f(a: int, *, b: "str" = 'x') -> None:
    w, p = 3, "é\\u0378"
    print(f"{a!r:>{w}} {b:{w}.{w}}{p:{w}}", f"{a=}", f"{a:}", f"{'q'}" f"{b}", u"u", "a" "b", b"\\x00")
    return 1e300 * 10 + 1j if ... else -0.0
"""


def test_digests_are_those_of_the_other_python(roots: dict[str, Path]) -> None:
    """Both supported versions digest alike; OTHER_PYTHON may name the other one."""
    other = "python3.12" if sys.version_info[:2] == (3, 11) else "python3.11"
    python = os.environ.get("OTHER_PYTHON") or shutil.which(other)
    # A name on the path may be a version manager's stand-in for a Python that is not installed.
    if not python or subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"no {other} here, and OTHER_PYTHON names none")
    (roots["work"] / "late.py").write_text(CURIOUS, encoding="utf-8")
    package = Path(__file__).parents[1] / "src"
    script = (
        "import json, pathlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "from speech_factorization.digest import closure\n"
        "root = pathlib.Path(sys.argv[2])\n"
        "print(json.dumps(closure(['work.models.first'], {'work': root})))\n"
    )
    command = [python, "-c", script, str(package), str(roots["work"])]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == closure(["work.models.first"], roots)
