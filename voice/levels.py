"""How loud each voice is by nature, learnt from what it has said, and the gain that makes all voices equally loud.

Knows voices by their ids only. Kept in one small file; several processes may share it, and the last to write wins.
"""

from __future__ import annotations

import json
import logging
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

TARGET = -19.0
"""LUFS. One channel at -19 is as loud as the -16 of two that podcasts and streamed speech agree on (AES TD1008 asks
speech on its own for -18 ± 2), and leaves speech room for its peaks."""
MOST_GAIN = 12.0
"""dB by which a voice is raised or lowered at most."""
KNOWN = 60.0
"""Seconds of speech after which older sound counts less: a voice may get another model."""
LEAST = 1.0
"""Seconds of sound that tell something."""
MOST_VOICES = 2000
"""Voices remembered; the one that spoke longest ago is forgotten first."""
WORTH_WRITING = 0.3
"""LU by which a voice must have moved since it was last written."""

MEASURED: Mapping[str, float] = {
    "flite": -20.5,
    "flite/slt": -16.3,
    "flite/rms": -21.7,
    "flite/awb": -20.4,
    "flite/kal16": -27.9,
    "espeak-ng": -20.2,
}
"""LUFS of engines and voices nobody has heard yet in this house: means of four English sentences, 21 voices of
espeak-ng (all between -22.2 and -18.6)."""
TRUST = 1.0
"""Seconds of speech that a value of MEASURED is worth beside what is learnt."""


@dataclass(frozen=True)
class Level:
    lufs: float
    seconds: float
    """Of speech behind the value, at most KNOWN."""


class Levels:
    """The table of voices. Not for several threads, except `save`."""

    def __init__(self, file: Path | None = None):
        """With a file, goes on from what it holds; one that cannot be read counts as empty."""
        self._file = file
        self._table = _read(file) if file else {}
        self._written = {voice: level.lufs for voice, level in self._table.items()}
        self._warned = False

    @property
    def learnt(self) -> tuple[str, ...]:
        """The voices that were heard, the one that spoke last at the end."""
        return tuple(self._table)

    def level(self, voice: str) -> Level | None:
        """What is known of `engine/name`; None of a voice and engine that nobody has heard or measured."""
        if voice in self._table:
            return self._table[voice]
        lufs = MEASURED.get(voice, MEASURED.get(voice.split("/")[0]))
        return None if lufs is None else Level(lufs, TRUST)

    def gain_db(self, voice: str) -> float:
        """What brings the voice to TARGET; 0 for one nobody knows."""
        level = self.level(voice)
        return max(-MOST_GAIN, min(MOST_GAIN, TARGET - level.lufs)) if level else 0.0

    def wants(self, voice: str) -> bool:
        """Whether it helps to hear more of a voice."""
        known = self._table.get(voice)
        return known is None or known.seconds < KNOWN

    def learn(self, voice: str, lufs: float, seconds: float) -> bool:
        """An utterance, as the engine made it. Answers whether the table is now worth saving."""
        if not math.isfinite(lufs) or seconds < LEAST:
            return False
        known = self._table.pop(voice, None) or self.level(voice) or Level(lufs, 0.0)
        share = seconds / (known.seconds + seconds)
        self._table[voice] = Level(known.lufs + share * (lufs - known.lufs), min(KNOWN, known.seconds + seconds))
        while len(self._table) > MOST_VOICES:
            self._written.pop(next(iter(self._table)), None)
            del self._table[next(iter(self._table))]
        moved = abs(self._table[voice].lufs - self._written.get(voice, math.inf))
        return self._file is not None and moved > WORTH_WRITING

    def save(self) -> None:
        """Write all, whole or not at all; may run in another thread. A disk that refuses is told of once."""
        if self._file is None:
            return
        table = dict(self._table)
        try:
            _write(self._file, table)
        except OSError as error:
            if not self._warned:
                logger.warning("how loud the voices are is not kept: %s", error)
            self._warned = True
        self._written = {voice: level.lufs for voice, level in table.items()}


def _read(file: Path) -> dict[str, Level]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        table = {str(voice): Level(float(lufs), float(seconds)) for voice, (lufs, seconds) in rows.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        logger.warning("how loud the voices are is learnt anew, since %s cannot be read: %s", file.name, error)
        return {}
    sound = {voice: level for voice, level in table.items() if -70 <= level.lufs <= 0 and 0 < level.seconds <= KNOWN}
    return dict(list(sound.items())[-MOST_VOICES:])


def _write(file: Path, table: Mapping[str, Level]) -> None:
    rows = {voice: [round(level.lufs, 2), round(level.seconds, 1)] for voice, level in table.items()}
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(rows, out)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
