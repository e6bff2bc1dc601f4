"""Whether the attack would see what it looks for, and how many requests there are."""

from pathlib import Path

import pytest

from tests.fuzz import test_gradio, test_markup, test_routes, test_wire
from tests.fuzz.attacker import Attacker
from tests.fuzz.conftest import ADMIN, LENGTHS, House
from tests.fuzz.hostile import Hostile


def test_there_are_enough():
    counts = (
        test_routes.JSON, test_routes.FORMS, test_gradio.CALLS, test_gradio.FILES, test_gradio.TOOLS, test_wire.HEADS,
        test_wire.CROWD, test_markup.TEXTS,
    )  # fmt: skip
    assert sum(counts) >= 20_000


@pytest.fixture
def attacker() -> Attacker:
    return House("", []).attacker()


@pytest.mark.parametrize(
    "answer", [f"x {ADMIN} y", "canary-in-a-file-7f3a91c2e5", '{"segments": [], "duration": 7.319}', "root:x:0:0:root"]
)
def test_what_is_secret_is_seen(attacker: Attacker, answer: str):
    attacker.judge("GET /", 200, answer.encode())
    assert len(attacker.verdict.told) == 1


def test_the_length_of_a_recording_is_seen_in_every_writing():
    assert len(set(LENGTHS)) == 6


@pytest.mark.parametrize(
    ("status", "answer", "broken"),
    [(500, "", 1), (502, "", 1), (503, "", 1), (503, '"code": "overloaded"', 1), (200, "", 0), (404, "", 0),
     (503, '"code": "not_installed"', 0), (503, "('retry-after', '1')\n\"code\": \"overloaded\"", 0)],
)  # fmt: skip
def test_what_is_broken_is_seen(attacker: Attacker, status: int, answer: str, broken: int):
    attacker.judge("GET /", status, answer.encode())
    assert len(attacker.verdict.broken) == broken


def test_the_same_seed_is_the_same_attack():
    def values() -> list[str | bytes]:
        hostile = Hostile(3, [Path("/private")])
        return [repr(hostile.value()) for _ in range(200)] + [hostile.sound() for _ in range(20)]

    assert values() == values()
