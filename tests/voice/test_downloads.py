import asyncio
import contextlib
import logging
import os
import random
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.errors import NotDownloaded, UnknownModel
from tests.voice.hub import FakeHub, Fault, fake_hub
from voice._hub import PROBE_SECONDS
from voice._weights import ARRIVALS
from voice.catalogue.cards import Download, read
from voice.downloads import Downloads, Hub, Limits, State

pytestmark = pytest.mark.integration
QUICK = Limits(
    silence_seconds=0.3, slowest=100_000, window_seconds=0.15, attempts=3, worthwhile=1000, pause_seconds=0.01,
    longest_pause_seconds=0.02, keep_free=0,
)  # fmt: skip
TOKEN = "hf_CanaryCanaryCanary"
MODEL = random.Random(1).randbytes(300_000)
TOKENIZER = b"tokens" * 20


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with fake_hub() as hub:
        yield hub


@pytest.fixture
def files(hub) -> list[Download]:
    return [
        hub.put("whisper/small/model.bin", MODEL),
        hub.put("whisper/small/tokenizer.json", TOKENIZER, exact=False, bytes=100, sha256=""),
    ]


@contextlib.asynccontextmanager
async def opened(folder: Path, server: FakeHub, files: list[Download], **options) -> AsyncIterator[Downloads]:
    options = {"hub": Hub(server.url), "limits": QUICK} | options
    downloads = Downloads({"whisper": files}, folder, **options)
    try:
        yield downloads
    finally:
        await downloads.close()


async def fetched(downloads: Downloads, model: str = "small") -> State:
    await downloads.start("whisper", model)
    await downloads.wait("whisper", model)
    return await downloads.state("whisper", model)


async def failed(downloads: Downloads) -> str:
    with pytest.raises(NotDownloaded) as caught:
        await fetched(downloads)
    state = await downloads.state("whisper", "small")
    assert (state.status, state.why) == ("failed", caught.value.message)
    assert state.text == f"failed: {state.why}"
    return state.why


async def held(hub: FakeHub) -> None:
    assert await asyncio.to_thread(hub.holding.wait, 5)


async def has(downloads: Downloads, least: int) -> State:
    """Once so many bytes have arrived."""
    async with asyncio.timeout(5):
        while (state := await downloads.state("whisper", "small")).bytes < least:
            pass
    return state


