"""Values that nobody should send, chosen by a seeded generator: the same seed, the same attack."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from audio.encode import encode
from audio.value import Audio

STRINGS: tuple[str, ...] = (
    "", " ", "\0", "a\0b", "\ud800", "a\udfffb", "\ufffe\uffff", "\u202e\u2066evil\u2069", "\u200b" * 50,
    "👩‍👩‍👧‍👦" * 20,
    "e" + "\u0301" * 500, "ﷺ" * 100, "\r\nX-Injected: 1\r\n\r\n", "'; DROP TABLE keys; --", "\" OR 1=1 --",
    "%00", "%s%n%x",
    "{{7*7}}", "${jndi:ldap://127.0.0.1/a}", "$(id)", "`id`", "|id", "<script>alert(1)</script>", "\x1b[2J",
    "nan", "inf",
    "-1", "1e999", "0x7fffffff", "true", "null", "None", "undefined", "[object Object]", "../", "..\\..\\",
    "C:\\con", "~",
    "مرحبا بالعالم", "नमस्ते", "日本語", "A" * 5000, "espeak-ng/../../x", "espeak-ng/en+../../etc/passwd",
    "auto", "en", "mp3",
    "file:///etc/passwd", "http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data/", "gopher://127.0.0.1:1/_",
)  # fmt: skip
NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2**31, 2**53, -(2**63), 2**64, 10**30, 10**400, 0.5, -0.0, 1e308, 1e-320, float("nan"), float("inf"),
    -float("inf"), 24_000, 1.0,
)  # fmt: skip
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None] * 50, {"": ""}, {"__proto__": {"a": 1}}, {"a": [{}]})


class Hostile:
    """`secrets` are files that no answer may show the inside of."""

    def __init__(self, seed: int, secrets: list[Path]):
        self.random = Random(seed)
        self.secrets = [str(path) for path in secrets]

    def text(self) -> str:
        kind = self.random.random()
        if kind < 0.6:
            return self.random.choice(STRINGS)
        if kind < 0.8:
            return self.path()
        return "".join(chr(self.random.randrange(1, 0x11000)) for _ in range(self.random.randrange(1, 40)))

    def path(self) -> str:
        """A file that is none of the caller's, by one of the ways to write it."""
        path = self.random.choice([*self.secrets, "/etc/passwd", "/proc/self/environ", "/proc/self/cmdline"])
        ways = (
            path, f"file://{path}", f"{'../' * 12}{path[1:]}", f"{'..%2f' * 12}{path[1:]}",
            f"/tmp/gradio/../..{path}",
            f"{'%2e%2e/' * 12}{path[1:]}", f"//{path}", f"{path}\0.wav", path.replace("/", "\\"), f"./{path}",
            f"{path}/.",
            f"concat:{path}|{path}", f"subfile,,start,0,end,0,,:{path}", f"/proc/self/root{path}",
            f"data:text/plain,{path}",
        )  # fmt: skip
        return self.random.choice(ways)

    def value(self, depth: int = 2) -> Any:
        kind = self.random.random()
        if kind < 0.45:
            return self.text()
        if kind < 0.65:
            return self.random.choice(NUMBERS)
        if kind < 0.75:
            return self.file()
        if kind < 0.9 or not depth:
            return self.random.choice(OTHERS)
        if kind < 0.95:
            return [self.value(depth - 1) for _ in range(self.random.randrange(6))]
        return {self.text(): self.value(depth - 1) for _ in range(self.random.randrange(6))}

    def file(self) -> dict[str, Any]:
        """A file as Gradio's clients name one."""
        path, meta = self.path(), {"_type": "gradio.FileData"}
        return self.random.choice(
            [
                {"path": path, "meta": meta},
                {"path": path},
                {"path": path, "url": path, "orig_name": path, "mime_type": path, "size": -1, "meta": meta},
                {"path": "http://127.0.0.1:1/a.wav", "url": "http://127.0.0.1:1/a.wav", "meta": meta},
                {"path": None, "url": path, "meta": meta},
                {"path": self.value(0), "meta": meta},
            ]
        )  # fmt: skip

    def mutated(self, base: dict[str, Any]) -> dict[str, Any]:
        """Something valid, spoilt in one to three places."""
        spoilt = dict(base)
        for _ in range(self.random.randrange(1, 4)):
            key = self.random.choice([*base, "extra", self.text()[:50]])
            if self.random.random() < 0.15:
                spoilt.pop(key, None)
            else:
                spoilt[key] = self.value()
        return spoilt

    def body(self, base: dict[str, Any]) -> bytes:
        """JSON most of the time."""
        kind = self.random.random()
        if kind < 0.85:
            return json.dumps(self.mutated(base)).encode()
        if kind < 0.9:
            return json.dumps(self.value()).encode()
        return self.random.choice(
            (
                b"", b"{", b"[" * 50_000, b'{"a":' * 20_000, b"\xff\xfe{}", b'{"input": "\xed\xa0\x80"}',
                b"nul", b"1" * 6000,
                b'{"input": "a", "input": 5}', b"\0" * 100, b'{"input": 1e9999999}', "{}".encode("utf-16"),
                b"{}" * 1000,
            )
        )  # fmt: skip

    def sound(self) -> bytes:
        """A recording, whole or spoilt."""
        whole = encode(Audio.silence(0.2, 16000), self.random.choice(("wav", "wav", "flac", "mp3")))
        kind = self.random.random()
        if kind < 0.3:
            return whole
        if kind < 0.5:
            return whole[: self.random.randrange(len(whole))]
        if kind < 0.7:
            spoilt = bytearray(whole)
            for _ in range(self.random.randrange(1, 20)):
                spoilt[self.random.randrange(min(len(spoilt), 200))] = self.random.randrange(256)
            return bytes(spoilt)
        if kind < 0.85:
            return self.playlist()
        return self.random.randbytes(self.random.randrange(2000))

    def playlist(self) -> bytes:
        """What a decoder may take for a list of files to open."""
        path = self.random.choice(self.secrets)
        lists = (
            f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n{path}\n#EXT-X-ENDLIST\n",
            f"#EXTM3U\n#EXTINF:1,\nconcat:{path}|file://{path}\n#EXT-X-ENDLIST\n",
            f"ffconcat version 1.0\nfile '{path}'\n",
            f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\na=control:{path}\nm=audio 0 RTP/AVP 0\n",
            f"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file://{path}'>]><MPD>&b;</MPD>",
            f"<svg xmlns='http://www.w3.org/2000/svg'><image href='file://{path}'/></svg>",
        )
        return self.random.choice(lists).encode()
