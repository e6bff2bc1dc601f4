import logging

import pytest

from core.log import configure, forget, redact

SECRETS = {
    "own key": "vf_live_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sTabcdef",
    "openai": "sk-proj-abcDEF0123456789_-xyz",
    "elevenlabs": "sk_0123456789abcdef0123456789abcdef",
    "hub": "hf_abcdefghijklmnopqrstuvwxyz",
}


@pytest.fixture
def stderr_lines(capsys):
    """Configures logging and gives what was written since, as lines."""
    root, httpx = logging.getLogger(), logging.getLogger("httpx")
    level, httpx_level = root.level, httpx.level
    configure("DEBUG", secrets=("an admin key its owner chose",))
    yield lambda: capsys.readouterr().err.splitlines()
    forget()
    root.setLevel(level)
    httpx.setLevel(httpx_level)


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_key_is_hidden_wherever_it_stands(secret, stderr_lines):
    logger = logging.getLogger("test")
    logger.info("plain %s", secret)
    logger.info({"key": secret})
    try:
        raise RuntimeError(f"upstream said {secret}")
    except RuntimeError:
        logger.exception("failed with %r", {"token": secret})
    written = "\n".join(stderr_lines())
    assert "upstream said" in written
    assert secret not in written
    assert secret[10:] not in written


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer abc.def-0123456789", "Authorization: Bearer [hidden]"),
        ("xi-api-key: 0123456789abcdef", "xi-api-key: [hidden]"),
        ("{'x-api-key': '0123456789abcdef', 'a': 1}", "{'x-api-key': '[hidden]', 'a': 1}"),
        ("GET /x?token=abcdef123456&b=2", "GET /x?token=[hidden]&b=2"),
        ("postgresql://me:pa55:word@db/x", "postgresql://me:[hidden]@db/x"),
    ],
)
def test_secrets_without_a_prefix_are_known_by_their_place(text, hidden):
    assert redact(text) == hidden


@pytest.mark.parametrize(
    "text",
    ["a task-force of risk-takers", "http://127.0.0.1:7860/v1", "token count: 5", "the bearer of news", "half_open"],
)
def test_ordinary_text_stays(text):
    assert redact(text) == text


def test_texts_no_pattern_knows_are_hidden_when_named(stderr_lines):
    logging.getLogger("test").warning("%s was typed", "an admin key its owner chose")
    assert stderr_lines()[0].endswith("WARNING test: [hidden] was typed")


def test_a_message_is_one_line_whatever_a_caller_sends(stderr_lines):
    logging.getLogger("test").info("voice %s", "x\n2026-01-01 INFO root: forged\r")
    lines = stderr_lines()
    assert len(lines) == 1
    assert lines[0].endswith(r"voice x\n2026-01-01 INFO root: forged\r")


def test_configuring_twice_writes_once(stderr_lines):
    configure("INFO")
    logging.getLogger("test").info("once")
    logging.getLogger("test").debug("never")
    assert len(stderr_lines()) == 1


def test_the_http_client_logs_no_urls(stderr_lines):
    logging.getLogger("httpx").info("HTTP Request: GET http://x")
    assert stderr_lines() == []
