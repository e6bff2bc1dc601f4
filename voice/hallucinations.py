"""What a speech recogniser writes of its own accord: text for silence, loops, credits of subtitles it learned from.

Drops what nobody says to a machine that listens, and what people do say only where the engine itself is in doubt.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from engines.base import Segment

NO_SPEECH, UNLIKELY = 0.6, -1.0
"""A guess, in what is probably no speech. These and the next are the rules of Whisper's decoding (openai/whisper)."""
TOO_REPETITIVE = 2.4
"""Compression ratio of a text that goes round in circles."""
DOUBT_NO_SPEECH, DOUBT_LOGPROB = 0.3, -0.6
"""From here on the engine is in doubt."""
FASTEST = 45.0
"""Letters in a second of audio; fast speakers reach about 25."""
LONGEST_PHRASE = 24
"""Tokens of a phrase that is looked for again right behind itself."""


@dataclass(frozen=True)
class _Most:
    """How often in a row people say something."""

    word: int
    phrase: int
    sentence: int
    """From four words on."""


_SURE, _DOUBTFUL = _Most(12, 5, 3), _Most(6, 3, 2)

_DENSE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_DENSE}]|[^\s{_DENSE}]+")
_ASIDE = re.compile(r"\[[^\]]*\]|\([^)]*\)|（[^）]*）|【[^】]*】|\*[^*]*\*|[♪♫♬♩]+")

