"""The client against a process that says what a test tells it to: every way in which a worker can go wrong."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from DeepIterRegLib import __version__
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm_json import carm_to_json
from DeepIterRegLib.images.dsa_source import DsaSource
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.volume_source import VolumeSource
from DeepIterRegLib.mrml.worker_client.client import ProcessWorkerClient
from DeepIterRegLib.mrml.worker_client.request import GivenMask, RegistrationRequest
from DeepIterRegLib.registration.cache import RecentlyUsed
from DeepIterRegLib.registration.result import OutcomeView
from DeepIterRegLib.worker.failures import failure
from DeepIterRegLib.worker.payload import PreparedPreview, write_preview
from DeepIterRegLib.worker.protocol import PROTOCOL_VERSION, LineBuffer, line_of
from Testing.support.small_registration import LATERAL, POSE, ring_of_bone, small_cloud, small_volume
from Testing.support.worker_loop import Heard, Loop

HELLO = {"type": "hello", "protocol": PROTOCOL_VERSION, "version": __version__, "pid": 4321, "device": "CPU, 2 cores"}


class ScriptedProcess:
    """Implements `WorkerProcess`: remembers what it gets, says what it is told to."""

    def __init__(self, on_output: Callable[[bytes], None], on_ended: Callable[[], None]) -> None:
        self.on_output, self.on_ended = on_output, on_ended
        self.written: list[dict[str, Any]] = []
        self.killed: list[int | None] = []
        self.others = 0
        """In how many other ways it can be started."""

    def start(self) -> None: ...

    def try_another(self) -> bool:
        self.others -= 1
        return self.others >= 0

    def write(self, data: bytes) -> None:
        assert data.endswith(b"\n")
        self.written += [json.loads(line) for line in data.splitlines()]

    def kill(self, pid: int | None) -> None:
        self.killed.append(pid)

    def say(self, **message: Any) -> None:
        self.on_output(line_of(message))


class Bench:
    """A client with its scripted processes, one after the other."""

    def __init__(self, folder: Path, silence_limit_s: float = 60.0) -> None:
        self.loop = Loop()
        self.processes: list[ScriptedProcess] = []
        self.folder = folder
        self.client = ProcessWorkerClient(self._process, self.loop.call_later, folder, silence_limit_s)

    def _process(self, on_output: Callable[[bytes], None], on_ended: Callable[[], None]) -> ScriptedProcess:
        self.processes.append(ScriptedProcess(on_output, on_ended))
        return self.processes[-1]

    @property
    def process(self) -> ScriptedProcess:
        return self.processes[-1]

    def begin(self, command: str = "sample", payload: dict[str, Any] | None = None) -> Heard:
        heard = Heard()
        self.id = self.client.run(command, payload or {}, heard)
        return heard

    def register(self) -> Heard:
        heard = Heard()
        self.id = self.client.register(request(), heard)
        self.process.say(**HELLO)
        return heard

    def settle(self) -> None:
        """Let everything happen that is due."""
        self.loop.run_until(lambda: False, 0.02)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def request(**changes: Any) -> RegistrationRequest:
    volume = small_volume()
    fields = {
        "cta": VolumeSource(volume.voxels, volume.ijk_to_ras, "cta"),
        "cta_key": "cta",
        "dsas": (DsaSource(GeometryOptions(), (np.zeros((2, 4, 5), np.uint16), np.ones((1, 4, 5), np.uint16))),),
        "dsa_keys": ("dsa",),
    }
    return RegistrationRequest(**{**fields, **changes})


def preview(bones: bool = False) -> PreparedPreview:
    view = OutcomeView(LATERAL, np.ones((96, 128), np.float32), np.ones((96, 128), bool))
    skull = ring_of_bone(small_volume()) if bones else None
    return PreparedPreview(small_cloud(small_volume()), (view,), np.eye(4), skull, bones)


def job_folder(bench: Bench) -> Path:
    return Path(bench.process.written[0]["folder"])


def test_job_waits_for_the_greeting_and_not_for_the_warming_up(bench: Bench) -> None:
    heard = bench.begin("sample", {"seed": 3})
    assert (bench.client.state, bench.process.written) == ("busy", [])
    bench.process.say(**HELLO)
    (sent,) = bench.process.written
    assert (sent["type"], sent["command"], sent["payload"], sent["id"]) == ("run", "sample", {"seed": 3}, bench.id)
    bench.process.say(type="started", id=bench.id)
    bench.process.say(type="progress", id=bench.id, stage="Drawing", fraction=0.5, similarity=None, pose=None)
    bench.process.say(type="result", id=bench.id, result={"files": 3})
    assert heard.events[0] == ("started", None)
    assert (heard.of("progress")[0].stage, heard.of("progress")[0].fraction) == ("Drawing", 0.5)
    assert heard.of("done") == [{"files": 3}]
    assert heard.ends == ["done"]
    assert bench.client.state == "starting"
    bench.process.say(type="ready", device="A GPU")
    assert (bench.client.state, bench.client.device) == ("warm", "A GPU")


@pytest.mark.parametrize("bones", [False, True])
def test_registration_becomes_an_outcome_with_what_was_prepared(bench: Bench, bones: bool) -> None:
    heard = bench.register()
    given = preview(bones)
    bench.process.say(type="prepared", id=bench.id, **write_preview(job_folder(bench), given))
    (seen,) = heard.of("prepared")
    np.testing.assert_array_equal(seen.cloud.positions_mm, given.cloud.positions_mm)
    np.testing.assert_array_equal(seen.views[0].carm.source_mm, LATERAL.source_mm)
    # Left and right turned out to be exchanged.
    carms = [carm_to_json(LATERAL.mirrored())]
    result = {
        "pose": POSE.tolist(), "initial_pose": np.eye(4).tolist(), "carms": carms, "report": {"method": "default"}
    }  # fmt: skip
    bench.process.say(type="result", id=bench.id, result=result)
    (outcome,) = heard.of("done")
    np.testing.assert_array_equal(outcome.pose, POSE)
    assert outcome.cloud is seen.cloud
    assert outcome.bones is seen.bones
    assert seen.bones_first is bones
    assert (seen.bones is not None) is bones
    if seen.bones is not None and given.bones is not None:
        np.testing.assert_array_equal(seen.bones.positions_mm, given.bones.positions_mm)
        np.testing.assert_array_equal(seen.bones.weights_mm3, given.bones.weights_mm3)
        assert seen.bones.cell_mm == 2.0
    assert outcome.views[0].minip is seen.views[0].minip
    np.testing.assert_allclose(outcome.views[0].carm.column_direction, -LATERAL.column_direction)
    assert outcome.report == {"method": "default"}
    assert list(bench.folder.rglob("*.np?")) == []


def test_arrays_are_written_when_the_worker_asks_for_them(bench: Bench) -> None:
    bench.register()
    assert list(job_folder(bench).iterdir()) == []
    bench.process.say(type="need", id=bench.id, names=["cta", "dsa0-frames"])
    bench.loop.run_until(lambda: len(bench.process.written) > 1, 5)
    sent = bench.process.written[1]
    arrays = {name: np.load(job_folder(bench) / file) for name, file in sent["files"].items()}
    np.testing.assert_array_equal(arrays["cta"], small_volume().voxels)
    assert arrays["dsa0-frames"].shape == (3, 4, 5)
    assert job_folder(bench).stat().st_mode & 0o077 == 0


def test_another_command_has_arrays_of_its_own(bench: Bench) -> None:
    heard = Heard()
    bench.id = bench.client.run("working_angle", {}, heard, {"positions_mm": lambda: np.eye(3, dtype=np.float32)})
    bench.process.say(**HELLO)
    bench.process.say(type="need", id=bench.id, names=["positions_mm"])
    bench.settle()
    (answer,) = [message for message in bench.process.written if message["type"] == "data"]
    np.testing.assert_array_equal(np.load(job_folder(bench) / answer["files"]["positions_mm"]), np.eye(3))


def test_output_in_pieces_and_chatter_between_are_no_obstacle(bench: Bench) -> None:
    heard = bench.begin()
    text = (
        b"Reading Doe^Jane\n\xff\xfe\x00\n[1, 2]\n{\"no\": \"type\"}\n" + line_of(HELLO)
        + b'{"type": "progr\n' + line_of({"type": "result", "id": bench.id, "result": {"text": "x" * 300_000}})
    )  # fmt: skip
    for begin in range(0, len(text), 7001):
        bench.process.on_output(text[begin : begin + 7001])
    assert [len(result["text"]) for result in heard.of("done")] == [300_000]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "progress", "stage": "Drawing"},
        {"type": "progress", "stage": "Drawing", "fraction": "half", "similarity": None, "pose": None},
        {"type": "progress", "stage": "x", "fraction": 0.5, "similarity": None, "pose": [[1.0, 2.0]]},
        {"type": "prepared", "carms": ["{}"]},
        {"type": "need", "names": ["/etc/passwd"]},
        {"type": "need"},
        {"type": "result", "result": {"pose": np.eye(4).tolist()}},
        {"type": "result", "result": None},
        {"type": "failed"},
    ],
)
def test_message_of_a_wrong_shape_fails_the_job(bench: Bench, message: dict[str, Any]) -> None:
    heard = bench.register()
    bench.process.say(**message, id=bench.id)
    bench.settle()
    assert heard.ends == ["failed"]
    assert "makes no sense" in heard.of("failed")[0]
    assert bench.process.killed == [4321]
    assert bench.client.state == "off"


def test_late_messages_of_an_earlier_job_are_ignored(bench: Bench) -> None:
    first = bench.begin()
    bench.process.say(**HELLO)
    old_process, old_id = bench.process, bench.id
    bench.client.cancel()
    assert first.ends == ["cancelled"]
    assert old_process.killed == [4321]
    bench.settle()
    assert (len(bench.processes), bench.client.state) == (2, "starting"), "the next click finds a worker that is warm"
    second = bench.begin()
    bench.process.say(**HELLO)
    old_process.say(type="result", id=bench.id, result={"from": "the dead"})
    bench.process.say(type="result", id=old_id, result={"of": "another job"})
    old_process.on_ended()
    bench.settle()
    assert not second.over
    bench.process.say(type="result", id=bench.id, result={"right": True})
    assert second.of("done") == [{"right": True}]
    assert first.ends == ["cancelled"]


def test_process_that_ends_during_a_job_fails_the_job_and_the_next_one_gets_another(bench: Bench) -> None:
    heard = bench.begin()
    bench.process.say(**HELLO)
    bench.process.on_ended()
    bench.settle()
    assert heard.ends == ["failed"]
    assert "ended" in heard.of("failed")[0]
    assert bench.client.state == "off"
    bench.begin()
    assert len(bench.processes) == 2


def test_process_that_ends_while_idle_is_replaced_at_the_next_job(bench: Bench) -> None:
    bench.client.start()
    bench.process.say(**HELLO)
    bench.process.on_ended()
    bench.settle()
    heard = bench.begin()
    bench.process.say(**HELLO)
    bench.process.say(type="result", id=bench.id, result={})
    assert heard.ends == ["done"]


def test_process_that_cannot_be_started_is_told_in_one_sentence(bench: Bench) -> None:
    bench.client.start()
    bench.process.on_ended()
    bench.settle()
    heard = bench.begin()
    assert not heard.over
    bench.process.on_ended()
    bench.settle()
    assert heard.ends == ["failed"]
    assert "cannot be started" in heard.of("failed")[0]


def test_worker_that_does_not_start_is_started_in_another_way(bench: Bench) -> None:
    heard = bench.begin()
    bench.process.others = 1
    bench.process.on_ended()
    bench.settle()
    assert (len(bench.processes), heard.over) == (2, False)
    bench.process.say(**HELLO)
    bench.process.say(type="result", id=bench.id, result={})
    assert heard.ends == ["done"]


def test_worker_that_hears_nothing_is_started_in_another_way(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher that does not hand its input on."""
    monkeypatch.setattr("DeepIterRegLib.mrml.worker_client.client.DEAF_LIMIT_S", 0.05)
    monkeypatch.setattr("DeepIterRegLib.mrml.worker_client.client.CHECK_EVERY_MS", 10)
    heard = bench.begin()
    deaf = bench.process
    deaf.others = 1
    deaf.say(**HELLO)
    assert bench.loop.run_until(lambda: len(bench.processes) == 2, 2)
    assert deaf.killed == [4321]
    bench.process.say(**HELLO)
    assert [message["id"] for message in bench.process.written] == [bench.id]
    bench.process.say(type="started", id=bench.id)
    bench.process.say(type="alive")
    assert not bench.loop.run_until(lambda: len(bench.processes) > 2, 0.15), "it works, though it says little"
    bench.process.say(type="result", id=bench.id, result={})
    assert heard.ends == ["done"]


