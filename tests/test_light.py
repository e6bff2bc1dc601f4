"""Opening the app stays light: what is heavy is loaded by the processes that need it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

HEAVY = {"torch", "transformers", "tensorflow", "faster_whisper", "ctranslate2", "pocketsphinx", "librosa"}

OPEN = """
import asyncio, sys
from pathlib import Path
import app
from core.settings import Settings

async def live():
    settings = Settings(data_dir=Path(sys.argv[1]), roles=frozenset(sys.argv[2].split(",")), log_level="ERROR")
    application = app.create_app(settings)
    async with application.router.lifespan_context(application):
        pass

asyncio.run(live())
"""


def loaded_by(code: str, *arguments: str) -> set[str]:
    """Top-level names of the modules that a fresh interpreter has loaded after running the code."""
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return {name.split(".")[0] for name in json.loads(run.stdout.splitlines()[-1])}


@pytest.mark.integration
def test_the_open_app_has_loaded_nothing_heavy(tmp_path):
    loaded = loaded_by(OPEN, str(tmp_path), "web,media")
    assert "gradio" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.integration
def test_the_media_role_has_not_loaded_gradio(tmp_path):
    loaded = loaded_by(OPEN, str(tmp_path), "media")
    assert "fastapi" in loaded
    assert loaded & (HEAVY | {"gradio", "pandas"}) == set()


def test_the_audio_value_needs_numpy_only():
    loaded = loaded_by("import audio.value") - loaded_by("import numpy")
    assert {name for name in loaded if name not in sys.stdlib_module_names} == {"audio"}


def test_what_a_foreign_python_loads_needs_numpy_only():
    carried = "import engines.base, engines.schema, engines._packing, engines._worker"
    loaded = loaded_by(carried) - loaded_by("import numpy")
    assert {name for name in loaded if name not in sys.stdlib_module_names} == {"audio", "engines"}
