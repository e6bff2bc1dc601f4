"""A Whisper checkpoint of a few hundred kilobytes, written with CTranslate2's own specs: faster-whisper loads and runs
it like any other.

Its decoder is a chain: what it writes next depends on the last token alone. Its attention is random, so word times are
arbitrary, and it hears Finnish in everything.
"""

import json
from pathlib import Path

import ctranslate2
import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from engines.stt.faster_whisper import LANGUAGES

WIDTH, HEADS, MELS = 64, 2, 80
TALK = ("<|transcribe|> <|0.00|> Ġhello Ġworld <|1.00|> <|endoftext|>", "<|notimestamps|> Ġhello")
TALK = (*TALK, "<|translate|> <|0.02|> Ġgoodbye <|1.00|>")
"""What it says: `hello world`, or `goodbye` when it translates."""
CIRCLES = ("<|transcribe|> <|0.00|> Ġha Ġha", "<|notimestamps|> Ġha")
"""Never ends."""
WORDS = ("Ġhello", "Ġworld", "Ġgoodbye", "Ġha")
MARKS = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")


def make(folder: Path, says: tuple[str, ...] = TALK) -> Path:
    """Write the checkpoint and answer its folder. `says`: chains of tokens, each followed by the next."""
    folder.mkdir(parents=True)
    tokens = _tokenizer(folder)
    spec = ctranslate2.specs.WhisperSpec(1, HEADS, 1, HEADS)
    random = np.random.default_rng(0)
    _fill_encoder(spec.encoder, random)
    _fill_decoder(spec.decoder, random, *_chain(tokens, ("<|startoftranscript|> <|fi|>", *says)))
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [tokens.index(f"<|{tag}|>") for tag in LANGUAGES]
    spec.config.alignment_heads = [(0, head) for head in range(HEADS)]
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": MELS}))
    return folder


def _tokenizer(folder: Path) -> list[str]:
    """All bytes, the words, the marks of Whisper. The empty token tells CTranslate2 that it knows many languages."""
    plain = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "", *WORDS]
    marks = ["endoftext", "startoftranscript", *LANGUAGES, *MARKS, *(f"{step / 50:.2f}" for step in range(1501))]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(plain)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(f"<|{mark}|>", special=True) for mark in marks])
    tokenizer.save(str(folder / "tokenizer.json"))
    return [*plain, *(f"<|{mark}|>" for mark in marks)]


def _chain(tokens: list[str], says: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings that give each token of the chains a dimension of its own, and a projection from it to the next."""
    embeddings = np.zeros((len(tokens), WIDTH), np.float32)
    projection = np.zeros((len(tokens), WIDTH), np.float32)
    pairs = {(a, b) for chain in says for a, b in zip(chain.split(), chain.split()[1:], strict=False)}
    dimension = {token: number for number, token in enumerate(sorted({a for a, _ in pairs}), 1)}
    embeddings[:, 0] = 1
    for token, number in dimension.items():
        embeddings[tokens.index(token)] = np.eye(WIDTH)[number]
    projection[tokens.index("<|endoftext|>"), 0] = 3
    for before, after in pairs:
        projection[tokens.index(after), dimension[before]] = 3
    return embeddings, projection


def _fill_encoder(encoder, random) -> None:
    for conv, channels in ((encoder.conv1, MELS), (encoder.conv2, WIDTH)):
        conv.weight = random.normal(0, 0.05, (WIDTH, channels, 3)).astype(np.float32)
        conv.bias = np.zeros(WIDTH, np.float32)
    encoder.position_encodings.encodings = random.normal(0, 0.1, (1500, WIDTH)).astype(np.float32)
    _fill_norm(encoder.layer_norm)
    for layer in encoder.layer:
        _fill_attention(layer.self_attention, random, (3, 1))
        _fill_forward(layer.ffn)


def _fill_decoder(decoder, random, embeddings: np.ndarray, projection: np.ndarray) -> None:
    decoder.embeddings.weight = embeddings
    decoder.projection.weight = projection
    decoder.position_encodings.encodings = np.zeros((448, WIDTH), np.float32)
    _fill_norm(decoder.layer_norm)
    for layer in decoder.layer:
        _fill_attention(layer.self_attention, random, (3, 1))
        _fill_attention(layer.attention, random, (1, 2, 1))
        _fill_forward(layer.ffn)


def _fill_attention(attention, random, parts: tuple[int, ...]) -> None:
    """Random looks, but nothing of what is seen gets out."""
    _fill_norm(attention.layer_norm)
    for linear, part in zip(attention.linear, parts, strict=True):
        linear.weight = random.normal(0, 0.3, (part * WIDTH, WIDTH)).astype(np.float32)
        linear.bias = np.zeros(part * WIDTH, np.float32)
    attention.linear[-1].weight[:] = 0


def _fill_forward(forward) -> None:
    _fill_norm(forward.layer_norm)
    for linear, rows, columns in ((forward.linear_0, 2 * WIDTH, WIDTH), (forward.linear_1, WIDTH, 2 * WIDTH)):
        linear.weight = np.zeros((rows, columns), np.float32)
        linear.bias = np.zeros(rows, np.float32)


def _fill_norm(norm) -> None:
    norm.gamma, norm.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
