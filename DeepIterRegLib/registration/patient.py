"""The library's front end: a patient's files or arrays in, the registration out."""

from __future__ import annotations

import os
from collections.abc import Sequence

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.common.progress import ProgressCallback, part_of
from DeepIterRegLib.common.threads import one_blas_thread
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import RequestedKind
from DeepIterRegLib.registration.images import FilePath, ImageFiles, Masks, read_images
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.register import register_images
from DeepIterRegLib.registration.result import Registration
from DeepIterRegLib.registration.warm_up import begin_to_warm_up

READING_SHARE = 0.05
"""Of the progress bar."""


@one_blas_thread
def register(
    cta: FilePath | Volume,
    dsa: FilePath | Angiogram | Sequence[FilePath | Angiogram],
    options: Options | None = None,
    *,
    volume_kind: RequestedKind = "auto",
    geometry: GeometryOptions | Sequence[GeometryOptions | None] | None = None,
    masks: Masks[FilePath | BoolArray] | None = None,
    progress: ProgressCallback | None = None,
) -> Registration:
    """Find the rigid transform that takes the CTA from the patient frame (RAS, mm) to the C-arm frame (mm).

    cta: an NRRD or NIfTI file, a DICOM folder, or a Volume; a 3DRA will do (`volume_kind`). dsa: an XA DICOM file, an
    NRRD, NIfTI or PNG file, a folder of PNG frames, or an Angiogram; or two of those (the patient unmoved between
    them), which one pose then has to explain. options: method, starting pose, initializer, device, seed. geometry:
    over the files' tags, for all angiograms or one for each. masks: files or arrays that replace our own
    segmentations. progress: called as it goes on; what it raises ends the registration. The same images, options and
    seed give the same pose on a CPU.

    Raises InputError, with one sentence for the user, for anything that cannot be registered.

    >>> import tempfile
    >>> from DeepIterRegLib import register
    >>> from DeepIterRegLib.research.simulate.built_in import built_in_patient
    >>> from DeepIterRegLib.research.simulate.files.patient_files import write_patient
    >>> files = write_patient(built_in_patient(), tempfile.mkdtemp())  # or a patient's own files
    >>> result = register(files["cta"], files["dsa"])
    >>> result.pose.shape  # the to-parent matrix of Slicer's transform node
    (4, 4)
    >>> result.stages[-1].name, result.stages[-1].similarity_name
    ('Minimum projection', 'log posterior')
    """
    options = options or Options()
    begin_to_warm_up(options)
    dsas = (dsa,) if isinstance(dsa, str | os.PathLike | Angiogram) else tuple(dsa)
    geometries: tuple[GeometryOptions | None, ...] = (
        (geometry,) * len(dsas) if geometry is None or isinstance(geometry, GeometryOptions) else tuple(geometry)
    )
    files = ImageFiles(cta, dsas, volume_kind, geometries, masks or Masks())
    images = read_images(files, progress)
    return register_images(images, options, part_of(progress, READING_SHARE, 1.0))
