"""What programs call through Gradio, by `gradio_client` or as MCP tools: an endpoint for each thing the HTTP API does.

Gradio checks no argument against its type, so each passes the code that checks the HTTP API's.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gradio.events import api

from api import _chat_calls as chat
from api import _house_calls as house
from api import _record_calls as records
from api import _sound_calls as sound
from api import _talk_calls as talk
from api import _word_calls as words
from api._binding import bound
from studio import Studio

ROUTES: Mapping[str, Callable[..., Any]] = {
    "POST /v1/audio/speech": sound.speak,
    "POST /v1/audio/speech/streaming": sound.speak_stream,
    "POST /v1/audio/speech/captions": sound.speak_captions,
    "POST /v1/audio/transcriptions": sound.transcribe,
    "POST /v1/audio/translations": sound.translate,
    "POST /v1/audio/segments": sound.segments,
    "POST /v1/audio/convert": sound.convert,
    "GET /v1/audio/voices": records.voices,
    "GET /v1/audio/voices/{voice_id:path}": records.voice,
    "GET /v1/audio/catalogue": house.catalogue,
    "GET /v1/audio/models": records.audio_models,
    "GET /v1/models": records.models,
    "GET /v1/models/{model_id:path}": records.model,
    "POST /v1/chat/completions": chat.chat,
    "POST /v1/realtime/client_secrets": chat.create_client_secret,
    "POST /v1/voice/realtime/session": chat.create_realtime_session,
    "POST /v1/voice/chat": talk.converse,
    "POST /v1/conversations": talk.create_conversation,
    "GET /v1/conversations": talk.list_conversations,
    "GET /v1/conversations/{conversation_id}": talk.get_conversation,
    "DELETE /v1/conversations/{conversation_id}": talk.delete_conversation,
    "POST /v1/conversations/{conversation_id}/messages": talk.converse,
    "GET /v1/live": talk.list_live,
    "DELETE /v1/live/{session_id}": talk.end_live,
    "GET /v1/pronunciations": words.list_pronunciations,
    "POST /v1/pronunciations": words.add_pronunciation,
    "DELETE /v1/pronunciations": words.clear_pronunciations,
    "POST /v1/pronunciations/import": words.import_pronunciations,
    "GET /v1/pronunciations/export": words.export_pronunciations,
    "GET /v1/pronunciations/{entry_id}": words.get_pronunciation,
    "PUT /v1/pronunciations/{entry_id}": words.change_pronunciation,
    "DELETE /v1/pronunciations/{entry_id}": words.remove_pronunciation,
    "POST /v1/keys": records.create_key,
    "GET /v1/keys": records.list_keys,
    "GET /v1/keys/{key_id}": records.get_key,
    "DELETE /v1/keys/{key_id}": records.revoke_key,
    "POST /v1/keys/{key_id}/rotate": records.rotate_key,
    "GET /v1/usage": records.usage,
    "GET /v1/usage/recent": records.recent_usage,
    "GET /v1/status": house.status,
    "GET /v1/status/log/{engine:path}": house.engine_log,
    "DELETE /v1/status/cache": house.clear_cache,
    "GET /v1/downloads": house.list_downloads,
    "GET /v1/downloads/{engine}": house.get_download,
    "POST /v1/downloads/{engine}": house.start_download,
    "POST /v1/downloads/{engine}/cancel": house.cancel_download,
    "DELETE /v1/downloads/{engine}": house.delete_download,
    "GET /v1/benchmarks": house.list_benchmarks,
    "POST /v1/benchmarks/{name}": house.run_benchmark,
    "DELETE /v1/benchmarks": house.cancel_benchmark,
    "GET /health": records.health,
    "GET /ready": records.ready,
    "GET /version": records.version,
    "GET /metrics": records.metrics,
}
"""Each route of the HTTP API and the endpoint that does the same, by its function's name."""

AT_ONCE = 64
"""Calls of one endpoint side by side; what engines can take is the pool's business, what a caller may, his key's."""


def register(studio: Studio) -> None:
    """Called inside the page's Blocks."""
    for function in dict.fromkeys(ROUTES.values()):
        api(bound(studio, function), api_name=function.__name__, concurrency_limit=AT_ONCE)
