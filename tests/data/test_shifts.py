import numpy as np
import pytest

from dropout_lab.data.shifts import SHIFTS, outliers, shifted
from dropout_lab.errors import InputError

IMAGES = np.random.default_rng(0).integers(40, 200, (6, 12, 12, 1)).astype(np.uint8)


@pytest.mark.parametrize("name", SHIFTS)
def test_a_shift_grows_with_its_severity_and_is_repeatable(name):
    apart = [
        np.abs(shifted(IMAGES, f"{name}:{severity}").astype(float) - IMAGES).mean()
        for severity in (1, 5)
    ]
    assert 0 < apart[0] < apart[1]
    assert np.array_equal(shifted(IMAGES, f"{name}:3"), shifted(IMAGES, f"{name}:3"))
    assert shifted(IMAGES, f"{name}:3").dtype == np.uint8


def test_a_quarter_turn_is_numpys():
    assert np.array_equal(shifted(IMAGES, "rotation:90"), np.rot90(IMAGES, axes=(1, 2)))


def test_translation_moves_and_leaves_black():
    moved = shifted(IMAGES, "translation:5")
    assert (moved == 0).mean() == pytest.approx(1 - (9 / 12) ** 2)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rotate:3", "unknown shift 'rotate'; did you mean 'rotation'"),
        ("blur:6", "shift 'blur:6'; allowed: blur:1 to blur:5"),
        ("noise", "shift 'noise'; allowed: noise:1 to noise:5"),
    ],
)
def test_another_shift_is_named(spec, message):
    with pytest.raises(InputError, match=message):
        shifted(IMAGES, spec)


def test_only_images_are_shifted():
    with pytest.raises(InputError, match="images of bytes"):
        shifted(np.zeros((2, 4), np.uint8), "blur:1")


def test_outliers_have_the_shape_of_the_images():
    colour = np.random.default_rng(1).integers(0, 256, (9, 32, 32, 3)).astype(np.uint8)
    for kind, other in (("noise", None), ("permuted", None), ("cifar10", colour)):
        made = outliers(IMAGES, other, kind)
        assert made.shape == IMAGES.shape
        assert made.dtype == np.uint8
    permuted = outliers(IMAGES, None, "permuted")
    assert np.array_equal(np.sort(permuted.ravel()), np.sort(IMAGES.ravel()))
    assert not np.array_equal(permuted, IMAGES)
