"""The whole way of a key: made, recognised, admitted, counted, rotated, revoked; and who may do none of it."""

import asyncio

import pytest

from accounts.budget import month_start
from accounts.lease import Usage
from accounts.principal import SCOPE_OF, Limits
from core.errors import (
    BadRequest,
    BudgetSpent,
    Conflict,
    Forbidden,
    NotFound,
    RateLimited,
    TooManyAtOnce,
    Unauthorized,
)
from tests.accounts.conftest import ADMIN, NOON

pytestmark = pytest.mark.unit
DAY = 86_400.0


@pytest.fixture
def with_limits(accounts, admin):
    """`await with_limits(requests_per_minute=3)`: the principal of a new key."""

    async def make(**limits):
        made = await accounts.create_key(admin, "Kitchen", ["speech", "usage"], limits=Limits(**limits))
        return await accounts.identify(made.secret)

    return make


async def spend(accounts, caller, characters: int, used: int | None = None) -> None:
    async with await accounts.admit(caller, "speech", characters=characters) as lease:
        await lease.settle(Usage(characters=characters if used is None else used))


async def test_a_key_is_made_used_and_counted(accounts, admin, clock):
    made = await accounts.create_key(admin, " Kitchen ", ["usage", "speech"], limits=Limits(60))
    assert (made.key.name, made.key.scopes, made.key.limits) == ("Kitchen", ("speech", "usage"), Limits(60))
    assert made.secret.startswith(made.key.prefix)
    assert made.secret.endswith(made.key.last4)
    caller = await accounts.identify(made.secret)
    assert (caller.id, caller.may("speech"), caller.may("keys")) == (f"key:{made.key.id}", True, False)
    async with await accounts.admit(caller, "speech", characters=5, request_id="req_1") as lease:
        clock.pass_(0.25)
        await lease.settle(Usage("espeak-ng", "en", 5, 1.5))
    (row,) = await accounts.recent(caller)
    assert (row.key_id, row.op, row.engine, row.voice) == (made.key.id, "speech", "espeak-ng", "en")
    assert (row.characters, row.audio_seconds, row.milliseconds, row.status) == (5, 1.5, 250.0, "ok")
    assert row.request_id == lease.request_id == "req_1"
    (day,) = await accounts.usage(caller, since=NOON - 1, until=NOON + 9)
    assert (day.group, day.requests, day.characters) == ("2026-11-20", 1, 5)


@pytest.mark.parametrize("op", SCOPE_OF)
async def test_each_thing_needs_its_scope(accounts, admin, op):
    has = await accounts.create_key(admin, "has", [SCOPE_OF[op]])
    lacks = await accounts.create_key(admin, "lacks", {"speech", "transcription", "audio"} - {SCOPE_OF[op]})
    async with await accounts.admit(await accounts.identify(has.secret), op):
        pass
    with pytest.raises(Forbidden, match=SCOPE_OF[op]):
        await accounts.admit(await accounts.identify(lacks.secret), op)
    with pytest.raises(Unauthorized):
        await accounts.admit(await accounts.identify(None), op)


async def test_a_rate_and_what_the_client_is_told(accounts, with_limits, clock):
    caller = await with_limits(requests_per_minute=3)
    told = []
    for _ in range(3):
        async with await accounts.admit(caller, "speech") as lease:
            told.append(lease.headers())
    assert [headers["x-ratelimit-remaining-requests"] for headers in told] == ["2", "1", "0"]
    assert told[0]["x-ratelimit-limit-requests"] == "3"
    assert told[2]["x-ratelimit-reset-requests"] == "60.000s"
    with pytest.raises(RateLimited, match="3 requests a minute") as refused:
        await accounts.admit(caller, "speech")
    assert refused.value.retry_after == pytest.approx(20.0)
    clock.pass_(refused.value.retry_after)
    await spend(accounts, caller, 1)
    other = await with_limits(requests_per_minute=3)
    await spend(accounts, other, 1)


async def test_no_limit_tells_nothing(accounts, with_limits):
    async with await accounts.admit(await with_limits(), "speech") as lease:
        assert lease.headers() == {}


