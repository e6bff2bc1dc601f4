"""rules: what answers where there is no language model. A few dozen rules for small talk, sums and simple tools."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from engines.base import ChatRequest, Delta, EngineConfig, EngineSpec, Message, Stop, Tool, ToolCall, Voice, engine
from engines.schema import resolved

ABILITIES = (
    "I can tell you the time and the date, work out sums, spell a word, repeat what was said, and remember your name."
)
LABEL = "I am a rule-based stand-in, not a language model."
FALLBACKS = (
    "I heard: {text}. I only follow simple rules, so that is all I can say to it.",
    "I do not have a rule for that. Ask me what I can do.",
    "You said: {text}. A language model would know more; I am only a set of rules.",
)
ONLY_ENGLISH = (
    (r"[\u3040-\u30ff]", "すみません、英語しか分かりません。"),
    (r"[\uac00-\ud7af]", "죄송합니다. 저는 영어만 할 수 있어요."),
    (r"[\u4e00-\u9fff]", "对不起，我只懂英语。"),
    (r"[\u0900-\u097f]", "माफ़ कीजिए, मैं केवल अंग्रेज़ी समझता हूँ।"),
    (r"[\u0600-\u06ff]", "عذراً، أنا أفهم الإنجليزية فقط."),
    (r"[\u0400-\u04ff]", "Извините, я понимаю только по-английски."),
    (r"\b(hola|gracias|qué|cómo|buenos|por favor|está|dónde|quiero)\b", "Lo siento, solo entiendo inglés."),
    (r"\b(bonjour|merci|est-ce|c'est|où|quelle?|je|s'il)\b", "Désolé, je ne comprends que l'anglais."),
    (r"\b(hallo|guten|danke|bitte|ich|wie|nicht|und|wer|uhr)\b", "Entschuldigung, ich verstehe nur Englisch."),
    (r"\b(ciao|grazie|buongiorno|come stai|perché|che ore)\b", "Mi dispiace, capisco solo l'inglese."),
    (r"\b(olá|obrigad[oa]|você|não|bom dia|que horas)\b", "Desculpe, só entendo inglês."),
)
"""How to know a language, and what to say in it."""
EMPTY_WORDS = """
    a an and any are as at be by can could do for from get give given has have how i in is it its me my of on or please
    tell that the this to us want was what when where which who will with would you your"""
"""They make no two texts alike."""
MOST_TEXT = 1000
"""Characters of a message that rules look at: more than anybody says to them, and some take time by its square."""
MOST_PARTS, MOST_FILL = 200, 2000
"""Values, and characters of each, with which a schema is filled, whatever it asks for."""

Talk = tuple[Message, ...]
Rule = Callable[["re.Match[str]", Talk], str]


@engine(
    EngineSpec(
        name="rules",
        kind="llm",
        summary="A rule-based stand-in, not a language model: small talk, sums and simple tools, offline.",
        licence="Apache-2.0",
        rate=0,
        languages=("en",),
        capabilities=frozenset({"tools", "schema"}),
        memory_mb=48,
        concurrency=64,
        cancel="step",
        quality=0,
    )
)
class Rules:
    """Knows nothing beyond the messages, and the clock. Option: `now`, an ISO time that it takes the clock to show."""

    spec: EngineSpec

    @classmethod
    def missing(cls) -> str:
        return ""

    @classmethod
    def voices(cls) -> list[Voice]:
        return []

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return True

    def __init__(self, config: EngineConfig):
        self._now = str(config.options.get("now", ""))

    def complete(self, request: ChatRequest, stop: Stop) -> Iterator[Delta]:
        """Word by word; a token is a word here."""
        asked = sum(len(message.content.split()) for message in request.messages)
        if request.schema is not None:
            text = json.dumps(filled(request.schema, said(request.messages), request.schema), ensure_ascii=False)
            yield Delta(text)
            yield Delta(finish="stop", input_tokens=asked, output_tokens=len(text.split()))
            return
        if call := tool_call(request):
            yield Delta(calls=(call,), finish="tool_calls", input_tokens=asked)
            return
        now = datetime.fromisoformat(self._now) if self._now else datetime.now()
        words = re.findall(r"\s*\S+", _before(answer(request.messages, now), request.stop))
        for word in words[: request.max_tokens]:
            if stop.is_set():
                return
            yield Delta(word)
        finish = "stop" if len(words) <= request.max_tokens else "length"
        yield Delta(finish=finish, input_tokens=asked, output_tokens=min(len(words), request.max_tokens))


def said(messages: Talk) -> str:
    """What the user said last."""
    last = next((message.content for message in reversed(messages) if message.role == "user"), "")
    return last.strip()[:MOST_TEXT]


def answer(messages: Talk, now: datetime) -> str:
    """What to say next. The first rule that fits is followed."""
    last = messages[-1] if messages else Message("system")
    if last.role == "tool":
        return told(last.content)
    text = said(messages)
    if not text:
        return "Hello! What can I do for you?"
    for pattern, rule in RULES:
        if match := re.search(pattern, text, re.I):
            found = rule(match, messages)
            if found:
                return found.format_map({"time": _time(now), "date": f"{now:%A}, {now:%B} {now.day}, {now.year}"})
    if (result := sum_in(text)) is not None:
        return f"That is {result}."
    for pattern, sentence in ONLY_ENGLISH:
        if re.search(pattern, text, re.I):
            return sentence
    turn = sum(message.role == "user" for message in messages)
    return FALLBACKS[(turn - 1) % len(FALLBACKS)].replace("{text}", text.rstrip(" .!?"))


def told(output: str) -> str:
    """A tool's answer as a sentence."""
    try:
        value = json.loads(output)
    except ValueError:
        return f"Here is the answer: {output.strip().rstrip('.')}." if output.strip() else "That is done."
    if isinstance(value, dict):
        parts = [f"{name.replace('_', ' ')} is {part}" for name, part in value.items() if not isinstance(part, dict)]
        return f"Here is the answer: {', '.join(parts)}." if parts else "That is done."
    return "That is done." if value in (None, True, "") else f"Here is the answer: {value}."


