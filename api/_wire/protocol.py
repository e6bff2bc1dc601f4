"""uvicorn's WebSocket, with a little more patience: it stops reading a socket when messages pile up, not at each one.

uvicorn's own takes the socket out of the event loop's selector for every message and puts it back once it was read,
which for a microphone's fifty messages a second is a sixth of the whole cost of a conversation.
"""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MOST = 32
"""Messages that may wait to be read."""
LARGE = 65_536
"""Bytes of a message behind which none waits: 32 of the largest would be 400 MB of one client's."""


class Patient(WebSocketsSansIOProtocol):
    """Given to uvicorn as its `ws`."""

    def send_receive_event_to_app(self) -> None:
        large = sum(map(len, self.frames)) > LARGE
        paused, self.read_paused = self.read_paused, True
        super().send_receive_event_to_app()
        self.read_paused = paused
        if not paused and (large or self.queue.qsize() >= MOST):
            self.read_paused = True
            self.transport.pause_reading()
