"""ctranslate2-llm: small language models of the Qwen2.5 kind on CTranslate2, on any CPU, token by token."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from engines.base import ChatRequest, Delta, EngineConfig, EngineSpec, Message, Stop, Tool, ToolCall, Voice, engine
from engines.schema import fault, satisfied

MODELS = ("qwen2.5-1.5b-instruct-int8", "qwen2.5-0.5b-instruct-int8")
CONTEXT = 4096
"""Tokens that are read at most, because a CPU reads some hundred in a second."""
ATTEMPTS = 3
"""How often an answer that must satisfy a schema is asked for."""
TOP_K, TOP_P, REPETITION = 20, 0.8, 1.05
"""As the makers of Qwen2.5 advise, generation_config.json."""
ENDS = ("<|im_end|>", "<|endoftext|>", "</s>", "<|eot_id|>", "<end_of_turn>")
CALL, CALL_END = "<tool_call>", "</tool_call>"
TOOLS = (
    "# Tools\n\nYou may call one or more of these functions, whose signatures are within <tools></tools> tags:\n"
    "<tools>\n{tools}\n</tools>\n\nFor each call write a JSON object with name and arguments within tool_call tags:\n"
    '<tool_call>\n{{"name": "...", "arguments": {{...}}}}\n</tool_call>'
)
SCHEMA = "Answer with one JSON value and nothing else. It satisfies this JSON schema: {schema}"


@engine(
    EngineSpec(
        name="ctranslate2-llm",
        kind="llm",
        summary="A small language model on this machine, quick to answer, of modest knowledge.",
        licence="MIT, the weights Apache-2.0",
        rate=0,
        capabilities=frozenset({"tools", "schema"}),
        models=MODELS,
        memory_mb=900,
        concurrency=1,
        cancel="step",
        quality=50,
    )
)
class CTranslate2:
    """One network, one answer at a time. Options: `compute_type`, and `context`, the most tokens that are read."""

    spec: EngineSpec

    @classmethod
    def missing(cls) -> str:
        lacking = [name for name in ("ctranslate2", "tokenizers") if importlib.util.find_spec(name) is None]
        return (
            f"{' and '.join(lacking)} not installed here; `pip install {' '.join(lacking)}` helps." if lacking else ""
        )

    @classmethod
    def voices(cls) -> list[Voice]:
        return []

    @classmethod
    def downloaded(cls, config: EngineConfig) -> bool:
        return _weights(config) is not None

    def __init__(self, config: EngineConfig):
        """Raises FileNotFoundError where the weights are not here."""
        import ctranslate2
        import tokenizers

        folder = _weights(config)
        if folder is None:
            raise FileNotFoundError(f"The weights of {config.model or self.spec.name} are not downloaded.")
        device, _, index = config.device.partition(":")
        self._generator = ctranslate2.Generator(
            str(folder),
            device=device,
            device_index=int(index or 0),
            compute_type=config.options.get("compute_type") or ("int8" if device == "cpu" else "int8_float16"),
            intra_threads=config.threads,
        )
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._template = _template(folder)
        self._context = int(config.options.get("context", CONTEXT))
        self._ends = [mark for mark in ENDS if self._tokenizer.token_to_id(mark) is not None]

    def complete(self, request: ChatRequest, stop: Stop) -> Iterator[Delta]:
        """With a schema the answer is asked for again until it is as it must be.
        Raises RuntimeError where it never is, ValueError where the request is too long."""
        if request.schema is None:
            yield from self._free(request, stop)
            return
        asked = replace(request, tools=(), messages=_instructed(request.messages, request.schema), schema=None)
        wrong = ""
        for _ in range(ATTEMPTS):
            deltas = list(self._free(asked, stop))
            if stop.is_set():
                return
            text = "".join(delta.text for delta in deltas)
            answer, wrong = satisfied(text, request.schema)
            if not wrong:
                yield Delta(answer)
                yield replace(deltas[-1], text="")
                return
            correction = Message("user", f"{wrong} Answer again, with the corrected JSON only.")
            asked = replace(asked, messages=(*asked.messages, Message("assistant", text), correction))
        raise RuntimeError(f"The model's answer does not satisfy the schema: {wrong}")

    def _free(self, request: ChatRequest, stop: Stop) -> Iterator[Delta]:
        prompt, begun = self._prompt(request)
        written = Written(request, begun)
        count = 0
        for text in self._texts(prompt, request, stop):
            count += 1
            if out := written.add(text):
                yield Delta(out)
            if written.over:
                break
        if stop.is_set():
            return
        if out := written.end():
            yield Delta(out)
        calls = tuple(written.calls(sum(len(message.calls) for message in request.messages)))
        full = count >= request.max_tokens and not written.over
        finish = "tool_calls" if calls else "length" if full else "stop"
        yield Delta(calls=calls, finish=finish, input_tokens=len(prompt), output_tokens=count)

    def _texts(self, prompt: list[str], request: ChatRequest, stop: Stop) -> Iterator[str]:
        """What each token adds to the text, which may be nothing: a letter may take several tokens."""
        sampling: dict[str, Any] = {"sampling_topk": 1}
        if request.temperature > 0:
            sampling = {"sampling_topk": TOP_K, "sampling_topp": TOP_P, "sampling_temperature": request.temperature}
        steps = self._generator.generate_tokens(
            prompt,
            max_length=request.max_tokens,
            repetition_penalty=REPETITION,
            end_token=self._ends or None,
            cache_static_prompt=False,
            **sampling,
        )
        ids: list[int] = []
        before = ""
        with closing(steps):  # type: ignore[type-var]  # a generator, though the library's types say less
            for step in steps:
                if stop.is_set() or step.token in self._ends:
                    return
                ids.append(step.token_id)
                text = self._tokenizer.decode(ids, skip_special_tokens=True)
                if text.endswith("\ufffd"):
                    yield ""
                    continue
                yield text[len(before) :]
                # The last token stays as context, since what a token adds may depend on the one before.
                ids = ids[-1:]
                before = self._tokenizer.decode(ids, skip_special_tokens=True)

    def _prompt(self, request: ChatRequest) -> tuple[list[str], str]:
        """Tokens of the conversation without its oldest turns where it is too long, and the answer's own beginning
        where a call must be made."""
        begun = _beginning(request)
        room = self._context - min(request.max_tokens, self._context // 2)
        messages = [replace(message, content=_unmarked(message.content)) for message in request.messages]
        while True:
            text = self._template(messages, () if request.tool_choice == "none" else request.tools) + begun
            tokens = self._tokenizer.encode(text, add_special_tokens=False).tokens
            if len(tokens) <= room:
                return tokens, begun
            first = int(bool(messages) and messages[0].role == "system")
            if len(messages) <= first + 1:
                raise ValueError("The messages are longer than the model reads.")
            del messages[first]
            while len(messages) > first + 1 and messages[first].role == "tool":
                del messages[first]


class Written:
    """The text of an answer as it grows: what may be said of it by now, and the calls in it."""

    def __init__(self, request: ChatRequest, begun: str):
        self.over = False
        self._tools = {tool.name: tool for tool in request.tools}
        self._stops = tuple(mark for mark in request.stop if mark)
        self._marks = (*self._stops, CALL) if request.tools else self._stops
        self._held = begun
        self._calls: list[str] = []
        self._in_call = begun.startswith(CALL)
        if self._in_call:
            self._held = begun[len(CALL) :]

    def add(self, text: str) -> str:
        """What may be said now: not the beginning of a mark, nor what is within a call."""
        self._held += text
        said = ""
        while not self.over:
            if self._in_call:
                body, found, rest = self._held.partition(CALL_END)
                if not found:
                    return said
                self._calls.append(body)
                self._in_call, self._held = False, rest.lstrip("\n")
                continue
            at, mark = min(((at, mark) for mark in self._marks if (at := self._held.find(mark)) >= 0), default=(-1, ""))
            if at < 0:
                keep = _overlap(self._held, self._marks)
                said, self._held = said + self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
                return said
            said, self._held = said + self._held[:at], self._held[at + len(mark) :]
            self.over = mark in self._stops
            self._in_call = mark == CALL
        self._held = ""
        return said

    def end(self) -> str:
        """What is left to be said. A call that was not closed counts as one."""
        if self._in_call:
            self._calls.append(self._held)
            return ""
        return "" if self.over else self._held

    def calls(self, before: int) -> Iterator[ToolCall]:
        """The calls, numbered on from those `before`. Raises RuntimeError for one that cannot be made."""
        for number, body in enumerate(self._calls, before):
            try:
                call = json.loads(body)
                tool, arguments = self._tools[call["name"]], call.get("arguments", {})
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise RuntimeError("The model asked for a tool in a way that is not understood.") from error
            if wrong := fault(arguments, {"type": "object", **tool.parameters}):
                raise RuntimeError(f"The model asked for {tool.name}, but {wrong}")
            yield ToolCall(f"call_{number}", tool.name, json.dumps(arguments, ensure_ascii=False))


def _unmarked(text: str) -> str:
    """What is said must not pass for a mark of the template, and so for words of somebody else."""
    return re.sub(r"<\|(\w+)\|>", r"\1", text)


def _overlap(text: str, marks: tuple[str, ...]) -> int:
    """How many characters at the end of a text may be the beginning of a mark."""
    sizes = (size for mark in marks for size in range(min(len(mark) - 1, len(text)), 0, -1))
    return max((size for size in sizes if any(mark.startswith(text[-size:]) for mark in marks)), default=0)


def _beginning(request: ChatRequest) -> str:
    """How the answer begins where the choice of a tool is not the model's."""
    if not request.tools or request.tool_choice in ("auto", "none"):
        return ""
    if request.tool_choice == "required":
        return f'{CALL}\n{{"name": "'
    return f'{CALL}\n{{"name": {json.dumps(request.tool_choice)}, "arguments": '


