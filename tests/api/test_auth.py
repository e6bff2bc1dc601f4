"""Where a request's key stands."""

import pytest

from api.auth import secret_in


@pytest.mark.parametrize(
    ("headers", "secret"),
    [
        ({}, None),
        ({"authorization": "Bearer vf_live_1"}, "vf_live_1"),
        ({"authorization": "bearer  vf_live_1 "}, "vf_live_1"),
        ({"authorization": "Bearer "}, None),
        ({"authorization": "Basic dXNlcjpwYXNz"}, None),
        ({"x-api-key": "k1"}, "k1"),
        ({"xi-api-key": "k2"}, "k2"),
        ({"x-hf-authorization": "Bearer k3"}, "k3"),
        ({"authorization": "Bearer hf_token", "x-api-key": "k1"}, "k1"),
        ({"authorization": "Bearer hf_token"}, None),
        ({"authorization": "Bearer hf_token", "x-hf-authorization": "Bearer k3"}, "k3"),
        ({"x-api-key": "k1", "authorization": "Bearer k4"}, "k1"),
    ],
)
def test_the_key_is_found_and_the_hubs_token_is_not_one(headers, secret):
    assert secret_in(headers) == secret
