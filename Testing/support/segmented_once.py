"""For tests that are not about the segmentation of a CTA, which takes half of a registration's time."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.prepared import PreparedVolume
from DeepIterRegLib.registration import prepare as preparing

_segmented: dict[int, PreparedVolume] = {}


def segment_each_cta_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the test's end the same voxels, without masks, are segmented once in this process."""

    def prepared_volume(volume: Volume, vessels: Any = None, veins: Any = None, progress: Any = None) -> PreparedVolume:
        if vessels is not None or veins is not None:
            return prepare_volume(volume, vessels, veins)
        key = hash(volume.voxels.tobytes())
        if key not in _segmented:
            _segmented[key] = prepare_volume(volume)
        return dataclasses.replace(_segmented[key], volume=volume)

    monkeypatch.setattr(preparing, "prepare_volume", prepared_volume)
