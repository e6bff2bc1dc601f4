"""Whether an engine can be used here, as JSON tells it, with the commands that would bring it ready to be copied."""

import re
from typing import Any

from voice.catalogue import Standing

_QUOTED = re.compile(r"`([^`]*)`")


def shown(standing: Standing) -> dict[str, Any]:
    return {
        "installed": standing.installed,
        "usable": standing.downloaded,
        "why_not": standing.why_not,
        "commands": commands(standing.why_not),
    }


def commands(sentence: str) -> list[str]:
    """What a sentence quotes that is more than one word: `pip install x` is a command, `speech` a name."""
    return [quoted for quoted in _QUOTED.findall(sentence) if " " in quoted]