def test_silent_worker_is_ended_and_one_that_says_it_lives_is_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path, silence_limit_s=0.15)
    heard = bench.begin()
    bench.process.say(**HELLO)
    for _ in range(4):
        bench.loop.run_until(lambda: heard.over, 0.08)
        bench.process.say(type="alive")
    assert not heard.over
    assert bench.loop.run_until(lambda: heard.over, 2)
    assert "did not answer" in heard.of("failed")[0]
    assert bench.process.killed == [4321]


def test_application_that_stood_still_does_not_blame_the_worker(tmp_path: Path) -> None:
    bench = Bench(tmp_path, silence_limit_s=0.2)
    heard = bench.begin()
    bench.process.others = 1
    bench.process.say(**HELLO)
    time.sleep(0.4)
    bench.settle()
    assert (heard.over, len(bench.processes)) == (False, 1), "what the worker said meanwhile is still to be read"


def test_worker_of_another_version_is_refused(bench: Bench) -> None:
    heard = bench.begin()
    bench.process.say(**{**HELLO, "version": "0.0.1"})
    assert "another version" in heard.of("failed")[0]
    assert bench.process.killed == [4321]


def test_failures_are_sentences(bench: Bench) -> None:
    heard = bench.register()
    error = InputError("The DSA has no frames; give {dsa}.", field=Field.DSA)
    bench.process.say(type="failed", id=bench.id, kind="input", error=error.to_json())
    assert heard.of("failed") == ["The DSA has no frames; give the DSA."]
    assert bench.process.killed == [], "nothing is wrong with the worker"
    heard = Heard()
    bench.id = bench.client.register(request(), heard)
    bench.process.say(type="failed", id=bench.id, kind="internal", exception="TypeError", place="register.py:12")
    assert "TypeError in register.py:12" in heard.of("failed")[0]
    heard = Heard()
    bench.id = bench.client.register(request(), heard)
    bench.process.say(type="failed", id=bench.id, kind="memory")
    assert "not enough memory" in heard.of("failed")[0]
    assert bench.process.killed == [4321], "its memory goes back to the system"


