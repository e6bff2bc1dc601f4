"""A stranger's offer of a call (SDP, RFC 8866) to one that holds nothing but what a call needs. Pure; knows no network.

What is not understood here never reaches the library that answers: it is left out, or the offer is refused.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.errors import BadRequest, TooLarge

MOST_BYTES = 65_536
MOST_LINES = 2000
MOST_CANDIDATES = 8
MOST_MESSAGE = 65_536
"""Bytes of a message on a data channel where the offer does not say (RFC 8841)."""
LARGEST = 2**31 - 1

MEDIA = re.compile(r"(\w{1,16}) \d{1,5}(?:/\d{1,3})? ([\w/]{1,40}) (.+)", re.ASCII)
OPUS = re.compile(r"(\d{1,3}) opus/48000/2", re.ASCII | re.IGNORECASE)
TOKEN = re.compile(r"[\w.{}+-]{1,64}", re.ASCII)
UFRAG, PASSWORD = re.compile(r"[a-zA-Z0-9+/]{4,256}"), re.compile(r"[a-zA-Z0-9+/]{22,256}")
FINGERPRINT = re.compile(r"sha-(?:256|384|512) (?:[0-9A-F]{2}:){31,63}[0-9A-F]{2}", re.ASCII | re.IGNORECASE)
CANDIDATE = re.compile(
    r"([a-z0-9+/]{1,32}) 1 udp (\d{1,10}) ([0-9a-f.:]{2,45}) (\d{1,5}) typ (host|srflx|relay)(?: .*)?",
    re.ASCII | re.IGNORECASE,
)
SSRC = re.compile(r"(\d{1,10}) .*", re.ASCII)
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
SETUPS = ("actpass", "active", "passive")


@dataclass(frozen=True)
class Offer:
    sdp: str
    events: bool
    """Whether there will be a channel for events."""
    longest: int
    """Bytes of a message that the other side takes; 0 is any number."""


@dataclass
class _Section:
    kind: str
    profile: str
    lines: list[str]
    """Without their `a=`; those of the session, which hold where a section has none of its own, come last."""

    def values(self, name: str) -> list[str]:
        return [line[len(name) + 1 :].strip() for line in self.lines if line.startswith(f"{name}:")]

    def one(self, name: str, pattern: re.Pattern[str]) -> str:
        """Raises BadRequest."""
        found = next(iter(self.values(name)), "")
        if not pattern.fullmatch(found):
            raise _wrong(f"its {self.kind} has no 'a={name}', or one that cannot be")
        return found


def offer(text: str, address: str) -> Offer:
    """`address` is the caller's. Of the addresses at which the offer says he can be reached only that one is kept: what
    he names else may be anybody's. From others he is found when he calls us.

    Raises TooLarge, BadRequest.
    """
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise TooLarge(f"An offer has at most {MOST_BYTES} bytes.", param="sdp")
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].strip() != "v=0" or len(lines) > MOST_LINES:
        raise _wrong("it begins with 'v=0'" if len(lines) <= MOST_LINES else "it has too many lines")
    sections, session = _sections(lines)
    audio, events = _chosen(sections)
    found = [section for section in sections if section in (audio, events)]
    mids = [section.one("mid", TOKEN) for section in found]
    if len(set(mids)) < len(mids):
        raise _wrong("its sections have the same 'a=mid'")
    written = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", *_bundle(session, mids)]
    for section in found:
        written += _audio(section) if section is audio else _channel(section)
        written += _transport(section, address)
    return Offer("\r\n".join(written) + "\r\n", events is not None, _longest(events))


def _sections(lines: Iterable[str]) -> tuple[list[_Section], list[str]]:
    """And the attributes of the session."""
    session: list[str] = []
    found: list[_Section] = []
    for line in lines:
        if line.startswith("m="):
            if not (match := MEDIA.fullmatch(line[2:].strip())):
                raise _wrong(f"{line[:60]!r} is no medium")
            found.append(_Section(match[1], match[2], []))
        elif line.startswith("a="):
            (found[-1].lines if found else session).append(line[2:].strip())
    for section in found:
        section.lines += session
    return found, session


def _chosen(sections: list[_Section]) -> tuple[_Section, _Section | None]:
    kinds = sorted(section.kind for section in sections)
    if kinds not in (["audio"], ["application", "audio"]):
        raise BadRequest(
            "A call has one audio track and at most one channel for data; "
            f"this offer has {', '.join(kinds[:6]) or 'nothing'}.", param="sdp",
        )  # fmt: skip
    audio = next(section for section in sections if section.kind == "audio")
    return audio, next((section for section in sections if section is not audio), None)


def _bundle(session: list[str], mids: list[str]) -> list[str]:
    for line in session:
        if line.startswith("group:BUNDLE ") and set(mids) <= set(line.split()[1:]):
            return [f"a=group:BUNDLE {' '.join(mids)}"]
    return []


def _audio(section: _Section) -> list[str]:
    formats = [match[1] for value in section.values("rtpmap") if (match := OPUS.fullmatch(value))]
    number = next((number for number in formats if int(number) < 64 or 96 <= int(number) < 128), "")
    if "SAVP" not in section.profile or not number:
        raise BadRequest("The audio of a call is Opus over DTLS-SRTP; this offer has none.", param="sdp")
    direction = next((line for line in section.lines if line in DIRECTIONS), "sendrecv")
    source = next((match[1] for value in section.values("ssrc") if (match := SSRC.fullmatch(value))), "")
    written = [
        f"m=audio 9 UDP/TLS/RTP/SAVPF {number}", "c=IN IP4 0.0.0.0", f"a={direction}", "a=rtcp-mux",
        f"a=rtpmap:{number} opus/48000/2", f"a=fmtp:{number} minptime=10;useinbandfec=1",
    ]  # fmt: skip
    return [*written, f"a=ssrc:{source} cname:call"] if source and int(source) < 2**32 else written


def _channel(section: _Section) -> list[str]:
    if "DTLS/SCTP" not in section.profile:
        raise _wrong("its channel for data is not SCTP over DTLS")
    port, longest = _number(section, "sctp-port", 5000, 65_535), _longest(section)
    return [
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", f"a=sctp-port:{port or 5000}",
        f"a=max-message-size:{longest}",
    ]  # fmt: skip


def _longest(section: _Section | None) -> int:
    return _number(section, "max-message-size", MOST_MESSAGE, LARGEST) if section else MOST_MESSAGE


def _transport(section: _Section, address: str) -> list[str]:
    setup = next(iter(section.values("setup")), "actpass")
    if setup not in SETUPS:
        raise _wrong("its 'a=setup' is none that there is")
    return [
        f"a=mid:{section.one('mid', TOKEN)}",
        f"a=ice-ufrag:{section.one('ice-ufrag', UFRAG)}",
        f"a=ice-pwd:{section.one('ice-pwd', PASSWORD)}",
        f"a=fingerprint:{section.one('fingerprint', FINGERPRINT)}",
        f"a=setup:{setup}",
        *_candidates(section, address),
    ]


def _candidates(section: _Section, address: str) -> list[str]:
    found: list[str] = []
    for value in section.values("candidate"):
        match = CANDIDATE.fullmatch(value)
        if match and _same(match[3], address) and 0 < int(match[4]) < 65_536 and int(match[2]) < 2**32:
            foundation, priority, host, port, kind = match.groups()
            found.append(f"a=candidate:{foundation} 1 udp {priority} {host} {port} typ {kind.lower()}")
    return found[:MOST_CANDIDATES]


def _same(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False


def _number(section: _Section, name: str, usual: int, most: int) -> int:
    found = next(iter(section.values(name)), "")
    return min(int(found), most) if re.fullmatch(r"[0-9]{1,20}", found) else usual


def _wrong(why: str) -> BadRequest:
    return BadRequest(f"This is no offer that can be answered: {why}.", param="sdp")
