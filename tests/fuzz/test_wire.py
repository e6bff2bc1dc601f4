"""HTTP itself, by hand: heads that lie, bodies that drip, callers that hang up; and one crowd that is too large."""

from __future__ import annotations

import asyncio
import json
from random import Random
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fuzz.attacker import Attacker
from tests.fuzz.conftest import ADMIN, House
from tests.fuzz.test_routes import blameless

pytestmark = pytest.mark.slow

HEADS, CROWD = 2_000, 400
SPEECH = json.dumps({"input": "Hello there.", "model": "espeak-ng", "response_format": "pcm"}).encode()
KEY = f"x-api-key: {ADMIN}\r\n".encode()
LINES = (
    b"GET / HTTP/1.1", b"GET /v1/models HTTP/1.1", b"POST /v1/audio/speech HTTP/1.1",
    b"POST /gradio_api/upload HTTP/1.1",
    b"POST /v1/audio/transcriptions HTTP/1.1", b"GET /v1/models HTTP/9.9", b"GET /../../etc/passwd HTTP/1.1",
    b"GET // HTTP/1.1",
    b"GET /gradio_api/file=/etc/passwd HTTP/1.0", b"GET http://169.254.169.254/ HTTP/1.1",
    b"CONNECT 127.0.0.1:22 HTTP/1.1",
    b"OPTIONS * HTTP/1.1", b"GET /%00 HTTP/1.1", b"GET /\x00 HTTP/1.1", b"GET /\xff\xfe HTTP/1.1",
    b"G\x00T / HTTP/1.1", b"",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1", b"PRI * HTTP/2.0", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    b"GET /v1/keys?limit=1 HTTP/1.1",
    b"GET /v1/audio/voices/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1", b"POST /gradio_api/queue/join HTTP/1.1",
)  # fmt: skip
HEADERS = (
    b"Content-Length: -1", b"Content-Length: 5, 6", b"Content-Length: 99999999999999999999", b"Content-Length: abc",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: xchunked",
    b"Connection: upgrade",
    b"Content-Length: 5", b"Upgrade: websocket", b"Upgrade: h2c", b"Expect: 100-continue", b"Content-Encoding: gzip",
    b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: AAAA", b"Host: evil.example", b"Host: ", b"Host: [::1",
    b"Host: a:b:c",
    b"X-Forwarded-For: " + b"1," * 5000, b"X-Forwarded-Host: evil.example", b"X-Forwarded-Proto: \xff",
    b"Origin: null",
    b"Origin: http://[", b"Cookie: a=" + b"b" * 30_000, b"Authorization: Bearer \xff\xfe",
    b"Authorization: Basic \x00",
    b"X-VoiceForge-Session: " + b"." * 3000, b"Range: bytes=0-0,-1", b"If-None-Match: \"", b"X\x00Y: 1",
    b" folded: 1",
    b"no colon", b"X-A: 1\rX-B: 2", b"Accept: */*;q=nan", b"Accept-Language: \xff", b"Content-Type: application/json",
    b"Content-Type: multipart/form-data; boundary=\x00", b"X-Gradio-User: api",
    b"X-Gradio-Server: http://127.0.0.1:1",
)  # fmt: skip
BODIES = (
    b"",
    SPEECH,
    b"5\r\nhello\r\n0\r\n\r\n",
    b"FFFFFFFFFFFFFFFFF\r\n",
    b"-1\r\nx",
    b"5;a=\x00\r\nhello",
    b"\x00" * 5000,
)


async def test_heads(house: House):
    attacker, random = house.attacker(), Random(6)

    async def worker() -> None:
        while attacker.verdict.requests < HEADS:
            await by_hand(attacker, house.url, random)

    await asyncio.gather(*(worker() for _ in range(24)))
    print(f"\n{attacker.verdict.line()}")
    blameless(attacker.verdict, HEADS)
    await fine(house)


async def by_hand(attacker: Attacker, url: str, random: Random) -> None:
    """One connection: a head with whatever in it, a body that may drip or end in the middle."""
    body = random.choice(BODIES)
    headers = random.choices(HEADERS, k=random.randrange(5))
    if random.random() < 0.5:
        headers = [b"Host: 127.0.0.1", b"Content-Length: %d" % len(body), *headers]
    head = b"\r\n".join([random.choice(LINES), *headers]) + b"\r\n" + random.choice([KEY, KEY, b""])
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    attacker.verdict.requests += 1
    try:
        await send(writer, head + b"\r\n" + body, random)
        if random.random() < 0.2:
            return
        if random.random() < 0.5:
            writer.write_eof()
        answer = await asyncio.wait_for(reader.read(100_000), random.choice([0.2, 1.0]))
    except (TimeoutError, OSError):
        return
    finally:
        writer.close()
    status = answer[9:12]
    if answer.startswith(b"HTTP/1.") and status.isdigit():
        attacker.judge(repr(head[:300]), int(status), answer)


async def send(writer: asyncio.StreamWriter, data: bytes, random: Random) -> None:
    if random.random() < 0.1:
        for at in range(0, min(len(data), 60)):
            writer.write(data[at : at + 1])
            await writer.drain()
            await asyncio.sleep(0.005)
        if random.random() < 0.5:
            return
        data = data[60:]
    writer.write(data)
    await writer.drain()


async def test_callers_hang_up_side_by_side(house: House):
    """In the head, in the body, before the answer and in the middle of it."""
    random = Random(7)
    head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" + KEY
    text = json.dumps({"input": "A longer text, which takes a while. " * 40, "model": "espeak-ng"}).encode()
    whole = head + b"Content-Length: %d\r\n\r\n" % len(text) + text

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(house.url).port)
        writer.write(whole[: random.choice([20, len(head) + 30, len(whole)])])
        await writer.drain()
        if random.random() < 0.5:
            await asyncio.wait({asyncio.create_task(reader.read(2000))}, timeout=random.random() * 0.3)
        writer.transport.abort()

    for _ in range(10):
        await asyncio.gather(*(one() for _ in range(30)))
    await fine(house)


async def test_a_crowd_is_turned_away_politely(house: House):
    """More speech at once than may wait: answered, or 503 with a Retry-After, and nothing else."""
    attacker = house.attacker()
    limits = httpx.Limits(max_connections=CROWD)
    async with httpx.AsyncClient(base_url=house.url, timeout=120, limits=limits) as client:
        body = {"input": "One sentence for everybody. " * 5, "model": "espeak-ng", "response_format": "pcm"}
        asked = [
            attacker.ask(
                client, "POST", "/v1/audio/speech", json=body | {"input": f"{number}. {body['input']}"}, seconds=60
            )
            for number in range(CROWD)
        ]
        answers = await asyncio.gather(*asked)
    print(f"\n{attacker.verdict.line()}")
    assert attacker.verdict.broken == []
    assert {status for status, _ in answers} <= {200, 503}
    assert attacker.verdict.overloaded == attacker.verdict.statuses[503]
    assert attacker.verdict.statuses[200] > 50
    await fine(house)


async def fine(house: House) -> None:
    """The app still answers, and does so well."""
    async with httpx.AsyncClient(base_url=house.url, timeout=60, headers={"x-api-key": ADMIN}) as client:
        assert (await client.get("/ready")).status_code == 200
        spoken = await client.post("/v1/audio/speech", content=SPEECH, headers={"content-type": "application/json"})
    assert spoken.status_code == 200
    assert len(spoken.content) > 10_000
