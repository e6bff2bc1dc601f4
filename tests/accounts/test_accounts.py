"""The whole way of a key: made, recognised, admitted, settled, counted, revoked."""

from accounts.lease import Usage
from tests.accounts.conftest import NOON


async def test_a_key_is_made_used_and_counted(accounts, admin, clock):
    made = await accounts.create_key(admin, "Kitchen", ["speech", "usage"])
    caller = await accounts.identify(made.secret)
    assert (caller.id, caller.name, caller.may("speech"), caller.may("keys")) == (
        f"key:{made.key.id}",
        "Kitchen",
        True,
        False,
    )
    async with await accounts.admit(caller, "speech", characters=5) as lease:
        clock.pass_(0.25)
        await lease.settle(Usage("espeak-ng", "en", 5, 1.5))
    (row,) = await accounts.recent(caller)
    assert (row.key_id, row.op, row.engine, row.voice) == (made.key.id, "speech", "espeak-ng", "en")
    assert (row.characters, row.audio_seconds, row.milliseconds, row.status) == (5, 1.5, 250.0, "ok")
    (day,) = await accounts.usage(caller, since=NOON - 1, until=NOON + 9)
    assert (day.group, day.requests, day.characters) == ("2026-11-20", 1, 5)
