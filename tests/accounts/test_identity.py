"""Who is let in as whom, and who no longer."""

import asyncio
import logging
import sqlite3

import pytest

from accounts.accounts import Accounts
from accounts.known import KnownKeys
from accounts.principal import SCOPES, Limits
from accounts.seed import ADMIN_FILE
from core.errors import BadRequest, RateLimited, StorageError, Unauthorized
from core.settings import Settings
from storage import keys as rows
from storage.db import Storage
from tests.accounts.conftest import ADMIN, Clock

pytestmark = pytest.mark.unit


class Counting(Storage):
    """Storage that counts what is read and written."""

    reads = 0
    posts = 0

    def read(self, fn, *args):
        self.reads += 1
        return super().read(fn, *args)

    def post(self, fn, *args):
        self.posts += 1
        super().post(fn, *args)


async def test_with_nothing_it_depends_on_the_access(begin):
    visitor = await (await begin()).identify(None)
    assert (visitor.id, visitor.scopes) == ("visitor", frozenset())
    local = await (await begin(access="open")).identify("  ")
    assert (local.id, local.scopes) == ("local", frozenset(SCOPES))


async def test_the_admin_key_of_the_setting(accounts):
    admin = await accounts.identify(f" {ADMIN} ")
    assert (admin.id, admin.scopes) == ("admin", frozenset(SCOPES))


WRONG = [ADMIN[:-1], ADMIN + "x", "sk-proj-1", "\ud800", "x" * 100_000]
WRONG_OF_THIS_HOUSE = ["vf_token_x.y", f"vf_live_{'0' * 30}2dT13A"]


@pytest.mark.parametrize("secret", WRONG + WRONG_OF_THIS_HOUSE)
async def test_a_wrong_key_is_refused(begin, secret):
    accounts = await begin(access="key")
    with pytest.raises(Unauthorized):
        await accounts.identify(secret)


@pytest.mark.parametrize("secret", WRONG)
async def test_open_access_takes_another_houses_key_for_none(begin, secret):
    assert (await (await begin(access="open")).identify(secret)).id == "local"


@pytest.mark.parametrize("secret", WRONG_OF_THIS_HOUSE)
async def test_open_access_refuses_a_wrong_key_of_this_house(begin, secret):
    accounts = await begin(access="open")
    with pytest.raises(Unauthorized):
        await accounts.identify(secret)


async def test_a_key_ends(accounts, admin, clock):
    made = await accounts.create_key(admin, "Kitchen", ["speech"], expires_at=clock() + 60)
    assert (await accounts.identify(made.secret)).name == "Kitchen"
    clock.pass_(60)
    with pytest.raises(Unauthorized, match="expired"):
        await accounts.identify(made.secret)


async def test_a_revoked_key_is_refused_at_once_and_elsewhere_soon(begin, clock):
    here, elsewhere = await begin(), await begin()
    admin = await here.identify(ADMIN)
    made = await here.create_key(admin, "Kitchen", ["speech"])
    caller = await here.identify(made.secret)
    await elsewhere.identify(made.secret)
    revoked = await here.revoke_key(admin, made.key.id)
    assert revoked.revoked_at == clock()
    for attempt in (here.identify(made.secret), here.admit(caller, "speech")):
        with pytest.raises(Unauthorized, match="revoked"):
            await attempt
    clock.pass_(10)
    with pytest.raises(Unauthorized, match="revoked"):
        await elsewhere.identify(made.secret)


async def test_a_key_read_while_it_was_revoked_is_not_remembered_as_valid(tmp_path, clock):
    storage = Storage.open("", tmp_path)
    record = rows.KeyRecord("k1", "Bad", "d" * 64, "vf_live_abcd", "wxyz", ("speech",), 1.0)
    await storage.write(rows.add, record)
    known = KnownKeys(storage, clock)
    reading = asyncio.ensure_future(known.by_id("k1"))
    await asyncio.sleep(0)
    known.forget("k1")
    assert await reading == record
    assert len(known) == 0
    storage.close()


