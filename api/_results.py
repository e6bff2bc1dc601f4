"""Files that Gradio's endpoints take and give. Both lie in the one folder that Gradio serves."""

import secrets
import shutil
import struct
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from core import uploads
from core.threads import step


def uploaded(file: Any) -> Path:
    """The file behind what a client sent. Raises BadRequest for every path that is not an upload."""
    return uploads.uploaded(file, Path(get_upload_folder()))


async def kept(parts: AsyncGenerator[bytes, None], name: str) -> gr.FileData:
    """The parts as a file in a folder whose name cannot be guessed; nothing is left of what breaks off."""
    folder = Path(get_upload_folder()) / secrets.token_hex(20)
    folder.mkdir(parents=True)
    path = folder / name
    try:
        with path.open("wb") as file:
            async with aclosing(parts) as chunks:
                async for chunk in chunks:
                    await step(partial(file.write, chunk))
        if path.suffix == ".wav":
            _true_lengths(path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return gr.FileData(path=str(path), orig_name=name)


def _true_lengths(path: Path) -> None:
    """Write into a streamed WAV's header of 44 bytes how long it has become."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4)
        file.write(struct.pack("<I", min(size - 8, 0xFFFFFFFF)))
        file.seek(40)
        file.write(struct.pack("<I", min(size - 44, 0xFFFFFFFF)))
