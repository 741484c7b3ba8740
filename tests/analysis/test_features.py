import numpy as np
import pytest

from dropout_lab.analysis import features
from dropout_lab.config import default_config
from dropout_lab.errors import InputError
from dropout_lab.training.run import train
from dropout_lab.training.trained import load_run

pytestmark = [pytest.mark.usefixtures("quick_compile"), pytest.mark.slow]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    config = default_config()
    config.data.name, config.model.widths = "digits", (16,)
    config.train.epochs, config.run.save_model = 1, True
    workdir = tmp_path_factory.mktemp("run")
    train(config, workdir)
    return load_run(workdir)


def test_features_are_the_weights_of_the_units(trained):
    layer = features.first_layer(trained)
    kernel = np.asarray(trained.module().classifier.layers[0].linear.kernel[...])
    assert layer.features.shape == (16, 8, 8)
    assert layer.features[3] == pytest.approx(kernel[:, 3].reshape(8, 8))


def test_activity_is_that_of_the_test_examples(trained):
    layer = features.first_layer(trained)
    dense = trained.module().classifier.layers[0].linear
    x = np.asarray(trained.test_split().images, np.float64).reshape(-1, 64) / 255
    units = np.maximum(x @ np.asarray(dense.kernel[...]) + np.asarray(dense.bias[...]), 0)
    assert layer.means == pytest.approx(units.mean(0), rel=1e-4, abs=1e-6)
    assert layer.share == pytest.approx((units > 0).mean(), abs=1e-3)


def test_a_figure_has_features_and_a_histogram_for_each_network(trained):
    layer = features.first_layer(trained)
    figure = features.draw({"none": layer, "dropout": layer})
    figure.draw_without_rendering()
    assert [axes.get_title() for axes in figure.axes[:2]] == ["none", "dropout"]
    assert "% active" in figure.axes[2].get_title(loc="left")


def test_a_network_that_reads_sequences_has_none(trained):
    trained.record["config"]["model"]["name"] = "rnn"
    try:
        with pytest.raises(InputError, match="allowed: mlp, cnn"):
            features.first_layer(trained)
    finally:
        trained.record["config"]["model"]["name"] = "mlp"
