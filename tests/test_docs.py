"""The examples in docs/ and in the README are run as they stand there."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from types import ModuleType, SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI

from core.errors import Forbidden
from engines.base import REGISTRY, SynthesisRequest
from engines.pool import Pool, PoolConfig
from tests.browser.app import running
from voice.text.languages._rules import Rules
from voice.text.spans import replaced

ROOT = Path(__file__).parent.parent


def example(page: str) -> str:
    """The page's first block of Python."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.S)
    assert found
    return found[1]


@pytest.fixture
def dropped(tmp_path) -> Iterator:
    """Loads an example as the file it would be, and forgets it and its engines afterwards."""
    names, engines = [], dict(REGISTRY)

    def load(page: str, name: str) -> ModuleType:
        (tmp_path / f"{name}.py").write_text(example(page))
        spec = importlib.util.spec_from_file_location(f"example_{name}", tmp_path / f"{name}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        names.append(spec.name)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    yield load
    for name in names:
        del sys.modules[name]
    REGISTRY.clear()
    REGISTRY.update(engines)


@pytest.mark.integration
async def test_the_example_engine_speaks_from_a_worker(dropped, tmp_path):
    hum = dropped("adding-an-engine.md", "hum").Hum
    pool = Pool(PoolConfig(models_dir=tmp_path, run_dir=tmp_path / "run"), engines={"hum": hum})
    await pool.start()
    try:
        async with aclosing(pool.stream("hum", SynthesisRequest("Sixteen letters.", "low"))) as stream:
            chunks = [chunk async for chunk in stream]
    finally:
        await pool.close()
    assert [chunk.audio.seconds for chunk in chunks] == [1.0, 1.0]
    assert abs(chunks[0].audio.samples).max() == pytest.approx(0.2, abs=0.001)


async def test_the_example_route_answers_callers_with_the_right(dropped):
    from accounts.principal import Principal

    async def identify(secret, **_):
        return Principal("key:1", "a key", frozenset({secret} if secret else ()))

    app = FastAPI()
    app.state.studio = SimpleNamespace(accounts=SimpleNamespace(identify=identify))
    app.include_router(dropped("adding-a-route.md", "estimate").router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://house") as client:
        answer = await client.get("/v1/audio/estimate?text=fourteen+words", headers={"x-api-key": "speech"})
        with pytest.raises(Forbidden):
            await client.get("/v1/audio/estimate?text=x", headers={"x-api-key": "usage"})
    assert answer.json() == {"seconds": 1.0}


def test_the_example_language_counts(dropped):
    language = dropped("adding-a-language.md", "da").LANGUAGE
    assert replaced("Du har 3 dage.", Rules(language).changes("Du har 3 dage.")).text == "Du har tre dage."


@pytest.mark.integration
async def test_the_example_tab_builds(dropped):
    gradio = pytest.importorskip("gradio")
    tab = dropped("adding-a-tab.md", "voices")
    with gradio.Blocks() as demo:
        tab.build(SimpleNamespace(voices=SimpleNamespace(all=lambda: ())))
    assert [block.value for block in demo.blocks.values() if isinstance(block, gradio.Button)] == ["Show"]
    assert isinstance(tab.TITLE, str)
    assert isinstance(tab.ORDER, int)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running() as address:
        yield address


def readme_blocks(language: str, address: str) -> list[str]:
    """The README's examples that call the app, aimed at this one."""
    text = (ROOT / "README.md").read_text().replace("http://127.0.0.1:7860", address)
    return [block for block in re.findall(rf"```{language}\n(.*?)```", text, re.S) if address in block]


@pytest.mark.integration
def test_the_readmes_commands_speak_and_transcribe(address, tmp_path):
    if not shutil.which("curl"):
        pytest.skip("curl is not here")
    (block,) = readme_blocks("bash", address)
    run = subprocess.run(["bash", "-ec", block], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "forge.wav").read_bytes().startswith(b"RIFF")
    assert "error" not in run.stdout


@pytest.mark.integration
def test_the_readmes_clients_work(address, tmp_path):
    blocks = readme_blocks("python", address)
    assert len(blocks) == 2
    for block in blocks:
        run = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stderr
    assert (tmp_path / "forge.mp3").stat().st_size > 1000
