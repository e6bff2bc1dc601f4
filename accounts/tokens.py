"""Sign-in tokens: a signed note of who signed in and until when. Kept nowhere; knows no cookies."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass

from core.errors import Unauthorized

PREFIX = "vf_token_"
LIFETIME_SECONDS = 12 * 3600.0
_MOST = 1000


@dataclass(frozen=True)
class Claim:
    """`key_id` signed in with the key whose digest begins with `fingerprint`; good until `expires_at`."""

    key_id: str
    fingerprint: str
    expires_at: float


def issue(key: bytes, claim: Claim) -> str:
    body = _text(json.dumps([claim.key_id, claim.fingerprint, claim.expires_at]).encode())
    return f"{PREFIX}{body}.{_text(_sign(key, body))}"


def read(keys: tuple[bytes, ...], token: str, now: float) -> Claim:
    """Raises Unauthorized for what none of the keys signed, and for what is over."""
    body, _, signature = token.removeprefix(PREFIX)[:_MOST].partition(".")
    given = signature.encode("ascii", "replace")
    if not any(hmac.compare_digest(_text(_sign(key, body)).encode(), given) for key in keys):
        raise Unauthorized("This sign-in is not valid. Sign in again.")
    claim = Claim(*json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
    if claim.expires_at <= now:
        raise Unauthorized("This sign-in has ended. Sign in again.")
    return claim


def _sign(key: bytes, body: str) -> bytes:
    return hmac.digest(key, body.encode("utf-8", "surrogatepass"), "sha256")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
