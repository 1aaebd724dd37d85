"""The commands that the worker knows.

To add one: write `worker/<name>.py` with a function `<name>(payload, reply)` and add a line to `COMMANDS`. `payload` is
the dict that the application passed to `WorkerClient.run(name, payload, listener)`; `reply` is the job's `Reply`. The
function reports with `reply.progress(Progress(stage, fraction))`, puts arrays into .npy or .npz files in `reply.folder`
(which the application removes after `done`; what is to stay goes to a path in `payload`), and returns the fields of the
result, plain JSON values, which the listener gets as a dict in `done(result)`. InputError, MemoryError and whatever
else it raises reach the listener as `failed(sentence)`. Import what is slow to import inside the function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from DeepIterRegLib.worker.reply import Reply

Command = Callable[[Mapping[str, Any], Reply], Mapping[str, Any]]

COMMANDS: dict[str, str] = {
    "carry": "DeepIterRegLib.worker.register:carry",
    "start_by_hand": "DeepIterRegLib.worker.register:start_by_hand",
    "centreline": "DeepIterRegLib.worker.centreline:centreline",
    "inspect": "DeepIterRegLib.worker.inspect:inspect",
    "prepare": "DeepIterRegLib.worker.register:prepare",
    "register": "DeepIterRegLib.worker.register:register",
    "sample": "DeepIterRegLib.worker.sample:sample",
    "vessel_map": "DeepIterRegLib.worker.vessel_map:vessel_map",
    "working_angle": "DeepIterRegLib.worker.working_angle:working_angle",
}
"""Name -> "module:function"; the module is imported when the command is first called."""


def command(name: str) -> Command:
    """The function of a command. Raises KeyError for a name that is none."""
    module, _, function = COMMANDS[name].partition(":")
    return getattr(import_module(module), function)
