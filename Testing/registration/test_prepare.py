"""Preparing: the angiograms beside the CTA."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError, RegistrationCancelled
from DeepIterRegLib.registration import prepare as preparation
from DeepIterRegLib.registration.images import ImageFiles, read_images
from DeepIterRegLib.registration.prepare import prepare
from Testing.support.patients import small_patient_files


@pytest.fixture(scope="module")
def images():
    files = small_patient_files()
    return read_images(ImageFiles(files["cta"], (files["dsa"],)))


def test_progress_grows_and_names_the_angiogram_first(images):
    told = []
    prepare(images, told.append)
    fractions = [step.fraction for step in told]
    assert told[0].stage == "Segmenting the DSA"
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_what_is_wrong_with_an_angiogram_is_said_before_what_is_wrong_with_the_cta(images, monkeypatch):
    def refuse(*args):
        raise InputError("The angiogram is empty.")

    monkeypatch.setattr(preparation, "prepare_angiogram", refuse)
    air = replace(images.volume, voxels=np.full_like(images.volume.voxels, -1000))
    with pytest.raises(InputError, match="angiogram is empty"):
        prepare(replace(images, volume=air))


def test_a_callback_that_raises_cancels(images):
    def cancel(step):
        raise RegistrationCancelled

    with pytest.raises(RegistrationCancelled):
        prepare(images, cancel)
