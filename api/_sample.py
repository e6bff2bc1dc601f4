"""The sentence a voice is tried with: how to get it, and whether it was made before."""

from collections.abc import Sequence
from typing import Any

from core.errors import VoiceForgeError
from studio import Studio
from voice.samples import sentence_for
from voice.speech import SpeechRequest


def shown(studio: Studio, voice: str, languages: Sequence[str], name: str) -> dict[str, Any]:
    """`body` goes to `endpoint` by POST. It is `made` if the answer is on the disk already, for callers without words
    of their own. Blocks."""
    text = sentence_for(languages, name)
    return {
        "text": text,
        "made": _made(studio, voice, text),
        "method": "POST",
        "endpoint": "/v1/audio/speech",
        "body": {"voice": voice, "input": text, "strict": True},
    }


def _made(studio: Studio, voice: str, text: str) -> bool:
    try:
        return studio.speech.is_kept(studio.speech.plan(SpeechRequest(text, voice, strict=True)))
    except VoiceForgeError:  # such as an engine that has been uninstalled meanwhile
        return False
