"""Images changed after training: shifted test sets, and examples of no class."""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import UInt8

from dropout_lab.errors import InputError, unknown

Images = UInt8[np.ndarray, "n height width channels"]

SEVERITIES = 5
OUTLIERS = ("noise", "permuted")
"""Outliers that need no other data set."""


def shifted(images: Images, spec: str, *, seed: int = 0) -> Images:
    """Returns images after a shift.

    Args:
      images: The images.
      spec: ``NAME:SEVERITY``, a name in ``SHIFTS`` and 1 to 5, or ``rotation:DEGREES`` above 5.
      seed: Seed of what is random in it.

    Raises:
      InputError: If there is no such shift, or the examples are no images of bytes.
    """
    name, severity = parsed(spec)
    if images.ndim != 4 or images.dtype != np.uint8:
        raise InputError(
            f"examples have shape {images.shape[1:]} and type {images.dtype}; allowed for a shift: "
            "images of bytes"
        )
    made = SHIFTS[name](images.astype(np.float64), severity, np.random.default_rng(seed))
    return np.clip(np.rint(made), 0, 255).astype(np.uint8)


def parsed(spec: str) -> tuple[str, int]:
    """Returns name and severity of a shift.

    Raises:
      InputError: If there is no such shift.
    """
    name, _, text = spec.partition(":")
    if name not in SHIFTS:
        raise unknown("shift", name, SHIFTS)
    top = 180 if name == "rotation" else SEVERITIES
    if not text.isdigit() or not 1 <= int(text) <= top:
        raise InputError(f"shift {spec!r}; allowed: {name}:1 to {name}:{top}")
    return name, int(text)


def _rotate(x: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    from scipy import ndimage  # type: ignore[import-untyped]

    angle = severity * 15 if severity <= SEVERITIES else severity
    return ndimage.rotate(x, angle, axes=(2, 1), reshape=False, order=1)


def _add_noise(x: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    return x + rng.normal(0, 255 * 0.08 * severity, x.shape)


def _blur(x: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    from scipy import ndimage

    width = 0.04 * severity * x.shape[1]
    return ndimage.gaussian_filter(x, (0, width, width, 0))


def _flatten(x: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    mean = x.mean((1, 2, 3), keepdims=True)
    return mean + (x - mean) * (1 - 0.18 * severity)


def _translate(x: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    moved = np.zeros_like(x)
    steps = np.rint(0.05 * severity * np.array(x.shape[1:3])).astype(int)
    signs = rng.choice([-1, 1], (len(x), 2))
    for image, place, (down, right) in zip(x, moved, signs * steps, strict=True):
        height, width = image.shape[:2]
        source = image[
            max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)
        ]
        top, left = max(0, down), max(0, right)
        place[top : top + source.shape[0], left : left + source.shape[1]] = source
    return moved


SHIFTS: Mapping[str, Callable[[np.ndarray, int, np.random.Generator], np.ndarray]] = {
    "rotation": _rotate,  # by 15 degrees a step, counter-clockwise
    "noise": _add_noise,  # Gaussian, 8 % of the range a step
    "blur": _blur,  # Gaussian, 4 % of the height a step
    "contrast": _flatten,  # 18 % less a step
    "translation": _translate,  # 5 % a step, in a random diagonal direction
}
"""Shifts by name: functions of images as floats, the severity and a generator."""


def outliers(images: Images, other: Images | None, kind: str, *, seed: int = 0) -> Images:
    """Returns as many examples that belong to no class, of the same shape.

    Args:
      images: The images of known classes.
      other: The images of another data set; None for "noise" and "permuted".
      kind: "noise", uniform bytes; "permuted", the images with their pixels permuted, all in the
        same way; else the name of the other data set, which is converted to grey and resized.
      seed: Seed of noise and permutation.
    """
    rng = np.random.default_rng(seed)
    if kind == "noise":
        return rng.integers(0, 256, images.shape, np.uint8)
    if other is None:
        order = rng.permutation(images[0].size)
        return images.reshape(len(images), -1)[:, order].reshape(images.shape)
    from PIL import Image

    height, width, channels = images.shape[1:]
    made = []
    for example in other[: len(images)]:
        picture = Image.fromarray(example.squeeze()).convert("L" if channels == 1 else "RGB")
        made.append(np.asarray(picture.resize((width, height))).reshape(height, width, channels))
    return np.stack(made)
