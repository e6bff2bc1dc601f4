"""Whether a licence, as the catalogue and the engines' cards name it, is known to allow use for money. No legal advice:
it reads a name, not the licence."""

from __future__ import annotations

import re

_FREE = re.compile(
    r"(Apache-2|(MIT|ISC|Zlib|Unlicense|public domain)(?![\w-])|0?BSD|MPL-|[AL]?GPL|CC0|CC[- ]BY([- ]SA)?[- ]\d)",
    re.IGNORECASE,
)
_NOT = re.compile(r"non.?commercial|research|evaluation|\bNC\b|-NC\b", re.IGNORECASE)


def allows_commerce(licence: str) -> bool:
    """Only for names that are known to: a community licence with conditions of its own is for a person to read."""
    return bool(_FREE.match(licence.strip())) and not _NOT.search(licence)
