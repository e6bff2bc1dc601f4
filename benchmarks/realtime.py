"""What OpenAI's protocol costs: the same conversations on `/v1/realtime` and on `/ws`, on ONE core, A B A B; and the
time that one event takes to be translated, either way.

Server and callers are those of benchmarks.conversations: scripted ears, mind and voice through the worker wire, the
real detector, PCM16 of 16 kHz in and 24 kHz out on both sides.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from api._realtime import events as asked
from api._realtime.output import Order
from api._realtime.session import LEAD
from api._realtime.sound import Ear, Wire
from api._realtime.told import Told
from api._wire.codecs import PcmEar
from api._wire.outbox import Outbox
from api._ws.messages import told as ws_told
from benchmarks._harness import Report, main, percentile, ratio
from benchmarks._relay import added
from benchmarks.conversations import (
    ANSWER,
    SAYINGS,
    VOICE_DELAYS,
    callers,
    cpu_seconds,
    order,
    recorded,
    server,
)
from voice.talk import events

FORMATS = {"input": {"type": "audio/pcm", "rate": 16000}, "output": {"type": "audio/pcm", "rate": 24000}}
EVENTS = 2000


async def measure(report: Report, args: Namespace) -> None:
    one_event(report)
    await added(report, args)
    recordings = [await recorded(text) for text in SAYINGS]
    speech = sum(len(pcm) for pcm in recordings) / len(recordings) / 32000
    if args.short:
        recordings, speech = [pcm[:64000] for pcm in recordings], 2.0
    async with server() as (port, process, key), callers(port, key) as ask:
        await ask(said(recordings, 1, 1, speech, "realtime"))
        count = 10 if args.short else 50
        await side_by_side(report, ask, process, recordings, speech, count, args)
    if not args.short:
        async with server() as (port, process, key), callers(port, key) as ask:
            await ask(said(recordings, 1, 1, speech, "realtime"))
            await hundred(report, ask, process, recordings, speech)


def said(recordings: list[bytes], count: int, turns: int, speech: float, dialect: str) -> dict[str, Any]:
    """An order to the callers, the same in both dialects."""
    told: dict[str, Any] = order(recordings, count, turns, speech) | {"dialect": dialect}
    if dialect == "ws":
        return told | {"start": told["start"] | {"rules": {"min_delay": 0.5, "max_delay": 0.5}}}
    detection = {"type": "server_vad", "silence_duration_ms": 500}
    sound = {
        "input": {"format": FORMATS["input"], "turn_detection": detection},
        "output": {"format": FORMATS["output"]},
    }
    session: dict[str, Any] = {
        "type": "realtime",
        "model": "scripted-llm",
        "instructions": f"Say: {ANSWER}",
        "audio": sound,
    }
    return told | {"start": session | {"lead": LEAD}}


async def side_by_side(
    report: Report, ask: Any, process: int, recordings: list[bytes], speech: float, count: int, args: Namespace
) -> None:
    """The processor's time of a conversation, and what a turn takes, in turns."""
    used: dict[str, list[float]] = {"ws": [], "realtime": []}
    turns: dict[str, list[float]] = {"ws": [], "realtime": []}
    for _ in range(1 if args.short else args.rounds):
        for dialect in used:
            before, began = cpu_seconds(process), time.perf_counter()
            result = await ask(said(recordings, count, 1, speech, dialect))
            share = (cpu_seconds(process) - before) / (time.perf_counter() - began) / count
            used[dialect].append(100 * share)
            turns[dialect].append(1000 * (percentile(result["turns"], 50) - VOICE_DELAYS[0]))
            report.note(f"{dialect}: {result['errors'][0]}") if result["errors"] else None
    for dialect in used:
        report.figure(f"{dialect}_cpu_of_a_core_each", used[dialect], unit="%")
        report.figure(f"{dialect}_added_turn_p50_ms", turns[dialect], unit="ms")
    report.figure("cpu_ratio", ratio(used["realtime"], used["ws"]), at_most=None if args.short else 1.1)


async def hundred(report: Report, ask: Any, process: int, recordings: list[bytes], speech: float) -> None:
    """A hundred sessions on one core."""
    result = await ask(said(recordings, 100, 2, speech, "realtime"))
    late = [1000 * value for value in result["lateness"]]
    report.figure("at_100_late_p99_ms", percentile(late, 99), unit="ms", at_most=20)
    report.figure("at_100_late_worst_ms", max(late), unit="ms")
    report.figure("at_100_turns", len(result["turns"]), at_least=200)
    report.figure("at_100_not_finished", result["unfinished"] + len(result["errors"]), at_most=0)
    for error in result["errors"]:
        report.note(f"at_100: {error}")


# One event


def one_event(report: Report) -> None:
    """Milliseconds from the text of an event to what the conversation hears, and from what it says to the text."""
    pcm = bytes(640)
    append = json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})
    ear, plain = Ear(Wire("audio/pcm", 16000)), PcmEar(16000)
    here = lambda: ear.feed(asked.sound(asked.parsed(append)["audio"]))  # noqa: E731
    create = json.dumps({"type": "conversation.item.create", "item": {
        "type": "message", "role": "user", "content": [{"type": "input_text", "text": ANSWER}]}})  # fmt: skip
    inward = timed(here)
    report.figure("append_in_p50_ms", percentile(inward, 50), unit="ms", at_most=1)
    report.figure("append_in_p99_ms", percentile(inward, 99), unit="ms", at_most=1)
    report.figure("ws_frame_in_p50_ms", percentile(timed(lambda: plain.feed(pcm)), 50), unit="ms")
    report.figure("create_in_p99_ms", percentile(timed(lambda: asked.read(asked.parsed(create))), 99), unit="ms",
                  at_most=1)  # fmt: skip
    told = listening()
    frame = np.zeros(480, np.float32)
    outward = timed(lambda: told.tell(events.AudioOut("resp_1", frame, 0)))
    report.figure("audio_out_p50_ms", percentile(outward, 50), unit="ms", at_most=1)
    report.figure("audio_out_p99_ms", percentile(outward, 99), unit="ms", at_most=1)
    delta = events.TextDelta("resp_1", "item_1", "word ")
    report.figure("text_out_p99_ms", percentile(timed(lambda: told.tell(delta)), 99), unit="ms", at_most=1)
    report.figure("ws_text_out_p99_ms", percentile(timed(lambda: ws_told(delta)), 99), unit="ms")


def listening() -> Told:
    """A translation in the middle of a response, to a client that takes everything."""
    outbox = SimpleNamespace(text=lambda text: None, sound=lambda text, seconds: None)
    told = Told(cast(Outbox, outbox), "conv_1", 24000)
    told.order = lambda: Order(True, Wire(), {"type": "audio/pcm", "rate": 24000}, "", "inf", "conv_1")
    told.tell(events.ResponseStarted("resp_1", "item_1"))
    told.tell(events.TextDelta("resp_1", "item_1", "word "))
    return told


def timed(work: Callable[[], object]) -> list[float]:
    """Milliseconds of each of many runs."""
    found = []
    for _ in range(EVENTS):
        began = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - began))
    return found


if __name__ == "__main__":
    sys.exit(main("realtime", measure, rounds=3, short=1))
