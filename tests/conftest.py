"""What all tests share: every test that names no kind is a unit test."""

import pytest

KINDS = ("integration", "browser", "gpu", "slow")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not any(item.get_closest_marker(kind) for kind in KINDS):
            item.add_marker(pytest.mark.unit)
