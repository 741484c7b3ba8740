"""Parts of own data, and the data set they make."""

import dataclasses
from collections.abc import Sequence

from dropout_lab.data.dataset import Split, TrainTest, canonical, concatenate
from dropout_lab.data.own import features, labels, sequences
from dropout_lab.data.own.part import Part
from dropout_lab.errors import InputError

_SHARE = 6  # one example in six is held out where no part is given


@dataclasses.dataclass(frozen=True, eq=False)
class OwnData:
    """Own data in the form of a published data set.

    Attributes:
      train_test: Its training part, which ends with the validation examples, and its test part.
      classes: Number of classes.
      class_names: Their names in order; empty if the labels were 0..classes-1 to begin with.
      val_size: Number of validation examples by default.
      notes: What was converted or chosen, a line each.
      vocabulary: Number of token types, if examples are tokens.
      words: The tokens of text, by number.
      columns: Of a table: the names of the features.
    """

    train_test: TrainTest
    classes: int
    class_names: tuple[str, ...]
    val_size: int
    notes: tuple[str, ...]
    vocabulary: int | None = None
    words: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


def assemble(
    path: str,
    parts: Sequence[Part],
    notes: Sequence[str] = (),
    *,
    vocabulary: int | None = None,
    words: tuple[str, ...] = (),
) -> OwnData:
    """Converts the parts together and puts them in canonical order.

    Where there is no test part, the last sixth of the training part becomes one. A validation part
    goes to the end of the training part, where validation examples are held out.

    Args:
      path: Path of the data, for messages.
      parts: A training part, and perhaps a validation and a test part.
      notes: What has been noted so far.
      vocabulary: Number of token types; None for as many as there are.
      words: The tokens of text, by number.

    Raises:
      InputError: If they are not data for classification.
    """
    for part in parts:
        _check_lengths(path, part)
    if any(part.tokens or part.lengths is not None for part in parts):
        images, vocabulary, notes_on_images = sequences.convert(path, parts, vocabulary)
    else:
        images, notes_on_images = features.convert(path, {part.x_name: part.x for part in parts})
    classes = labels.convert(path, {part.y_name: part.y for part in parts})
    splits = {
        part.name: canonical(Split(images[part.x_name], classes.ids[part.y_name])) for part in parts
    }
    notes = [*notes, *notes_on_images, *classes.notes]
    train, val = splits["train"], splits.get("val")
    if "test" in splits:
        test = splits["test"]
    else:
        size = max(1, round(len(train) / _SHARE))
        train, test = train[:-size], train[-size:]
        notes.append(
            f"no test part: {size} of the {size + len(train)} examples, chosen by their hashes, "
            "are held out as one"
        )
    if not len(train):
        raise InputError(
            f"{path}: a single example; allowed: two or more, to train and to test on."
        )
    if val is not None:
        train = concatenate(train, val)
    notes += _unseen(classes, train, test)
    val_size = round(len(train) / _SHARE) if val is None else len(val)
    train_test = TrainTest(train, test)
    return OwnData(
        train_test,
        classes.count,
        classes.names,
        val_size,
        tuple(notes),
        vocabulary,
        words,
        parts[0].columns,
    )


def _check_lengths(path: str, part: Part) -> None:
    """Raises InputError unless a part has a label for each example."""
    x, y = part.x.shape, part.y.shape
    if not x or not y or x[0] == y[0]:
        return  # an array without axes is refused later
    if x[-1] == y[0]:
        cure = f"the last axis of {part.x_name} counts examples: save np.moveaxis({part.x_name}, "
        raise InputError(f"{path}: {part.x_name} has shape {x}, {part.y_name} {y}; {cure}-1, 0).")
    raise InputError(
        f"{path}: {part.y_name} has shape {y}; must be {(x[0],)}, one label for each example of "
        f"{part.x_name}."
    )


def _unseen(classes: labels.Classes, train: Split, test: Split) -> list[str]:
    """Returns a note about the classes that only the test part has, if there are any."""
    unseen = sorted({*test.labels.tolist()} - {*train.labels.tolist()})
    if not unseen:
        return []
    shown = labels.listed([classes.names[label] if classes.names else label for label in unseen])
    return [f"classes without a training example: {shown}"]
