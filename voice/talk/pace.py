"""When audio leaves, and how far it would have been played: real time with a lead. Pure; times are the ticker's."""

from __future__ import annotations


class Pace:
    """A run begins when audio is there after there was none; positions are samples sent since the beginning."""

    def __init__(self, rate: int, lead: float):
        self._rate, self._lead = rate, lead
        self._began: float | None = None
        self._base = 0
        self._paused_at: float | None = None

    def begin(self, now: float, position: int) -> bool:
        """Audio is there to be sent from `position` on. True where a new run begins, since all before it has been
        played by now."""
        if self._began is not None and self._due(now) < position:
            return False
        self._began, self._base = now, position
        return True

    def allowed(self, now: float) -> int:
        """The position up to which audio may have left."""
        return self._base if self._began is None else self._due(now) + int(self._lead * self._rate)

    def played(self, now: float, position: int) -> int:
        """How far of what was sent until `position` a listener without any delay would be."""
        return position if self._began is None else max(self._base, min(position, self._due(now)))

    def ends(self, position: int) -> float:
        """When a listener without any delay will have played all until `position`."""
        return 0.0 if self._began is None else self._began + (position - self._base) / self._rate

    def pause(self, now: float) -> None:
        if self._paused_at is None:
            self._paused_at = now

    def resume(self, now: float) -> None:
        """The clock goes on where it stood."""
        if self._paused_at is not None and self._began is not None:
            self._began += now - self._paused_at
        self._paused_at = None

    def stop(self) -> None:
        """What was sent is thrown away."""
        self._began = self._paused_at = None

    def _due(self, now: float) -> int:
        assert self._began is not None
        at = now if self._paused_at is None else self._paused_at
        return self._base + int((at - self._began) * self._rate)
