"""The worker itself, as a process: what it computes, and that it ends when and how it should."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from DeepIterRegLib.filling.vessel_map import vessel_map
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.images.dsa_source import DsaSource, read_source
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.volume_source import VolumeSource
from DeepIterRegLib.mrml.panel.stage_messages import all_stage_messages
from DeepIterRegLib.mrml.worker_client.client import ProcessWorkerClient
from DeepIterRegLib.mrml.worker_client.process import SEARCH_FOLDER
from DeepIterRegLib.mrml.worker_client.request import GivenMask, RegistrationRequest
from DeepIterRegLib.registration.images import Masks
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.patient import register
from DeepIterRegLib.registration.report import report_schema
from DeepIterRegLib.registration.result import CarriedFrom, bones_for_scene
from Testing.support.patients import lateral_patient
from Testing.support.worker_commands import QUICK_WORKER
from Testing.support.worker_loop import WORKER, Heard, Loop, PipeProcess

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


class Desk:
    """A client with real workers."""

    def __init__(
        self,
        folder: Path,
        command: tuple[str, ...] = QUICK_WORKER,
        silence_limit_s: float = 60.0,
        loop: Loop | None = None,
    ) -> None:
        self.loop = loop or Loop()
        self.folder = folder
        self.processes: list[PipeProcess] = []

        def process(on_output: Any, on_ended: Any) -> PipeProcess:
            self.processes.append(PipeProcess(self.loop, on_output, on_ended, command))
            return self.processes[-1]

        self.client = ProcessWorkerClient(process, self.loop.call_later, folder, silence_limit_s)

    def begin(self, command: str, **payload: Any) -> Heard:
        heard = Heard()
        self.client.run(command, payload, heard)
        return heard

    def finish(self, heard: Heard, timeout_s: float = 30.0) -> Heard:
        assert self.loop.run_until(lambda: heard.over, timeout_s), heard.events
        return heard

    def until(self, heard: Heard, event: str) -> Heard:
        assert self.loop.run_until(lambda: event in heard.seconds, 30), heard.events
        return heard

    @property
    def popen(self) -> subprocess.Popen[bytes]:
        popen = self.processes[-1].popen
        assert popen is not None
        return popen


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.client.close()
    for process in desk.processes:
        if process.popen is not None:
            process.popen.wait(10)
    assert list(tmp_path.iterdir()) == [], "a patient's arrays were left behind"


def patient_request() -> RegistrationRequest:
    """The small patient with masks of the CTA, which saves its segmentation, and a run that is yet to be subtracted."""
    patient = lateral_patient()
    run = patient.runs[0]
    source = DsaSource(GeometryOptions(carm=run.carm), tuple(frame[None] for frame in run.frames))
    volume = VolumeSource(patient.volume.voxels, patient.volume.ijk_to_ras)
    vessels, veins = patient.artery_mask | patient.vein_mask, patient.skull_vein_mask
    return RegistrationRequest(
        volume,
        "cta",
        (source,),
        ("dsa",),
        cta_vessels=GivenMask("vessels", lambda: vessels.astype(np.uint8)),
        cta_veins=GivenMask("veins", lambda: veins.astype(np.uint8)),
        options=Options(initial_pose=patient.radiological_pose, device="cpu", seed=3),
    )


class WithoutArrays(RegistrationRequest):
    """A request that fails when the worker asks for an image."""

    def arrays(self) -> dict[str, Any]:
        return {}


def test_worker_registers_as_a_direct_call_does_and_remembers_the_images(tmp_path: Path) -> None:
    desk, request = Desk(tmp_path, WORKER), patient_request()
    ahead = Heard()
    desk.client.prepare(request, ahead)
    desk.finish(ahead, 120)
    assert ahead.ends == ["done"], ahead.of("failed")
    assert "Segmenting the DSA" in [step.stage for step in ahead.of("progress")]
    heard = Heard()
    desk.client.register(WithoutArrays(**vars(request)), heard)
    desk.finish(heard, 120)
    assert heard.ends == ["done"], heard.of("failed")
    outcome = heard.of("done")[0]

    patient = lateral_patient()
    direct = register(
        patient.volume,
        read_source(request.dsas[0]),
        request.options,
        masks=Masks(patient.artery_mask | patient.vein_mask, patient.skull_vein_mask),
    )
    np.testing.assert_allclose(outcome.pose, direct.pose, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(outcome.initial_pose, direct.initial_pose)
    np.testing.assert_array_equal(outcome.cloud.positions_mm, direct.volume.cloud.positions_mm)
    np.testing.assert_array_equal(outcome.cloud.is_vein, direct.volume.cloud.is_vein)
    bones = bones_for_scene(direct.volume)
    assert bones is not None
    np.testing.assert_array_equal(outcome.bones.positions_mm, bones.positions_mm)
    assert not heard.of("prepared")[0].bones_first
    np.testing.assert_array_equal(outcome.views[0].minip, direct.angiograms[0].minip)
    np.testing.assert_array_equal(outcome.views[0].valid, direct.angiograms[0].angiogram.valid)
    pytest.importorskip("jsonschema").validate(outcome.report, report_schema())
    assert outcome.report["warnings"] == list(direct.warnings)
    assert outcome.report["seed"] == 3

    steps = heard.of("progress")
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    stages = {step.stage for step in (*ahead.of("progress"), *steps)}
    assert len(stages) > 5
    assert stages <= set(all_stage_messages(str)), "a stage without words for the user"
    names = [name for name, _ in heard.events]
    before, after = steps[: names[: names.index("prepared")].count("progress")], steps[-1]
    assert all(step.pose is None for step in before)
    np.testing.assert_array_equal(after.pose, outcome.pose)
    np.testing.assert_array_equal(heard.of("prepared")[0].initial_pose, direct.initial_pose)

    assert outcome.report["initializer"] is None, "who gives a pose knows where the head is"

    # The mask frame shows the skull, so the network looks for the head only where it is asked to.
    fields = {**vars(request), "options": Options(device="cpu", seed=3, initializer=True)}
    again = Heard()
    desk.client.register(WithoutArrays(**fields), again)
    desk.finish(again)
    assert again.ends == ["done"], "the worker has the images already"
    assert again.of("progress")[1].fraction < 0.2, "nothing is left of the bar but the registration"
    assert again.of("done")[0].report["initializer"] is not None
    np.testing.assert_array_equal(again.of("done")[0].cloud.positions_mm, outcome.cloud.positions_mm)
    by_hand = Heard()
    desk.client.start_by_hand(WithoutArrays(**fields), by_hand)
    desk.finish(by_hand)
    placed = by_hand.of("done")[0]
    np.testing.assert_array_equal(placed.pose, radiological_pose(patient.volume.centre_mm))
    assert placed.report["method"] == "by hand"
    assert any("not registered" in warning for warning in placed.report["warnings"])
    pytest.importorskip("jsonschema").validate(placed.report, report_schema())
    posed = {**vars(request), "options": Options(device="cpu", initial_pose=outcome.pose)}
    carried = Heard()
    desk.client.carry(WithoutArrays(**posed), CarriedFrom(80.0, 1.0, "check"), carried)
    desk.finish(carried)
    assert carried.ends == ["done"], carried.of("failed")
    shown = carried.of("done")[0]
    np.testing.assert_array_equal(shown.pose, outcome.pose)
    assert shown.report["carried_from"]["verdict"] == "check"
    assert shown.report["confidence"]["verdict"] != "registered", "where it comes from is in doubt"
    pytest.importorskip("jsonschema").validate(shown.report, report_schema())
    mapped = Heard()
    desk.client.vessel_map(WithoutArrays(**posed), mapped)
    desk.finish(mapped)
    assert mapped.ends == ["done"], mapped.of("failed")
    direct_map = vessel_map(direct.volume.cloud, direct.angiograms, outcome.pose)
    np.testing.assert_allclose(mapped.of("done")[0].probability, direct_map.filling.probability, atol=1e-6)
    for changed in (
        {"cta_key": "other"},
        {"dsa_keys": ("other",)},
        {"cta_veins": GivenMask("other", lambda: np.zeros(0))},
    ):
        asked = Heard()
        desk.client.register(WithoutArrays(**{**fields, **changed}), asked)
        desk.finish(asked)
        assert asked.ends == ["failed"], f"{changed} is another image"
    desk.client.close()
    assert list(tmp_path.iterdir()) == []


def test_worker_tells_what_the_images_are_read_as(desk: Desk) -> None:
    request, heard = patient_request(), Heard()
    desk.client.inspect(request, heard)
    desk.finish(heard)
    assert heard.ends == ["done"], heard.of("failed")
    told = heard.of("done")[0]
    assert [image["name"] for image in told["images"]] == ["CTA", "DSA"]
    assert "CTA: read as the CTA" in told["page"]
    assert "Subtraction" in told["page"]


def test_input_that_cannot_be_registered_is_told_in_its_own_words(desk: Desk) -> None:
    assert desk.finish(desk.begin("refuse")).of("failed") == [
        "The DSA has no frames; select a loaded angiographic run for the DSA."
    ]
    assert desk.client.device == "CPU, tested"


def test_unexpected_error_says_where_and_nothing_of_the_patient(desk: Desk) -> None:
    (sentence,) = desk.finish(desk.begin("stumble", patient="Doe^Jane")).of("failed")
    assert "ValueError in worker/payload.py:" in sentence
    assert "Doe" not in sentence
    assert desk.finish(desk.begin("nap", seconds=0.0)).of("done") == [{"slept": True}]


def test_memory_that_ran_out_is_told_and_given_back(desk: Desk) -> None:
    (sentence,) = desk.finish(desk.begin("gorge")).of("failed")
    assert "not enough memory" in sentence
    assert desk.popen.wait(10) != 0
    assert desk.finish(desk.begin("nap", seconds=0.0)).ends == ["done"]
    assert len(desk.processes) == 2


def test_what_libraries_print_and_read_does_not_come_between(desk: Desk) -> None:
    assert desk.finish(desk.begin("chatter")).events[-1] == ("done", {"heard": True})


@posix
def test_worker_that_is_killed_fails_the_job_and_the_next_one_runs(desk: Desk) -> None:
    heard = desk.until(desk.begin("nap"), "progress")
    os.kill(desk.popen.pid, signal.SIGKILL)
    assert desk.finish(heard).ends == ["failed"]
    assert desk.finish(desk.begin("nap", seconds=0.0)).ends == ["done"]


@posix
def test_worker_that_stands_still_is_ended(tmp_path: Path) -> None:
    desk = Desk(tmp_path, silence_limit_s=1.0)
    busy = desk.begin("nap")
    assert not desk.loop.run_until(lambda: busy.over, 1.5), "it is busy, and says so"
    os.kill(desk.popen.pid, signal.SIGSTOP)
    assert "did not answer" in desk.finish(busy, 10).of("failed")[0]
    assert desk.popen.wait(10) == -signal.SIGKILL


def is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_cancel_ends_the_worker_with_its_children(desk: Desk) -> None:
    heard = desk.until(desk.begin("breed"), "progress")
    child = int(heard.of("progress")[0].stage)
    worker = desk.popen
    assert is_running(child)
    desk.client.cancel()
    assert heard.ends == ["cancelled"]
    worker.wait(10)
    assert desk.loop.run_until(lambda: not is_running(child), 5)
    assert desk.loop.run_until(lambda: len(desk.processes) == 2, 5), "a fresh one warms up"


@pytest.mark.parametrize("command", ["nap", "work"])
def test_worker_ends_when_the_application_is_gone(tmp_path: Path, command: str) -> None:
    worker = subprocess.Popen(QUICK_WORKER, cwd=SEARCH_FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdin is not None
    assert worker.stdout is not None
    folder = tmp_path / "jobs" / "1"
    folder.mkdir(parents=True)
    (folder / "cta.npy").write_bytes(b"a patient")
    message = {"type": "run", "id": "1", "command": command, "folder": str(folder), "payload": {}}
    worker.stdin.write(json.dumps(message).encode() + b"\n")
    worker.stdin.flush()
    while json.loads(worker.stdout.readline())["type"] != "progress":
        pass
    worker.stdin.close()
    assert worker.wait(5) == 0
    assert list(tmp_path.iterdir()) == [], "nobody else would remove the patient's arrays"
    worker.stdout.close()


def test_debugging_option_tells_lines_and_no_values(tmp_path: Path) -> None:
    folder = tmp_path / "jobs" / "1"
    folder.mkdir(parents=True)
    message = {"type": "run", "id": "1", "command": "stumble", "folder": str(folder), "payload": {"patient": "Doe"}}
    nap = {**message, "id": "2", "command": "nap"}
    worker = subprocess.Popen(
        [*QUICK_WORKER, "--debug"],
        cwd=SEARCH_FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps(message).encode() + b"\n" + json.dumps(nap).encode() + b"\n")
    worker.stdin.flush()
    while json.loads(worker.stdout.readline()).get("id") != "2":
        pass
    _, errors = worker.communicate(timeout=10)
    assert b"ValueError" in errors
    assert b"payload.py:" in errors
    assert b"Doe" not in errors


def test_two_panels_have_a_worker_each(tmp_path: Path) -> None:
    loop = Loop()
    first, second = Desk(tmp_path, loop=loop), Desk(tmp_path, loop=loop)
    slow, quick = first.until(first.begin("nap"), "progress"), second.begin("nap", seconds=0.0)
    second.finish(quick)
    second.client.close()
    assert (quick.ends, slow.ends, first.client.state) == (["done"], [], "busy")
    first.client.close()
    assert slow.ends == ["cancelled"]
    assert list(tmp_path.iterdir()) == []