# What rules answer; `{time}` and `{date}` are put in afterwards, so what was said must not bring braces along.


def _plain(text: str) -> str:
    return re.sub(r"[{}]", "", text)


def _always(text: str) -> Rule:
    return lambda match, talk: text


def _with_name(text: str) -> Rule:
    def rule(match: re.Match[str], talk: Talk) -> str:
        name = name_in(talk)
        return text.replace("@", f", {name}" if name else "")

    return rule


def name_in(messages: Talk) -> str:
    """The name that the user has given, the last if there were several."""
    found = ""
    for message in messages:
        if message.role == "user" and (match := re.search(NAME, message.content[:MOST_TEXT], re.I)):
            found = _plain(match[1]).capitalize()
    return found


def _known_name(match: re.Match[str], talk: Talk) -> str:
    name = name_in(talk)
    return f"Your name is {name}." if name else "You have not told me your name yet."


def _said_before(role: str) -> Rule:
    def rule(match: re.Match[str], talk: Talk) -> str:
        before = [message.content for message in talk[:-1] if message.role == role and message.content]
        if not before:
            return "Nothing has been said before."
        return _plain(before[-1]) if role == "assistant" else f"You said: {_plain(before[-1]).rstrip(' .')}."

    return rule


def _late(match: re.Match[str], talk: Talk) -> str:
    return _plain(told(match[1]))


def _spelled(match: re.Match[str], talk: Talk) -> str:
    word = re.sub(r"[^\w]", "", match[1])
    return f"{_plain(match[1])}: {', '.join(word.upper())}."


def _repeated(match: re.Match[str], talk: Talk) -> str:
    return _plain(match[1]).strip(" \"'")


def _time(now: datetime) -> str:
    return f"{now.hour % 12 or 12}:{now:%M} {'AM' if now.hour < 12 else 'PM'}"


