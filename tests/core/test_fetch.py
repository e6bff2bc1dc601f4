import asyncio
import datetime
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.errors import FetchFailed, FetchRefused, TooLarge
from core.fetch import fetch, is_public


@asynccontextmanager
async def server(
    answer: Callable[[str, str], bytes | AsyncIterator[bytes]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A real HTTP server on loopback: `answer(path, head)` gives the raw bytes of the response. Yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        given = answer(head.split()[1], head)
        try:
            if isinstance(given, bytes):
                writer.write(given)
            else:
                async for part in given:
                    writer.write(part)
                    await writer.drain()
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "connection: close", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def redirect(location: str) -> bytes:
    return response(b"", f"location: {location}", status="302 Found")


def resolver(*answers: list[str]):
    """Gives one answer after the other and counts the questions."""
    asked: list[tuple[str, int]] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


async def get(url: str, port: int, **options):
    return await fetch(url, **{"max_bytes": 1000, "allow": (f"127.0.0.1:{port}",)} | options)


async def test_content_type_and_final_address_come_along():
    def answer(path, head):
        return redirect("/second?a=1#part") if path == "/first" else response(b"hello", "content-type: audio/wav")

    async with server(answer) as port:
        got = await get(f"http://127.0.0.1:{port}/first", port)
    assert (got.content, got.content_type, got.url) == (b"hello", "audio/wav", f"http://127.0.0.1:{port}/second?a=1")


async def test_the_server_sees_the_name_and_no_credentials():
    async with server(lambda path, head: response(json.dumps(head.lower()).encode())) as port:
        resolve, asked = resolver(["127.0.0.1"])
        allow = (f"voice.example:{port}",)
        got = await fetch(f"http://voice.example:{port}/", max_bytes=5000, allow=allow, resolve=resolve)
    assert f"host: voice.example:{port}" in json.loads(got.content)
    assert "authorization" not in json.loads(got.content)
    assert asked == [("voice.example", port)]


async def test_a_name_is_asked_once_so_a_second_answer_leads_nowhere():
    """Rebinding: the check and the connection would see different addresses if the name were asked twice."""
    async with server(lambda path, head: response(b"the checked one")) as port:
        resolve, asked = resolver(["127.0.0.1"], ["127.0.0.2"])
        allow = (f"rebinding.example:{port}",)
        got = await fetch(f"http://rebinding.example:{port}/", max_bytes=1000, allow=allow, resolve=resolve)
    assert got.content == b"the checked one"
    assert len(asked) == 1


async def test_every_redirect_is_resolved_and_checked_anew():
    async with server(lambda path, head: redirect("http://voice.example/")) as port:
        resolve, asked = resolver(["10.0.0.8"])
        with pytest.raises(FetchRefused, match="private network"):
            await get(f"http://127.0.0.1:{port}/", port, resolve=resolve)
    assert asked == [("voice.example", 80)]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"], ["10.1.2.3"], ["172.16.0.1"], ["192.168.1.1"], ["169.254.169.254"], ["100.64.0.1"],
        ["100.100.100.200"], ["0.0.0.0"], ["224.0.0.1"], ["240.0.0.1"], ["255.255.255.255"], ["192.0.0.192"],
        ["168.63.129.16"], ["198.18.0.1"], ["::1"], ["::"], ["fe80::1"], ["fe80::1%eth0"], ["fc00::1"],
        ["fd00:ec2::254"], ["ff02::1"], ["::ffff:127.0.0.1"], ["::ffff:8.8.8.8"], ["64:ff9b::7f00:1"],
        ["64:ff9b:1::1"], ["2002:7f00:1::"], ["2001:0:1::1"], ["2001:db8::1"], ["8.8.8.8", "10.0.0.1"], [],
    ],
    ids=" ".join,
)  # fmt: skip
async def test_a_name_that_has_any_address_inside_is_refused(addresses):
    resolve, _ = resolver(addresses)
    for scheme in ("http", "https"):
        with pytest.raises(FetchRefused, match="private network"):
            await fetch(f"{scheme}://inside.example/", max_bytes=10, resolve=resolve)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::200e"])
def test_ordinary_addresses_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "localhost.", "[::1]", "[::ffff:127.0.0.1]", "[::]", "0.0.0.0", "169.254.169.254",
        "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.0.1.", "127.0.1",
        "①②⑦.⓪.⓪.①", "１２７.0.0.1", "[fe80::1%25eth0]", "[64:ff9b::7f00:1]", "0x7f.1", "8.8.8.010",
    ],
)  # fmt: skip
async def test_this_machine_is_refused_in_every_spelling(host):
    with pytest.raises(FetchRefused):
        await fetch(f"http://{host}/", max_bytes=10)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://voice.example/", "gopher://voice.example/", "data:audio/wav;base64,AAAA",
        "/relative", "", "http://", "http:///path", "//voice.example/", "http://user:word@voice.example/",
        "http://user@voice.example/", "http://voice.example:22/", "https://voice.example:8443/", "http://voice.example:0/",
        "http://voice.example:99999/", "http://voi\x00ce.example/", "http://voice.example\r\nx: y/",
        "javascript:alert(1)", "http://[::1", "http://a b/", "http://a%2fb/",
    ],
)  # fmt: skip
async def test_what_is_no_public_web_address_is_refused(url):
    resolve, asked = resolver(["10.0.0.1"])
    with pytest.raises(FetchRefused):
        await fetch(url, max_bytes=10, resolve=resolve)
    assert asked == []


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/", "http://127.0.0.1:22/", "http://[::1]/", "http://169.254.169.254/latest/meta-data/",
        "//2130706433/", "http://user:word@8.8.8.8/", "file:///etc/passwd", "http://10.0.0.1:443/",
    ],
)  # fmt: skip
async def test_a_redirect_leads_nowhere_a_url_may_not(location):
    async with server(lambda path, head: redirect(location)) as port:
        with pytest.raises(FetchRefused):
            await get(f"http://127.0.0.1:{port}/", port)


