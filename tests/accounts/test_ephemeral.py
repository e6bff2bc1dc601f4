"""Client secrets: what they open, for how long, and everything that ends them."""

from __future__ import annotations

import asyncio
import base64
import random

import pytest

from accounts.ephemeral import IN_NOTE, MOST_SESSION, PREFIX, ClientSecrets
from core.errors import BadRequest, Forbidden, RateLimited, TooLarge, Unauthorized
from core.log import redact
from storage import secrets as rows

SESSION = {
    "type": "realtime",
    "model": "auto",
    "instructions": "Be brief, 你好.",
    "audio": {"output": {"voice": "alloy"}},
}


@pytest.fixture
async def key(accounts, admin):
    made = await accounts.create_key(admin, "browser", ["conversation", "speech", "usage"])
    return made, await accounts.identify(made.secret)


def large() -> dict[str, str]:
    """What does not travel in a header, however well it is packed."""
    return {"instructions": base64.b64encode(random.Random(1).randbytes(2 * IN_NOTE)).decode()}


async def test_one_opens_what_it_was_made_for_with_no_right_beside(accounts, key, clock):
    value, ends = await accounts.client_secrets.mint(key[1], SESSION, 60)
    assert value.startswith(PREFIX)
    assert ends == clock() + 60
    opened = await accounts.client_secrets.open(value)
    assert opened.session == SESSION
    assert opened.principal.id == key[1].id
    assert opened.principal.scopes == {"conversation"}
    async with await accounts.admit(opened.principal, "conversation"):
        pass
    with pytest.raises(Forbidden):
        await accounts.admit(opened.principal, "speech")


async def test_it_is_no_key(accounts, key):
    value, _ = await accounts.client_secrets.mint(key[1], SESSION)
    with pytest.raises(Unauthorized):
        await accounts.identify(value)


async def test_it_is_good_again_and_again_until_it_ends(accounts, key, clock):
    value, _ = await accounts.client_secrets.mint(key[1], SESSION, 60)
    for _ in range(3):
        await accounts.client_secrets.open(value)
    clock.pass_(60)
    with pytest.raises(Unauthorized, match="expired"):
        await accounts.client_secrets.open(value)


async def test_once_is_once(accounts, key, clock):
    value, _ = await accounts.client_secrets.mint(key[1], SESSION, 60, once=True)
    other, _ = await accounts.client_secrets.mint(key[1], SESSION, 60, once=True)
    await accounts.client_secrets.open(value)
    with pytest.raises(Unauthorized, match="used"):
        await accounts.client_secrets.open(value)
    await accounts.client_secrets.open(other)
    clock.pass_(61)
    fresh, _ = await accounts.client_secrets.mint(key[1], SESSION, 60, once=True)
    await accounts.client_secrets.open(fresh)
    assert len(await used(accounts)) == 3, "clocks of two machines may differ"
    clock.pass_(61)
    last, _ = await accounts.client_secrets.mint(key[1], SESSION, 60, once=True)
    await accounts.client_secrets.open(last)
    assert len(await used(accounts)) == 2


async def test_one_that_is_given_back_is_good_for_one_session_again(accounts, key, begin):
    value, _ = await accounts.client_secrets.mint(key[1], SESSION, 60, once=True)
    opened = await accounts.client_secrets.open(value)
    with pytest.raises(Unauthorized, match="used"):
        await accounts.client_secrets.open(value)
    await accounts.client_secrets.give_back(opened)
    assert await used(accounts) == []
    await (await begin()).client_secrets.open(value)
    with pytest.raises(Unauthorized, match="used"):
        await accounts.client_secrets.open(value)


async def used(accounts) -> list[str]:
    return await accounts._storage.read(rows.names, "voiceforge|used-client-secret|")


async def test_once_is_once_in_all_processes_together(accounts, key, begin):
    value, _ = await accounts.client_secrets.mint(key[1], SESSION, 60, once=True)
    others = [accounts, await begin(), await begin()]
    got = await asyncio.gather(*(one.client_secrets.open(value) for one in others), return_exceptions=True)
    assert sorted(type(one).__name__ for one in got) == ["Opened", "Unauthorized", "Unauthorized"]
    with pytest.raises(Unauthorized, match="used"):
        await (await begin()).client_secrets.open(value)


