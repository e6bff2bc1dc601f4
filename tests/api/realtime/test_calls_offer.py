"""What is left of a stranger's offer, and which are refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from api._realtime.calls_offer import MOST_BYTES, offer
from core.errors import BadRequest, TooLarge

PRINT = ":".join(["AB"] * 32)
HEAD = ["v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
        "a=extmap-allow-mixed", "a=msid-semantic: WMS stream"]  # fmt: skip
ROAD = ["a=ice-ufrag:EsAw", "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1", "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {PRINT}", "a=setup:actpass"]  # fmt: skip
AUDIO = ["m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0", *ROAD, "a=mid:0",
         "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "a=sendrecv", "a=rtcp-mux",
         "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1", "a=rtpmap:63 red/48000/2",
         "a=rtpmap:0 PCMU/8000", "a=ssrc:3735928559 cname:stranger", "a=ssrc:3735928559 msid:a b"]  # fmt: skip
EVENTS = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", *ROAD, "a=mid:1", "a=sctp-port:5000",
          "a=max-message-size:262144"]  # fmt: skip
VIDEO = ["m=video 9 UDP/TLS/RTP/SAVPF 96", *ROAD, "a=mid:2", "a=rtcp-mux", "a=rtpmap:96 VP8/90000"]
BROWSER = [*HEAD, *AUDIO, *EVENTS]


def told(lines: list[str], end: str = "\r\n") -> str:
    return end.join(lines) + end


def without(lines: list[str], beginning: str) -> list[str]:
    return [line for line in lines if not line.startswith(beginning)]


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_an_offer_of_a_browser(end):
    found = offer(told(BROWSER, end), "192.0.2.7")
    assert (found.events, found.longest) == (True, 262144)
    lines = found.sdp.split("\r\n")
    assert [line for line in lines if line.startswith("m=")] == [
        "m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    ]  # fmt: skip
    assert {"a=group:BUNDLE 0 1", "a=mid:0", "a=mid:1", "a=ice-ufrag:EsAw", "a=sendrecv", "a=sctp-port:5000"} <= set(
        lines
    )
    assert "a=ssrc:3735928559 cname:call" in lines
    assert not any(word in found.sdp for word in ("stranger", "PCMU", "extmap", "4611731400430051336"))


def test_only_the_caller_s_own_address_is_one_to_call():
    written = [
        "a=candidate:1 1 udp 2122260223 10.0.0.1 51000 typ host",
        "a=candidate:2 1 UDP 1686052607 192.0.2.7 51001 typ srflx raddr 10.0.0.1 rport 51000",
        "a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active",
        "a=candidate:4 1 udp 2122260223 5d1f.local 51002 typ host",
        "a=candidate:5 1 udp 2122260223 192.0.2.7 70000 typ host",
        "a=candidate:6 2 udp 2122260223 192.0.2.7 51003 typ host",
        "a=candidate:broken",
    ]
    found = offer(told([*HEAD, *AUDIO, *written, *EVENTS, *written, "a=end-of-candidates"]), "192.0.2.7")
    kept = [line for line in found.sdp.split("\r\n") if "candidate" in line]
    assert kept == ["a=candidate:2 1 udp 1686052607 192.0.2.7 51001 typ srflx"] * 2
    many = [f"a=candidate:{number} 1 udp 1 192.0.2.7 {5000 + number} typ host" for number in range(1000)]
    assert offer(told([*HEAD, *AUDIO, *many]), "192.0.2.7").sdp.count("candidate") == 8


def test_what_holds_for_all_sections_may_stand_before_them():
    rest = [line for line in BROWSER if line not in ROAD]
    at = rest.index(AUDIO[0])
    assert offer(told([*rest[:at], *ROAD, *rest[at:]]), "").sdp == offer(told(BROWSER), "").sdp


def test_sound_alone_is_a_call():
    found = offer(told([*HEAD, *AUDIO]), "")
    assert not found.events
    assert "a=group:BUNDLE 0" in found.sdp.split("\r\n")
    assert "BUNDLE" not in offer(told(without([*HEAD, *AUDIO], "a=group")), "").sdp


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "begins with"),
        (["hello"], "begins with"),
        (HEAD, "nothing"),
        ([*HEAD, *EVENTS], "application"),
        ([*HEAD, *VIDEO], "video"),
        ([*HEAD, *AUDIO, *VIDEO], "video"),
        ([*HEAD, *AUDIO, *AUDIO], "audio, audio"),
        ([*HEAD, *AUDIO, *EVENTS, *EVENTS], "application, application"),
        ([*BROWSER, *["a=x"] * 3000], "too many lines"),
        ([*HEAD, "m=nonsense", *AUDIO], "no medium"),
        (without(BROWSER, "a=mid"), "a=mid"),
        ([*HEAD, *AUDIO, *[line.replace("a=mid:1", "a=mid:0") for line in EVENTS]], "same 'a=mid'"),
        (without(BROWSER, "a=ice-pwd"), "a=ice-pwd"),
        (without(BROWSER, "a=ice-ufrag"), "a=ice-ufrag"),
        (without(BROWSER, "a=fingerprint"), "a=fingerprint"),
        ([line.replace("sha-256", "md5") for line in BROWSER], "a=fingerprint"),
        ([line.replace("actpass", "holdconn") for line in BROWSER], "a=setup"),
        (without(BROWSER, "a=rtpmap:111"), "Opus"),
        ([line.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP") for line in BROWSER], "DTLS-SRTP"),
        ([line.replace("UDP/DTLS/SCTP", "TCP/MSRP") for line in BROWSER], "SCTP over DTLS"),
    ],
)
def test_what_is_no_offer_is_refused(lines, says):
    with pytest.raises(BadRequest, match=re.escape(says)):
        offer(told(lines), "192.0.2.7")


def test_a_huge_one_is_refused():
    with pytest.raises(TooLarge):
        offer(told([*BROWSER, "a=x:" + "x" * MOST_BYTES]), "")


@given(some.lists(some.sampled_from([*BROWSER, *VIDEO, "a=", "m=", "", "m=audio 9 X 1"]) | some.text(max_size=40)))
def test_any_other_text_is_refused_or_understood(lines):
    try:
        found = offer(told(["v=0", *lines]), "192.0.2.7")
    except BadRequest:
        return
    assert found.sdp.count("m=audio") == 1


def test_an_empty_attribute_is_none():
    assert offer(told([HEAD[0], "a=", *HEAD[1:], *AUDIO, "a="]), "").sdp == offer(told([*HEAD, *AUDIO]), "").sdp


@given(some.data())
def test_an_offer_in_which_something_is_otherwise(data):
    lines = list(BROWSER)
    for _ in range(data.draw(some.integers(1, 4))):
        at = data.draw(some.integers(1, len(lines) - 1))
        lines[at] = data.draw(some.text(max_size=60) | some.sampled_from(BROWSER) | some.just(f"{lines[at]}0\x00"))
    try:
        found = offer(told(lines), "192.0.2.7")
    except BadRequest:
        return
    assert all(re.match(r"[vostmac]=\S", line) for line in found.sdp.split("\r\n")[:-1])
