"""The learned half of the judgement: how bad each fault of a picture is, by what was measured of it.

A few small networks, whose answers are averaged; ``benchmarks/photo_quality/train.py`` taught them, and wrote
``model.npz``. Which pictures, and why so: ``docs/adr/0027-learned-quality.md``.
"""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FAULTS = ("defocus", "motion", "noise", "underexposure", "overexposure", "compression")
WEIGHTS_FILE = "model.npz"
_FARTHEST = 4.0  # standard deviations: what is odder than that counts as so odd
_LEAK = np.float32(0.01)


@dataclass(frozen=True, slots=True)
class Model:
    """What was learnt."""

    mean: Floats
    spread: Floats
    layers: tuple[tuple[Floats, Floats], ...]
    """Of each the weights (networks x inputs x outputs) and the biases (networks x 1 x outputs)."""
    curve: tuple[NDArray[np.float64], NDArray[np.float64]]
    """From what is left of a picture after all faults, 0 to 1, to its score, 1 to 5; rising."""

    def severities(self, vector: Floats) -> dict[str, float]:
        """Return how bad each of ``FAULTS`` is: from 0, none of it, to 1, where it spoils all."""
        logits = self.logits(vector[None])[0]
        return dict(zip(FAULTS, (1 / (1 + np.exp(-logits))).tolist(), strict=True))

    def logits(self, vectors: Floats) -> Floats:
        """Return the logits of the severities: pictures x faults."""
        layer = np.clip((vectors - self.mean) / self.spread, -_FARTHEST, _FARTHEST)
        for number, (weights, biases) in enumerate(self.layers):
            layer = layer @ weights + biases
            if number < len(self.layers) - 1:
                layer = np.maximum(layer, _LEAK * layer)
        return np.asarray(layer.mean(axis=0), np.float32)

    def score(self, left: float) -> float:
        """Return the score of a picture of which so much is left."""
        return float(np.interp(left, *self.curve))


@functools.cache
def model() -> Model:
    """Load the model from the package."""
    content = files("junmai_jobs.photo.quality").joinpath(WEIGHTS_FILE).read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        layers = tuple(
            (stored[f"weights{number}"].astype(np.float32), stored[f"biases{number}"].astype(np.float32))
            for number in range(int(stored["depth"]))
        )
        return Model(stored["mean"], stored["spread"], layers, (stored["left"], stored["score"]))
