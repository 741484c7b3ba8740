"""Trained networks: saving them in a directory, loading them, predicting with them."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float, Num

from dropout_lab.config import KEYS, check_inference, from_dict, hparams_of, with_code
from dropout_lab.data import Split
from dropout_lab.errors import InputError
from dropout_lab.training.arrays import Scaling, scaled
from dropout_lab.training.checkpoint import Checkpoints, refill
from dropout_lab.training.inputs import Inputs
from dropout_lab.training.own_code import reporting_own_code
from dropout_lab.training.prediction import Prediction
from dropout_lab.training.preparation import load_data
from dropout_lab.training.program import Program, as_arrays
from dropout_lab.training.recorded import read_record
from dropout_lab.training.trainer import Result


def load_run(workdir: str | Path, *, code: str | Path | None = None) -> "Trained":
    """Returns the network of the run in ``workdir``.

    A network or variant of one's own is taken from its file, if the content is still that of the
    record. The text in the record is never executed.

    Args:
      workdir: The run's directory.
      code: The file to take it from instead, whatever its content.

    Raises:
      InputError: If there is no finished run, or its network was not saved.
    """
    directory = Path(workdir)
    if not (directory / "record.json").exists():
        raise InputError(f"{str(directory)!r} holds no finished run: no record.json")
    return load_network(read_record(directory / "record.json"), directory / "model", code)


def save_network(directory: Path, result: Result) -> None:
    """Saves the network of a trial, for :func:`load_network`.

    An existing network is replaced atomically.
    """
    Checkpoints(directory).save((result.weights, result.scaling), {}, step=0)


def load_network(
    record: dict[str, Any], directory: Path, code: str | Path | None = None
) -> "Trained":
    """Returns the network of a record, from the directory it was saved in.

    Args:
      record: The record.
      directory: The directory of the network.
      code: As for :func:`load_run`.

    Raises:
      InputError: If it was not saved.
    """
    saved = Checkpoints(directory).restore()
    if saved is None:
        raise InputError(
            f"{str(directory)!r} holds no network; allowed: a run trained with "
            "config.run.save_model True"
        )
    return Trained(record, saved[0], code)


class Trained:
    """A trained network with its record.

    Args:
      record: The run's record.
      arrays: Weights and input scaling, by path.
      code: As for :func:`load_run`.
    """

    def __init__(
        self,
        record: dict[str, Any],
        arrays: dict[str, np.ndarray],
        code: str | Path | None = None,
    ) -> None:
        self._config = config = with_code(from_dict(record["config"]), code)
        self.record = record
        with reporting_own_code(config):
            data = record["data"]
            self._program = Program(
                config, tuple(data["shape"]), data["classes"], data.get("vocabulary")
            )
        template = jax.eval_shape(self._program.init, as_arrays(hparams_of(config)))
        # Only the paths and types of a template are used, not the shapes.
        placeholder = jnp.zeros(())
        self._weights, self._scaling = refill(
            (template.weights, Scaling(placeholder, placeholder)), arrays
        )
        self._inputs = Inputs.of(record["data"], np.asarray(self._scaling.scale))

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the columns of predictions."""
        data = self.record["data"]
        return tuple(data.get("class_names", map(str, range(data["classes"]))))

    def module(self) -> nnx.Module:
        """Returns the Flax module in eval mode; its inputs are those of :meth:`scaled`."""
        return self._program.network.module(self._weights, "mean")

    def scaled(self, x: Num[np.ndarray, "n *shape"]) -> Float[jax.Array, "n *shape"]:
        """Returns examples, given as for :meth:`predict`, scaled as in training."""
        return scaled(jnp.asarray(self._inputs.checked(x)), self._scaling)

    def test_split(self) -> Split:
        """Returns the test set, unscaled."""
        return load_data(self._config).test

    def validation_split(self) -> Split:
        """Returns the validation set, unscaled; it may be empty."""
        return load_data(self._config).val

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
          x: Examples as the data set stores them (images: bytes), or bytes divided by 255.
          inference: An inference rule of the variant, a key of ``places.INFERENCE_RULES``; None
            for the rule used for its test metrics.
          passes: Number of noisy passes or samples, at least 1; None for the number used for its
            test metrics, or 50 if that was a single pass.
          seed: Seed of the noise.

        Raises:
          InputError: If an argument is not allowed.
        """
        inference = self._config.eval.inference if inference is None else inference
        return np.exp(self._predict(x, inference, passes, seed).log_probs)

    def passes(
        self, x: Num[np.ndarray, "n *shape"], *, count: int, seed: int = 0
    ) -> Float[np.ndarray, "count n classes"]:
        """Returns the class probabilities of several noisy passes.

        Args:
          x: Examples as the data set stores them (images: bytes), or bytes divided by 255.
          count: Number of noisy passes, at least 1.
          seed: Seed of the noise.

        Raises:
          InputError: If an argument is not allowed, or the variant has no noise to sample.
        """
        self._check("mc", "count", count, seed)
        noise_key, images = jax.random.key(seed), jnp.asarray(self._inputs.checked(x))
        return np.asarray(
            self._program.sample(self._weights, noise_key, images, self._scaling, passes=count)
        )

    def uncertainty(
        self, x: Num[np.ndarray, "n *shape"], *, passes: int | None = None, seed: int = 0
    ) -> Prediction:
        """Returns Monte-Carlo predictions with their uncertainties, as NumPy arrays.

        Those of a variant with fixed masks are over the masks.

        Args:
          x: Examples as the data set stores them (images: bytes), or bytes divided by 255.
          passes: Number of noisy passes, at least 1; None for the number used for its test metrics,
            or 50 if that was a single pass.
          seed: Seed of the noise.

        Raises:
          InputError: If an argument is not allowed, or the variant has no noise to sample.
        """
        rule = "masks" if self._program.network.masks else "mc"
        return self._predict(x, rule, passes, seed)

    def _predict(self, x: np.ndarray, inference: str, passes: int | None, seed: int) -> Prediction:
        if passes is None:
            passes = self._config.eval.passes or 50
        self._check(inference, "passes", passes, seed)
        prediction = self._program.predict(
            self._weights,
            jax.random.key(seed),
            jnp.asarray(self._inputs.checked(x)),
            self._scaling,
            inference=inference,
            passes=passes,
        )
        return jax.tree.map(np.asarray, prediction)

    def _check(self, inference: str, name: str, passes: int, seed: int) -> None:
        check_inference("inference", inference, self._config.variant)
        KEYS["eval.passes"].check(passes, name)
        KEYS["seed"].check(seed, "seed")
