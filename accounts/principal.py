"""Who asks, what he may do and how much of it. Knows nothing of how he proved it."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import BadRequest, Forbidden, Unauthorized

SCOPES = ("speech", "transcription", "audio", "conversation", "usage", "keys")
"""`audio` is segments and conversion, `conversation` talking with an agent or a model, `usage` to see one's own use,
`keys` to administer keys and see everybody's."""

SCOPE_OF = {
    "speech": "speech",
    "transcription": "transcription",
    "translation": "transcription",
    "segments": "audio",
    "convert": "audio",
    "conversation": "conversation",
    "chat": "conversation",
}
"""What can be asked for, and the scope it needs."""

_MOST = 2**53


@dataclass(frozen=True)
class Limits:
    """What a principal may use; 0 is no limit. Raises BadRequest for anything but whole numbers from 0."""

    requests_per_minute: int = 0
    concurrent: int = 0
    """Requests side by side."""
    characters_per_month: int = 0
    """Characters spoken in a calendar month, UTC."""

    def __post_init__(self):
        for name, value in vars(self).items():
            if type(value) is not int or not 0 <= value < _MOST:
                raise BadRequest(f"{name} takes a whole number from 0, which is no limit.", param=name)


@dataclass(frozen=True)
class Principal:
    """`id` is `key:<id>`, `local` (this machine, in open access), `admin` or `visitor`."""

    id: str
    name: str
    scopes: frozenset[str]
    limits: Limits = Limits()

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    def need(self, scope: str) -> None:
        """Raises Unauthorized for a visitor, Forbidden for who lacks the scope."""
        if self.may(scope):
            return
        if self.id == "visitor":
            raise Unauthorized("This needs an API key, or to be signed in.")
        raise Forbidden(f"This needs a key with the scope {scope!r}.")

    @property
    def key_id(self) -> str:
        """The name his use is kept under: the key's id, or `local` or `admin`."""
        return self.id.removeprefix("key:")


LOCAL = Principal("local", "This machine", frozenset(SCOPES))
ADMIN = Principal("admin", "Admin", frozenset(SCOPES))
VISITOR = Principal("visitor", "Visitor", frozenset())
