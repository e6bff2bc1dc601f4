"""Our end of a call: the pace at which sound leaves, and what silence is."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from api._wire.codecs import OpusEar
from tests.peers import need_webrtc


@pytest.fixture
def peer() -> Any:
    need_webrtc()
    from api._realtime import calls_peer

    return calls_peer


async def test_a_packet_leaves_every_20_ms_and_silence_where_there_is_none(peer: Any):
    voice = peer.Voice()
    clock = asyncio.get_running_loop().time
    for packet in (b"one", b"two"):
        voice.add(packet)
    began = clock()
    found = [await voice.recv() for _ in range(4)]
    assert [bytes(packet) for packet in found] == [b"one", b"two", peer.SILENCE, peer.SILENCE]
    assert [packet.pts for packet in found] == [0, 960, 1920, 2880]
    assert clock() - began >= 0.059


async def test_what_is_thrown_away_does_not_leave(peer: Any):
    voice = peer.Voice()
    for _ in range(10):
        voice.add(b"story")
    assert bytes(await voice.recv()) == b"story"
    voice.clear()
    assert bytes(await voice.recv()) == peer.SILENCE


async def test_who_was_held_up_does_not_hurry_to_catch_up(peer: Any):
    voice = peer.Voice()
    now = 100.0
    voice._clock = lambda: now
    assert (await voice.recv()).pts == 0
    now += 1.0
    late = (await voice.recv()).pts
    assert late == pytest.approx(48000, abs=2 * 960)
    now += 0.02
    assert (await voice.recv()).pts == late + 960


async def test_no_more_than_a_second_waits(peer: Any):
    voice = peer.Voice()
    for number in range(100):
        voice.add(str(number).encode())
    assert bytes(await voice.recv()) == b"50"


async def test_a_voice_that_was_stopped_ends(peer: Any):
    voice = peer.Voice()
    voice.stop()
    with pytest.raises(peer.MediaStreamError):
        await voice.recv()


def test_silence_is_silence(peer: Any):
    ear = OpusEar()
    samples = np.concatenate([ear.feed(peer.SILENCE) for _ in range(10)])
    assert len(samples) == pytest.approx(10 * 320, abs=100)
    assert np.abs(samples).max() < 1e-4


def test_two_channels_become_one(peer: Any):
    pairs = np.array([[16384, 0], [-32768, -32768]], np.int16)
    frame = SimpleNamespace(to_ndarray=lambda: pairs.reshape(1, -1), layout=SimpleNamespace(nb_channels=2))
    assert peer.mono(frame).tolist() == [0.25, -1.0]
