"""Programs and libraries of the system that some tests meet, and what to do where one is missing."""

import ctypes.util
import os
import shutil
from importlib.util import find_spec

import pytest

HINTS = {
    "aiortc": "pip install -r requirements-webrtc.txt",
    "chromium": "apt-get install chromium",
    "flite": "apt-get install flite",
    "libflite": "apt-get install libflite1",
    "nginx": "apt-get install nginx-light",
    "postgresql": "apt-get install postgresql",
}


def find(name: str) -> str:
    """Where a peer is, empty where it is not here."""
    if name.startswith("lib"):
        return ctypes.util.find_library(name.removeprefix("lib")) or ""
    if name == "chromium":
        return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
    if name == "aiortc":
        return "aiortc" if find_spec("aiortc") else ""
    if name == "postgresql":
        from tests.postgresql import programs

        return programs()
    return shutil.which(name) or shutil.which(name, path="/usr/sbin") or ""


def need(name: str) -> str:
    """Where a peer is. Skips the test with the command that installs it; fails it where VOICEFORGE_NEED_PEERS=1."""
    place = find(name)
    if not place:
        missing = f"{name} is not here: {HINTS[name]}"
        if os.environ.get("VOICEFORGE_NEED_PEERS") == "1":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    return place


def need_webrtc() -> None:
    """Skips the test where aiortc is missing, as `need` does, and where the machine has no address but its own: ICE
    offers none of those."""
    need("aiortc")
    from aioice.ice import get_host_addresses

    if not get_host_addresses(True, False):
        pytest.skip("this machine has no network interface, and ICE offers no loopback address")