def test_array_that_cannot_be_written_fails_the_job(bench: Bench) -> None:
    heard = bench.register()
    job_folder(bench).rmdir()
    bench.process.say(type="need", id=bench.id, names=["cta"])
    assert "temporary folder" in heard.of("failed")[0]
    assert bench.client.state == "off"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("The mask marks nothing; select none."), "The mask marks nothing; select none."),
        (MemoryError(), "There is not enough memory"),
        (TypeError("Doe^Jane"), "(TypeError in "),
    ],
)
def test_array_that_cannot_be_made_fails_the_job(bench: Bench, error: Exception, sentence: str) -> None:
    def fail() -> Any:
        raise error

    heard = Heard()
    bench.id = bench.client.register(request(cta_vessels=GivenMask("mask", fail)), heard)
    bench.process.say(**HELLO)
    with contextlib.suppress(TypeError):  # a mistake of ours is raised as well, for the log
        bench.process.say(type="need", id=bench.id, names=["cta_vessels"])
    assert heard.ends == ["failed"]
    assert sentence in heard.of("failed")[0]
    assert "Doe" not in heard.of("failed")[0]
    assert bench.client.state == "off", "the worker would wait for ever"


def test_one_job_at_a_time(bench: Bench) -> None:
    bench.begin()
    with pytest.raises(RuntimeError):
        bench.begin()


