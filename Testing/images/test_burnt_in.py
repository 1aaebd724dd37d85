"""Text, marks and scale bars in the pixels of subtracted runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from DeepIterRegLib.images.burnt_in import burnt_in
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from Testing.support.dicom_files import write_xa
from Testing.support.image_phantoms import COLUMNS, ROWS, subtracted_u8, vessels_mm

EVERYWHERE = np.ones((ROWS, COLUMNS), dtype=bool)


def run(frames: int = 8) -> np.ndarray:
    """(T, rows, columns) subtracted 8-bit frames in which the vessels fill and empty."""
    return np.concatenate([subtracted_u8(), subtracted_u8(seed=1)[::-1]])[:frames]


def written(frames: np.ndarray, ink: int = 255, bar: int = 0) -> np.ndarray:
    """The same with a name, a frame number and a scale bar."""
    made = frames.copy()
    for number, frame in enumerate(made):
        picture = Image.fromarray(frame)
        draw = ImageDraw.Draw(picture)
        draw.text((4, 4), "NAME^TEST 1950", fill=ink)
        draw.text((150, 4), "RAO 86 CRA 0", fill=ink)
        draw.text((4, 184), f"Fr {number + 1}", fill=ink)
        draw.line([(230, 60), (230, 150)], fill=bar, width=2)
        frame[:] = np.array(picture)
    return made


@pytest.mark.parametrize(("ink", "bar"), [(255, 0), (0, 255)], ids=["white text", "black text"])
def test_all_that_is_written_is_found_and_no_vessel(ink: int, bar: int) -> None:
    frames = run()
    marked = written(frames, ink, bar)
    text = (marked != frames).any(axis=0)
    found = burnt_in(marked.astype(np.float32), EVERYWHERE)
    assert found[text].all()
    vessel = vessels_mm(4) > 0.5
    assert found[vessel & ~text].mean() < 0.05


@pytest.mark.parametrize("gain", [0.2, 1.0, 4.0], ids=["faint", "as stored", "saturated"])
def test_nothing_is_found_where_nothing_is_written(gain: float) -> None:
    frames = np.clip(180 + gain * (run().astype(np.float32) - 180), 0, 255).round()
    assert not burnt_in(frames, EVERYWHERE).any()
    assert not burnt_in(frames, EVERYWHERE, announced=True).any()


def test_text_survives_lossy_compression() -> None:
    frames = written(run())
    noise = np.random.default_rng(0).normal(0, 0.4, frames.shape)
    found = burnt_in((frames + noise).round().astype(np.float32), EVERYWHERE, announced=True)
    assert found[4:16, 4:80].mean() > 0.8


def test_a_run_with_text_is_read_without_it(tmp_path: Path) -> None:
    plain = read_angiogram(write_xa(tmp_path / "plain.dcm", run()))
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", written(run()), BurnedInAnnotation="YES"))
    assert "has text or marks written in its pixels" in angiogram.warnings[0]
    assert not angiogram.valid[4:14, 4:80].any()
    assert not angiogram.valid[60:150, 229:232].any()
    inside = angiogram.valid
    np.testing.assert_array_equal(angiogram.frames[:, inside], plain.frames[:, inside])
    vessels = prepare_angiogram(angiogram).vessels
    np.testing.assert_array_equal(vessels[~inside], False)
    without = prepare_angiogram(plain).vessels
    assert (vessels & without).sum() > 0.95 * (without & inside).sum()


def test_few_frames_with_text_warn(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "one.dcm", written(run())[4], BurnedInAnnotation="YES")
    assert any("Burned In Annotation, 0028,0301" in line for line in read_angiogram(path).warnings)
