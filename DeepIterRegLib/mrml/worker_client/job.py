"""One job of the worker, and what its messages mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.geometry.carm_json import carm_from_json
from DeepIterRegLib.mrml.nodes.array_writer import write_pieces
from DeepIterRegLib.mrml.worker_client.protocols import JobListener
from DeepIterRegLib.mrml.worker_client.request import ArrayMaker
from DeepIterRegLib.registration.result import Outcome
from DeepIterRegLib.worker.payload import PreparedPreview, pose_of, read_branch_map, read_preview
from DeepIterRegLib.worker.protocol import Message


@dataclass(eq=False)
class Job:
    """What was asked, by whom, and what has come of it."""

    id: str
    command: str
    payload: Mapping[str, Any]
    listener: JobListener
    folder: Path
    """Its own, for files in both directions."""
    arrays: Mapping[str, ArrayMaker] = field(default_factory=dict)
    """What the worker may ask for."""
    sent: bool = False
    started: bool = False
    preview: PreparedPreview | None = None

    def message(self) -> Message:
        """The one that starts it."""
        return {
            "type": "run", "id": self.id, "command": self.command, "folder": str(self.folder),
            "payload": self.payload,
        }  # fmt: skip

    def listener_call(self, message: Message) -> Callable[[], None]:
        """What to tell the listener of a message that does not end the job: nothing, of one of another kind.

        Raises KeyError, TypeError, ValueError (an InputError is one), OSError or AttributeError for a message of a
        wrong shape.
        """
        listener = self.listener
        if message["type"] == "started":
            self.started = True
            return listener.started
        if message["type"] == "progress":
            progress = progress_of(message)
            return lambda: listener.progress(progress)
        if message["type"] == "prepared":
            preview = self.preview = read_preview(self.folder, message)
            return lambda: listener.prepared(preview)
        return lambda: None

    def result(self, message: Message) -> Any:
        """What `JobListener.done` gets. Raises as `listener_call`."""
        content = dict(message["result"])
        if self.command == "vessel_map":
            return read_branch_map(self.folder, content)
        if self.command not in ("register", "start_by_hand", "carry"):
            return content
        if self.preview is None:
            raise ValueError("a result of images that were never prepared")
        poses = pose_of(content["pose"]), pose_of(content["initial_pose"])
        # The registration may have found that left and right are exchanged.
        views = tuple(
            replace(view, carm=carm_from_json(text, "The DSA"))
            for view, text in zip(self.preview.views, content["carms"], strict=True)
        )
        return Outcome(*poses, self.preview.cloud, views, dict(content["report"]), self.preview.bones)

    def answer(self, message: Message) -> Iterator[Message | None]:
        """Write the arrays that the worker needs, a piece per step; the last step gives the message to send.

        Raises KeyError for a name that is none, and in later steps what making or writing an array raises.
        """
        wanted = {str(name): self.arrays[name] for name in message["names"]}
        return self._written(wanted)

    def _written(self, wanted: Mapping[str, ArrayMaker]) -> Iterator[Message | None]:
        files = {name: f"{name}.npy" for name in wanted}
        for name, make in wanted.items():
            for _ in write_pieces(self.folder / files[name], make()):
                yield None
        yield {"type": "data", "id": self.id, "files": files}


def progress_of(message: Message) -> Progress:
    """Raises KeyError, TypeError or ValueError for a message of a wrong shape."""
    similarity, pose = message["similarity"], message["pose"]
    return Progress(
        str(message["stage"]),
        float(message["fraction"]),
        None if similarity is None else float(similarity),
        None if pose is None else pose_of(pose),
    )
