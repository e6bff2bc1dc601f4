"""Dictionaries of callers: compiled once for each change, kept within bounds, and files that hold them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import BadRequest, TooLarge
from storage.db import Storage
from voice import pronunciations as module
from voice.pronunciation_files import MOST_BYTES, read, write
from voice.pronunciations import FRESH_SECONDS, Pronunciations, tidied
from voice.text.dictionary import Entry

pytestmark = pytest.mark.integration


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = Storage.open("", tmp_path)
    yield storage
    storage.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def here(storage: Storage, clock: Clock) -> Pronunciations:
    return Pronunciations(storage, clock=clock)


async def applied(here: Pronunciations, owner: str, text: str) -> str:
    dictionary = await here.dictionary(owner)
    return dictionary.apply(text).text if dictionary else text


async def test_a_dictionary_is_compiled_once(here: Pronunciations):
    await here.add("a", Entry("x", "y"))
    first, second = await asyncio.gather(here.dictionary("a"), here.dictionary("a"))
    assert first is second is await here.dictionary("a")


async def test_every_change_is_heard_at_once(here: Pronunciations):
    assert await applied(here, "a", "x z") == "x z"
    kept = await here.add("a", Entry("x", "y"))
    assert await applied(here, "a", "x z") == "y z"
    await here.change("a", kept.id, Entry("z", "x"))
    assert await applied(here, "a", "x z") == "x x"
    await here.load("a", [Entry("x", "z")])
    assert await applied(here, "a", "x z") == "z x"
    await here.remove("a", kept.id)
    assert await applied(here, "a", "x z") == "z z"
    await here.clear("a")
    assert await here.dictionary("a") is None


async def test_owners_share_nothing(here: Pronunciations):
    await here.add("a", Entry("x", "y"))
    assert await applied(here, "b", "x") == "x"
    assert await here.dictionary("b") is None
    assert await here.page("b") == ([], 0)


async def test_a_change_by_another_process_is_heard_after_a_while(here: Pronunciations, storage: Storage, clock: Clock):
    assert await here.dictionary("a") is None
    await Pronunciations(storage).add("a", Entry("x", "y"))
    assert await here.dictionary("a") is None
    clock.now += FRESH_SECONDS
    assert await applied(here, "a", "x") == "y"
    same = await here.dictionary("a")
    clock.now += FRESH_SECONDS
    assert await here.dictionary("a") is same


async def test_nothing_is_asked_of_the_database_while_it_is_fresh(here: Pronunciations, storage: Storage):
    assert await here.dictionary("a") is None
    storage.close()
    assert await here.dictionary("a") is None


async def test_a_look_that_a_change_has_overtaken_is_not_kept(here: Pronunciations):
    looking = asyncio.create_task(here.dictionary("a"))
    await asyncio.sleep(0)
    await here.add("a", Entry("x", "y"))
    await looking
    assert await applied(here, "a", "x") == "y"


async def test_a_caller_who_leaves_takes_nobody_else_along(here: Pronunciations):
    await here.add("a", Entry("x", "y"))
    leaving, staying = (asyncio.create_task(here.dictionary("a")) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying is not None


async def test_memory_is_bounded(here: Pronunciations, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_OWNERS", 5)
    monkeypatch.setattr(module, "MOST_COMPILED", 10)
    for owner in "abcdefgh":
        await here.dictionary(owner)
    assert list(here._known) == list("defgh")
    for owner in "abc":
        await here.load(owner, [Entry(f"word{number}", "x") for number in range(6)])
        await here.dictionary(owner)
    assert [owner for owner, known in here._known.items() if known.dictionary] == ["c"]


def test_an_entry_is_kept_clean():
    assert tidied(Entry(" New\u200b  York\n", "a\u0301 ", "", " German ")) == Entry("New York", "á", "", "de")
    assert tidied(Entry("می\u200cخواهم", "x")).written == "می\u200cخواهم"


async def test_the_last_of_two_alike_is_taken(here: Pronunciations):
    entries = [Entry("GIF", "gif"), Entry("gif", "jif"), Entry("GIF", "loud", case_sensitive=True)]
    assert await here.load("a", entries) == 2
    assert await applied(here, "a", "gif GIF Gif") == "jif loud jif"


@pytest.mark.slow
async def test_a_hundred_thousand_work_and_one_more_is_refused(here: Pronunciations):
    many = [Entry(f"word {number}", "x") for number in range(100_000)]
    assert await here.load("a", many) == 100_000
    assert await applied(here, "a", "word 99999") == "x"
    with pytest.raises(TooLarge):
        await here.load("b", [*many, Entry("y", "z")])
    assert (await here.page("b"))[1] == 0


async def test_a_refused_entry_says_which_it_was(here: Pronunciations):
    with pytest.raises(BadRequest, match="Entry 2: Say how 'b' is spoken"):
        await here.load("a", [Entry("a", "x"), Entry("b", "")])
    assert await here.every("a") == []


ENTRIES = [
    Entry('a "quoted", word', "x\ty"), Entry("=SUM(A1)", "sum"), Entry("ü", "", "yː", "de", True), Entry("true", "1"),
]  # fmt: skip


@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_is_written_is_read_again(form):
    assert read(write(ENTRIES, form).encode(), form) == ENTRIES


@pytest.mark.parametrize(
    "text",
    ["nginx,engine", "\ufeffWritten,Spoken\r\nnginx,engine\r\n", "spoken,written\nengine,nginx\n\n", "nginx,engine,,,"],
)
def test_csv_as_people_write_it(text: str):
    assert read(text.encode(), "csv") == [Entry("nginx", "engine")]


def test_a_large_file_is_refused_unread():
    with pytest.raises(TooLarge, match="2 MB"):
        read(b"a" * (MOST_BYTES + 1), "json")


def test_a_bad_json_file_says_where(here: Pronunciations):
    with pytest.raises(BadRequest, match="Entry 2, written"):
        read(b'{"data": [{"written": "a", "spoken": "b"}, {"spoken": "c"}]}', "json")
