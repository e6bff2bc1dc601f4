"""Imports go down only. This file is the house's plan, and the test that holds it."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = (
    ("core",),
    ("audio",),
    ("engines", "storage"),
    ("accounts", "jobs"),
    ("providers",),
    ("flows", "voice"),
    ("telephony",),
    ("studio",),
    ("tabs", "api"),
    ("app",),
)
"""From the ground up. Rooms on one floor do not import each other."""

FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
UNSEEN = ("tests", "benchmarks", "deploy")
"""They see everything and are seen by nobody."""

PORTABLE = {"numpy", "engines.base", "engines.schema", "audio.value"}
"""All that a file which a foreign Python loads by path may import beside the standard library."""


def walk(node: ast.AST, deferred: bool) -> Iterator[ast.AST]:
    """The node and all below it; what is inside functions only if `deferred`."""
    yield node
    for child in ast.iter_child_nodes(node):
        if deferred or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from walk(child, deferred)


def imports(tree: ast.AST, *, deferred: bool = True) -> Iterator[tuple[int, str]]:
    """Line and full module name of every import, those inside `if`, `try` and classes included."""
    for node in walk(tree, deferred):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "."
                continue
            yield node.lineno, str(node.module)
            # `from engines import pool` names a module too.
            if "." not in str(node.module):
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant):
                yield node.lineno, str(first.value)


def files(root: Path) -> list[Path]:
    rooms = [path for room in FLOOR for path in sorted((root / room).rglob("*.py"))]
    return rooms + [root / f"{room}.py" for room in FLOOR if (root / f"{room}.py").exists()]


def violations(root: Path) -> list[str]:
    """`file:line what is wrong`, for every file of the house under the root."""
    found = []
    for path in files(root):
        name = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(), name)
        found += [f"{name}:{line} {fault}" for check in CHECKS for line, fault in check(name, tree)]
    return found


def only_downwards(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    room = name.removesuffix(".py").split("/")[0]
    for line, module in imports(tree):
        other = module.split(".")[0]
        if module == ".":
            yield line, "imports by a relative name"
        elif other in UNSEEN:
            yield line, f"{room} imports {other}, which nobody sees"
        elif other in FLOOR and other != room and FLOOR[other] >= FLOOR[room]:
            yield line, f"{room} imports {other}, which is not below it"


def carried_files_stay_light(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Engines and the far side of the wire run in foreign Pythons that have numpy and nothing of the house."""
    if not (name.startswith(("engines/tts/", "engines/stt/", "engines/llm/", "engines/vad/")) or name in CARRIED):
        return
    allowed = {"numpy"} if name == "audio/value.py" else PORTABLE
    for line, module in imports(tree):
        if module.split(".")[0] in FLOOR and not _among(module, allowed):
            yield line, f"imports {module}, which a foreign Python does not have"
    for line, module in imports(tree, deferred=False):
        if module.split(".")[0] not in sys.stdlib_module_names and not _among(module, allowed):
            yield line, f"imports {module} when it is loaded; heavy imports belong in __init__"


CARRIED = ("engines/base.py", "engines/schema.py", "engines/_packing.py", "engines/_worker.py", "audio/value.py")


def _among(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


def environment_is_read_once(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    if name == "core/settings.py":
        return
    for node in ast.walk(tree):
        names = set()
        if isinstance(node, ast.Attribute):
            names = {ast.unparse(node)}
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            names = {f"os.{alias.name}" for alias in node.names}
        if names & {"os.environ", "os.environb", "os.getenv"}:
            yield node.lineno, "reads the environment; that is for core/settings.py"


CHECKS = (only_downwards, carried_files_stay_light, environment_is_read_once)


def test_the_house_stands():
    assert violations(ROOT) == []


def test_every_room_has_its_floor():
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {path.stem for path in ROOT.glob("*.py")}
    assert rooms - set(UNSEEN) <= set(FLOOR)


@pytest.mark.parametrize(
    ("file", "code", "fault"),
    [
        ("core/a.py", "import audio.value", "core imports audio"),
        ("audio/a.py", "from engines import base", "audio imports engines"),
        ("voice/a.py", "def f():\n    from api.auth import principal", "voice imports api"),
        ("voice/a.py", "def f():\n    import flows.graph", "voice imports flows"),
        ("tabs/a.py", "from api.public import register", "tabs imports api"),
        ("storage/a.py", "import importlib\nimportlib.import_module('engines.pool')", "storage imports engines"),
        ("studio.py", "import app", "studio imports app"),
        ("app.py", "if True:\n    import tests.peers", "which nobody sees"),
        ("core/a.py", "from . import errors", "relative name"),
        ("engines/tts/a.py", "import torch", "when it is loaded"),
        ("engines/tts/a.py", "class A:\n    import torch", "when it is loaded"),
        ("engines/stt/a.py", "try:\n    import torch\nexcept ImportError:\n    pass", "when it is loaded"),
        ("engines/stt/a.py", "if True:\n    import torch", "when it is loaded"),
        ("engines/stt/a.py", "def f():\n    from core.errors import BadRequest", "a foreign Python does not have"),
        ("engines/vad/a.py", "from engines import pool", "a foreign Python does not have"),
        ("engines/_worker.py", "import core.log", "a foreign Python does not have"),
        ("audio/value.py", "import av", "when it is loaded"),
        ("voice/a.py", "import os\ndef f():\n    return os.environ['A']", "reads the environment"),
        ("voice/a.py", "from os import getenv", "reads the environment"),
    ],
)
def test_a_violation_is_seen(tmp_path, file, code, fault):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(code)
    assert any(fault in found for found in violations(tmp_path)), violations(tmp_path)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("engines/tts/a.py", "import ctypes\nimport numpy as np\nfrom engines.base import Chunk\nimport audio.value"),
        ("engines/tts/a.py", "class A:\n    def __init__(self, config):\n        import torch"),
        ("api/a.py", "from voice.speech import Speech\nfrom studio import Studio\nimport core.errors"),
        ("app.py", "import api.errors, tabs._page"),
        ("core/settings.py", "import os\nprint(os.environ)"),
    ],
)
def test_what_is_allowed_is_not_mistaken(tmp_path, file, code):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(code)
    assert violations(tmp_path) == []
