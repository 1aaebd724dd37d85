"""Pixel shift: a head that moved is found from its bones whatever contrast does; one at rest is left alone."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import ndimage

from DeepIterRegLib.geometry.plane_motion import moved_pixels
from DeepIterRegLib.images.displacement import Displacement, node_points
from DeepIterRegLib.images.head_motion import HeadMotion
from DeepIterRegLib.images.pixel_shift import subtract_shifted
from DeepIterRegLib.images.run import RawRun, subtracted_run
from DeepIterRegLib.images.xa_mask import MaskFrames

SIZE = 512
NOISE = 4.0
FILLED = slice(3, 7)
"""Frames with contrast in the arteries."""


def bones(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A skull's shadow at points of the detector, as the logarithm of the beam: a vault and some bones of the face."""
    radius = np.hypot((rows - 250) / 210, (columns - 260) / 190)
    image = 2500 - 900 * np.exp(-(((radius - 1) / 0.03) ** 2)) - 500 / (1 + np.exp((radius - 1) / 0.01))
    for number in range(14):
        row, column = 330 + 37 * (number % 4), 120 + 75 * (number // 4)
        image -= 250 / (1 + np.exp((np.hypot(rows - row, columns - column) - 12 - number) / 1.2))
    return image


def arteries(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Contrast of a carotid over the face's bones, and of two branches."""
    deep = 450 * np.exp(-(((columns - 240 - 25 * np.sin(rows / 40)) / 6) ** 2)) * (rows > 230)
    for slope in (-0.6, 0.5):
        at_branch = np.exp(-(((columns - 240 - slope * (230 - rows)) / 2.5) ** 2)) * (rows <= 230) * (rows > 90)
        deep = deep + 200 * at_branch
    return deep


def frames_of(shifts: list[tuple[float, float]], turn_deg: float = 0.0, noise: float = NOISE) -> np.ndarray:
    """(T, rows, columns) raw frames; the head lies `shifts` px down and right of the first frame's place in each."""
    rng = np.random.default_rng(5)
    row, column = np.mgrid[:SIZE, :SIZE].astype(np.float64)
    frames = []
    for number, (down, right) in enumerate(shifts):
        angle = np.radians(turn_deg) * (number > 0)
        y, x = row - down - 256, column - right - 256
        y, x = np.cos(angle) * y + np.sin(angle) * x + 256, -np.sin(angle) * y + np.cos(angle) * x + 256
        filled = FILLED.start <= number < FILLED.stop
        frames.append(bones(y, x) - filled * arteries(y, x) + rng.normal(0, noise, (SIZE, SIZE)))
    return np.array(frames, dtype=np.float32)


EVERYWHERE = np.ones((SIZE, SIZE), dtype=bool)


@pytest.mark.parametrize("shift", [(0.4, -0.3), (2.3, 1.6), (-7.5, 5.2)])
def test_known_shift_is_found_to_a_tenth_of_a_pixel_with_contrast_present(shift):
    frames = frames_of([(0, 0), (0, 0), (0, 0), shift])
    found, _ = HeadMotion(frames[0], EVERYWHERE).to(frames[3])
    skull = np.hypot(*(node_points((SIZE, SIZE)) - 256)) < 220
    errors = np.abs(found.nodes_px[:, skull] - np.array(shift)[:, None])
    assert errors.mean() < 0.05
    assert np.percentile(errors, 99) < 0.1


def test_turn_is_found_too():
    frames = frames_of([(0, 0), (1.0, -2.0)], turn_deg=0.5)
    found, _ = HeadMotion(frames[0], EVERYWHERE).to(frames[1])
    row, column = node_points((SIZE, SIZE)) - 256
    turn = np.radians(0.5)
    expected = np.stack([-turn * column + 1.0, turn * row - 2.0])
    skull = np.hypot(row, column) < 220
    assert np.abs(found.nodes_px - expected)[:, skull].max() < 0.2


def test_shift_and_turn_are_told_of_a_displacement_whatever_the_jaw_does():
    tracker = HeadMotion(frames_of([(0, 0)])[0], EVERYWHERE)
    motion = np.array([3.0, -1.5, 1.2])
    nodes = node_points((SIZE, SIZE))
    moved = moved_pixels(nodes.reshape(2, -1)[::-1].T, motion, (SIZE, SIZE)).T[::-1].reshape(nodes.shape)
    np.testing.assert_allclose(tracker.rigid_motion(Displacement(moved - nodes, (SIZE, SIZE))), motion, atol=1e-6)
    jaw = (nodes[0] > 350) & (nodes[1] < 300)
    with_jaw = moved - nodes + np.array([8.0, 5.0])[:, None, None] * jaw
    np.testing.assert_allclose(tracker.rigid_motion(Displacement(with_jaw, (SIZE, SIZE))), motion, atol=0.1)


def test_head_at_rest_is_left_alone():
    frames = frames_of([(0, 0)] * 10)
    assert subtract_shifted(frames, frames[0], EVERYWHERE) is None
    run = subtracted_run(RawRun(frames, EVERYWHERE, mask=MaskFrames((0,))), "rest.dcm")
    np.testing.assert_array_equal(run.frames, frames - frames[0])
    assert run.valid.all()


def test_picture_without_a_head_is_left_alone():
    frames = np.random.default_rng(0).normal(2000, 5, (4, 128, 128)).astype(np.float32)
    assert subtract_shifted(frames, frames[0], np.ones((128, 128), dtype=bool)) is None


def test_run_comes_out_in_the_geometry_of_its_arteries_without_ghosts():
    before, after = (0.0, 0.0), (3.4, -2.6)
    frames = frames_of([before, before] + [after] * 8)
    shifted = subtract_shifted(frames, frames[0], EVERYWHERE)
    assert FILLED.start <= shifted.reference < FILLED.stop
    # The two frames from before the head moved: it lay farther up and right there.
    np.testing.assert_allclose(shifted.head_motion[:2], [(-3.4, 2.6, 0.0)] * 2, atol=0.05)
    assert not shifted.head_motion[2:].any()
    row, column = np.mgrid[:SIZE, :SIZE].astype(np.float64)
    truth = arteries(row - after[0], column - after[1])
    inner = np.s_[20:-20, 20:-20]
    for number in range(2, 10):
        expected = -truth if FILLED.start <= number < FILLED.stop else 0 * truth
        left = (shifted.frames[number] - expected)[inner]
        assert left.std() < 2 * NOISE  # of the two frames' noise alone 1.4; unshifted, the ghosts make it 15.
    assert shifted.frames[1][inner].std() < 2 * NOISE


def test_frames_keep_their_order_when_the_head_moves_on():
    frames = frames_of([(0.5 * number, 0.0) for number in range(10)])
    shifted = subtract_shifted(frames, frames[0], EVERYWHERE)
    depth = -shifted.frames[:, 300:400, 200:280].mean(axis=(1, 2))
    filled = np.zeros(10, dtype=bool)
    filled[FILLED] = True
    assert depth[filled].min() > 5 * np.abs(depth[~filled]).max()
    expected = 0.5 * (np.arange(10) - shifted.reference)
    np.testing.assert_allclose(shifted.head_motion[:, 0], expected, atol=0.05)
    np.testing.assert_allclose(shifted.head_motion[:, 1:], 0.0, atol=0.05)


def test_what_was_moved_in_from_beyond_the_border_or_a_shutter_is_not_valid():
    frames = frames_of([(0, 0)] + [(4.0, 0.0)] * 7)
    valid = EVERYWHERE.copy()
    valid[:60] = False
    frames[:, :60] = 0
    shifted = subtract_shifted(frames, frames[0], valid)
    assert not shifted.valid[:64].any()
    assert shifted.valid[66:-8, 8:-8].all()
    assert np.abs(shifted.frames[0][shifted.valid]).max() < 200  # The shutter's edge is 1500 high.


def test_same_input_gives_the_same_result():
    frames = frames_of([(0, 0)] + [(1.2, 0.7)] * 6)
    once, again = (subtract_shifted(frames, frames[0], EVERYWHERE) for _ in range(2))
    np.testing.assert_array_equal(once.frames, again.frames)


def test_displacement_undone_is_none():
    row, column = node_points((300, 200))
    there = Displacement(np.stack([0.02 * row - 3, 2 + 0.01 * column]), (300, 200))
    back = there.then(there.inverted())
    assert np.abs(back.nodes_px[:, 2:-2, 2:-2]).max() < 1e-3
    points = np.array([[100.0], [50.0]])
    np.testing.assert_allclose(there.at(points), [[-1.0], [2.5]], atol=1e-6)


def test_warping_reads_the_other_frame_at_the_displaced_place():
    image = np.zeros((80, 90), dtype=np.float32)
    image[40:44, 30:33] = 1
    moved = Displacement(np.stack([np.full((33, 33), 5.0), np.full((33, 33), -2.0)]), image.shape).warped(image)
    np.testing.assert_allclose(moved, ndimage.shift(image, (-5, 2), order=1), atol=1e-5)


def test_thirty_large_frames_take_seconds_at_most():
    frames = np.repeat(frames_of([(0, 0), (2.0, 1.0)]), 2, axis=1).repeat(2, axis=2)[[0] + [1] * 29]
    start = time.process_time()
    shifted = subtract_shifted(frames, frames[0], np.ones(frames.shape[1:], dtype=bool))
    # 1.3 s on one core; the bound is for a crowded machine.
    assert time.process_time() - start < 6
    assert shifted is not None
