"""What the environment may say, and what is made of it."""

from pathlib import Path

import pytest

from core.settings import BadSettings, Settings, described, for_workers

pytestmark = pytest.mark.unit


def test_nothing_set_is_a_private_house():
    settings = Settings.from_environment({})
    assert (settings.host, settings.port, settings.access) == ("127.0.0.1", 7860, "open")
    assert settings.roles == {"web", "media"}


def test_a_space_is_public_and_asks_for_keys():
    settings = Settings.from_environment({"SPACE_ID": "me/forge", "SPACE_HOST": "me-forge.hf.space"})
    assert (settings.host, settings.access) == ("0.0.0.0", "key")
    assert settings.public_url == "https://me-forge.hf.space"


def test_values_take_the_type_of_their_defaults():
    environ = {"PORT": " 80 ", "VOICEFORGE_DOCS": "no", "VOICEFORGE_DATA_DIR": "/var/forge", "ROLES": "media, ",
               "VOICEFORGE_CORS_ORIGINS": "https://a.example, https://b.example", "HOST": ""}  # fmt: skip
    settings = Settings.from_environment(environ)
    assert (settings.port, settings.docs, settings.data_dir) == (80, False, Path("/var/forge"))
    assert settings.roles == {"media"}
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    "environ",
    [
        {"PORT": "many"},
        {"PORT": "-1"},
        {"VOICEFORGE_DOCS": "perhaps"},
        {"VOICEFORGE_ACCESS": "closed"},
        {"VOICEFORGE_ACCESS": "open", "HOST": "0.0.0.0"},
        {"VOICEFORGE_ACCESS": "open", "SPACE_ID": "me/forge"},
        {"VOICEFORGE_SCRIPTED": "1", "HOST": "192.0.2.1"},
        {"VOICEFORGE_ADMIN_KEY": "short"},
        {"VOICEFORGE_SECRET_KEY": "short"},
        {"ROLES": "web,poet"},
        {"LOG_LEVEL": "LOUD"},
        {"LLM_BASE_URL": "127.0.0.1:11434"},
        {"VOICEFORGE_SCRIPTED_LLM": "0.1"},
    ],
)
def test_what_cannot_be_is_refused_by_name(environ):
    with pytest.raises(BadSettings) as caught:
        Settings.from_environment(environ)
    assert any(name in caught.value.message for name in environ)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_loopback_in_its_spellings_is_open(host):
    assert Settings.from_environment({"HOST": host}).access == "open"


def test_a_loopback_address_behind_a_public_one_asks_for_keys():
    assert Settings.from_environment({"PUBLIC_URL": "https://voice.example.com"}).access == "key"


def test_no_secret_shows():
    environ = {
        "VOICEFORGE_ADMIN_KEY": "canary-of-the-admin-key",
        "HF_TOKEN": "hf_canary",
        "LLM_API_KEY": "sk-canary",
        "DATABASE_URL": "postgresql://u:canary@h/d",
    }
    settings = Settings.from_environment(environ)
    assert "canary" not in repr(settings)
    assert {environ[name] for name in environ} <= set(settings.secrets())
    assert "canary" not in str(for_workers(environ | {"PATH": "/bin"}))


def test_every_setting_is_described():
    rows = described()
    assert all(doc for _, _, doc in rows)
    assert len({name for name, _, _ in rows}) == len(rows)
