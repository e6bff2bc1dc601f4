"""Who is calling: the key in a request's headers, and what the caller may see. Knows no way to check a key itself."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from accounts.principal import Principal
from api._wiring import House
from core.errors import Unauthorized


def secret_in(headers: Mapping[str, str]) -> str | None:
    """The key that the headers carry, None where they carry none.

    The plain key headers go before `Authorization`, which a private Space's proxy needs for the hub's own token; such
    a token (`hf_…`) is not a key of this house wherever it stands.
    """
    for name in ("x-api-key", "xi-api-key", "authorization", "x-hf-authorization"):
        secret = headers.get(name, "").strip()
        if name.endswith("authorization"):
            scheme, _, secret = secret.partition(" ")
            secret = secret.strip() if scheme.lower() == "bearer" else ""
        if secret and not secret.startswith("hf_"):
            return secret
    return None


async def principal(request: Request, studio: House) -> Principal:
    """Raises Unauthorized on a key that is not valid, RateLimited on an address that tries too many. A caller without
    one may be a visitor without any right."""
    address = request.client.host if request.client else ""
    return await studio.accounts.identify(secret_in(request.headers), address=address)


Caller = Annotated[Principal, Depends(principal)]


def known(caller: Principal) -> Principal:
    """Raises Unauthorized where the caller is a visitor."""
    if caller.id == "visitor":
        raise Unauthorized("This needs an API key, as in the header 'Authorization: Bearer vf_live_…'.")
    return caller


async def known_principal(request: Request) -> Principal:
    """Turns a visitor away before anything of his request is read."""
    return known(await principal(request, request.app.state.studio))


KnownCaller = Annotated[Principal, Depends(known_principal)]
