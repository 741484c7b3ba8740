"""Trained networks: saving them in a directory, loading them, predicting with them."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float, Num

from dropout_lab.config import check_inference, from_dict, hparams_of
from dropout_lab.data import Split
from dropout_lab.errors import InputError
from dropout_lab.training.arrays import Scaling
from dropout_lab.training.checkpoint import Checkpoints, refill
from dropout_lab.training.prediction import Prediction
from dropout_lab.training.preparation import load_data
from dropout_lab.training.program import Program, as_arrays
from dropout_lab.training.recorded import read_record
from dropout_lab.training.trainer import Result


def load_run(workdir: str | Path) -> "Trained":
    """Returns the network of the run in ``workdir``.

    Raises:
      InputError: If there is no finished run, or its network was not saved.
    """
    directory = Path(workdir)
    if not (directory / "record.json").exists():
        raise InputError(f"{str(directory)!r} holds no finished run: no record.json")
    return load_network(read_record(directory / "record.json"), directory / "model")


def save_network(directory: Path, result: Result) -> None:
    """Saves the network of a trial, for :func:`load_network`.

    An existing network is replaced atomically.
    """
    Checkpoints(directory).save((result.weights, result.scaling), {}, step=0)


def load_network(record: dict[str, Any], directory: Path) -> "Trained":
    """Returns the network of a record, from the directory it was saved in.

    Raises:
      InputError: If it was not saved.
    """
    saved = Checkpoints(directory).restore()
    if saved is None:
        raise InputError(
            f"{str(directory)!r} holds no network; allowed: what was trained with "
            "config.run.save_model True"
        )
    return Trained(record, saved[0])


class Trained:
    """A trained network with its record.

    Args:
      record: The run's record.
      arrays: Weights and input scaling, by path.
    """

    def __init__(self, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self._config = config = from_dict(record["config"])
        self.record = record
        self._shape = tuple(record["data"]["shape"])
        self._program = Program(config, self._shape, record["data"]["classes"])
        template = jax.eval_shape(self._program.init, as_arrays(hparams_of(config)))
        # Only the paths and types of a template are used, not the shapes.
        placeholder = jnp.zeros(())
        self._weights, self._scaling = refill(
            (template.weights, Scaling(placeholder, placeholder)), arrays
        )

    def module(self) -> nnx.Module:
        """Returns the Flax module in eval mode; its inputs must be scaled as in training."""
        return self._program.network.module(self._weights, "mean")

    def test_split(self) -> Split:
        """Returns the test set, unscaled."""
        return load_data(self._config).test

    def predict(
        self,
        x: Num[np.ndarray, "n *shape"],
        *,
        inference: str | None = None,
        passes: int | None = None,
        seed: int = 0,
    ) -> Float[np.ndarray, "n classes"]:
        """Returns class probabilities.

        Args:
          x: Examples as the data set stores them (images: bytes).
          inference: An inference rule of the variant, a key of ``places.INFERENCE_RULES``; None
            for the rule used for its test metrics.
          passes: Number of noisy passes or samples, at least 1; None for the number used for its
            test metrics, or 50 if that was a single pass.
          seed: Seed of the noise.

        Raises:
          InputError: If an argument is not allowed.
        """
        inference = inference or self._config.eval.inference
        return np.exp(self._predict(x, inference, passes, seed).log_probs)

    def passes(
        self, x: Num[np.ndarray, "n *shape"], *, count: int, seed: int = 0
    ) -> Float[np.ndarray, "count n classes"]:
        """Returns the class probabilities of several noisy passes.

        Args:
          x: Examples as the data set stores them (images: bytes).
          count: Number of noisy passes, at least 1.
          seed: Seed of the noise.

        Raises:
          InputError: If an argument is not allowed, or the variant has no noise to sample.
        """
        self._check(x := np.asarray(x), "mc", count)
        noise_key, images = jax.random.key(seed), jnp.asarray(x)
        return np.asarray(
            self._program.sample(self._weights, noise_key, images, self._scaling, passes=count)
        )

    def uncertainty(
        self, x: Num[np.ndarray, "n *shape"], *, passes: int | None = None, seed: int = 0
    ) -> Prediction:
        """Returns Monte-Carlo predictions with their uncertainties, as NumPy arrays.

        Args:
          x: Examples as the data set stores them (images: bytes).
          passes: Number of noisy passes, at least 1; None for the number used for its test metrics,
            or 50 if that was a single pass.
          seed: Seed of the noise.

        Raises:
          InputError: If an argument is not allowed, or the variant has no noise to sample.
        """
        return self._predict(x, "mc", passes, seed)

    def _predict(self, x: np.ndarray, inference: str, passes: int | None, seed: int) -> Prediction:
        if passes is None:
            passes = self._config.eval.passes or 50
        self._check(x := np.asarray(x), inference, passes)
        prediction = self._program.predict(
            self._weights,
            jax.random.key(seed),
            jnp.asarray(x),
            self._scaling,
            inference=inference,
            passes=passes,
        )
        return jax.tree.map(np.asarray, prediction)

    def _check(self, x: np.ndarray, inference: str, passes: int) -> None:
        check_inference("inference", inference, self._config.variant)
        if passes < 1:
            raise InputError(f"passes is {passes}; allowed: a whole number from 1")
        if x.shape[1:] != self._shape or not len(x):
            raise InputError(
                f"x has shape {x.shape}; allowed: (n, {', '.join(map(str, self._shape))})"
            )
