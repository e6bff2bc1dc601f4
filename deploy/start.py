"""All of VoiceForge on one port, its roles in processes of their own: one for pages and HTTP, one or several that hold
conversations, and nginx in front of them.

`python -m deploy.start --media 2` takes the environment that app.py takes; HOST and PORT are where nginx listens. The
processes listen on the ports after it, on the loopback address only: the first is the one for pages.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core import log
from core.errors import VoiceForgeError
from core.settings import Settings
from engines.pool import machine_mb

logger = logging.getLogger("voiceforge.start")

HERE = Path(__file__).parent
AGAIN_SECONDS = 1.0
"""Until a process that fell is started again."""
END_SECONDS = 20.0
"""Which processes have to end in, before they are killed."""
BAD_SETTINGS = 2
"""How app.py ends where starting it again is no use."""
FIRST: Mapping[str, tuple[str, ...]] = {"web": ("nice", "-n", "5"), "media": ()}
"""Sound that comes late is heard, a page that does is hardly seen: where processors are short, pages get a third."""
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


@dataclass(frozen=True)
class Program:
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def media_processes() -> int:
    """One for every four cores, four at most: engines need the others."""
    return max(1, min(4, (os.cpu_count() or 1) // 4))


def ports(settings: Settings, media: int) -> list[int]:
    """The one for pages, then those for conversations."""
    return [settings.port + number for number in range(1, media + 2)]


def apps(settings: Settings, media: int) -> list[Program]:
    """What `settings` asks for, told to processes that listen on the loopback address: who may come in is decided by
    the address that people reach, the memory for engines is shared out, and pages wait while somebody speaks."""
    share = (settings.memory_mb or machine_mb() * 0.75) / (media + 1)
    own = {"HOST": "127.0.0.1", "VOICEFORGE_ACCESS": settings.access, "VOICEFORGE_MEMORY_MB": str(int(share))}
    if settings.public_url:
        own["PUBLIC_URL"] = settings.public_url
    roles = ["web", *["media"] * media]
    return [
        Program(f"{role} {port}", (*FIRST[role], sys.executable, "app.py"), own | {"ROLES": role, "PORT": str(port)})
        for role, port in zip(roles, ports(settings, media), strict=True)
    ]


def nginx_conf(settings: Settings, media: int, trusted: Sequence[str]) -> str:
    """nginx's configuration for these processes."""
    web, *others = (f"127.0.0.1:{port}" for port in ports(settings, media))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    values = {
        "listen": f"{host}:{settings.port}",
        "web": web,
        "media": "\n".join(f"        server {address} max_fails=1 fail_timeout=2s;" for address in others),
        # Not everybody may open what he was given as standard output.
        "log": "/dev/stdout plain" if os.access("/dev/stdout", os.W_OK) else "off",
        "trusted": "\n".join(f"    set_real_ip_from {network};" for network in trusted),
    }
    text = (HERE / "nginx.conf").read_text()
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


class Programs:
    """Runs programs until it is told to stop or one of them cannot run at all."""

    def __init__(self) -> None:
        self.over: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The exit status."""
        self._running: list[asyncio.subprocess.Process] = []
        self._tasks: list[asyncio.Task[None]] = []

    def keep(self, program: Program) -> None:
        self._tasks.append(asyncio.create_task(self._keep(program), name=program.name))

    def end(self, status: int = 0) -> None:
        if not self.over.done():
            self.over.set_result(status)

    async def _keep(self, program: Program) -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                *program.command, cwd=HERE.parent, env=os.environ | dict(program.environment)
            )
            self._running.append(process)
            status = await process.wait()
            self._running.remove(process)
            if self.over.done():
                return
            logger.error("%s ended with %d", program.name, status)
            if status == BAD_SETTINGS or program.name == "nginx":
                self.end(status or 1)
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def close(self) -> None:
        """Ask every program to end, and wait for it; what does not is killed."""
        for process in self._running:
            process.terminate()
        _, late = await asyncio.wait(self._tasks, timeout=END_SECONDS)
        for process in self._running:
            process.kill()
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def run(settings: Settings, media: int, nginx: Program) -> int:
    """Until it is asked to end; the exit status."""
    loop, programs = asyncio.get_running_loop(), Programs()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, programs.end)
    for program in (*apps(settings, media), nginx):
        programs.keep(program)
    logger.info("VoiceForge opens at %s", settings.public_url or f"http://{settings.host}:{settings.port}")
    try:
        return await programs.over
    finally:
        await programs.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.start", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--media", type=int, default=media_processes(), help="processes that hold conversations")
    parser.add_argument(
        "--trust", action="append", metavar="NETWORK",
        help="proxies that tell the caller's address, may be repeated; private networks where PUBLIC_URL is set",
    )  # fmt: skip
    parser.add_argument("--print", action="store_true", help="print nginx's configuration and start nothing")
    args = parser.parse_args()
    try:
        settings = Settings.from_environment()
        log.configure(settings.log_level, settings.secrets())
    except VoiceForgeError as error:
        print(f"VoiceForge cannot start: {error.message}", file=sys.stderr)
        return BAD_SETTINGS
    media, trusted = max(1, args.media), args.trust or (PRIVATE if settings.public_url else ())
    text = nginx_conf(settings, media, trusted)
    if args.print:
        print(text, end="")
        return 0
    if not (nginx := shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")):
        print("VoiceForge cannot start: nginx is not here. Install it, or run `python app.py`.", file=sys.stderr)
        return BAD_SETTINGS
    with tempfile.TemporaryDirectory(prefix="voiceforge-nginx-") as folder:
        conf = Path(folder, "nginx.conf")
        conf.write_text(text)
        command = (nginx, "-p", folder, "-e", "stderr", "-c", str(conf), "-g", "daemon off;")
        return asyncio.run(run(settings, media, Program("nginx", command)))


if __name__ == "__main__":
    sys.exit(main())