async def test_known_keys_are_bounded(tmp_path, clock):
    storage = Storage.open("", tmp_path)
    for number in range(5):
        key = rows.KeyRecord(f"k{number}", "Bad", f"{number:064}", "vf_live_abcd", "wxyz", ("speech",), 1.0)
        await storage.write(rows.add, key)
    known = KnownKeys(storage, clock, most=3)
    for number in range(5):
        assert await known.by_digest((f"{number:064}",)) is not None
    assert len(known) == 3
    assert known.cached((f"{0:064}",)) is None
    assert known.cached((f"{4:064}",)) is not None
    storage.close()


async def test_a_mistyped_key_is_not_looked_up_and_a_known_one_is_once(tmp_path, clock):
    plain = Storage.open("", tmp_path)
    storage = Counting(plain._database)
    accounts = Accounts(storage, Settings(data_dir=tmp_path, access="key", admin_key=ADMIN), clock=clock)
    await accounts.start()
    made = await accounts.create_key(await accounts.identify(ADMIN), "Kitchen", ["speech"])
    storage.reads = 0
    with pytest.raises(Unauthorized):
        await accounts.identify(made.secret[:-1] + ("0" if made.secret[-1] != "0" else "1"))
    assert storage.reads == 0
    for _ in range(5):
        await accounts.identify(made.secret)
    assert (storage.reads, storage.posts) == (1, 1)
    await storage.write(rows.count, "")  # behind the note of its use in the queue
    clock.pass_(30)
    await accounts.identify(made.secret)
    assert (storage.reads, storage.posts) == (2, 1)
    clock.pass_(30)
    await accounts.identify(made.secret)
    assert storage.posts == 2
    storage.close()
    plain.close()


async def test_last_use_is_kept(accounts, admin, clock):
    made = await accounts.create_key(admin, "Kitchen", ["speech"])
    assert (await accounts.get_key(admin, made.key.id)).last_used_at is None
    await accounts.identify(made.secret)
    await accounts.create_key(admin, "behind it in the queue", ["speech"])
    assert (await accounts.get_key(admin, made.key.id)).last_used_at == clock()


async def test_who_guesses_must_wait_and_who_is_known_need_not(accounts, admin, clock):
    made = await accounts.create_key(admin, "Kitchen", ["speech"])
    await accounts.identify(made.secret, address="10.0.0.1")
    for _ in range(30):
        with pytest.raises(Unauthorized):
            await accounts.identify("wrong", address="10.0.0.1")
    with pytest.raises(RateLimited) as refused:
        await accounts.identify(ADMIN, address="10.0.0.1")
    assert refused.value.retry_after == 2.0
    await accounts.identify(made.secret, address="10.0.0.1")
    await accounts.identify(ADMIN, address="10.0.0.2")
    clock.pass_(2.0)
    await accounts.identify(ADMIN, address="10.0.0.1")


# Signing in


async def test_a_sign_in_lasts_twelve_hours(accounts, admin, clock):
    made = await accounts.create_key(admin, "Kitchen", ["speech"])
    token = await accounts.sign_in(made.secret)
    assert (await accounts.identify(None, token=token)).id == f"key:{made.key.id}"
    assert (await accounts.identify(token)).id == f"key:{made.key.id}"
    clock.pass_(12 * 3600 - 1)
    await accounts.identify(None, token=token)
    clock.pass_(1)
    with pytest.raises(Unauthorized, match="ended"):
        await accounts.identify(None, token=token)


async def test_a_sign_in_ends_with_its_key(accounts, admin, clock):
    made = await accounts.create_key(admin, "Kitchen", ["speech"], expires_at=clock() + 60)
    other = await accounts.create_key(admin, "Bath", ["speech"])
    token, revoked = await accounts.sign_in(made.secret), await accounts.sign_in(other.secret)
    await accounts.revoke_key(admin, other.key.id)
    with pytest.raises(Unauthorized, match="revoked"):
        await accounts.identify(None, token=revoked)
    clock.pass_(60)
    with pytest.raises(Unauthorized, match="expired"):
        await accounts.identify(None, token=token)


async def test_an_admin_signs_in_until_the_admin_key_changes(begin):
    token = await (await begin()).sign_in(ADMIN)
    assert (await (await begin()).identify(None, token=token)).id == "admin"
    for changed in ("another-admin-key-altogether", ""):
        accounts = await begin(admin_key=changed)
        with pytest.raises(Unauthorized):
            await accounts.identify(None, token=token)


