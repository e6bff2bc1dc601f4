"""A chat model of a few hundred kilobytes, written with CTranslate2's own specs: the engine loads and runs it like any
other.

It is a chain: what it writes next depends on the last token alone, so a test knows what it says.
"""

import json
from itertools import pairwise
from pathlib import Path

import ctranslate2
import numpy as np
from ctranslate2.specs.common_spec import Activation
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

WIDTH, HEADS = 64, 2
SURE = 20.0
TALK = "Ċ Hello Ġthere . ĠGood Ġday ! <|im_end|>"
"""What it says: `Hello there. Good day!`"""
ENDLESS = "Ċ la Ġla Ġla"
MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
WORDS = ("<tool_call>", "</tool_call>")


def make(folder: Path, says: str = TALK, template: str = "") -> Path:
    """Write the model and answer its folder. `says`: a chain of tokens, the first of which ends every prompt; a token
    that the alphabet does not have becomes a word of its own."""
    folder.mkdir(parents=True)
    chain = says.split()
    tokens = _tokenizer(folder, chain)
    spec = ctranslate2.specs.TransformerDecoderModelSpec.from_config(
        1, HEADS, activation=Activation.SWISH, ffn_glu=True, rms_norm=True, rotary_dim=0, rotary_interleave=False
    )
    _fill(spec.decoder, np.random.default_rng(0), *_chain(tokens, chain))
    spec.register_vocabulary(tokens)
    spec.config.unk_token = spec.config.bos_token = spec.config.eos_token = "<|endoftext|>"
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    if template:
        (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    return folder


def _tokenizer(folder: Path, chain: list[str]) -> list[str]:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [token for token in dict.fromkeys(chain) if token not in (*alphabet, *MARKS, *WORDS)]
    plain = [*alphabet, *words]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(plain)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in MARKS])
    tokenizer.add_tokens([AddedToken(word, special=False) for word in WORDS])
    tokenizer.save(str(folder / "tokenizer.json"))
    return [*plain, *MARKS, *WORDS]


def _chain(tokens: list[str], chain: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings that give each token of the chain a dimension of its own, and a projection from it to the next."""
    embeddings = np.zeros((len(tokens), WIDTH), np.float32)
    projection = np.zeros((len(tokens), WIDTH), np.float32)
    embeddings[:, 0] = 1
    for dimension, token in enumerate(dict.fromkeys(chain), 1):
        embeddings[tokens.index(token)] = np.eye(WIDTH)[dimension]
    for before, after in pairwise(chain):
        projection[tokens.index(after)] += SURE * embeddings[tokens.index(before)]
    return embeddings, projection


def _fill(decoder, random, embeddings: np.ndarray, projection: np.ndarray) -> None:
    """Random looks, but nothing of what is seen gets out."""
    decoder.embeddings.weight = embeddings
    decoder.projection.weight = projection
    decoder.scale_embeddings = False
    decoder.layer_norm.gamma = np.ones(WIDTH, np.float32)
    for layer in decoder.layer:
        layer.self_attention.layer_norm.gamma = np.ones(WIDTH, np.float32)
        layer.self_attention.linear[0].weight = random.normal(0, 0.3, (3 * WIDTH, WIDTH)).astype(np.float32)
        layer.self_attention.linear[1].weight = np.zeros((WIDTH, WIDTH), np.float32)
        layer.ffn.layer_norm.gamma = np.ones(WIDTH, np.float32)
        layer.ffn.linear_0.weight = random.normal(0, 0.3, (2 * WIDTH, WIDTH)).astype(np.float32)
        layer.ffn.linear_0_noact.weight = random.normal(0, 0.3, (2 * WIDTH, WIDTH)).astype(np.float32)
        layer.ffn.linear_1.weight = np.zeros((WIDTH, 2 * WIDTH), np.float32)
