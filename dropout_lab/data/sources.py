"""Sources of a published data set: prepared by TFDS, prepared now, or original files."""

import functools
import importlib.util

from dropout_lab.data import cache, download, raw_source, tfds_source
from dropout_lab.data.catalog import ImageSet
from dropout_lab.data.dataset import TrainTest
from dropout_lab.data.near_miss import near_miss
from dropout_lab.errors import InputError


def load(image_set: ImageSet, data_dir: str | None) -> TrainTest:
    """Returns training and test part in canonical order, from the first source that has them.

    A ``data_dir`` that nearly holds them is an error before anything is prepared or downloaded.

    Damaged data in one source is an error, not a reason to try the next.

    Raises:
      InputError: If no source has the data, or the one that has it is damaged.
    """
    name = image_set.name
    folder = tfds_source.find(name, data_dir)
    there = folder or raw_source.find(image_set, data_dir)
    if data_dir and not there and (miss := near_miss(image_set, data_dir)):
        raise InputError(f"no data for {name!r}: {data_dir} {miss}.")
    tensorflow = "TensorFlow is not installed"
    if folder is None and importlib.util.find_spec("tensorflow"):
        try:
            folder = tfds_source.prepare(name, data_dir)
        except Exception as error:  # TFDS and TensorFlow raise anything; the files may still work
            tensorflow = f"TFDS failed with {' '.join(str(error).split())}"
    if folder is not None:
        return cache.load_or_build(
            name,
            str(folder.resolve()),
            tfds_source.state(folder),
            functools.partial(tfds_source.read, image_set, folder),
        )
    try:
        paths = raw_source.locate(image_set, data_dir)
    except download.UnreachableError as error:
        raise InputError(_ways(image_set, data_dir, tensorflow, str(error))) from error
    return cache.load_or_build(
        name,
        str(paths[0].parent.resolve()),
        cache.file_states(paths),
        functools.partial(raw_source.read, image_set, paths),
    )


def _ways(image_set: ImageSet, data_dir: str | None, tensorflow: str, download: str) -> str:
    """Returns the message that a data set is missing, with the ways to get it."""
    name = image_set.name
    roots = tfds_source.roots(data_dir)
    near = [f"; {root} {miss}" for root in roots if (miss := near_miss(image_set, root))]
    ways = [
        f"point data_dir or $TFDS_DATA_DIR at a folder where TFDS has prepared it as "
        f"{name}/<version>/ in array_record format (none in {', '.join(map(str, roots))}"
        f"{''.join(near)})",
        f"install TensorFlow, so that TFDS can prepare it here ({tensorflow})",
    ]
    if image_set.files:
        files = ", ".join(original.name for original in image_set.files)
        folder = f"{data_dir or 'DATA_DIR'}/{name}"
        ways.append(
            f"put the original files ({files}) into {folder}, or let them be downloaded "
            f"({download})"
        )
    count = ["Two", "Three"][len(ways) - 2]
    numbered = "; ".join(f"({number}) {way}" for number, way in enumerate(ways, 1))
    return f"no data for {name!r}. {count} ways to get it: {numbered}."