_CREDITS = re.compile(
    r"""
    amara\.org | opensubtitles | dimatorzok | نانسي\s+قنقر | 索[兰蘭]娅 | 点点栏目 | 點點欄目 | altyazı\s+m\.\s*k
    | редактор\s+субтитров | субтитры\s+(сделал|создавал|делал|подогнал|предоставил) | mbc\s*뉴스\s+\S+입니다
    | ^\W*(
        (sub)?titles?\s+by\b | captions?\s+(by|provided)\b | captioning\s+(by|provided)\b
        | untertitel(ung)?\s+(von|der|des|im\s+auftrag)\b | sous-titr(age|es|é)\s+(par|réalisés?|st|société|fr)\b
        | subtítulos\s+(por|realizados|creados)\b | sottotitoli\s+(e\s+revisione|creati|a\s+cura)\b
        | legendas\s+(pela|por)\b | ondertitel(s|ing)\s+(ingediend|door)\b | napisy\s+(stworzone|wykonał)
        | undertexter\s+(av|från)\b | (tekst|teksting)\s+av\b | 字幕\s*(by|由|[志誌][愿願]者|製作|制作|組|组|提供)
        | 请不吝点赞 | 請不吝點贊 | 한글\s*자막 | 자막\s*제공
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Nobody says these to a machine that listens."""

_OUTROS = """
thanks for watching|thank you for watching|thank you so much for watching|thanks for listening|see you next time|
see you in the next video|I'll see you in the next video|please subscribe|like and subscribe|to be continued|the end|
please subscribe to my channel|don't forget to like and subscribe|vielen Dank fürs Zuschauen|danke fürs Zuschauen|
vielen Dank für die Aufmerksamkeit|bis zum nächsten Mal|merci d'avoir regardé|merci d'avoir regardé cette vidéo|
abonnez-vous|à la prochaine|gracias por ver|gracias por ver el video|gracias por ver el vídeo|suscríbete|
suscríbete al canal|obrigado por assistir|inscreva-se no canal|grazie per aver guardato il video|
grazie per la visione|bedankt voor het kijken|dziękuję za uwagę|dziękuję za oglądanie|dzięki za oglądanie|
спасибо за просмотр|спасибо за внимание|продолжение следует|подписывайтесь на канал|дякую за перегляд|
děkuji za pozornost|tack för att ni tittade|tack för att du tittade|takk for at du så på|kiitos kun katsoit|
izlediğiniz için teşekkürler|izlediğiniz için teşekkür ederim|abone olmayı unutmayın|terima kasih telah menonton|
cảm ơn các bạn đã theo dõi|شكرا للمشاهدة|اشتركوا في القناة|देखने के लिए धन्यवाद|ご視聴ありがとうございました|
ご視聴ありがとうございます|チャンネル登録をお願いします|谢谢观看|謝謝觀看|感谢观看|感謝觀看|谢谢收看|
시청해주셔서 감사합니다|시청해 주셔서 감사합니다|구독과 좋아요 부탁드립니다
"""
"""The ends of videos: dropped where the engine is in doubt and nothing else was said."""

_COURTESIES = """
thank you|thank you very much|thank you so much|thanks|bye|bye bye|you|vielen Dank|danke|tschüss|merci|gracias|
muchas gracias|obrigado|grazie|grazie a tutti|bedankt|dziękuję|спасибо|дякую|děkuji|tack|takk|kiitos|teşekkürler|
terima kasih|شكرا|धन्यवाद|ありがとうございました|おやすみなさい|谢谢|謝謝|谢谢大家|감사합니다
"""
"""People say these all the time: dropped only where there was most likely no speech at all."""


def bare(text: str) -> str:
    """A text without case and punctuation. Marks that belong to a letter stay, as in Hindi or Thai."""
    text = text.replace("İ", "i")  # whose lower case would be two characters
    kept = (c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " if c.isspace() else "" for c in text)
    return " ".join("".join(kept).casefold().split())


_OUTRO = frozenset(bare(phrase) for phrase in _OUTROS.split("|"))
_COURTESY = frozenset(bare(phrase) for phrase in _COURTESIES.split("|"))


def heard(segments: Iterable[Segment], seconds: float) -> list[Segment]:
    """What was said of what was written. `seconds`: of the audio that all of it was heard in."""
    kept = [real for segment in segments if (real := _said(segment))]
    letters = sum(len(bare(segment.text)) for segment in kept)
    return kept if letters <= FASTEST * max(seconds, 0.5) else []


def _said(segment: Segment) -> Segment | None:
    text = bare(_ASIDE.sub(" ", segment.text))
    unlikely = segment.no_speech > NO_SPEECH and segment.logprob < UNLIKELY
    if not text or unlikely or segment.compression_ratio > TOO_REPETITIVE or _CREDITS.search(segment.text):
        return None
    if text in _COURTESY and (segment.no_speech > NO_SPEECH or segment.logprob < UNLIKELY):
        return None
    doubtful = segment.no_speech > DOUBT_NO_SPEECH or segment.logprob < DOUBT_LOGPROB
    if text in _OUTRO and doubtful:
        return None
    return _unlooped(segment, _DOUBTFUL if doubtful else _SURE)


def _unlooped(segment: Segment, most: _Most) -> Segment | None:
    """Up to where a loop begins, for nothing behind that can be believed; None where all of it is the loop."""
    tokens = [token for token in _TOKEN.finditer(segment.text) if bare(token[0])]
    begin = _loop([bare(token[0]) for token in tokens], most)
    if begin is None:
        return segment
    if begin == 0:
        return None
    words, used = [], 0
    for word in segment.words:
        used += sum(1 for token in _TOKEN.findall(word.text) if bare(token))
        if used > begin:
            break
        words.append(word)
    text = segment.text[: tokens[begin].start()].rstrip()
    return replace(segment, text=text, words=tuple(words), end=words[-1].end if words else segment.end)


def _loop(tokens: list[str], most: _Most) -> int | None:
    """The first token of what comes again and again, more often than people say it."""
    # Where words are not spaced a token is a character, and a word about two of them.
    word, phrase = (3, 7) if sum(map(len, tokens)) < 1.5 * len(tokens) else (1, 3)
    starts = []
    for length in range(1, LONGEST_PHRASE + 1):
        allowed = most.word if length <= word else most.phrase if length <= phrase else most.sentence
        first = _repeated(tokens, length, allowed + 1)
        if first is not None:
            starts.append(first)
    return min(starts, default=None)


def _repeated(tokens: list[str], length: int, times: int) -> int | None:
    """Where a phrase of so many tokens begins that comes so many times in a row; one token over and over is none."""
    if len(tokens) < length * times:
        return None
    run = 0
    for n in range(length, len(tokens)):
        run = run + 1 if tokens[n] == tokens[n - length] else 0
        first = n - run - length + 1
        if run >= length * (times - 1) and (length == 1 or len(set(tokens[first : first + length])) > 1):
            return first
    return None