async def test_a_token_cannot_be_made_to_last_by_signing_in_with_it(accounts):
    token = await accounts.sign_in(ADMIN)
    with pytest.raises(Unauthorized):
        await accounts.sign_in(token)


# The first start


async def test_the_first_admin_key_is_found_in_its_file_and_not_in_the_log(begin, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        accounts = await begin(admin_key="")
    path = tmp_path / ADMIN_FILE
    secret = path.read_text().strip()
    assert str(path) in caplog.text
    assert secret not in caplog.text
    assert path.stat().st_mode & 0o777 == 0o600
    assert (await accounts.identify(secret)).scopes == frozenset(SCOPES)


async def test_it_is_made_once(begin, tmp_path, caplog):
    await begin(admin_key="")
    (tmp_path / ADMIN_FILE).unlink()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        accounts = await begin(admin_key="")
    assert not (tmp_path / ADMIN_FILE).exists()
    assert "admin key" not in caplog.text
    assert len(await accounts.list_keys(await (await begin(access="open")).identify(None))) == 1


async def test_a_lost_admin_key_that_was_revoked_is_made_again(begin, tmp_path):
    accounts = await begin(admin_key="")
    secret = (tmp_path / ADMIN_FILE).read_text().strip()
    admin = await accounts.identify(secret)
    await accounts.revoke_key(admin, admin.key_id)
    await begin(admin_key="")
    assert (tmp_path / ADMIN_FILE).read_text().strip() != secret


async def test_none_is_made_where_none_is_needed(begin, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        await begin(access="open", admin_key="")
        await begin()
    assert not (tmp_path / ADMIN_FILE).exists()
    assert caplog.text == ""


async def test_another_secret_key_is_refused_and_the_old_one_behind_it_is_not(begin):
    old, new = "o" * 32, "n" * 32
    accounts = await begin(secret_key=old)
    made = await accounts.create_key(await accounts.identify(ADMIN), "Kitchen", ["speech"])
    with pytest.raises(StorageError, match="VOICEFORGE_SECRET_KEY"):
        await begin(secret_key=new)
    for setting in (f"{new},{old}", new):
        accounts = await begin(secret_key=setting)
        assert (await accounts.identify(ADMIN)).id == "admin"
        if old in setting:
            assert (await accounts.identify(made.secret)).id == f"key:{made.key.id}"


# What is never seen


@pytest.mark.parametrize("url", [""], ids=["sqlite"])
async def test_no_secret_is_in_the_database_a_repr_or_an_error(begin, tmp_path, caplog):
    with caplog.at_level(logging.DEBUG):
        accounts = await begin(secret_key="canary-" * 6)
        admin = await accounts.identify(ADMIN)
        made = await accounts.create_key(admin, "Kitchen", ["speech"], limits=Limits(5, 5, 5))
        rotated = await accounts.rotate_key(admin, made.key.id)
        token = await accounts.sign_in(rotated.secret)
        sealed = accounts.vault.seal("canary-of-a-provider", "row")
    with pytest.raises(Unauthorized) as refused:
        await accounts.identify(made.secret)
    secrets = [ADMIN, "canary-", made.secret, rotated.secret, token, made.secret[12:-4], rotated.secret[12:-4]]
    shown = repr([admin, made, rotated, accounts.vault, accounts, vars(accounts)]) + str(refused.value) + caplog.text
    assert not [secret for secret in secrets if secret in shown]
    assert b"canary" not in sealed
    with sqlite3.connect(tmp_path / "voiceforge.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(FULL)")
    connection.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("voiceforge.db*"))
    assert made.key.id.encode() in kept
    assert not [secret for secret in secrets if secret.encode() in kept]


@pytest.mark.parametrize("value", [-1, 1.5, True, 2**60, "5"])
def test_a_limit_is_a_whole_number(value):
    with pytest.raises(BadRequest, match="requests_per_minute"):
        Limits(requests_per_minute=value)


def test_the_clock_moves_when_told():
    clock = Clock(1.0)
    clock.pass_(2.0)
    assert clock() == 3.0
