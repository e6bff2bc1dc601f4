"""A text as its author wrote it, to parts: as SSML where it begins with `<speak`, else by its tags in brackets."""

from __future__ import annotations

from collections.abc import Iterator

from voice.text.parts import Part, bounded
from voice.text.ssml import is_ssml, ssml
from voice.text.tags import tagged


def parts(text: str, *, dialogue: bool = False) -> Iterator[Part]:
    """What is to be spoken and the rests between, in order; tags in brackets are looked at as the parts are taken.

    `dialogue` tells that one engine performs `[S1]` and `[S2]` itself (`Performs.speaker`). Raises BadRequest on markup
    that is broken or goes beyond bounds; to know before the first sound, take all parts once.
    """
    return bounded(ssml(text) if is_ssml(text) else tagged(text, dialogue=dialogue))