NAME = r"\b(?:my name is|my name's|call me|i am called)\s+([^\W\d_][\w'-]*)"
_ASKED = r"\b(?:what(?:'s| is| are)?|who(?:'s| is)?|tell me|do you (?:know|remember)|say)\b"
RULES: tuple[tuple[str, Rule], ...] = (
    (r"^\[.*silence.*\]$", _with_name("Are you still there@?")),
    (r"^\[[\w -]{1,80} answered: ([\s\S]*)\]$", _late),
    (r"\b(?:repeat|say) after me[,:]?\s+(.+)", _repeated),
    (r"\b(?:spell)\s+(?:the word\s+|out\s+)?[\"']?([\w'-]+)", _spelled),
    (NAME, _with_name("Nice to meet you@.")),
    (rf"{_ASKED}.*\bmy name\b", _known_name),
    (r"\bwhat did i (?:just )?say\b", _said_before("user")),
    (r"\b(?:say (?:that|it) again|repeat (?:that|it|yourself|please)|pardon|what did you say)\b|^repeat\W*$",
     _said_before("assistant")),
    (r"\bwhat (?:can|do) you do\b|\bhow can you help\b|\bwhat are you able\b|^help\W*$",
     _always(f"{LABEL} {ABILITIES}")),
    (r"\b(?:who|what) are you\b|\bare you (?:an?|real|human)\b|\byour name\b", _always(f"{LABEL} {ABILITIES}")),
    (r"\bwhat(?:'s| is)? (?:the )?time\b|\btime is it\b|\btell me the time\b|\bthe time\b", _always("It is {time}.")),
    (r"\b(?:what|which|tell).*\b(?:date|day)\b|\btoday's date\b", _always("Today is {date}.")),
    (r"\bhow are you\b|\bhow's it going\b", _with_name("I am well, thank you@. How are you?")),
    (r"\b(?:goodbye|good bye|bye|see you|farewell|good night)\b", _with_name("Goodbye@!")),
    (r"\b(?:thanks|thank you)\b", _with_name("You are welcome@.")),
    (r"^\W*(?:hello|hi|hey|good (?:morning|afternoon|evening))\b(?!.*\d)",
     _with_name("Hello@! What can I do for you?")),
    (r"^\W*(?:yes|yeah|ok|okay|sure|no|nope|right)\W*$", _always("All right. What else can I do for you?")),
)  # fmt: skip
"""What the user may say, and the answer to it, in order of precedence."""


# Sums

COUNTED = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen"""
TENS = """twenty thirty forty fifty sixty seventy eighty ninety"""
VALUES = {word: value for value, word in enumerate(COUNTED.split())}
VALUES |= {word: 10 * value for value, word in enumerate(TENS.split(), 2)}
SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
OPERATIONS = (
    (r"percent of|% of", "%"), (r"plus|and add|added to", "+"), (r"minus|less", "-"),
    (r"times|multiplied by|x|×", "*"), (r"divided by|over|÷", "/"),
)  # fmt: skip
_NUMBER = r"-?\d{1,15}(?:\.\d{1,9})?"


def in_digits(text: str) -> str:
    """The text in lower case, with its number words as digits: `twenty-one` is 21."""
    written: list[str] = []
    total = part = 0
    open_number = False
    words = [*re.findall(r"[a-z]+|\d+(?:\.\d+)?|[^\sa-z\d]", text.lower().replace(",", "")), ""]
    for word, after in pairwise([*words, ""]):
        if word in VALUES:
            part, open_number = part + VALUES[word], True
        elif word in SCALES and open_number:
            part = (part or 1) * SCALES[word]
            total, part = (total, part) if word == "hundred" else (total + part, 0)
        elif not (word in ("-", "and") and open_number and after in VALUES):
            written += [str(total + part)] * open_number + [word]
            total, part, open_number = 0, 0, False
    return " ".join(written).strip()


def sum_in(text: str) -> str | None:
    """The result of the sum in a text, as it is said; None where there is no sum."""
    text = in_digits(text)
    text = re.sub(r"(?<!\d )(?:\bminus|-) (?=\d)", "-", text)
    for words, sign in OPERATIONS:
        text = re.sub(rf"(?<=\d)\s*(?:{words})\s*(?=-?\s?\d)", f" {sign} ", text)
    found = re.search(rf"{_NUMBER}(?:\s*[-+*/%]\s*{_NUMBER}){{1,15}}", text)
    if not found:
        return None
    first, *rest = re.findall(rf"{_NUMBER}|[-+*/%]", re.sub(r"(?<=[\d])\s*-\s*(?=\d)", " - ", found[0]))
    return _result(float(first), [(rest[n], float(rest[n + 1])) for n in range(0, len(rest) - 1, 2)])


def _result(first: float, steps: list[tuple[str, float]]) -> str:
    """Multiplication and division before the others."""
    terms = [first]
    for sign, number in steps:
        if sign == "/" and not number:
            return "not defined, since nothing can be divided by zero"
        if sign in "*/%":
            terms[-1] *= {"*": number, "/": 1 / (number or 1), "%": number / 100}[sign]
        else:
            terms.append(number if sign == "+" else -number)
    total = round(sum(terms), 4)
    if abs(total) >= 1e15:
        return "more than I can count"
    return f"{total:.0f}" if total == int(total) else f"{total:.4f}".rstrip("0")


# Tools and schemas


def tool_call(request: ChatRequest) -> ToolCall | None:
    """The tool that the last message clearly asks for, or the one that must be called."""
    if not request.tools or not request.messages or request.tool_choice == "none":
        return None
    text, must = said(request.messages), request.tool_choice != "auto"
    if not must and request.messages[-1].role != "user":
        return None
    named = [tool for tool in request.tools if tool.name == request.tool_choice] or list(request.tools)
    tool = max(named, key=lambda tool: likeness(tool, text))
    arguments = arguments_in(tool, text)
    lacking = any(name not in arguments for name in tool.parameters.get("required", ()))
    if not must and (likeness(tool, text) < 2 or lacking):
        return None
    if lacking:
        arguments = filled(tool.parameters, text, tool.parameters)
    number = sum(len(message.calls) for message in request.messages)
    return ToolCall(f"call_{number}", tool.name, json.dumps(arguments, ensure_ascii=False))


def likeness(tool: Tool, text: str) -> int:
    """How many words of a tool's name, which count twice, and of its description are in the text."""
    words = _stems(text)
    name = _stems(re.sub(r"([a-z])([A-Z])", r"\1 \2", tool.name).replace("_", " "))
    return 2 * len(words & name) + len(words & _stems(tool.description) - name)