def _instructed(messages: tuple[Message, ...], schema: dict[str, Any]) -> tuple[Message, ...]:
    told = SCHEMA.format(schema=json.dumps(schema, ensure_ascii=False))
    if messages and messages[0].role == "system":
        return (Message("system", f"{messages[0].content}\n\n{told}"), *messages[1:])
    return (Message("system", told), *messages)


# The conversation as the text that the model goes on with


def chatml(messages: list[Message], tools: tuple[Tool, ...]) -> str:
    """ChatML with tools as Qwen2.5's tokenizer_config.json has them."""
    system = messages[0].content if messages and messages[0].role == "system" else ""
    rest = messages[1:] if system or (messages and messages[0].role == "system") else messages
    if tools:
        listed = "\n".join(json.dumps(shown, ensure_ascii=False) for shown in map(_tool, tools))
        system = f"{system}\n\n{TOOLS.format(tools=listed)}".strip()
    parts = [("system", system)] if system else []
    for message in rest:
        if message.role == "tool":
            answer = f"<tool_response>\n{message.content}\n</tool_response>"
            if parts and parts[-1][0] == "user" and parts[-1][1].startswith("<tool_response>"):
                answer = f"{parts.pop()[1]}\n{answer}"
            parts.append(("user", answer))
        else:
            calls = [f"{CALL}\n{json.dumps(_call(call)['function'])}\n{CALL_END}" for call in message.calls]
            parts.append((message.role, "\n".join(filter(None, [message.content, *calls]))))
    return "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in parts) + "<|im_start|>assistant\n"