async def test_redirects_end():
    hops = []

    def answer(path, head):
        hops.append(path)
        return redirect(f"/{len(hops)}")

    async with server(answer) as port:
        with pytest.raises(FetchFailed, match="redirects more than 5"):
            await get(f"http://127.0.0.1:{port}/", port)
    assert len(hops) == 6


async def test_a_body_is_read_to_the_limit_and_no_further():
    async with server(lambda path, head: response(b"x" * int(path[1:]))) as port:
        assert len((await get(f"http://127.0.0.1:{port}/1000", port)).content) == 1000
        with pytest.raises(TooLarge, match="1,000 bytes"):
            await get(f"http://127.0.0.1:{port}/1001", port)


async def test_an_endless_body_is_left():
    sent = 0

    async def endless():
        nonlocal sent
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            sent += 65536
            yield b"x" * 65536

    async with server(lambda path, head: endless()) as port:
        with pytest.raises(TooLarge):
            await get(f"http://127.0.0.1:{port}/", port, max_bytes=1_000_000)
    assert sent < 20_000_000


async def test_a_slow_drip_runs_out_of_time():
    """Each byte comes well within any per-read time-out; the whole does not."""

    async def drip():
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            await asyncio.sleep(0.01)
            yield b"x"

    async with server(lambda path, head: drip()) as port:
        with pytest.raises(FetchFailed, match=r"within 0\.1 seconds"):
            await get(f"http://127.0.0.1:{port}/", port, max_bytes=10**6, timeout_seconds=0.1)


async def test_packed_content_is_unpacked():
    packed = gzip.compress(b"hello" * 100)
    async with server(lambda path, head: response(packed, "content-encoding: gzip")) as port:
        assert (await get(f"http://127.0.0.1:{port}/", port)).content == b"hello" * 100


async def test_a_bomb_is_counted_unpacked():
    bomb = gzip.compress(bytes(50_000_000))
    async with server(lambda path, head: response(bomb, "content-encoding: gzip")) as port:
        with pytest.raises(TooLarge):
            await get(f"http://127.0.0.1:{port}/", port, max_bytes=len(bomb) + 1)


@pytest.mark.parametrize(
    "given",
    [
        response(b"x", status="404 Not Found"),
        response(b"x", status="500 Internal Server Error"),
        response(b"", status="304 Not Modified"),
        response(gzip.compress(b"hello")[:-9], "content-encoding: gzip"),
        response(b"not gzip", "content-encoding: gzip"),
        response(b"x", "content-encoding: br"),
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"not http at all\r\n\r\n",
        b"",
    ],
    ids=["404", "500", "304", "cut gzip", "false gzip", "brotli", "cut body", "no http", "nothing"],
)
async def test_a_bad_answer_is_an_error_of_the_far_end(given):
    async with server(lambda path, head: given) as port:
        with pytest.raises(FetchFailed):
            await get(f"http://127.0.0.1:{port}/", port)


async def test_nobody_listening_is_an_error_of_the_far_end():
    async with server(lambda path, head: b"") as port:
        pass
    with pytest.raises(FetchFailed):
        await get(f"http://127.0.0.1:{port}/", port)


async def test_the_next_address_is_tried_where_one_takes_no_connection():
    async with server(lambda path, head: response(b"hello")) as port:
        resolve, _ = resolver(["127.0.0.2", "127.0.0.1"])
        got = await fetch(f"http://two.example:{port}/", max_bytes=10, allow=(f"two.example:{port}",), resolve=resolve)
    assert got.content == b"hello"


async def test_a_name_nobody_has_is_an_error_of_the_far_end():
    async def resolve(host, port):
        raise OSError("no such name")

    with pytest.raises(FetchFailed, match=r"nobody\.example"):
        await fetch("http://nobody.example/", max_bytes=10, resolve=resolve)


async def test_proxies_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with server(lambda path, head: response(b"direct")) as port:
        assert (await get(f"http://127.0.0.1:{port}/", port)).content == b"direct"


def certificate(name: str, folder: Path) -> Path:
    """A file with a key and a certificate for the name, signed by nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    own = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / "both.pem").write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, *own))
    return folder / "both.pem"


@pytest.mark.parametrize(("named", "accepted"), [("voice.example", True), ("other.example", False)])
async def test_the_certificate_is_checked_against_the_name(named, accepted, tmp_path):
    """The connection goes to an address, yet the server is asked for the name and must prove to be it."""
    asked = []
    pem = certificate(named, tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    tls.sni_callback = lambda connection, name, context: asked.append(name)
    trusting = ssl.create_default_context(cafile=str(pem))
    resolve, _ = resolver(["127.0.0.1"])
    async with server(lambda path, head: response(b"hello"), tls) as port:
        going = fetch(
            f"https://voice.example:{port}/",
            max_bytes=10,
            allow=(f"voice.example:{port}",),
            resolve=resolve,
            tls=trusting,
        )
        if accepted:
            assert (await going).content == b"hello"
        else:
            with pytest.raises(FetchFailed):
                await going
    assert asked == ["voice.example"]
