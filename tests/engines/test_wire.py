"""The near side of the wire against peers that send what they like."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager, suppress

import pytest

from core.errors import EngineError, TooLarge
from engines._wire import MOST_FRAMES, Connection, encode
from engines._worker import MAX_BODY, PREFIX, VERSION

pytestmark = pytest.mark.unit


def frame(header: object, body: bytes = b"") -> bytes:
    encoded = json.dumps(header).encode()
    return PREFIX.pack(len(encoded), len(body)) + encoded + body


@asynccontextmanager
async def talking(tmp_path):
    """A connection and the socket at its other end."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        connection = await Connection.open(path, {"op": "run"})
        far, _ = listener.accept()
        with far:
            far.setblocking(False)
            yield connection, far
            connection.close()


async def test_a_request_is_one_frame_that_names_the_version(tmp_path):
    async with talking(tmp_path) as (_, far):
        data = far.recv(1000)
    assert data == frame({"version": VERSION, "op": "run"})


async def test_a_request_with_a_body_arrives_whole(tmp_path):
    path = str(tmp_path / "s")
    got = asyncio.get_running_loop().create_future()

    async def read(reader, writer):
        sizes = PREFIX.unpack(await reader.readexactly(PREFIX.size))
        got.set_result(await reader.readexactly(sum(sizes)))
        writer.close()

    server = await asyncio.start_unix_server(read, path)
    body = bytes(range(256)) * 20_000
    connection = await Connection.open(path, {"op": "run"}, memoryview(body))
    assert (await got).endswith(body)
    connection.close()
    server.close()


@pytest.mark.parametrize("step", [1, 7, 100, 70_000])
async def test_frames_are_found_wherever_the_stream_is_cut(tmp_path, step):
    frames = [({"n": 0}, b""), ({"n": 1}, b"a" * 9), ({}, b""), ({"text": "é" * 90}, b"b" * 300), ({"n": 2}, b"c")]
    data = b"".join(frame(*item) for item in frames)
    async with talking(tmp_path) as (connection, far):

        async def send():
            for start in range(0, len(data), step):
                await asyncio.get_running_loop().sock_sendall(far, data[start : start + step])
                await asyncio.sleep(0)

        sending = asyncio.create_task(send())
        got = [await connection.receive() for _ in frames]
        await sending
    assert got == frames


@pytest.mark.parametrize("size", [65_500, 65_536, 65_537, 3_000_000])
async def test_frames_beyond_the_buffer_arrive_between_small_ones(tmp_path, size):
    frames = [({"n": 0}, b"x"), ({"n": 1}, b"y" * size), ({"n": 2}, b"z")]
    async with talking(tmp_path) as (connection, far):
        data = b"".join(frame(*item) for item in frames)
        sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(far, data))
        got = [await connection.receive() for _ in frames]
        await sending
    assert got == frames


@pytest.mark.parametrize(
    "data", [PREFIX.pack(2, MAX_BODY + 1) + b"{}", PREFIX.pack(4, 0) + b"nope", frame([]), b"GET / HTTP/1.0"]
)
async def test_what_is_not_a_frame_is_an_engine_error(tmp_path, data):
    async with talking(tmp_path) as (connection, far):
        far.send(data)
        with pytest.raises(EngineError, match="not understood"):
            await connection.receive()


async def test_an_early_end_is_told_after_the_frames_that_came(tmp_path):
    async with talking(tmp_path) as (connection, far):
        far.send(frame({"n": 1}) + frame({"n": 2})[:-1])
        far.shutdown(socket.SHUT_RDWR)
        assert await connection.receive() == ({"n": 1}, b"")
        with pytest.raises(ConnectionResetError):
            await connection.receive()


async def test_unread_frames_stay_with_the_sender(tmp_path):
    """Nobody receives, so the far side must block before it has sent more than the buffers of the kernel hold."""
    chunk = frame({"n": 1}, b"x" * 9600)
    async with talking(tmp_path) as (connection, far):
        sent = 0
        while await _sends(far, chunk):
            sent += 1
            assert sent < 4 * MOST_FRAMES
        for _ in range(sent):
            await asyncio.wait_for(connection.receive(), 5)


async def _sends(far: socket.socket, data: bytes) -> bool:
    """Whether all of it could be sent, with a chance for the near side to read meanwhile."""
    for _ in range(20):
        with suppress(BlockingIOError):
            data = data[far.send(data) :]
        await asyncio.sleep(0)
        if not data:
            return True
    return False


async def test_hanging_up_drops_what_comes_and_waits_for_the_far_side(tmp_path):
    async with talking(tmp_path) as (connection, far):
        far.recv(1000)
        for _ in range(MOST_FRAMES):
            await asyncio.get_running_loop().sock_sendall(far, frame({"n": 1}, b"x" * 5000))
        leaving = asyncio.create_task(connection.hang_up())
        await asyncio.get_running_loop().sock_sendall(far, frame({"n": 1}, b"x" * 1_000_000))
        assert far.recv(1) == b""
        assert not leaving.done()
        far.close()
        await asyncio.wait_for(leaving, 5)


def test_what_the_wire_does_not_take_is_too_large():
    with pytest.raises(TooLarge):
        encode({"text": "x" * 5_000_000})
    with pytest.raises(TooLarge):
        encode({}, memoryview(bytearray(MAX_BODY + 1)))


async def test_nobody_at_the_socket_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        await Connection.open(str(tmp_path / "nobody"), {"op": "run"})
