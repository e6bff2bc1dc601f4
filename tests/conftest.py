"""What all tests share: every test that names no kind is a unit test."""

import os

import pytest
from hypothesis import HealthCheck, settings

# How long a machine takes to think of an example says nothing of what is tested. The fast tier looks at the same
# examples each time, so that what it says of a change is of the change; the long one looks for new ones.
settings.register_profile(
    "voiceforge",
    deadline=None,
    derandomize=os.environ.get("VOICEFORGE_LONG") != "1",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("voiceforge")

KINDS = ("integration", "browser", "gpu", "slow")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not any(item.get_closest_marker(kind) for kind in KINDS):
            item.add_marker(pytest.mark.unit)
