"""The worker's loop: commands in the order they come, one at a time; the end as soon as the application is gone."""

from __future__ import annotations

import os
import queue
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from DeepIterRegLib.worker.channel import Channel
from DeepIterRegLib.worker.commands import command
from DeepIterRegLib.worker.failures import failure, trace_of
from DeepIterRegLib.worker.protocol import Message
from DeepIterRegLib.worker.reply import Reply
from DeepIterRegLib.worker.warm_up import warm_up

ALIVE_INTERVAL_S = 1.0


class Server:
    """Does what the application sends. errors: where to say which line failed, for debugging; None for nowhere."""

    def __init__(self, channel: Channel, errors: BinaryIO | None = None) -> None:
        self._channel = channel
        self._errors = errors
        self._jobs: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._current: Reply | None = None
        self._folder: Path | None = None
        """Of the last job."""

    def run(self) -> None:
        """Never returns: the process ends when its standard input does."""
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._warm_up, daemon=True).start()
        threading.Thread(target=self._say_alive, daemon=True).start()
        while True:
            self._do(self._jobs.get())

    def _read(self) -> None:
        for message in self._channel.received():
            current = self._current
            if message["type"] == "data":
                if current is not None and message.get("id") == current.job_id:
                    current.deliver(message["files"])
            elif message["type"] == "run":
                self._jobs.put(message)
        # Closed, or the application is gone: nobody wants the result, and nobody else removes the patient's arrays.
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            with suppress(OSError):
                self._folder.parent.rmdir()  # which only an empty one can be
        os._exit(0)

    def _warm_up(self) -> None:
        self._channel.send({"type": "ready", "device": warm_up()})

    def _say_alive(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(ALIVE_INTERVAL_S)
            if self._current is not None:
                self._channel.send({"type": "alive"})

    def _do(self, message: Message) -> None:
        reply = Reply(str(message["id"]), Path(message["folder"]), self._channel.send)
        self._current, self._folder = reply, reply.folder
        reply("started")
        try:
            result = command(message["command"])(message["payload"], reply)
        except BaseException as error:
            fields = failure(error)
            if self._errors is not None:
                with suppress(OSError):
                    self._errors.write(trace_of(error).encode())
                    self._errors.flush()
            self._current = None
            reply("failed", **fields)
        else:
            self._current = None
            reply("result", result=dict(result))
