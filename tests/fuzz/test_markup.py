"""Text that is made to hurt: markup bombs, entities, nesting, scripts in both directions, and what cannot be seen."""

from __future__ import annotations

import asyncio
import json
import time
from random import Random

import httpx
import pytest

from tests.fuzz.attacker import Attacker
from tests.fuzz.conftest import House
from tests.fuzz.test_routes import blameless

pytestmark = pytest.mark.slow

TEXTS = 1_200
SLOWEST_SECONDS = 5.0
"""Until a text of any kind is refused or begins to be heard."""
LAUGHS = "".join(f"<!ENTITY l{n} '" + f"&l{n - 1};" * 10 + "'>" for n in range(1, 10))
LONG, MANY = "a" * 20_000, "&a;" * 2000
BOMBS: dict[str, str] = {
    "billion laughs": '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY l0 "lol">' + LAUGHS + "]><speak>&l9;</speak>",
    "recursive entities": '<!DOCTYPE s [<!ENTITY a "&b;"><!ENTITY b "&a;">]><speak>&a;</speak>',
    "external entity": '<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><speak>Hello &x;</speak>',
    "parameter entity": '<!DOCTYPE s [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x.dtd"> %x;]><speak>Hello</speak>',
    "quadratic blowup": "<!DOCTYPE s [<!ENTITY a '" + LONG + "'>]><speak>" + MANY + "</speak>",
    "10,000 nested tags": "<speak>" + "<prosody rate='fast'>" * 10_000 + "Hello" + "</prosody>" * 10_000 + "</speak>",
    "10,000 open tags": "<speak>" + "<p>" * 10_000 + "Hello",
    "10,000 closing tags": "Hello" + "</p>" * 10_000,
    "one huge tag": f"<speak><break {'a' * 200_000}='1'/>Hello</speak>",
    "20,000 attributes": "<speak><break " + " ".join(f"a{n}='1'" for n in range(20_000)) + "/>Hello</speak>",
    "xinclude": (
        '<speak xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd" parse="text"/>Hi</speak>'
    ),
    "audio of a file": '<speak>Hello <audio src="file:///etc/passwd"/></speak>',
    "lexicon of an address": '<speak><lexicon uri="http://169.254.169.254/"/>Hello</speak>',
    "endless pause": '<speak>Hello <break time="999999999s"/> there</speak>',
    "many pauses": "Hello " + "[pause:10s]" * 5000,
    "negative pause": 'Hello [pause:-5s] <break time="-1s"/> [pause:nan] [pause:1e999s] there',
    "nested brackets": "[" * 20_000 + "laugh" + "]" * 20_000 + " Hello",
    "open brackets": "[pause:" * 20_000 + "Hello",
    "ten thousand voices": " ".join(f"[voice:nobody{n}] Hi." for n in range(2000)),
    "two hundred speakers": "\n".join(f"[S{n}] Hello." for n in range(200)),
    "say-as of a long number": f'<speak><say-as interpret-as="cardinal">{"9" * 50_000}</say-as></speak>',
    "a long number": "9" * 50_000,
    "a long decimal": "0." + "1" * 50_000,
    "many dates": "99/99/9999 31.02.2020 " * 2000,
    "roman numerals": "MCMXCIX " * 5000,
    "money": "$1e999 €" + "9" * 400 + " ₹-0.00 £££5 " * 500,
    "an exponent": "1e999999999 10^10^10^10 2**9999999",
    "rtl override": "Hello \u202e\u202d\u2066\u2067\u2068 dlrow \u2069\u202c" * 500,
    "mixed scripts": "Hello مرحبا नमस्ते 你好 שלום Привет こんにちは 안녕 สวัสดี " * 50,
    "emoji families": "👨‍👩‍👧‍👦🏳️‍🌈👍🏽🇩🇪" * 2000,
    "only emoji": "🎉🎊🥳",
    "zero width": "He\u200bl\u200cl\u200do\ufeff" + "\u200b" * 20_000,
    "only zero width": "\u200b\u200c\u200d\u2060\ufeff" * 100,
    "zalgo": "H" + "\u0316\u0317\u0318\u0319\u0300\u0301" * 5000 + "i",
    "surrogates": "Hello \ud83d world \ude00",
    "controls": "Hello \x01\x02\x1b[31m\x7f\x9b world",
    "nul": "Hello\0world",
    "noncharacters": "Hello \ufffe\uffff\U0001fffe\U0010ffff world",
    "private use": "\ue000\uf8ff\U000f0000" * 200 + "hi",
    "tag characters": "Hi" + "".join(chr(0xE0020 + n % 90) for n in range(3000)),
    "no spaces": "a" * 60_000,
    "only punctuation": ".,;:!?" * 5000,
    "only newlines": "\n" * 50_000 + "Hi",
    "ligatures": "ﷺ﷽" * 1000,
    "espeak phonemes": "[[" + "h@'loU" * 2000 + "]] Hello",
    "ipa bomb": f'<speak><phoneme alphabet="ipa" ph="{"ə" * 50_000}">x</phoneme></speak>',
    "cdata": f"<speak><![CDATA[{'<break/>' * 5000}]]></speak>",
    "comments": f"<speak>{'<!-- -->' * 10_000}Hi</speak>",
    "processing instructions": f"<speak>{'<?php phpinfo(); ?>' * 5000}Hi</speak>",
    "markdown links": "[a](" * 20_000 + "b" + ")" * 20_000,
    "a table": "|a" * 20_000 + "|\n" + "|-" * 20_000 + "|",
    "backtracking": "a" * 30_000 + "!" + "." * 30_000 + " " * 30_000 + "\t" * 30_000,
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_refused_or_spoken(house: House, name: str):
    attacker = house.attacker()
    async with httpx.AsyncClient(base_url=house.url, timeout=60) as client:
        for enhancement in ({}, {"voice": "espeak-ng/en-us"}):
            begun = time.monotonic()
            await say(attacker, client, {"input": BOMBS[name], "model": "espeak-ng", **enhancement})
            assert time.monotonic() - begun < SLOWEST_SECONDS
    blameless(attacker.verdict, 2)
    assert set(attacker.verdict.statuses) <= {200, 400, 404, 413}


async def test_pieces_of_bombs_together(house: House):
    """Cut out of all of them and put together by chance."""
    random = Random(8)
    texts = list(BOMBS.values())

    async def once(attacker: Attacker, client: httpx.AsyncClient) -> None:
        text = "".join(part(random, random.choice(texts)) for _ in range(random.randrange(1, 6)))
        language = random.choice(["", "", "en", "de", "hi", "ar", "zh"])
        await say(attacker, client, {"input": text, "model": "espeak-ng", "language": language})

    blameless(await house.attacker().attack(TEXTS, once), TEXTS)


def part(random: Random, text: str) -> str:
    begin = random.randrange(len(text))
    return text[begin : begin + random.randrange(1, 200)]


async def say(attacker: Attacker, client: httpx.AsyncClient, body: dict[str, str]) -> None:
    """Until the first of the sound."""
    content = json.dumps(body | {"response_format": "pcm"}).encode()
    await attacker.ask(
        client, "POST", "/v1/audio/speech", content=content, headers={"content-type": "application/json"}, seconds=0.3
    )
    await asyncio.sleep(0)
