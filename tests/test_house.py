"""The house keeps its own promises: files are small and say what they are for, and what the docs name exists."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest

from core import errors
from engines.registry import find, is_scripted
from tests.test_layers import FLOOR, ROOT, files

MOST_LINES = 400
LONG: dict[str, str] = {}
"""Files beyond that, each with the reason."""

MOST_BYTES = 500_000
PRODUCT = [*files(ROOT), *sorted((ROOT / "benchmarks").glob("*.py"))]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text()
EMPTY_NAMES = re.compile(r"(Manager|Handler|Helper|Service|Impl)$")
EMPTY_FILES = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def kept_files() -> list[Path]:
    """What git keeps, or would keep at the next `git add`."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, text=True)
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize(
    ("page", "arguments"), [("docs/settings.md", []), (".env.example", ["env"])], ids=["settings.md", ".env.example"]
)
def test_pages_about_settings_are_what_the_settings_print(page, arguments):
    printed = subprocess.check_output([sys.executable, "-m", "core.settings", *arguments], cwd=ROOT, text=True)
    assert (ROOT / page).read_text() == printed, "run `make docs`"


@pytest.mark.parametrize("name", names(PRODUCT))
def test_a_module_is_short_and_says_what_it_is_for(name):
    text = (ROOT / name).read_text()
    assert len(text.splitlines()) <= MOST_LINES or name in LONG
    assert ast.get_docstring(ast.parse(text)), "a module begins with what it is for"


def test_every_exception_from_the_length_is_still_one():
    assert [name for name in LONG if len((ROOT / name).read_text().splitlines()) <= MOST_LINES] == []


def test_names_say_what_a_thing_is():
    found = [
        f"{path.name}: {node.name}"
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and EMPTY_NAMES.search(node.name)
    ]
    assert found == []
    assert {path.name for path in PRODUCT} & EMPTY_FILES == set()


def test_files_are_small_and_end_with_a_line_end():
    kept = kept_files()
    assert [path.name for path in kept if path.stat().st_size > MOST_BYTES] == []
    texts = [path for path in kept if path.suffix in {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".js", ".css"}]
    assert [path.name for path in texts if (data := path.read_bytes()) and not data.endswith(b"\n")] == []
    assert [path.name for path in texts if b"\r\n" in path.read_bytes()] == []


def test_the_two_commands_stand_in_the_readme():
    for command in (
        "pip install -r requirements.txt && python app.py",
        "pip install -r requirements-dev.txt && pytest",
    ):
        assert f"```bash\n{command}\n```" in README


def test_commands_in_the_docs_lead_somewhere():
    text = "\n".join(page.read_text() for page in PAGES)
    modules = set(re.findall(r"python -m ((?:benchmarks|core)\.\w+)", text))
    assert len(modules) >= 4
    assert [module for module in modules if not (ROOT / f"{module.replace('.', '/')}.py").exists()] == []
    assert [name for name in re.findall(r"-r (\S+\.txt)", text) if not (ROOT / name).exists()] == []
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make (\w+)`", text)) <= targets


@pytest.mark.parametrize("page", names(PAGES))
def test_links_and_files_named_in_a_page_exist(page):
    text = (ROOT / page).read_text()
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []
    rooms = "|".join([*FLOOR, "tests", "benchmarks", "docs"])
    named = set(re.findall(rf"`((?:{rooms})/[\w/.-]+\.\w+)`", text))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_tree_in_the_readme_is_the_house():
    tree = README.split("## The house")[1].split("```")[1]
    named = set(re.findall(r"^(\w+)(?:/|\.py)", tree, re.M))
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {path.stem for path in ROOT.glob("*.py")}
    assert named == rooms


def test_every_engine_has_its_place_in_the_readme():
    table = README.split("## What works without what")[1].split("##")[0]
    named = set(re.findall(r"`([a-z0-9-]+)`", table)) - {"auto"}
    assert named == {name for name in find() if not is_scripted(name)}


def test_every_route_has_its_place_in_the_readme():
    from core.discover import modules

    table = "\n".join(line for line in README.splitlines() if line.startswith("|") and "`" in line)
    named = set(re.findall(r"(/[\w/]+)", " ".join(re.findall(r"`([^`]+)`", table))))
    served = {
        re.sub(r"/\{.*", "", route.path)
        for module in modules("api")
        if hasattr(module, "router")
        for route in module.router.routes
    }
    top = {path for path in served if not any(path.startswith(f"{other}/") for other in named)}
    assert top <= named, "a route the README does not name"
    assert named <= served, "the README names a route that is not there"


def test_the_page_about_errors_lists_the_tree():
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| `(\w+)` \| (yes|no) \|", (ROOT / "docs/errors.md").read_text(), re.M)
    tree = [getattr(errors, name) for name in vars(errors) if isinstance(getattr(errors, name), type)]
    told = {(cls.__name__, str(cls.status), cls.code, "yes" if cls.retryable else "no") for cls in tree}
    assert set(rows) == told


def test_the_tree_in_the_errors_docstring_is_the_tree():
    drawn = dict(re.findall(r"([A-Z]\w+) +(\d{3})", errors.__doc__ or ""))
    assert drawn == {name: str(cls.status) for name, cls in vars(errors).items() if isinstance(cls, type)}


def test_every_dependency_has_its_licence_told():
    text = (ROOT / "docs/licences.md").read_text()
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    packages = [re.split(r"[\[<>=~]", line)[0] for line in lines if line and not line.startswith("#")]
    assert [package for package in packages if f"`{package}`" not in text] == []


def test_torch_is_no_dependency_of_a_dependency():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    packages = [re.split(r"[\[<>=~]", line)[0] for line in lines if line and not line.startswith("#")]
    wanted = {
        re.split(r"[\s\[<>=~!;(]", need)[0].lower()
        for package in packages
        for need in requires(package) or []
        if "extra ==" not in need
    }
    assert wanted & {"torch", "torchaudio", "tensorflow", "transformers"} == set()


def test_the_space_installs_the_gradio_the_app_is_tested_with():
    front = README.split("---")[1]
    pinned = re.search(r"^gradio\[mcp\]==(\S+)$", (ROOT / "requirements.txt").read_text(), re.M)
    assert pinned is not None
    assert f"sdk_version: {pinned[1]}\n" in front
    short = re.search(r"^short_description: (.+)$", front, re.M)
    assert short is not None
    assert len(short[1]) <= 60, "the hub takes 60 characters"


def test_the_changelog_tells_of_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()