async def test_side_by_side(accounts, with_limits):
    caller = await with_limits(concurrent=2, requests_per_minute=3)
    async with await accounts.admit(caller, "speech"), await accounts.admit(caller, "speech"):
        with pytest.raises(TooManyAtOnce) as refused:
            await accounts.admit(caller, "speech")
        assert refused.value.retry_after == 1.0
    async with await accounts.admit(caller, "speech") as lease:
        # what was refused did not count as a request
        assert lease.headers()["x-ratelimit-remaining-requests"] == "0"


async def test_a_budget_lasts_a_calendar_month(accounts, with_limits, clock):
    caller = await with_limits(characters_per_month=100)
    await spend(accounts, caller, 60)
    with pytest.raises(BudgetSpent, match="40 of this month's 100 are left") as refused:
        await spend(accounts, caller, 41)
    assert refused.value.retry_after == 10 * DAY + DAY / 2
    await spend(accounts, caller, 40, used=10)
    await spend(accounts, caller, 30)
    with pytest.raises(BudgetSpent):
        await spend(accounts, caller, 1)
    await accounts.admit(caller, "speech")  # what speaks nothing costs nothing
    clock.pass_(refused.value.retry_after)
    await spend(accounts, caller, 100)


async def test_a_budget_counts_what_is_running(accounts, with_limits):
    caller = await with_limits(characters_per_month=100)
    async with await accounts.admit(caller, "speech", characters=60):
        with pytest.raises(BudgetSpent):
            await accounts.admit(caller, "speech", characters=60)
    await spend(accounts, caller, 60)


async def test_a_budget_outlives_the_process(begin, clock):
    first = await begin()
    made = await first.create_key(
        await first.identify(ADMIN), "Kitchen", ["speech"], limits=Limits(characters_per_month=9)
    )
    await spend(first, await first.identify(made.secret), 5)
    second = await begin()
    caller = await second.identify(made.secret)
    with pytest.raises(BudgetSpent):
        await spend(second, caller, 5)
    await spend(first, caller, 2)
    clock.pass_(60)
    with pytest.raises(BudgetSpent, match="2 of this month's 9"):
        await spend(second, caller, 3)


@pytest.mark.parametrize(
    ("now", "start"), [(NOON, NOON - 19.5 * DAY), (0.0, 0.0), (31 * DAY - 1, 0.0), (31 * DAY, 31 * DAY)]
)
def test_when_a_month_begins(now, start):
    assert month_start(now) == start


# Keys


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["speech", "everything"]}, "scopes"),
        ({"expires_at": NOON}, "expires_at"),
        ({"expires_at": float("nan")}, "expires_at"),
        ({"expires_at": float("inf")}, "expires_at"),
    ],
)
async def test_a_key_that_cannot_be(accounts, admin, changed, param):
    with pytest.raises(BadRequest) as refused:
        await accounts.create_key(admin, **{"name": "Kitchen", "scopes": ["speech"]} | changed)
    assert refused.value.param == param
    assert await accounts.count_keys(admin) == 0


async def test_nobody_hands_out_what_he_does_not_have(accounts, admin):
    made = await accounts.create_key(admin, "Clerk", ["keys", "speech"])
    clerk = await accounts.identify(made.secret)
    with pytest.raises(Forbidden, match="transcription"):
        await accounts.create_key(clerk, "more", ["speech", "transcription"])
    strong = await accounts.create_key(admin, "Strong", ["transcription"])
    with pytest.raises(Forbidden):
        await accounts.rotate_key(clerk, strong.key.id)
    await accounts.create_key(clerk, "as much", ["speech"])


async def test_keys_are_for_who_has_the_scope(accounts, admin):
    made = await accounts.create_key(admin, "Kitchen", ["speech"])
    other = await accounts.create_key(admin, "Bath", ["speech"])
    caller, visitor = await accounts.identify(made.secret), await accounts.identify(None)
    for who, error in ((caller, Forbidden), (visitor, Unauthorized)):
        for attempt in (
            accounts.create_key(who, "more", ["speech"]),
            accounts.list_keys(who),
            accounts.count_keys(who),
            accounts.get_key(who, other.key.id),
            accounts.revoke_key(who, made.key.id),
            accounts.rotate_key(who, made.key.id),
            accounts.usage(who, since=0.0, until=1.0),
            accounts.recent(who),
        ):
            with pytest.raises(error):
                await attempt
    assert (await accounts.get_key(caller, made.key.id)).name == "Kitchen"


