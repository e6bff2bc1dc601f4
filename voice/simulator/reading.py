"""A scenario's YAML to a Scenario. Whatever is wrong with it is told in a sentence that names the line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from core.errors import BadRequest, EngineError
from engines import agent as act
from engines.base import Tool, ToolCall
from voice.simulator.fields import Fields, Located
from voice.simulator.log import names
from voice.simulator.parts import Delays, Hang
from voice.simulator.scenario import Act, Burst, Echo, Expectation, Line, Scenario, Step
from voice.talk.settings import TalkSettings
from voice.talk.turns import TurnRules

MOST_BYTES = 200_000
MOST_SECONDS = 3600.0
GARBAGE = "\x07\x00**```\u202e [](((\ufffd <|im_start|> 🦜🦜🦜 \u200b\u200b{{{{ ]]>"
"""What a model writes that has lost its mind."""

_SAYS = ("say", "interrupt", "backchannel", "hold")
_TEXTS = (*_SAYS, "type", "tool")
_BARE = ("clear", "cancel", "hang_up")


class _Loader(yaml.SafeLoader):
    """Safe, keeps the line of each mapping, and takes neither aliases nor a key twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not taken", problem_mark=self.peek_event().start_mark)
        return super().compose_node(parent, index)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Located:
    found = Located(node.start_mark.line + 1)
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str) or key in found:
            problem = "a name stands twice" if isinstance(key, str) else "a name is no text"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def load(path: Path) -> Scenario:
    """Raises BadRequest for a file that is not there, is no text or no scenario."""
    try:
        text = path.read_bytes()[: MOST_BYTES + 1].decode()
    except OSError as error:
        raise BadRequest(f"{path.name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadRequest(f"{path.name} is not text in UTF-8.") from None
    return read(text, path.stem)


def read(text: str, name: str) -> Scenario:
    """Raises BadRequest."""
    if len(text.encode()) > MOST_BYTES:
        raise BadRequest(f"{name} has more than {MOST_BYTES} bytes.")
    try:
        found = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise BadRequest(f"{name}{_where(error)}: this is no YAML: {_problem(error)}.") from None
    except (RecursionError, ValueError) as error:
        raise BadRequest(f"{name}: this is no YAML: {type(error).__name__}.") from None
    if not isinstance(found, Located):
        raise BadRequest(f"{name} is no scenario: it has no `caller`.")
    return _scenario(Fields(found, name), name)


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    return getattr(error, "problem", None) or getattr(error, "reason", None) or "it ends too early"


def _scenario(fields: Fields, name: str) -> Scenario:
    scenario = Scenario(
        name=name,
        about=fields.text("about"),
        settings=_settings(fields.part("talk")),
        delays=_delays(fields.part("delays")),
        line=_line(fields.part("line")),
        answers=tuple(_answer(each) for each in fields.parts("answers", bare="say")),
        idle=fields.text("idle"),
        dies=fields.text("voice_dies_in"),
        mute=fields.text("voice_fails_in"),
        stays=fields.number("stays", 0.0, 0, MOST_SECONDS),
        patience=fields.number("patience", 30.0, 0.1, MOST_SECONDS),
        caller=tuple(_act(each) for each in fields.parts("caller", bare="does")),
        expect=tuple(_expectation(each) for each in fields.parts("expect")),
    )
    fields.done()
    if not scenario.caller:
        raise BadRequest(f"{name} is no scenario: its `caller` does nothing.")
    return scenario


def _settings(fields: Fields) -> TalkSettings:
    own, rules = TalkSettings(), TurnRules()
    times = {
        name: fields.number(name, getattr(rules, name), 0, MOST_SECONDS)
        for name in ("start", "stop", "min_delay", "max_delay", "idle", "longest")
    }
    with fields.told():
        rules = TurnRules(**times, mode=fields.text("mode", rules.mode))
    settings = replace(
        own,
        rules=rules,
        greeting=fields.text("greeting"),
        language=fields.text("language"),
        voice=fields.text("voice"),
        tools=tuple(Tool(name) for name in fields.texts("tools")),
        draft=fields.flag("draft", own.draft),
        interruptible=fields.flag("interruptible", own.interruptible),
        speak=fields.flag("speak", own.speak),
        respond=fields.flag("respond", own.respond),
        lead=fields.number("lead", own.lead, 0.02, 5),
        think_timeout=fields.number("think_timeout", own.think_timeout, 0.1, 600),
    )
    fields.done()
    return settings


def _delays(fields: Fields) -> Delays:
    own = Delays()
    found = {name: fields.number(name, getattr(own, name), 0, 600) for name in vars(own)}
    fields.done()
    return Delays(**found)


def _line(fields: Fields) -> Line:
    own, noise, echo = Line(), fields.maybe("noise"), fields.maybe("echo")
    line = Line(
        delay=fields.number("delay", own.delay, 0, 5),
        noise=None if noise is None else fields.number("noise", 0, -120, 0),
        echo=None if echo is None else _echo(fields.part("echo")),
        lost=fields.number("lost", own.lost, 0, 1),
        jitter=fields.number("jitter", own.jitter, 0, 5),
        bursts=tuple(_burst(each) for each in fields.parts("bursts")),
        rate=int(fields.number("rate", own.rate, 1000, 192_000)),
        buffer=fields.number("buffer", own.buffer, 0, 5),
        reports=fields.flag("reports", own.reports),
    )
    fields.done()
    return line


def _echo(fields: Fields) -> Echo:
    echo = Echo(fields.number("delay", 0.1, 0, 2), fields.number("loss", 12, 0, 120))
    fields.done()
    return echo


def _burst(fields: Fields) -> Burst:
    burst = Burst(fields.number("at", None, 0, MOST_SECONDS), fields.number("seconds", None, 0, 60))
    fields.done()
    return burst


def _answer(fields: Fields) -> tuple[Step, ...]:
    steps: list[Step] = []
    if said := fields.text("say"):
        steps.append(act.Say(said))
    if fields.flag("garbage", False):
        steps.append(act.Say(GARBAGE))
    if message := fields.text("fail"):
        steps.append(EngineError(message))
    if fields.flag("hang", False):
        steps.append(Hang())
    if tool := fields.text("call"):
        steps.append(act.Call(ToolCall(f"call_{fields.line}", tool, fields.text("arguments", "{}"))))
    if to := fields.text("transfer"):
        steps.append(act.Transfer(to))
    if reason := fields.text("end"):
        steps.append(act.End(reason))
    fields.done()
    return tuple(steps)


def _act(fields: Fields) -> Act:
    if bare := fields.text("does"):  # Written as a word alone.
        if bare not in _BARE:
            raise fields.wrong(f"`{bare}` needs something behind it, or is nothing that a caller does")
        return Act(bare)
    does = fields.only((*_TEXTS, "wait", "drop", *_BARE))
    if does == "wait":
        found = _wait(fields)
    elif does == "drop":
        found = Act(does, seconds=fields.number(does, None, 0, MOST_SECONDS))
    elif does in _BARE:
        fields.flag(does, True)
        found = Act(does, after=fields.number("after", 0, 0, MOST_SECONDS))
    else:
        found = _said(does, fields)
    fields.done()
    return found


def _said(does: str, fields: Fields) -> Act:
    found = Act(does, fields.text(does))
    if does in _SAYS:
        found = replace(
            found,
            seconds=fields.number("seconds", 0, 0, MOST_SECONDS),
            loudness=fields.number("loudness", found.loudness, 0, 1),
        )
    if does in ("interrupt", "backchannel"):
        found = replace(found, after=fields.number("after", 0, 0, MOST_SECONDS))
    return found


def _wait(fields: Fields) -> Act:
    if not isinstance(fields.maybe("wait"), str):
        return Act("wait", seconds=fields.number("wait", None, 0, MOST_SECONDS))
    event = fields.text("wait")
    if event != "answer" and event not in names():
        raise fields.wrong(f"there is no event `{event}` to wait for")
    return Act("wait", event)


def _expectation(fields: Fields) -> Expectation:
    found = Expectation(
        event=fields.text("event"),
        after=fields.text("after"),
        within_ms=None if fields.maybe("within_ms") is None else fields.number("within_ms", None, 0, 1e7),
        absent=fields.flag("absent", False),
        count=None if fields.maybe("count") is None else int(fields.number("count", None, 0, 1e6)),
        order=tuple(fields.texts("order")),
        said=tuple(_item(each) for each in fields.parts("said")),
        real=fields.flag("real", True),
        line=fields.line,
    )
    if sum(map(bool, (found.event, found.order, found.said))) != 1:
        raise fields.wrong("an expectation has one of `event`, `order` and `said`")
    for name in filter(None, (found.event, found.after, *found.order)):
        if name not in names():
            raise fields.wrong(f"there is no event `{name}`")
    return replace(found, fields=fields.rest() if found.event else fields.done() or {})


def _item(fields: Fields) -> tuple[str, str]:
    role: Any = fields.only(("user", "assistant", "system", "tool"))
    found = role, fields.text(role)
    fields.done()
    return found
