"""The small parts of the pages, without a server."""

from __future__ import annotations

import asyncio
import re

import pytest

from core.errors import UnknownVoice
from storage.usage import UsageRecord, UsageSum
from tabs import _look, _words
from tabs._gate import BROKEN, plainly, plainly_or, told
from tabs._languages import choices
from tabs._usage import days_of, recent_of


def test_an_error_shows_as_text_whatever_it_quotes():
    error = told(UnknownVoice("No voice is called '<img src=x onerror=alert(1)>'."))
    assert "<img" not in error.message
    assert "&lt;img" in error.message


async def test_a_foreign_error_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture):
    @plainly
    async def broken() -> None:
        raise KeyError("/secret/path")

    with pytest.raises(Exception, match=BROKEN):
        await broken()
    assert "/secret/path" in caplog.text


async def test_closing_a_wrapped_generator_closes_the_inner_one():
    closed = []

    @plainly
    async def steps():
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    running = steps()
    assert await anext(running) == 1
    await running.aclose()
    assert closed


async def test_a_generator_that_fails_shows_what_stands_there_then():
    @plainly_or("nothing", 0)
    async def steps():
        yield "half", 1
        raise KeyError("/secret/path")

    running = steps()
    assert [await anext(running), await anext(running)] == [("half", 1), ("nothing", 0)]
    with pytest.raises(Exception, match=BROKEN):
        await anext(running)


async def test_a_generator_that_is_cancelled_shows_nothing_more():
    shown, waiting, closed = [], asyncio.Event(), []

    @plainly_or("nothing", 0)
    async def steps():
        try:
            yield "half", 1
            waiting.set()
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def run() -> None:
        async for step in steps():
            shown.append(step)

    running = asyncio.create_task(run())
    await waiting.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (shown, closed) == ([("half", 1)], [True])


def test_languages_come_once_and_the_common_ones_first():
    offered = choices(["sv", "en-GB", "en-us", "*", "de"], "Any")
    assert offered == [("Any", ""), ("English", "en"), ("German", "de"), ("Swedish", "sv")]


def test_days_without_a_request_are_shown_too():
    days = days_of([UsageSum("2026-11-19", 3, 1, 40, 2.5, 900)], 3, now=1_795_132_800.0)
    assert [(day["day"], day["requests"], day["failed"]) for day in days] == [
        ("2026-11-18", 0, 0), ("2026-11-19", 3, 1), ("2026-11-20", 0, 0),
    ]  # fmt: skip


def test_a_request_says_how_much_it_was():
    row = recent_of([UsageRecord(at=1.0, key_id="local", op="speech", characters=1200, audio_seconds=7.25)])[0]
    assert row["amount"] == "1,200 characters · 7.2 s"


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, "0.0 s"), (59.94, "59.9 s"), (61, "1:01"), (3725, "1:02:05")])
def test_times_are_short(seconds: float, shown: str):
    assert _words.clock(seconds) == shown


def test_text_from_outside_is_escaped():
    made = [_words.note("<b>"), _words.empty("<b>", "<b>"), _words.progress("<b>", 0.5), _words.facts([("<b>", "<b>")])]
    assert all("<b>" not in html for html in made)


def test_only_whole_fonts_are_asked_for_and_nothing_from_elsewhere():
    theme = _look.RoyalPurple()
    style = theme._get_theme_css() + "".join(theme._font_css)
    assert "IBMPlexSans-Regular.woff2" in style
    assert "SemiBold" not in style
    assert not theme._stylesheets
    assert not re.search(r"(url\(|src=|href=|@import)\s*['\"]?https?:", style + _look.css() + _look.head())