def _stems(text: str) -> set[str]:
    return {
        word[:5] for word in re.findall(r"[^\W\d_]+", text.lower()) if word not in EMPTY_WORDS.split() and len(word) > 2
    }


def arguments_in(tool: Tool, text: str) -> dict[str, Any]:
    """The parameters of a tool that the text gives a value for. A number is used once."""
    found: dict[str, Any] = {}
    numbers = re.findall(_NUMBER, in_digits(text))
    for name, raw in tool.parameters.get("properties", {}).items():
        schema = resolved(raw, tool.parameters)
        kind = schema.get("type")
        if "enum" in schema:
            chosen = [one for one in schema["enum"] if re.search(rf"\b{re.escape(str(one))}\b", text, re.I)]
            found |= {name: chosen[0]} if chosen else {}
        elif kind in ("integer", "number") and numbers:
            number = float(numbers.pop(0))
            found[name] = int(number) if kind == "integer" else number
        elif kind == "string" and (
            place := re.search(r"\b(?:in|for|to|at|about|called|named|of|with)\s+(?:the\s+)?([^?.!,;]+)", text, re.I)
        ):
            found[name] = re.sub(r"\s+(?:please|now|today|right)\b.*", "", place[1], flags=re.I).strip()
    return found


def filled(schema: Any, text: str, root: dict[str, Any], deep: int = 12, room: Iterator[int] | None = None) -> Any:
    """The least value that satisfies a schema, with words and numbers of the text where they fit; less than that of a
    schema that asks for more than `MOST_PARTS`."""
    schema, room = resolved(schema, root), iter(range(MOST_PARTS)) if room is None else room
    if next(room, None) is None:
        return None
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    if "enum" in schema:
        said = [one for one in schema["enum"] if re.search(rf"\b{re.escape(str(one))}\b", text, re.I)]
        return (said or schema["enum"])[0]
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return filled(choices[0], text, root, deep - 1, room) if deep else None
    kind = schema.get("type", "object" if "properties" in schema else "null")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        parts, names = schema.get("properties", {}), schema.get("required", ())
        return {name: filled(parts.get(name, {}), text, root, deep - 1, room) for name in names if deep}
    if kind == "array":
        count = min(schema.get("minItems", 0), MOST_PARTS)
        return [filled(schema.get("items", {}), text, root, deep - 1, room) for _ in range(count) if deep]
    return _simple(kind, schema, text)


def _simple(kind: str, schema: dict[str, Any], text: str) -> Any:
    if kind == "string":
        least = min(schema.get("minLength", 0), MOST_FILL)
        return text.ljust(least, ".")[: schema.get("maxLength")]
    if kind in ("integer", "number"):
        number = next((float(one) for one in re.findall(_NUMBER, in_digits(text))), 0.0)
        number = min(max(number, schema.get("minimum", number)), schema.get("maximum", math.inf))
        return int(number) if kind == "integer" else number
    return bool(re.search(r"\b(?:yes|true|yeah|sure)\b", text, re.I)) if kind == "boolean" else None


def _before(text: str, stops: tuple[str, ...]) -> str:
    """The text up to the first of the marks that end it."""
    return text[: min((at for mark in stops if mark and (at := text.find(mark)) >= 0), default=len(text))]
