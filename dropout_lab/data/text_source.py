"""Published texts with labels, prepared by TFDS, cut into tokens as one's own are."""

from dropout_lab.data import tfds_source
from dropout_lab.data.catalog import TextSet
from dropout_lab.data.own.parts import OwnData
from dropout_lab.data.own.text import of_lines
from dropout_lab.errors import InputError


def load(
    text_set: TextSet,
    data_dir: str | None,
    *,
    tokens: str,
    vocabulary: int | None,
    window: int | None,
) -> OwnData:
    """Reads a data set that TFDS has prepared.

    Args:
      text_set: Its row in the catalogue.
      data_dir: Folder to search first.
      tokens: How texts are cut, as for own text, like the other options.
      vocabulary: Number of token types.
      window: Number of tokens read of a text, its first ones.

    Raises:
      InputError: If it is not prepared in array_record format, or damaged.
    """
    folder = tfds_source.find(text_set.name, data_dir)
    if folder is None:
        roots = [str(root) for root in tfds_source.roots(data_dir)]
        raise InputError(
            f"no data for {text_set.name!r} in array_record format in {', '.join(roots)}; prepare "
            'it where TensorFlow is installed: python -c "import tensorflow_datasets as tfds; '
            f'tfds.data_source({text_set.name!r}, data_dir={roots[0]!r})"'
        )
    train, test = tfds_source.read_text(text_set, folder)
    names = {part: f"{folder}, {part}" for part in ("train", "test")}
    return of_lines(
        str(folder),
        names,
        {"train": train, "test": test},
        tokens=tokens,
        vocabulary=vocabulary,
        window=window,
    )
