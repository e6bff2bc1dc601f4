"""The headers that tell a browser what the app's pages may do and who may frame them, as plain ASGI.

Knows three kinds of answers by their paths: pages, files of people, and data. Knows no route.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = tuple[tuple[bytes, bytes], ...]

DATA = ("/v1/", "/health", "/ready", "/version", "/metrics", "/openapi.json", "/gradio_api/mcp")
FILES = ("/gradio_api/file=", "/gradio_api/stream/")
"""What people made or uploaded; shown by itself it must not run as part of the app."""
DOCS = "/docs"

HUB = "https://huggingface.co https://*.hf.space"
YEAR = 31_536_000


class SecurityHeaders:
    """Puts them on every HTTP answer that does not carry the same header already; leaves sockets alone.

    `reached` is a server that pages may connect to beside this one, such as `wss://api.example.com`.
    """

    def __init__(self, app: ASGIApp, public_url: str = "", reached: str = ""):
        self.app = app
        pages = PAGES.replace(CONNECT, f"{CONNECT} {reached}") if reached else PAGES
        framed = f"'self' {HUB}" if is_space(public_url) else "'self'"
        common = [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("permissions-policy", PERMISSIONS),
        ]
        if not is_space(public_url):
            # On a Space the page lives in a frame of another site, which this older header cannot allow.
            common.append(("x-frame-options", "SAMEORIGIN"))
        self._pages = _ready(common, f"{pages}; frame-ancestors {framed}")
        self._docs = _ready(common, f"{SWAGGER}; frame-ancestors {framed}")
        self._files = _ready(common, SANDBOX)
        self._data = _ready(common, "default-src 'none'; frame-ancestors 'none'")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = self._of(scope["path"])
        if scope.get("scheme") == "https":
            headers = (*headers, STRICT)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                message["headers"] = given + [header for header in headers if header[0] not in names]
            await send(message)

        await self.app(scope, receive, sent)

    def _of(self, path: str) -> Headers:
        if path.startswith(DATA):
            return self._data
        if path.startswith(FILES):
            return self._files
        return self._docs if path.startswith(DOCS) else self._pages


def is_space(public_url: str) -> bool:
    """Whether the app is reached as a Hugging Face Space."""
    return (urlsplit(public_url).hostname or "").endswith(".hf.space")


def _ready(common: list[tuple[str, str]], policy: str) -> Headers:
    return tuple((name.encode(), value.encode()) for name, value in [*common, ("content-security-policy", policy)])


STRICT = (b"strict-transport-security", f"max-age={YEAR}".encode())
"""Only on what came over TLS: a plain address has no certificate to insist on."""

PERMISSIONS = (
    "microphone=(self), autoplay=(self), clipboard-write=(self), camera=(), geolocation=(), payment=(), usb=(), "
    "serial=(), midi=(), display-capture=()"
)

CONNECT = "connect-src 'self' data: blob:"
PAGES = (
    "default-src 'self'; "
    # Gradio's page carries its configuration in inline scripts and makes functions of its components' `js`.
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    f"{CONNECT}; worker-src 'self' blob:; frame-src 'self'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)
"""Of pages and everything that belongs to them: this host and what the page makes itself, nobody else's."""

SWAGGER = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; "
    "img-src 'self' data: https://fastapi.tiangolo.com; object-src 'none'; base-uri 'self'; form-action 'self'"
)
"""Of /docs, whose script and style come from where FastAPI takes them."""

SANDBOX = (
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'self'"
)
