"""The app that is attacked: one process for all attacks, full of secrets, with files around it that nobody may read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from audio.encode import encode
from audio.value import Audio
from tests.browser.app import running
from tests.fuzz.attacker import Attacker
from tests.fuzz.hostile import Hostile

ADMIN = "fuzzed-admin-key-Zebra-4711"
SEAL = "fuzzed-seal-Canary-seal-Canary-seal-0001"
HUB = "hf_FuzzedCanaryCanaryCanary0815"
CANARY = "canary-in-a-file-7f3a91c2e5"
SECONDS = 7.319
LENGTHS = tuple(f"duration{quote}:{space}{SECONDS}" for quote in ('"', '\\"', "'") for space in (" ", ""))
"""The length of a recording that is private, as `segments` would tell it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Minutes of attacks are not for every change; .ci/long runs them."""
    if os.environ.get("VOICEFORGE_LONG") != "1":
        for item in items:
            if item.path.parent == Path(__file__).parent and item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="attacks take minutes: VOICEFORGE_LONG=1"))


@dataclass(frozen=True)
class House:
    url: str
    files: list[Path]

    def attacker(self) -> Attacker:
        secrets = {
            "the admin key": ADMIN.encode(), "the seal": SEAL.encode(), "the hub's token": HUB.encode(),
            "the file": CANARY.encode(), "passwd": b"root:x:0:0",
        }  # fmt: skip
        secrets |= {f"the recording as {text}": text.encode() for text in LENGTHS}
        return Attacker(self.url, secrets, ADMIN)

    def hostile(self, seed: int) -> Hostile:
        return Hostile(seed, self.files)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("private")
    files = [folder / "canary.txt", folder / "canary.wav", folder / "canary.mp3"]
    files[0].write_text(f"{CANARY}\n" * 20)
    files[1].write_bytes(encode(Audio.silence(SECONDS, 16000), "wav"))
    files[2].write_text(f"{CANARY}\n" * 20)
    data = tmp_path_factory.mktemp("data")
    environment = {
        "VOICEFORGE_ACCESS": "key", "VOICEFORGE_ADMIN_KEY": ADMIN, "VOICEFORGE_SECRET_KEY": SEAL, "HF_TOKEN": HUB,
        "HF_HUB_OFFLINE": "1", "VOICEFORGE_MAX_UPLOAD_MB": "2", "VOICEFORGE_MAX_TEXT_CHARS": "300000",
        "VOICEFORGE_DATA_DIR": str(data), "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    with running(**environment) as url:
        yield House(url, [*files, data / "voiceforge.db", data / "secret-key.txt"])
