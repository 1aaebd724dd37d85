"""The methods that experiments compare, by the name that tables and `--method` give them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.progress import Stage
from DeepIterRegLib.common.terms import TERMS, Term
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.initializer.predictor import load_network
from DeepIterRegLib.initializer.search import SearchOptions
from DeepIterRegLib.initializer.stage import DEFAULT_SEARCH, Initialized, initializer_stage
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.refinement.published import PUBLISHED_SIZE_PX, refine_published
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.register import NOT_INITIALIZED, register
from DeepIterRegLib.registration.start import published_start
from DeepIterRegLib.render.choose import choose_device
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.similarity.names import NCC, SIMILARITY_NAMES

DIFFDRR_RAYS = 8192
"""Traced at once: half a gigabyte for a head at 0.5 mm."""
ONE_START = replace(DEFAULT_SEARCH, starts=1, rotated_starts=0)
ONE_PASS = replace(ONE_START, passes=1)
"""As the paper does it: the network is asked once."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a method made of a patient from one start."""

    pose: FloatArray
    """(4, 4) patient frame (RAS, mm) to C-arm frame."""
    stages: tuple[Stage, ...]
    warnings: tuple[str, ...]
    """Of images and registration."""
    seconds: float
    cpu_seconds: float

    @property
    def initialized_pose(self) -> FloatArray | None:
        """(4, 4) what the initializer thought best; None where there was none, or it found nothing."""
        stage = self.stage(stage_names.INITIALIZER)
        return stage.pose if stage else None

    def stage(self, name: str) -> Stage | None:
        """The stage of this name (`stage_names`), if there was one."""
        return next((stage for stage in self.stages if stage.name == name), None)


_Result = tuple[tuple[Stage, ...], tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Start:
    """From where, and how, an experiment lets a method register."""

    pose: FloatArray
    """(4, 4)"""
    seed: int
    size_px: int
    """Pixels along the detector's shorter side, of the published methods alone."""
    checkpoint: Path | None
    """Of the initializer; None for a registration without."""


RegisterFrom = Callable[[PreparedImages, Start], _Result]


@dataclass(frozen=True)
class Method:
    """One column of the tables."""

    name: str
    description: str
    register_from: RegisterFrom
    """Returns the stages, the result last, and warnings."""
    needs_initializer: bool = False
    """Whether there is nothing to do without a checkpoint."""


def register_with(
    method: str,
    images: PreparedImages,
    initial_pose: FloatArray,
    *,
    seed: int = 0,
    size_px: int = PUBLISHED_SIZE_PX,
    checkpoint: Path | None = None,
) -> Outcome:
    """Register prepared images from `initial_pose` (4, 4); the same arguments give the same pose.

    On the CPU, one patient for each of the experiment's processes; diffdrr alone takes a GPU where there is one.
    size_px: pixels along the detector's shorter side, of the published methods alone. checkpoint: of the initializer;
    None for a registration without. Raises InputError for an unknown method, for a checkpoint that cannot be used, and
    for what cannot be registered.
    """
    register_from = method_named(method).register_from
    if checkpoint is not None:
        # Read once per process: its seconds belong to no registration.
        load_network(checkpoint)
    began, cpu_began = time.perf_counter(), time.process_time()
    stages, warnings = register_from(images, Start(initial_pose, seed, size_px, checkpoint))
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    return Outcome(stages[-1].pose, stages, warnings, seconds, cpu_seconds)


def published_with(similarity: str) -> str:
    """The name of the published method driven by another similarity of the masks (`similarity.names`)."""
    return "published" if similarity == NCC else f"published:{similarity}"


def method_named(name: str) -> Method:
    """Raises InputError for a method that there is not."""
    if name not in METHODS:
        raise InputError(f"There is no method {name!r}; choose {', '.join(METHODS)}.")
    return METHODS[name]


def _default(images: PreparedImages, start: Start, terms: tuple[Term, ...] = TERMS) -> _Result:
    options = Options(
        terms=terms, initial_pose=start.pose, initializer=start.checkpoint or False, device="cpu", seed=start.seed
    )
    found = register(images, options)
    return found.stages, found.warnings


def _default_without_minip(images: PreparedImages, start: Start) -> _Result:
    # The last stage takes no part in those before it: leaving its result out is not having run it, but for the time.
    stages, warnings = _default(images, start)
    return tuple(stage for stage in stages if stage.name != stage_names.MINIMUM_PROJECTION), warnings


def _published(device: str = "cpu", search: SearchOptions = DEFAULT_SEARCH, **options: Any) -> RegisterFrom:
    def register_from(images: PreparedImages, start: Start) -> _Result:
        used, _ = choose_device(device)
        first = _initialized(images, start, search)
        pose = published_start([start.pose], first.hypotheses)
        stages = refine_published(images.volume, images.angiograms, pose, device=used, size_px=start.size_px, **options)
        before = (first.stage,) if first.stage else ()
        return (*before, *stages), (*_warnings(images), *first.warnings)

    return register_from


def _initializer(search: SearchOptions) -> RegisterFrom:
    def register_from(images: PreparedImages, start: Start) -> _Result:
        first = _initialized(images, start, search)
        stage = first.stage or Stage(stage_names.STARTING_POSE, start.pose, None, None, None, 0.0)
        return (stage,), (*_warnings(images), *first.warnings)

    return register_from


def _initialized(images: PreparedImages, start: Start, search: SearchOptions) -> Initialized:
    if start.checkpoint is None:
        return NOT_INITIALIZED
    predict = load_network(start.checkpoint).predict
    seeded = replace(search, seed=start.seed)
    return initializer_stage(images.volume, images.angiograms, [start.pose], predict, seeded)


def _warnings(images: PreparedImages) -> tuple[str, ...]:
    """All of them, as the counts of earlier results have them: what two images warn of counts twice."""
    return (*images.volume.warnings, *(line for prepared in images.angiograms for line in prepared.warnings))


def _diffdrr(cloud: VesselCloud, carm: CArm, device: str) -> Renderer:
    from DeepIterRegLib.render.diffdrr import DiffDrr

    return DiffDrr.of_cloud(cloud, carm, skip_empty=True, rays_per_tile=DIFFDRR_RAYS, device=device)


METHODS = {
    method.name: method
    for method in (
        Method("published", "the paper's optimiser: masks, then the minimum projection", _published()),
        *(
            Method(
                published_with(similarity),
                f"published with {similarity.replace('_', ' ')} of the masks in place of NCC",
                _published(similarity=similarity),
            )
            for similarity in SIMILARITY_NAMES
            if similarity != NCC
        ),
        Method("published-two-stage", "the same without the minimum projection", _published(minip_stage=False)),
        Method(
            "diffdrr",
            "published on the DiffDRR renderer: minutes per patient",
            _published("auto", make_renderer=_diffdrr),
        ),
        Method(
            "published-one-pass",
            "published after the initializer as the paper applies it: once, from one start",
            _published(search=ONE_PASS),
            needs_initializer=True,
        ),
        Method("default", "what `deepiterreg register` does", _default),
        Method("default-vessels", "the same by the vessels alone", partial(_default, terms=("vessels",))),
        Method("default-two-stage", "the same without the minimum projection", _default_without_minip),
        Method("initializer", "the initializer alone", _initializer(DEFAULT_SEARCH), needs_initializer=True),
        Method(
            "initializer-one-start",
            "the same from one start, repeatedly",
            _initializer(ONE_START),
            needs_initializer=True,
        ),
        Method(
            "initializer-one-pass",
            "the same from one start, applied once",
            _initializer(ONE_PASS),
            needs_initializer=True,
        ),
    )
}
