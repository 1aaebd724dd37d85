"""The worker's start: greet, warm up beside, and do what comes in, until the application closes its end."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from DeepIterRegLib import __version__
from DeepIterRegLib.common.threads import one_blas_thread_from_the_start
from DeepIterRegLib.worker.channel import take_standard_streams
from DeepIterRegLib.worker.device import cpu_description
from DeepIterRegLib.worker.protocol import PROTOCOL_VERSION


def main() -> None:
    """--debug: tell on standard error where in the code a command failed, without any value."""
    streams = take_standard_streams()
    if hasattr(os, "setpgid"):
        # The application ends the group: the worker and whatever it may have started.
        with suppress(OSError):
            os.setpgid(0, 0)
    one_blas_thread_from_the_start()
    # Before numpy is imported, which takes a good part of the time until the worker is ready.
    streams.channel.send({
        "type": "hello",
        "protocol": PROTOCOL_VERSION,
        "version": __version__,
        "pid": os.getpid(),
        "device": cpu_description(),
    })  # fmt: skip
    from DeepIterRegLib.worker.server import Server

    Server(streams.channel, streams.errors if "--debug" in sys.argv[1:] else None).run()


if __name__ == "__main__":
    main()
