"""Log lines on stderr that hold no secret. Knows what secrets look like, not who logs them."""

import logging
import re
import sys
from collections.abc import Iterable

_HIDDEN = "[hidden]"

_SECRETS = (
    (re.compile(r"\b(vf_live_|vf_token_|ek_|sk[-_]|hf_)[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]+)?"), rf"\1{_HIDDEN}"),
    (re.compile(r"(?i)\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=\-]{8,}"), rf"\1 {_HIDDEN}"),
    (
        # A header, an argument, a dictionary's entry or a query's part whose name says that it is a secret.
        re.compile(
            r"(?i)(\b(?:xi-api-key|x-api-key|api[-_]?key|auth[-_]?token|access[-_]?token|token|password|secret)"
            r"""["']?\s*[:=]\s*["']?)(?!\[hidden\])[^\s"'&,;)}\]]{6,}"""
        ),
        rf"\1{_HIDDEN}",
    ),
    (re.compile(r"(://[^\s:/@]*:)[^\s/@]+@"), rf"\1{_HIDDEN}@"),
)


def redact(text: str) -> str:
    """The text with keys, tokens and the passwords of URLs hidden."""
    for pattern, hidden in _SECRETS:
        text = pattern.sub(hidden, text)
    return text


def configure(level: str, secrets: Iterable[str] = ()) -> None:
    """Send every logger's records from `level` up to stderr, one line each, tracebacks indented below.

    `secrets` are texts to hide that no pattern can know, such as an admin key its owner chose.
    """
    forget()
    root = logging.getLogger()
    handler = _Stderr()
    handler.setFormatter(_Line(secrets))
    root.addHandler(handler)
    root.setLevel(level)
    # One logs every request's whole URL, one every query with its values, two the addresses and secrets of who calls.
    for chatty in ("httpx", "peewee", "aioice", "aiortc"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def forget() -> None:
    """Undo `configure`."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _Stderr):
            root.removeHandler(handler)


class _Stderr(logging.Handler):
    """Looks `sys.stderr` up for every record, so that it follows whoever replaces it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:  # logging's own convention: a record that cannot be written ends nobody's work
            self.handleError(record)


class _Line(logging.Formatter):
    """Redacts the finished line: message, arguments and traceback alike."""

    def __init__(self, secrets: Iterable[str] = ()):
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = tuple(secret for secret in secrets if len(secret) >= 8)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return redact(text)

    def formatMessage(self, record: logging.LogRecord) -> str:
        # A line break in a message would let a caller write lines of his own into the log.
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)

    def formatException(self, ei) -> str:
        return "    " + super().formatException(ei).replace("\n", "\n    ")
