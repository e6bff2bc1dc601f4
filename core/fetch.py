"""Fetches a URL that a stranger gave, without letting him reach what only this machine can reach.

Knows addresses and HTTP, not what the bytes are for.
"""

import asyncio
import contextlib
import ipaddress
import re
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from socket import SOCK_STREAM

import httpx

from core.errors import FetchFailed, FetchRefused, TooLarge

MAX_REDIRECTS = 5

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""A host name and a port to its addresses as text. Raises OSError where there are none."""

_IPV4_REFUSED = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "100.64.0.0/10",  # carrier-grade NAT
        "168.63.129.16/32",  # a public number that leads to the host inside Azure
        "192.0.0.0/24",  # protocol assignments, Oracle's metadata among them
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/3",  # multicast and reserved
    )
)
_IPV6_GLOBAL = ipaddress.IPv6Network("2000::/3")
_IPV6_REFUSED = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo and other protocol assignments: IPv4 may hide inside
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address hides inside
        "3fff::/20",  # documentation
    )
)


@dataclass(frozen=True)
class Fetched:
    content: bytes
    content_type: str
    """As the far end sent it, empty where it sent none."""
    url: str
    """Where the content came from after all redirects."""


async def resolve_name(host: str, port: int) -> list[str]:
    """The system's own resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def fetch(
    url: str,
    *,
    max_bytes: int,
    timeout_seconds: float = 20,
    allow: Collection[str] = (),
    resolve: Resolve = resolve_name,
    tls: ssl.SSLContext | None = None,
) -> Fetched:
    """GET a public http or https URL of port 80 or 443, following at most five redirects, each checked like the first.

    The name is resolved here, every address it has must be public, and the connection goes to an address that was
    checked, so a name cannot lead elsewhere the second time it is asked. Proxies of the environment are not used.
    `allow` holds `host:port` pairs that are exempt, for tests. `max_bytes` counts unpacked bytes, `timeout_seconds`
    the whole of it. `tls` is what certificates are checked against, the public ones where it is not given.

    Raises FetchRefused for a URL that may not be fetched, TooLarge, and FetchFailed where the far end does not answer
    well in time.
    """
    try:
        async with asyncio.timeout(timeout_seconds), _client(timeout_seconds, tls or await _tls()) as client:
            return await _follow(client, url, max_bytes, allow, resolve)
    except TimeoutError:
        raise FetchFailed(f"The URL did not answer in full within {timeout_seconds:g} seconds.") from None
    except (httpx.HTTPError, zlib.error, OSError) as error:
        raise FetchFailed("The URL could not be fetched: its server did not answer as it should.") from error


def is_public(address: str) -> bool:
    """Whether an address as text is one that anybody on the internet reaches."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not any(ip in network for network in _IPV4_REFUSED)
    # Loopback, link-local, unique local, v4-mapped and NAT64 addresses all lie outside 2000::/3.
    return ip in _IPV6_GLOBAL and ip.is_global and not any(ip in network for network in _IPV6_REFUSED)


async def _tls() -> ssl.SSLContext:
    """In a thread, because the trusted certificates are read from disk."""
    return await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)


def _client(timeout_seconds: float, tls: ssl.SSLContext) -> httpx.AsyncClient:
    # A connection kept alive is known by its address alone and would serve another name on the same address.
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(trust_env=False, verify=tls, timeout=timeout_seconds, limits=limits)


async def _follow(
    client: httpx.AsyncClient, address: str, max_bytes: int, allow: Collection[str], resolve: Resolve
) -> Fetched:
    url = _parsed(address)
    for _ in range(MAX_REDIRECTS + 1):
        targets = await _targets(url, allow, resolve)
        async with _answer(client, url, targets) as response:
            if not response.has_redirect_location:
                content = await _body(response, max_bytes)
                return Fetched(content, response.headers.get("content-type", ""), str(url))
            url = _parsed(response.headers["location"], url)
    raise FetchFailed(f"The URL redirects more than {MAX_REDIRECTS} times.")


def _parsed(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """The URL, joined to the one that redirected to it. Raises FetchRefused on what no browser should follow either."""
    try:
        url = base.join(text) if base else httpx.URL(text)
    except (httpx.InvalidURL, TypeError) as error:
        raise FetchRefused("This is not a URL that can be read.", param="url") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise FetchRefused("Only http:// and https:// URLs are fetched.", param="url")
    if url.userinfo:
        raise FetchRefused("A URL with a user name or password in it is not fetched.", param="url")
    return url.copy_with(fragment=None)


def _port(url: httpx.URL) -> int:
    if url.port is not None:
        return url.port
    return 443 if url.scheme == "https" else 80


async def _targets(url: httpx.URL, allow: Collection[str], resolve: Resolve) -> list[str]:
    """The addresses the URL's host has, all of them checked."""
    host, port = url.raw_host.decode("ascii").rstrip("."), _port(url)
    exempt = f"{host}:{port}" in allow
    if port not in (80, 443) and not exempt:
        raise FetchRefused("Only the ports 80 and 443 are fetched from.", param="url")
    try:
        addresses = [host] if _is_address(host) else await resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise FetchFailed(f"There is no server by the name {host}.") from error
    if not exempt and not (addresses and all(is_public(address) for address in addresses)):
        raise FetchRefused("This URL leads into a private network and is not fetched.", param="url")
    return addresses


def _is_address(host: str) -> bool:
    """Whether the host is an address, not a name. Raises FetchRefused for what is neither in the usual spelling.

    0x7f.1 and 017700000001 are addresses too to many a resolver: what ends in a number is no name.
    """
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", host) or re.fullmatch(r"(0[xX].*|[0-9]+)", host.rpartition(".")[2]):
        raise FetchRefused("The host in this URL is neither a name nor an address in its usual spelling.", param="url")
    return False


@contextlib.asynccontextmanager
async def _answer(client: httpx.AsyncClient, url: httpx.URL, targets: list[str]) -> AsyncIterator[httpx.Response]:
    """The response of the first address that takes a connection, its body not yet read."""
    response = await _first(client, url, targets)
    try:
        if not (response.is_success or response.has_redirect_location):
            raise FetchFailed(f"The URL answered with status {response.status_code}.")
        yield response
    finally:
        await response.aclose()


async def _first(client: httpx.AsyncClient, url: httpx.URL, targets: list[str]) -> httpx.Response:
    for target in targets:
        request = client.build_request(
            "GET",
            url.copy_with(host=target),
            headers={"host": url.netloc.decode("ascii"), "accept": "*/*", "accept-encoding": "gzip"},
            # The certificate is checked against the name, though the connection goes to the address.
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )
        with contextlib.suppress(httpx.ConnectError):
            return await client.send(request, stream=True)
    raise FetchFailed("The server of the URL takes no connection.")


async def _body(response: httpx.Response, max_bytes: int) -> bytes:
    """Raises TooLarge as soon as the unpacked bytes exceed the limit; no more than that is ever held."""
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise FetchFailed("The URL answered in a compression that was not asked for.")
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS) if encoding == "gzip" else None
    body = bytearray()
    async for raw in response.aiter_raw():
        body += await asyncio.to_thread(unpack.decompress, raw, max_bytes + 1 - len(body)) if unpack else raw
        if len(body) > max_bytes:
            raise TooLarge(f"The URL holds more than {max_bytes:,} bytes.", param="url")
    if unpack and (not unpack.eof or unpack.unused_data):
        raise FetchFailed("The URL's content ended in the middle.")
    return bytes(body)