async def test_keys_are_listed_by_the_page(accounts, admin, clock):
    for number in range(105):
        await accounts.create_key(admin, f"Room {number}", ["speech"])
        clock.pass_(1)
    page = await accounts.list_keys(admin, offset=100, limit=10**30)
    assert [key.name for key in page] == [f"Room {number}" for number in (4, 3, 2, 1, 0)]
    assert len(await accounts.list_keys(admin, limit=1000)) == 100
    assert await accounts.list_keys(admin, offset=10**30, limit=-1) == []
    assert [key.name for key in await accounts.list_keys(admin, name="room 10", limit=2)] == ["Room 104", "Room 103"]
    assert await accounts.count_keys(admin, name="ROOM 10") == 6
    with pytest.raises(BadRequest):
        await accounts.list_keys(admin, name="\ud800")


@pytest.mark.parametrize("key_id", ["", "unknown", "../../etc", "\ud800", "a\0b"])
async def test_a_key_that_is_not_there(accounts, admin, key_id):
    for attempt in (accounts.get_key, accounts.revoke_key, accounts.rotate_key):
        with pytest.raises(NotFound):
            await attempt(admin, key_id)


async def test_a_rotated_key_ends_at_once(accounts, admin):
    limits = Limits(60, 2, 1000)
    old = await accounts.create_key(admin, "Kitchen", ["speech"], expires_at=NOON + DAY, limits=limits)
    await accounts.identify(old.secret)
    new = await accounts.rotate_key(admin, old.key.id)
    assert (new.key.name, new.key.scopes, new.key.expires_at, new.key.limits) == (
        "Kitchen",
        ("speech",),
        NOON + DAY,
        limits,
    )
    assert (await accounts.identify(new.secret)).limits == limits
    with pytest.raises(Unauthorized):
        await accounts.identify(old.secret)
    with pytest.raises(Conflict):
        await accounts.rotate_key(admin, old.key.id)


async def test_a_rotated_key_lives_on_through_the_overlap(accounts, admin, clock):
    old = await accounts.create_key(admin, "Kitchen", ["speech"])
    new = await accounts.rotate_key(admin, old.key.id, 60)
    clock.pass_(59)
    assert (await accounts.identify(old.secret)).id != (await accounts.identify(new.secret)).id
    clock.pass_(1)
    with pytest.raises(Unauthorized, match="expired"):
        await accounts.identify(old.secret)
    await accounts.identify(new.secret)


async def test_of_two_who_rotate_at_once_one_does(accounts, admin):
    old = await accounts.create_key(admin, "Kitchen", ["speech"])
    both = await asyncio.gather(*(accounts.rotate_key(admin, old.key.id) for _ in range(2)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in both) == ["Conflict", "NewKey"]
    assert await accounts.count_keys(admin) == 2


@pytest.mark.parametrize("overlap", [-1, float("nan"), 31 * DAY])
async def test_an_overlap_that_cannot_be(accounts, admin, overlap):
    old = await accounts.create_key(admin, "Kitchen", ["speech"])
    with pytest.raises(BadRequest):
        await accounts.rotate_key(admin, old.key.id, overlap)


# What it came to


async def test_one_sees_ones_own_and_who_keeps_the_keys_sees_all(accounts, admin, with_limits):
    caller = await with_limits()
    await spend(accounts, caller, 3)
    await spend(accounts, admin, 4)
    window = {"since": NOON - 1, "until": NOON + 1}
    assert [row.key_id for row in await accounts.recent(caller)] == [caller.key_id]
    assert [item.group for item in await accounts.usage(caller, **window, group="key")] == [caller.key_id]
    assert {item.group: item.characters for item in await accounts.usage(admin, **window, group="key")} == {
        caller.key_id: 3,
        "admin": 4,
    }
    assert len(await accounts.recent(admin, 1)) == 1
    with pytest.raises(BadRequest, match="day, key, op, engine"):
        await accounts.usage(admin, **window, group="voice")