def _template(folder: Path) -> Any:
    """What writes a conversation as text: the model's own template where there is one and jinja2 to read it."""
    path, separate = folder / "tokenizer_config.json", folder / "chat_template.jinja"
    told = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    source = separate.read_text("utf-8") if separate.is_file() else told.get("chat_template")
    if not isinstance(source, str) or importlib.util.find_spec("jinja2") is None:
        return chatml
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value, **options: json.dumps(value, ensure_ascii=False, **options)
    environment.globals["raise_exception"] = _refuse
    template = environment.from_string(source)
    marks = {name: _mark(told.get(name)) for name in ("bos_token", "eos_token")}

    def render(messages: list[Message], tools: tuple[Tool, ...]) -> str:
        shown = [_shown(message) for message in messages]
        listed = [_tool(tool) for tool in tools] or None
        try:
            return template.render(messages=shown, tools=listed, add_generation_prompt=True, **marks)
        except (TemplateError, TypeError, KeyError) as error:
            raise ValueError("The model's template does not take this conversation.") from error

    return render


def _refuse(message: str) -> None:
    raise ValueError(str(message))


def _mark(value: Any) -> str:
    return value.get("content", "") if isinstance(value, dict) else value or ""


def _shown(message: Message) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": message.role, "content": message.content}
    return shown | ({"tool_calls": [_call(call) for call in message.calls]} if message.calls else {})


def _call(call: ToolCall) -> dict[str, Any]:
    return {"type": "function", "function": {"name": call.name, "arguments": json.loads(call.arguments or "{}")}}


def _tool(tool: Tool) -> dict[str, Any]:
    parameters = tool.parameters or {"type": "object", "properties": {}}
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _weights(config: EngineConfig) -> Path | None:
    """The folder of a model's weights; without a name that of the best model here."""
    if Path(config.model).is_absolute():
        folders = [Path(config.model)]
    else:
        root = Path(config.models_dir) / "ctranslate2-llm"
        folders = [root / model for model in ([config.model] if config.model else MODELS)]
    files = ("model.bin", "tokenizer.json")
    return next((folder for folder in folders if all((folder / name).is_file() for name in files)), None)
