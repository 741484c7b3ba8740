"""What a run finds and leaves in its directory."""

import json

import jax.numpy as jnp
import pytest

from dropout_lab.config import resolve
from dropout_lab.errors import InputError
from dropout_lab.training.checkpoint import Checkpoints
from dropout_lab.training.run import train

pytestmark = pytest.mark.usefixtures("shared_programs")


@pytest.fixture
def config(new_config, own_data):
    return new_config("none", own_data)


def as_json(record):
    return json.loads(json.dumps(record))


def files(directory):
    return sorted(path.name for path in directory.iterdir())


def test_no_network_is_kept_if_not_wanted(config, tmp_path):
    config.run.save_model = False
    train(config, tmp_path)
    assert files(tmp_path) == ["config.json", "lock", "record.json"]


def test_a_network_that_a_finished_run_has_not_kept_is_told_of(config, tmp_path, capsys):
    config.run.save_model = False
    record = train(config, tmp_path)
    assert train(config, tmp_path) == as_json(record)
    assert "warning" not in capsys.readouterr().err
    config.run.save_model = True
    train(config, tmp_path)
    cure = f"to train it again, remove {tmp_path}/record.json\n"
    told = f"warning: the network of the recorded run was not kept; {cure}"
    assert capsys.readouterr().err == told
    (tmp_path / "record.json").unlink()
    train(config, tmp_path)
    train(config, tmp_path)
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("kept", [True, False])
def test_an_earlier_network_does_not_stay_beside_a_new_record(config, tmp_path, kept):
    earlier = Checkpoints(tmp_path / "model")
    earlier.save({"earlier": jnp.zeros(1)}, {}, step=0)
    config.run.save_model = kept
    train(config, tmp_path)
    restored = earlier.restore()
    assert (restored is not None) == kept
    assert not kept or "earlier" not in restored[0]


@pytest.mark.parametrize("damage", [{"train": None}, {"eval": {"samples": {}}}])
def test_a_config_file_without_all_keys_is_damaged(config, tmp_path, damage):
    content = resolve(config).to_dict() | damage
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(
        InputError, match=r"config\.json is damaged \(keys of a configuration are m"
    ):
        train(config, tmp_path)
