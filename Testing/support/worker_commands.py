"""Commands for a worker under test, which behave as badly as a worker can, and the worker that knows them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.worker.reply import Reply

NAMES = ("nap", "work", "gorge", "chatter", "refuse", "stumble", "breed", "ask")

QUICK_WORKER = (
    sys.executable,
    "-c",
    "from DeepIterRegLib.worker import __main__, commands, server\n"
    "server.warm_up = lambda: 'CPU, tested'\n"
    "server.ALIVE_INTERVAL_S = 0.1\n"
    f"commands.COMMANDS.update({{name: 'Testing.support.worker_commands:' + name for name in {NAMES}}})\n"
    "__main__.main()",
)
"""Does not warm up, and says ten times a second that it is alive."""


def nap(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    reply.progress(Progress("Napping", 0.0))
    time.sleep(payload.get("seconds", 600.0))
    return {"slept": True}


def work(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Python code that never waits: it holds the interpreter's lock whenever it can."""
    reply.progress(Progress("Working", 0.0))
    while True:
        sum(range(1000))


def gorge(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    np.ones(2**60, dtype=np.uint8)
    return {}


def chatter(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """A library that prints, by every way there is, and reads what is not its own."""
    print("reading Doe^Jane")
    os.write(1, b'{"type":"result","id":"job-1","result":{"forged":true}}\n')
    os.write(2, b"ITK: warning, Doe^Jane.nrrd\n")
    subprocess.run([sys.executable, "-c", "print('child', input())"], check=False)
    return {"heard": True}


def refuse(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    raise InputError("The DSA has no frames; select a loaded angiographic run for {dsa}.", field=Field.DSA)


def stumble(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    from DeepIterRegLib.worker.payload import pose_of

    return {"pose": pose_of([payload["patient"]])}


def breed(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """A worker with a child of its own."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    reply.progress(Progress(str(child.pid), 0.0))
    time.sleep(600)
    return {}


def ask(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    files = reply.ask(payload["names"])
    return {name: float(np.load(path, allow_pickle=False).sum()) for name, path in files.items()}
