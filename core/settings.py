"""The only reader of the environment. `python -m core.settings` prints the table in docs/settings.md,
`python -m core.settings env` the file .env.example."""

from __future__ import annotations

import ast
import ipaddress
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from core.errors import VoiceForgeError


class BadSettings(VoiceForgeError):
    """A variable holds what it cannot hold; the message names it and says what it takes."""

    code = "bad_settings"


def _setting(variable: str, default: Any, secret: bool = False) -> Any:
    return field(default=default, metadata={"variable": variable, "secret": secret})


@dataclass(frozen=True)
class Settings:
    """Everything that can be set from outside, read once and handed down. Its repr shows no secret."""

    host: str = _setting("HOST", "127.0.0.1")
    """Address to listen on; on a Space 0.0.0.0 is the default."""
    port: int = _setting("PORT", 7860)
    """TCP port to listen on."""
    roles: frozenset[str] = _setting("ROLES", frozenset({"web", "media"}))
    """What this process does, comma-separated: `web` (pages and HTTP), `media` (sockets; never loads Gradio)."""
    data_dir: Path = _setting("VOICEFORGE_DATA_DIR", Path("data"))
    """Folder of the database, the models and the secret key."""
    access: str = _setting("VOICEFORGE_ACCESS", "auto")
    """`open`: no key needed, only on a loopback address. `key`: everything that spends or reveals needs a key or a
    signed-in person. `auto`: open on loopback, key elsewhere and where PUBLIC_URL says that others come by."""
    admin_key: str = _setting("VOICEFORGE_ADMIN_KEY", "", secret=True)
    """A key with every right, any string of 20 or more characters. Without it one is made at the first start
    that asks for keys, and kept in admin-key.txt in the data folder."""
    secret_key: str = _setting("VOICEFORGE_SECRET_KEY", "", secret=True)
    """Seals stored secrets and hashes keys, 32 or more characters; several, newest first, are separated by commas.
    Without it one is made at the first start and kept in the data folder."""
    database_url: str = _setting("DATABASE_URL", "", secret=True)
    """`postgresql://…`; empty is SQLite in the data folder."""
    public_url: str = _setting("PUBLIC_URL", "")
    """The address people reach this app by, such as `https://voice.example.com`; allowed as an origin."""
    cors_origins: tuple[str, ...] = _setting("VOICEFORGE_CORS_ORIGINS", ())
    """Web origins that may call the HTTP API from a browser, comma-separated."""
    docs: bool = _setting("VOICEFORGE_DOCS", True)
    """Whether `/docs` and `/openapi.json` are served."""
    hf_token: str = _setting("HF_TOKEN", "", secret=True)
    """Token of the model hub, for gated weights."""
    hf_endpoint: str = _setting("HF_ENDPOINT", "https://huggingface.co")
    """The model hub that weights are fetched from, or a mirror of it."""
    hf_offline: bool = _setting("HF_HUB_OFFLINE", False)
    """Fetch no weights, and do not ask whether the hub can be reached."""
    cache_mb: int = _setting("VOICEFORGE_CACHE_MB", 1000)
    """What speech that was made is kept in, on disk, in megabytes; 0 keeps none."""
    tts_engine: str = _setting("TTS_ENGINE", "auto")
    """The engine that speaks when a request names none; `auto` takes the best that is here."""
    stt_engine: str = _setting("STT_ENGINE", "auto")
    """The engine that hears when a request names none, with a size where it has several: `faster-whisper:small`."""
    llm_engine: str = _setting("LLM_ENGINE", "auto")
    """What thinks when a conversation names no model: `remote`, or an engine such as `rules`; `auto` takes the remote
    model where one is set, then the best that is here."""
    llm_base_url: str = _setting("LLM_BASE_URL", "")
    """A server that speaks OpenAI's chat completions, such as `http://127.0.0.1:11434/v1`; empty is none."""
    llm_api_key: str = _setting("LLM_API_KEY", "", secret=True)
    """The key to that server, if it wants one."""
    llm_model: str = _setting("LLM_MODEL", "")
    """The model asked for there; empty is the first that the server lists."""
    realtime_base_url: str = _setting("REALTIME_BASE_URL", "")
    """A server that speaks OpenAI's realtime protocol, such as `https://api.openai.com/v1` or `http://127.0.0.1:8080/v1`,
    or `openai`, `xai` or `inworld`. `/v1/realtime` relays to it the sessions that name a model of it; empty is none."""
    realtime_api_key: str = _setting("REALTIME_API_KEY", "", secret=True)
    """The key to that server, if it wants one."""
    realtime_model: str = _setting("REALTIME_MODEL", "")
    """The model asked for there when a session names only `relay`."""
    realtime_direct: bool = _setting("REALTIME_DIRECT", False)
    """Give browsers secrets of that server, with which they go there themselves; what they use is not metered here."""
    realtime_minutes: int = _setting("VOICEFORGE_REALTIME_MINUTES", 60)
    """Longest session of `/v1/realtime`, here and relayed, in minutes."""
    commercial_only: bool = _setting("VOICEFORGE_COMMERCIAL_ONLY", False)
    """Speak only with engines and voices whose licence, by its name in the catalogue, is known to allow commercial use;
    one with conditions of its own counts as not known. No legal advice."""
    max_upload_mb: int = _setting("VOICEFORGE_MAX_UPLOAD_MB", 512)
    """Largest upload in megabytes."""
    max_audio_minutes: int = _setting("VOICEFORGE_MAX_AUDIO_MINUTES", 240)
    """Longest recording taken, in minutes of decoded sound."""
    max_text_chars: int = _setting("VOICEFORGE_MAX_TEXT_CHARS", 100_000)
    """Longest text spoken in one request, in characters; 60,000 are about an hour."""
    max_conversations: int = _setting("VOICEFORGE_MAX_CONVERSATIONS", 100)
    """Conversations held at a time; one core holds about a hundred while engines run elsewhere."""
    memory_mb: int = _setting("VOICEFORGE_MEMORY_MB", 0)
    """What loaded engines may take together, in megabytes; 0 is three quarters of the machine's memory."""
    scripted: bool = _setting("VOICEFORGE_SCRIPTED", False)
    """Offer the scripted engines, which play a script instead of a model, for load tests and demonstrations.
    Refused on a public address."""
    scripted_delays: tuple[str, ...] = _setting("VOICEFORGE_SCRIPTED_DELAYS", ())
    """Seconds that the scripted voice takes before its first tenth of a second of sound and before every other one,
    such as `0.1,0.02`; empty is none."""
    scripted_llm: tuple[str, ...] = _setting("VOICEFORGE_SCRIPTED_LLM", ())
    """Seconds that the scripted model takes before its first word and before every other one, such as `0.2,0.02`;
    empty is none."""
    log_level: str = _setting("LOG_LEVEL", "INFO")
    """DEBUG, INFO, WARNING or ERROR. What people say is logged at DEBUG only."""

    def __post_init__(self):
        """Raises BadSettings on what cannot stand together."""
        if self.access == "auto":
            object.__setattr__(self, "access", "open" if is_loopback(self.host) and not self.public_url else "key")
        if self.access not in ("open", "key"):
            raise BadSettings(f"VOICEFORGE_ACCESS is {self.access!r}; it takes open, key or auto.")
        public = not is_loopback(self.host)
        if self.access == "open" and public:
            raise BadSettings(f"VOICEFORGE_ACCESS=open works only on a loopback address, and HOST is {self.host}.")
        if self.scripted and public:
            raise BadSettings(f"VOICEFORGE_SCRIPTED=1 works only on a loopback address, and HOST is {self.host}.")
        if self.admin_key and len(self.admin_key) < 20:
            raise BadSettings("VOICEFORGE_ADMIN_KEY needs 20 or more characters.")
        if self.secret_key and len(self.secret_key) < 32:
            raise BadSettings("VOICEFORGE_SECRET_KEY needs 32 or more characters.")
        if not re.match(r"https?://[^\s/]+", self.hf_endpoint):
            raise BadSettings(
                f"HF_ENDPOINT is {self.hf_endpoint!r}; it takes an address such as https://huggingface.co."
            )
        if unknown := self.roles - {"web", "media"}:
            raise BadSettings(f"ROLES does not know {', '.join(sorted(unknown))}; it takes web and media.")
        if self.llm_base_url and not re.match(r"https?://[^\s/]+", self.llm_base_url):
            raise BadSettings("LLM_BASE_URL takes an address such as http://127.0.0.1:11434/v1.")
        if self.realtime_base_url and not re.match(r"(https?|wss?)://[^\s/]+|[a-z]+$", self.realtime_base_url):
            raise BadSettings("REALTIME_BASE_URL takes an address such as https://api.openai.com/v1.")
        if self.realtime_minutes < 1:
            raise BadSettings("VOICEFORGE_REALTIME_MINUTES takes a whole number of minutes from 1.")
        for variable, delays in (
            ("VOICEFORGE_SCRIPTED_DELAYS", self.scripted_delays),
            ("VOICEFORGE_SCRIPTED_LLM", self.scripted_llm),
        ):
            if len(delays) not in (0, 2) or not all(map(_is_number, delays)):
                raise BadSettings(f"{variable} takes two numbers of seconds, such as 0.1,0.02.")
        if self.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise BadSettings(f"LOG_LEVEL is {self.log_level!r}; it takes DEBUG, INFO, WARNING or ERROR.")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Raises BadSettings where a variable holds what it cannot hold. Empty counts as not set."""
        values: dict[str, Any] = {}
        if "SPACE_ID" in environ:
            values["host"] = "0.0.0.0"
            values["public_url"] = f"https://{environ['SPACE_HOST']}" if "SPACE_HOST" in environ else ""
        for item in fields(cls):
            if text := environ.get(item.metadata["variable"], "").strip():
                values[item.name] = _parse(item.metadata["variable"], item.default, text)
        return cls(**values)

    def secrets(self) -> list[str]:
        """The values that no log may show."""
        return [getattr(self, item.name) for item in fields(self) if item.metadata["secret"]]

    def __repr__(self) -> str:
        shown = (f"{item.name}={getattr(self, item.name)!r}" for item in fields(self) if not item.metadata["secret"])
        return f"Settings({', '.join(shown)})"


WORKERS_SEE = (
    "PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES",
    "HF_HOME", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE",
)  # fmt: skip


def for_workers(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What engines' processes see of the environment: where programs, libraries and models are, and no secret."""
    return {"LANG": "C.UTF-8"} | {name: environ[name] for name in WORKERS_SEE if name in environ}


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _parse(variable: str, default: Any, text: str) -> Any:
    """Text to the type of the default."""
    if isinstance(default, bool):
        if text.lower() not in ("1", "0", "true", "false", "yes", "no"):
            raise BadSettings(f"{variable} is {text!r}; it takes 1 or 0.")
        return text.lower() in ("1", "true", "yes")
    if isinstance(default, int):
        if not text.isdecimal():
            raise BadSettings(f"{variable} is {text!r}; it takes a whole number.")
        return int(text)
    if isinstance(default, Path):
        return Path(text)
    if isinstance(default, (tuple, frozenset)):
        return type(default)(part.strip() for part in text.split(",") if part.strip())
    return text


def described() -> list[tuple[str, str, str]]:
    """Each variable, its default as text, and the docstring under its field, in order."""
    body = ast.parse(Path(__file__).read_text()).body
    settings = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    docs: dict[str, str] = {}
    for node, after in zip(settings.body, settings.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            assert isinstance(node.target, ast.Name)
            docs[node.target.id] = " ".join(str(after.value.value).split())
    return [(item.metadata["variable"], _shown(item.default), docs[item.name]) for item in fields(Settings)]


def _shown(default: Any) -> str:
    if isinstance(default, (tuple, frozenset)):
        return ",".join(sorted(default))
    return str(int(default)) if isinstance(default, bool) else str(default)


def _markdown() -> str:
    rows = "\n".join(
        f"| `{name}` | {f'`{default}`' if default else ''} | {doc} |" for name, default, doc in described()
    )
    return (
        "# Settings\n\nAll are environment variables, read once at the start. Made by `python -m core.settings`.\n\n"
        f"| variable | default | what it does |\n|---|---|---|\n{rows}\n"
    )


def _env() -> str:
    return "\n".join(f"# {doc}\n#{name}={default}\n" for name, default, doc in described())


if __name__ == "__main__":
    print(_env() if "env" in sys.argv[1:] else _markdown(), end="")