def seen(folder: Path) -> list[str]:
    """What an engine can see."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(path.as_posix() for path in paths if path.parts[0] != ARRIVALS)


WHOLE = ["whisper/small/model.bin", "whisper/small/tokenizer.json"]


async def test_a_model_is_fetched_checked_and_seen_whole(tmp_path, hub, files):
    async with opened(tmp_path, hub, files) as downloads:
        before = await downloads.state("whisper", "small")
        assert (before.status, before.text, before.total) == ("absent", "not downloaded", len(MODEL) + 100)
        after = await fetched(downloads)
        assert (after.status, after.text) == ("here", "here")
        assert seen(tmp_path) == WHOLE
        assert (tmp_path / WHOLE[0]).read_bytes() == MODEL
        assert (tmp_path / WHOLE[1]).read_bytes() == TOKENIZER
        assert (await downloads.disk())["whisper"] == len(MODEL) + len(TOKENIZER)
        assert len(hub.asked) == 2
        await fetched(downloads)
        assert len(hub.asked) == 2


async def test_the_engines_never_see_half_of_it(tmp_path, hub, files):
    hub.faults["model.bin"] = [Fault(hold=100_000)]
    async with opened(tmp_path, hub, files) as downloads:
        await downloads.start("whisper", "small")
        await held(hub)
        assert seen(tmp_path) == []
        hub.go.set()
        await downloads.wait("whisper", "small")
        assert seen(tmp_path) == WHOLE


async def test_one_download_for_all_who_ask(tmp_path, hub, files):
    async with opened(tmp_path, hub, files) as downloads:
        await asyncio.gather(*(fetched(downloads) for _ in range(10)))
        assert len(hub.served) == 1


async def test_whoever_stops_waiting_stops_nothing(tmp_path, hub, files):
    hub.faults["model.bin"] = [Fault(hold=100_000)]
    async with opened(tmp_path, hub, files) as downloads:
        await downloads.start("whisper", "small")
        waiting = asyncio.create_task(downloads.wait("whisper", "small"))
        await held(hub)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        hub.go.set()
        await downloads.wait("whisper", "small")
        assert len(hub.served) == 1


async def test_how_far_it_is_can_be_seen(tmp_path, hub, files):
    hub.faults["model.bin"] = [Fault(hold=200_000)]
    patient = Limits(silence_seconds=20, keep_free=0)
    async with opened(tmp_path, hub, files, limits=patient) as downloads:
        assert (await downloads.need("whisper", "small")).seconds is None
        await downloads.start("whisper", "small")
        await held(hub)
        state = await has(downloads, 200_000 + len(TOKENIZER))
        assert (state.engine, state.model, state.total) == ("whisper", "small", len(MODEL) + len(TOKENIZER))
        assert (state.busy, state.text) == (True, "downloading 66 %")
        hub.go.set()
        await downloads.wait("whisper", "small")
        need = await downloads.need("whisper", "small")
        assert (need.bytes, need.fits) == (0, True)


async def test_an_interrupted_download_goes_on_where_it_was(tmp_path, hub, files):
    hub.faults["model.bin"] = [Fault(hold=100_000)]
    async with opened(tmp_path, hub, files) as downloads:
        await downloads.start("whisper", "small")
        await has(downloads, 100_000)
        state = await downloads.cancel("whisper", "small")
        assert state.status == "absent"
        assert "are here" in state.text
    hub.go.set()
    had = next((tmp_path / ARRIVALS).rglob("model.bin.part")).stat().st_size
    assert 0 < had <= 100_000
    async with opened(tmp_path, hub, files) as downloads:
        assert (await downloads.need("whisper", "small")).bytes == len(MODEL) - had
        await fetched(downloads)
    assert hub.served[-1].headers["range"] == f"bytes={had}-"
    assert (tmp_path / WHOLE[0]).read_bytes() == MODEL
    assert sum("tokenizer" in asked.path for asked in hub.asked) == 1


@pytest.mark.parametrize("known", [True, False], ids=["sha256 in the catalogue", "sha256 from the hub"])
async def test_a_server_that_breaks_off_is_asked_for_the_rest(tmp_path, hub, known):
    about = {} if known else {"sha256": "", "exact": False, "bytes": 290_000}
    file = hub.put("whisper/small/model.bin", MODEL, **about)
    hub.faults["model.bin"] = [Fault(cut=100_000), Fault(cut=50_000), Fault(status=503)]
    async with opened(tmp_path, hub, [file]) as downloads:
        await fetched(downloads)
    ranges = [asked.headers.get("range") for asked in hub.served]
    assert ranges == [None, "bytes=100000-", "bytes=150000-", "bytes=150000-"]
    assert (tmp_path / WHOLE[0]).read_bytes() == MODEL


async def test_a_server_that_knows_no_ranges_is_heard_from_the_start(tmp_path, hub, files):
    hub.faults["model.bin"] = [Fault(cut=100_000), Fault(whole=True)]
    async with opened(tmp_path, hub, files) as downloads:
        await fetched(downloads)
    assert (tmp_path / WHOLE[0]).read_bytes() == MODEL


async def test_a_file_that_changed_meanwhile_is_fetched_anew(tmp_path, hub):
    file = hub.put("whisper/small/model.bin", MODEL, sha256="", exact=False)
    hub.faults["model.bin"] = [Fault(hold=100_000)]
    async with opened(tmp_path, hub, [file]) as downloads:
        await downloads.start("whisper", "small")
        await has(downloads, 100_000)
        await downloads.cancel("whisper", "small")
        hub.go.set()
        other = random.Random(2).randbytes(280_000)
        hub.put("whisper/small/model.bin", other)
        await fetched(downloads)
    assert (tmp_path / WHOLE[0]).read_bytes() == other


async def test_what_is_longer_than_the_file_is_begun_anew(tmp_path, hub, files):
    part = tmp_path / ARRIVALS / "whisper" / "files" / f"{WHOLE[0]}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(MODEL + b"more")
    async with opened(tmp_path, hub, files) as downloads:
        await fetched(downloads)
    assert (tmp_path / WHOLE[0]).read_bytes() == MODEL


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
async def test_damage_is_seen_and_fetched_once_more(tmp_path, hub, files, name, caplog):
    hub.faults[name] = [Fault(flip=True)]
    async with opened(tmp_path, hub, files) as downloads:
        await fetched(downloads)
    assert (tmp_path / WHOLE[0]).read_bytes() == MODEL
    assert (tmp_path / WHOLE[1]).read_bytes() == TOKENIZER
    assert "arrived damaged" in caplog.text


async def test_damage_twice_is_a_failure_that_leaves_nothing(tmp_path, hub, files):
    hub.faults["model.bin"] = [Fault(flip=True), Fault(flip=True)]
    async with opened(tmp_path, hub, files) as downloads:
        assert await failed(downloads) == "It arrived damaged, twice."
        assert seen(tmp_path) == []
        assert not list(tmp_path.rglob("model.bin*.part"))
        await fetched(downloads)


async def test_a_catalogue_that_is_out_of_date_costs_no_download(tmp_path, hub):
    file = hub.put("whisper/small/model.bin", MODEL, sha256="0" * 64)
    async with opened(tmp_path, hub, [file]) as downloads:
        assert "another file" in await failed(downloads)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    ("status", "why"),
    [(401, "HF_TOKEN"), (403, "HF_TOKEN"), (404, "does not have it"), (418, "status 418"), (500, "status 500"),
     (429, "status 429")],
)  # fmt: skip
async def test_a_refusal_is_told(tmp_path, hub, files, status, why):
    hub.faults["tokenizer.json"] = [Fault(status=status)] * 3
    async with opened(tmp_path, hub, files) as downloads:
        assert why in await failed(downloads)
    assert len(hub.asked) == (3 if status in (429, 500) else 1)


async def test_too_many_requests_is_waited_for(tmp_path, hub, files):
    hub.faults["tokenizer.json"] = [Fault(status=429, headers={"retry-after": "3600"})]
    async with opened(tmp_path, hub, files) as downloads:
        assert (await fetched(downloads)).status == "here"


async def test_a_hub_that_drips_is_given_up(tmp_path, hub, files):
    hub.faults["model.bin"] = [Fault(drip=True)] * 3
    async with opened(tmp_path, hub, files) as downloads:
        assert "sends too little" in await failed(downloads)
    assert len(hub.served) == 1


async def test_a_hub_that_says_nothing_is_given_up(tmp_path, hub, files):
    hub.faults["model.bin"] = [Fault(silent=True)] * 3
    quick = Limits(silence_seconds=0.05, attempts=2, pause_seconds=0.01, keep_free=0)
    async with opened(tmp_path, hub, files, limits=quick) as downloads:
        assert "does not answer" in await failed(downloads)


async def test_a_mirror_is_asked_where_the_first_server_fails(tmp_path, hub):
    good = hub.put("copy/model.bin", MODEL)
    file = hub.put("whisper/small/model.bin", MODEL, mirrors=(good.url,))
    hub.faults["small/model.bin"] = [Fault(cut=100_000), Fault(status=404)]
    async with opened(tmp_path, hub, [file]) as downloads:
        await fetched(downloads)
    assert "copy" in hub.served[-1].path
    assert hub.served[-1].headers["range"] == "bytes=100000-"
    assert (tmp_path / WHOLE[0]).read_bytes() == MODEL


async def test_a_server_that_redirects_for_ever_is_left(tmp_path, hub, files):
    url = files[1].url.removeprefix("https://huggingface.co")
    hub.faults["tokenizer.json"] = [Fault(status=302, headers={"location": url})] * 10
    async with opened(tmp_path, hub, files) as downloads:
        assert "round in circles" in await failed(downloads)


async def test_an_answer_that_is_packed_is_refused(tmp_path, hub, files):
    hub.faults["tokenizer.json"] = [Fault(headers={"content-encoding": "gzip"})]
    async with opened(tmp_path, hub, files) as downloads:
        assert "packed" in await failed(downloads)


async def test_a_hub_that_is_not_there_is_found_out_once_within_two_seconds(tmp_path, hub, files):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    async with opened(tmp_path, hub, files, hub=Hub(nobody)) as downloads:
        async with asyncio.timeout(PROBE_SECONDS + 0.5):
            assert not await downloads.reachable("whisper", "small")
            assert "cannot be reached" in await failed(downloads)


async def test_whether_the_hub_is_there_is_asked_once(tmp_path, hub, files):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with opened(tmp_path, hub, files, hub=Hub(f"http://127.0.0.1:{silent.getsockname()[1]}")) as downloads:
            async with asyncio.timeout(PROBE_SECONDS + 1):
                answers = await asyncio.gather(*(downloads.reachable("whisper", "small") for _ in range(5)))
            async with asyncio.timeout(0.5):
                answers.append(await downloads.reachable("whisper", "small"))
        assert answers == [False] * 6
        silent.settimeout(0.1)
        silent.accept()[0].close()
        with pytest.raises(TimeoutError):
            silent.accept()


async def test_offline_nobody_is_asked(tmp_path, hub, files):
    async with opened(tmp_path, hub, files, hub=Hub(hub.url, offline=True)) as downloads:
        assert not await downloads.reachable("whisper", "small")
        assert "HF_HUB_OFFLINE" in await failed(downloads)
    assert hub.asked == []


async def test_the_token_goes_to_the_hub_alone_and_into_no_log(tmp_path, hub, files, caplog):
    caplog.set_level(logging.DEBUG)
    hub.faults["tokenizer.json"] = [Fault(status=500), Fault(cut=3)]
    elsewhere = hub.put("whisper/small/vocabulary.txt", b"words")
    with fake_hub() as other:
        other.files["/vocabulary.txt"] = b"words"
        elsewhere = Download(**(vars(elsewhere) | {"url": f"{other.url}/vocabulary.txt"}))
        async with opened(tmp_path, hub, [*files, elsewhere], hub=Hub(hub.url, TOKEN)) as downloads:
            await fetched(downloads)
        assert {asked.headers.get("authorization") for asked in hub.asked} == {f"Bearer {TOKEN}"}
        assert {asked.headers.get("authorization") for asked in hub.served + other.asked} == {None}
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(Hub(hub.url, TOKEN))


async def test_room_on_the_disk_is_looked_at_first(tmp_path, hub, files):
    async with opened(tmp_path, hub, files, free=lambda: 200_000) as downloads:
        need = await downloads.need("whisper", "small")
        assert (need.bytes, need.free, need.fits) == (len(MODEL) + 100, 200_000, False)
        assert "0.3 MB are to be fetched and 0.2 MB are free" in await failed(downloads)
    assert hub.asked == []


async def test_a_disk_that_fills_up_keeps_no_half_file(tmp_path, hub, files):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with opened(tmp_path, hub, files) as downloads:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            assert "The disk is full" in await failed(downloads)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not list(tmp_path.rglob("model.bin.part"))
        assert (await fetched(downloads)).status == "here"


async def test_a_folder_that_cannot_be_written_is_told(tmp_path, hub, files):
    (tmp_path / "file").write_text("")
    async with opened(tmp_path / "file" / "models", hub, files) as downloads:
        assert "not a directory" in await failed(downloads)


async def test_delete_frees_the_disk_and_stops_what_runs(tmp_path, hub, files):
    async with opened(tmp_path, hub, files) as downloads:
        await fetched(downloads)
        (tmp_path / "whisper" / "small" / "mine.txt").write_text("kept")
        assert await downloads.delete("whisper", "small") == len(MODEL) + len(TOKENIZER)
        assert seen(tmp_path) == ["whisper/small/mine.txt"]
        hub.faults["model.bin"] = [Fault(hold=100_000)]
        await downloads.start("whisper", "small")
        await held(hub)
        await downloads.delete("whisper", "small")
        assert (await downloads.state("whisper", "small")).text == "not downloaded"
        assert not list(tmp_path.rglob("*.part"))


async def test_a_file_that_two_models_share_stays_while_one_needs_it(tmp_path, hub):
    files = [
        hub.put("kokoro/voices.bin", b"v" * 2000, models=("fp16", "int8")),
        hub.put("kokoro/fp16.onnx", b"f" * 4000, models=("fp16",)),
        hub.put("kokoro/int8.onnx", b"i" * 3000, models=("int8",)),
    ]
    async with opened(tmp_path, hub, files) as downloads:
        assert [(state.model, state.total) for state in await downloads.states()] == [("fp16", 6000), ("int8", 5000)]
        await asyncio.gather(fetched(downloads, "fp16"), fetched(downloads, "int8"))
        assert len(hub.served) == 3
        assert await downloads.delete("whisper", "fp16") == 4000
        assert seen(tmp_path) == ["kokoro/int8.onnx", "kokoro/voices.bin"]
        assert await downloads.delete("whisper", "int8") == 5000
        assert seen(tmp_path) == []


async def test_a_file_that_was_cut_off_here_is_fetched_again(tmp_path, hub, files):
    async with opened(tmp_path, hub, files) as downloads:
        await fetched(downloads)
        version = downloads.version("whisper", "small")
        for name in WHOLE:
            os.truncate(tmp_path / name, 50)
        assert (await downloads.state("whisper", "small")).status == "absent"
        assert downloads.version("whisper", "small") != version
        await fetched(downloads)
        assert (tmp_path / WHOLE[0]).read_bytes() == MODEL
        assert (tmp_path / WHOLE[1]).read_bytes() == TOKENIZER


async def test_two_processes_do_not_write_one_file(tmp_path, hub, files):
    hub.faults["model.bin"] = [Fault(hold=100_000)]
    async with opened(tmp_path, hub, files) as one, opened(tmp_path, hub, files) as other:
        await one.start("whisper", "small")
        await held(hub)
        assert "Another process" in await failed(other)
        hub.go.set()
        await one.wait("whisper", "small")
        assert (await other.state("whisper", "small")).status == "here"


async def test_what_lies_elsewhere_is_here(tmp_path, hub, files):
    async with opened(tmp_path, hub, files, found=lambda engine, model: model == "small") as downloads:
        assert (await downloads.state("whisper", "small")).status == "here"


async def test_only_what_the_catalogue_has_can_be_fetched(tmp_path, hub, files):
    async with opened(tmp_path, hub, files) as downloads:
        for engine, model in (("whisper", "huge"), ("other", ""), ("whisper", "../small")):
            for ask in (downloads.start, downloads.state, downloads.delete, downloads.cancel, downloads.need):
                with pytest.raises(UnknownModel):
                    await ask(engine, model)


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../up", f"{ARRIVALS}/a"])
def test_a_file_lies_under_the_folder_of_models(tmp_path, hub, path):
    with pytest.raises(ValueError, match="folder of models"):
        Downloads({"whisper": [hub.put(path, b"")]}, tmp_path)


async def test_closing_ends_what_runs_and_it_can_be_resumed(tmp_path, hub, files):
    hub.faults["model.bin"] = [Fault(hold=100_000)]
    async with opened(tmp_path, hub, files) as downloads:
        await downloads.start("whisper", "small")
        await held(hub)
    async with opened(tmp_path, hub, files) as downloads:
        await fetched(downloads)


async def test_the_loop_of_the_app_is_left_alone(tmp_path, hub):
    """Ten megabytes and their sums while a frame is due every two milliseconds."""
    hub.large = 100_000_000
    file = hub.put("whisper/small/model.bin", MODEL * 35)
    late = 0.0
    async with opened(tmp_path, hub, [file]) as downloads:
        running = asyncio.create_task(fetched(downloads))
        loop = asyncio.get_running_loop()
        while not running.done():
            due = loop.time() + 0.002
            await asyncio.wait([running], timeout=0.002)
            late = max(late, loop.time() - due)
    assert late < 0.1


def test_the_catalogue_can_be_downloaded(tmp_path):
    files = {card.name: card.files for card, _ in read() if card.files}
    assert {"kokoro", "faster-whisper"} <= set(files)
    Downloads(files, tmp_path)