async def test_it_ends_with_its_key(accounts, admin, key):
    value, _ = await accounts.client_secrets.mint(key[1], SESSION)
    opened = await accounts.client_secrets.open(value)
    await accounts.revoke_key(admin, key[0].key.id)
    with pytest.raises(Unauthorized):
        await accounts.client_secrets.open(value)
    with pytest.raises(Unauthorized):
        await accounts.current(opened.principal)


async def test_another_process_opens_it_and_another_house_does_not(accounts, key, begin, clock):
    for session in (SESSION, large()):
        value, _ = await accounts.client_secrets.mint(key[1], session)
        assert (await (await begin()).client_secrets.open(value)).session == session
    foreign = ClientSecrets((b"k" * 32,), accounts, accounts.vault, accounts._storage, clock)
    with pytest.raises(Unauthorized):
        await foreign.open(value)


async def test_a_large_session_lies_sealed_beside_until_it_ends(accounts, key, clock):
    session = large()
    value, _ = await accounts.client_secrets.mint(key[1], session, 60)
    assert len(value) < 1000
    assert (await accounts.client_secrets.open(value)).session == session
    names = await accounts._storage.read(rows.names, "voiceforge|client-session|")
    assert len(names) == 1
    assert session["instructions"][:40].encode() not in await accounts._storage.read(rows.get, names[0])
    clock.pass_(61)
    await accounts.client_secrets.mint(key[1], session, 60)
    assert len(await accounts._storage.read(rows.names, "voiceforge|client-session|")) == 1


async def test_what_is_changed_is_foreign(accounts, key):
    value, _ = await accounts.client_secrets.mint(key[1], SESSION)
    body, _, signature = value.partition(".")
    turned = [value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :] for at in range(3, len(value), 7)]
    other, _ = await accounts.client_secrets.mint(key[1], {"type": "transcription"})
    swapped = [f"{other.partition('.')[0]}.{signature}", f"{body}.{other.partition('.')[2]}"]
    for wrong in (*turned, *swapped, body, f"{body}.", "ek_", "ek_.", "ek_é.é", "", "ek_" + "a" * 10_000, f"{value}a"):
        with pytest.raises(Unauthorized):
            await accounts.client_secrets.open(wrong)


async def test_who_may_make_one(accounts, admin, begin):
    speaker = await accounts.create_key(admin, "speaker", ["speech"])
    with pytest.raises(Forbidden):
        await accounts.client_secrets.mint(await accounts.identify(speaker.secret), SESSION)
    with pytest.raises(Unauthorized):
        await accounts.client_secrets.mint(await accounts.identify(None), SESSION)
    value, _ = await accounts.client_secrets.mint(admin, SESSION)
    assert (await accounts.client_secrets.open(value)).principal.scopes == {"conversation"}
    changed = await begin(admin_key="another-admin-key-altogether")
    with pytest.raises(Unauthorized):
        await changed.client_secrets.open(value)


async def test_open_access_ends_what_it_made(begin):
    accounts = await begin(access="open")
    value, _ = await accounts.client_secrets.mint(await accounts.identify(None), SESSION)
    assert (await accounts.client_secrets.open(value)).principal.id == "local"
    with pytest.raises(Unauthorized):
        await (await begin()).client_secrets.open(value)


@pytest.mark.parametrize("seconds", [0, 9, 601, -1])
async def test_times_that_are_refused(accounts, key, seconds):
    with pytest.raises(BadRequest):
        await accounts.client_secrets.mint(key[1], SESSION, seconds)


async def test_too_large_and_too_many(accounts, key):
    with pytest.raises(TooLarge):
        await accounts.client_secrets.mint(key[1], {"instructions": "a" * MOST_SESSION})
    for _ in range(120):
        await accounts.client_secrets.mint(key[1], {})
    with pytest.raises(RateLimited):
        await accounts.client_secrets.mint(key[1], {})


async def test_a_log_does_not_show_it(accounts, key):
    value, _ = await accounts.client_secrets.mint(key[1], SESSION)
    shown = redact(f"openai-insecure-api-key.{value} and {value}")
    assert value[3:20] not in shown
    assert value.partition(".")[2] not in shown
