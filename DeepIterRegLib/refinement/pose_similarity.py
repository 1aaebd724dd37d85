"""Similarity as a function of the pose: a renderer and an image similarity, averaged over the views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.similarity.mixture_correlation import MixtureCorrelation
from DeepIterRegLib.similarity.protocol import Similarity


class PoseSimilarity(Protocol):
    """A similarity as a function of the pose; larger is better."""

    name: str

    def value(self, poses: FloatArray) -> FloatArray:
        """(B,) similarities at (B, 4, 4) poses."""
        ...

    def value_and_gradient(self, poses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) similarities at (B, 4, 4) poses, and their (B, 6) gradients by a left twist (`Renderer.backward`)."""
        ...


class RenderedSimilarity:
    """One angiogram against the projection of all vessels at once."""

    def __init__(self, renderer: Renderer, similarity: Similarity) -> None:
        self.name = similarity.name
        self._renderer, self._similarity = renderer, similarity

    def value(self, poses: FloatArray) -> FloatArray:
        return self._similarity.value(self._renderer.render(poses))

    def value_and_gradient(self, poses: FloatArray) -> tuple[FloatArray, FloatArray]:
        values, gradients = self._similarity.value_and_gradient(self._renderer.render(poses))
        return values, self._renderer.backward(poses, gradients.astype(np.float32, copy=False))


def group_images(renderers: Sequence[Renderer], poses: FloatArray) -> FloatArray:
    """(B, K, rows, columns) images of K vessel groups, each by its renderer, at (B, 4, 4) poses."""
    return np.stack([renderer.render(poses) for renderer in renderers], axis=1)


def group_twists(renderers: Sequence[Renderer], poses: FloatArray, gradients: FloatArray) -> FloatArray:
    """(B, 6) gradients by a left twist from (B, K, rows, columns) gradients by the groups' images."""
    twists = np.zeros((len(poses), 6))
    for index, renderer in enumerate(renderers):
        gradient = gradients[:, index]
        # A group that did not fill has no gradient: skipping it saves a sweep over its points in most evaluations.
        if gradient.any():
            twists += renderer.backward(poses, np.ascontiguousarray(gradient))
    return twists


class MixtureSimilarity:
    """One angiogram against the best non-negative mixture of vessel groups, each rendered by itself.

    The run fills one carotid's tree and its veins, the CTA shows everything: the mixture's gains say what filled.
    """

    def __init__(self, renderers: Sequence[Renderer], similarity: MixtureCorrelation) -> None:
        self.name = "NCC"
        self._renderers, self._similarity = tuple(renderers), similarity

    def value(self, poses: FloatArray) -> FloatArray:
        return self._similarity.value(self._images(poses))

    def value_and_gradient(self, poses: FloatArray) -> tuple[FloatArray, FloatArray]:
        values, gradients = self._similarity.value_and_gradient(self._images(poses))
        return values, group_twists(self._renderers, poses, gradients)

    def gains(self, pose: FloatArray) -> FloatArray:
        """(K,) how much of each group the best mixture at one (4, 4) pose takes."""
        return self._similarity.gains(self._images(pose[None]))[0]

    def image(self, pose: FloatArray) -> FloatArray:
        """(rows, columns) the best mixture at one (4, 4) pose."""
        return np.tensordot(self.gains(pose), self._images(pose[None])[0], axes=1)

    def _images(self, poses: FloatArray) -> FloatArray:
        return group_images(self._renderers, poses)


class MeanSimilarity:
    """Several angiograms that one pose has to explain: the mean of their similarities."""

    def __init__(self, views: Sequence[PoseSimilarity]) -> None:
        self.name = views[0].name
        self._views = tuple(views)

    def value(self, poses: FloatArray) -> FloatArray:
        return np.mean([view.value(poses) for view in self._views], axis=0)

    def value_and_gradient(self, poses: FloatArray) -> tuple[FloatArray, FloatArray]:
        pairs = [view.value_and_gradient(poses) for view in self._views]
        values, twists = zip(*pairs, strict=True)
        return np.mean(values, axis=0), np.mean(twists, axis=0)