def test_closing_ends_the_worker_the_job_and_the_files(bench: Bench) -> None:
    heard = bench.begin()
    bench.process.say(**HELLO)
    bench.client.close()
    bench.settle()
    assert heard.ends == ["cancelled"]
    assert bench.process.killed == [4321]
    assert (len(bench.processes), bench.client.state) == (1, "off")
    assert list(bench.folder.iterdir()) == []
    bench.client.close()


def test_listener_may_begin_the_next_job_and_let_events_in(bench: Bench) -> None:
    """A dialog in a listener runs the application's events, so output can come in before the listener returns."""
    order: list[str] = []

    class Nesting(Heard):
        def started(self) -> None:
            bench.process.say(type="progress", id=bench.id, stage="A", fraction=0.1, similarity=None, pose=None)
            order.append("started")

        def progress(self, progress: Any) -> None:
            order.append(progress.stage)

        def done(self, result: Any) -> None:
            order.append("done")
            if order.count("done") < 2:
                bench.id = bench.client.run("sample", {}, self)

    bench.id = bench.client.run("sample", {}, Nesting())
    bench.process.say(**HELLO)
    bench.process.say(type="started", id=bench.id)
    bench.process.say(type="result", id=bench.id, result={})
    bench.process.say(type="result", id=bench.id, result={})
    assert order == ["started", "A", "done", "done"]


def test_line_that_never_ends_does_not_fill_the_memory() -> None:
    buffer = LineBuffer()
    for _ in range(20):
        assert list(buffer.messages(b"x" * 2**20)) == []
    assert sum(map(len, buffer._pieces)) < 17 * 2**20
    ends = b'"}\n' + line_of(HELLO)
    assert list(buffer.messages(ends)) == [HELLO]


def test_what_was_not_used_longest_is_forgotten_first() -> None:
    recent: RecentlyUsed[int] = RecentlyUsed(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert [recent.get(key) for key in "abc"] == [1, None, 3]


def test_memory_that_itk_lacks_is_memory() -> None:
    """SimpleITK has no exception of its own for that."""
    itk = RuntimeError("Exception thrown in SimpleITK: Failed to allocate memory for image.")
    assert failure(itk) == {"kind": "memory"}
    assert failure(RuntimeError("Doe^Jane")) == {"kind": "internal", "exception": "RuntimeError", "place": "unknown"}
