import numpy as np
import pytest

from dropout_lab.analysis import masks
from dropout_lab.variants import VARIANTS

pytestmark = pytest.mark.usefixtures("quick_compile")

IMAGE = np.random.default_rng(0).uniform(0.2, 0.6, (24, 24, 3)).astype(np.float32)


@pytest.mark.slow
def test_every_variant_changes_the_image_and_keeps_its_shape():
    for name in VARIANTS:
        shown, how = masks.noisy(name, IMAGE, rate=0.3, seed=4)
        assert shown.shape == ((12, 12, 3) if how == "pooled" else IMAGE.shape), name
        assert np.isfinite(shown).all(), name
        if shown.shape == IMAGE.shape:
            assert np.allclose(shown, IMAGE) == (name == "none"), name


def test_dropout_drops_pixels_and_scales_up_the_rest():
    shown, _ = masks.noisy("dropout", IMAGE, rate=0.25)
    kept = shown != 0
    assert shown[kept] == pytest.approx(IMAGE[kept] / 0.75)
    assert abs(kept.mean() - 0.75) < 4 * (0.25 * 0.75 / kept.size) ** 0.5


def test_weights_that_are_dropped_for_all_steps_leave_stripes():
    shown, how = masks.noisy("weight_drop", IMAGE, rate=0.5)
    assert how == "rows in time"
    memory = np.isclose(shown[1:], 0.4 * IMAGE[1:], rtol=0.02).all((0, 2))
    assert 0 < memory.sum() < 24


@pytest.mark.slow
def test_the_gallery_names_every_variant():
    figure = masks.gallery(masks.photograph(24), variants=("none", "dropout", "cutout"))
    titles = [axes.get_title().split("\n")[0] for axes in figure.axes]
    assert titles[:3] == ["none", "dropout", "cutout"]
