"""Makes keys and spends with them until it is killed, and says of each row that it was acknowledged.

Run as `python -m tests.storage.acknowledging FOLDER`; one line each, `key ID` or `usage REQUEST_ID`.
"""

import asyncio
import sys
from pathlib import Path

from accounts.accounts import Accounts
from accounts.lease import Usage
from accounts.principal import Principal
from core.settings import Settings
from storage.db import Storage


async def spend(accounts: Accounts, caller: Principal) -> None:
    async with await accounts.admit(caller, "speech", characters=3) as lease:
        await lease.settle(Usage("scripted-tts", "voice", 3, 0.5))
        print("usage", lease.request_id, flush=True)


async def forever(accounts: Accounts, admin: Principal) -> None:
    while True:
        made = await accounts.create_key(admin, "Kitchen", ["speech"])
        print("key", made.key.id, flush=True)
        caller = await accounts.identify(made.secret)
        for _ in range(5):
            await spend(accounts, caller)


async def main(folder: Path) -> None:
    accounts = Accounts(Storage.open("", folder), Settings(data_dir=folder, access="open"))
    await accounts.start()
    admin = await accounts.identify(None)
    await asyncio.gather(*(forever(accounts, admin) for _ in range(8)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
