"""Text: labelled lines, plain files in windows, their vocabulary, and what is refused."""

import re

import numpy as np
import pytest

from dropout_lab.data import describe, load
from dropout_lab.errors import InputError

TRAIN = "cat\tA small, furry animal.\ndog\tAn animal that barks\ncat\tA small tiger\n"
TEST = "dog\tbarks A purple lot\n"


@pytest.fixture
def folder(tmp_path):
    """Returns a function that writes files into a folder, by name, and returns its path."""

    def write(**files):
        for name, content in files.items():
            path = tmp_path / name.replace("_", ".")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(tmp_path)

    return write


def texts(data, split):
    return {
        " ".join(data.words[token] for token in row[row >= 0].tolist()): int(label)
        for row, label in zip(split.images, split.labels, strict=True)
    }


def test_lines_become_tokens_and_classes(folder):
    path = folder(train_tsv=TRAIN, test_tsv=TEST)
    data = load("text_lines", path=path, val_size=0)
    assert data.class_names == ("cat", "dog")
    assert texts(data, data.train) == {
        "a small , furry animal .": 0,
        "an animal that barks": 1,
        "a small tiger": 0,
    }
    assert texts(data, data.test) == {"barks a <unk> <unk>": 1}
    assert data.vocabulary == len(data.words) == 11
    assert "unknown tokens: train 0 %, test 50 %" in data.notes
    assert data.train.images.shape == (3, 6)


def test_the_vocabulary_is_of_the_most_frequent_words_of_the_training_part(folder):
    path = folder(train_tsv=TRAIN, test_tsv=TEST * 99)
    data = load("text_lines", path=path, val_size=0, vocabulary=4)
    assert data.words == ("<unk>", "a", "animal", "small")
    assert "a small <unk>" in texts(data, data.train)


def test_characters_and_longest_lines(folder):
    path = folder(train_tsv=TRAIN, test_tsv=TEST)
    data = load("text_lines", path=path, val_size=0, tokens="characters", window=5)
    assert "A   s m a" in texts(data, data.train)
    assert data.train.images.shape == (3, 5)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"test_tsv": None}, ": no test.tsv; allowed: a folder with train.tsv, test.tsv and perh"),
        ({"valid_tsv": TEST, "val_tsv": TEST}, ": both val.tsv and valid.tsv; keep one file"),
        ({"train_tsv": "cat\tx\n\ndog\ty"}, "train.tsv, line 2 is empty; allowed: a label, a tab"),
        ({"test_tsv": "only text"}, "test.tsv, line 1 is 'only text'; allowed: a label, a tab"),
        ({"test_tsv": "dog\t "}, "test.tsv, line 1 is 'dog\\t '; allowed: a label, a tab and a t"),
        ({"test_tsv": "\tbarks"}, "test.tsv, line 1 is '\\tbarks'; allowed: a label, a tab and a"),
        ({"test_tsv": "\n"}, "test.tsv is empty; allowed: lines of text"),
        ({"train_tsv": b"cat\tx\ncat\tcaf\xe9"}, "train.tsv, line 2: byte 0xe9 is not UTF-8; save"),
    ],
)
def test_bad_lines_are_named_with_file_and_line(folder, files, message):
    whole = {"train_tsv": TRAIN, "test_tsv": TEST} | files
    path = folder(**{name: content for name, content in whole.items() if content is not None})
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load("text_lines", path=path)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


def test_marks_of_order_and_line_ends_of_other_systems_are_no_part_of_text(folder):
    plain = load("text_lines", path=folder(train_tsv=TRAIN, test_tsv=TEST))
    folder(train_tsv=b"\xef\xbb\xbf" + TRAIN.replace("\n", "\r\n").encode())
    other = load("text_lines", path=folder())
    assert other.fingerprint == plain.fingerprint


def test_every_token_of_a_stream_is_predicted_once_from_those_before(folder):
    path = folder(train_txt="a b c\nd <unk> e\n", test_txt="c x\n", valid_txt="a\n")
    data = load("text", path=path, tokens="spaced", window=3)
    ids = {word: number for number, word in enumerate(data.words)}
    assert data.words[0] == "<unk>"

    def numbers(text):
        return [-1 if word == "_" else ids[word] for word in text.split()]

    read = numbers("<eos> a b c <eos> d <unk> e _")
    predicted = numbers("a b c <eos> d <unk> e <eos> _")
    np.testing.assert_array_equal(data.train.images.ravel(), read)
    np.testing.assert_array_equal(data.train.labels.ravel(), predicted)
    np.testing.assert_array_equal(data.test.images, [numbers("<eos> c <unk>")])
    np.testing.assert_array_equal(data.test.labels, [numbers("c <unk> <eos>")])
    np.testing.assert_array_equal(data.val.labels, [numbers("a <eos> _")])
    assert data.classes == data.vocabulary == 7


def test_characters_of_a_stream(folder):
    path = folder(train_txt="Ab\nb", test_txt="A?", valid_txt="b")
    data = load("text", path=path, tokens="characters", window=9)
    assert [data.words[token] for token in data.test.labels[0, :3]] == ["A", "<unk>", "\n"]
    assert data.test.labels[0, 3:].tolist() == [-1] * 6


def test_text_is_described(folder):
    path = folder(train_txt="a b c\nd <unk> e\n" * 9, test_txt="c x\n", valid_txt="a\n")
    said = describe(load("text", path=path, tokens="spaced", window=3))
    assert "examples of shape (3,) (steps; 7 token types), 7 tokens to predict at each step" in said
    assert "first example: '<eos> a b'" in said


@pytest.mark.parametrize("option", [{"tokens": "words"}, {"window": 3}, {"vocabulary": 9}])
def test_options_of_text_are_for_text(option):
    with pytest.raises(InputError, match=r"with 'digits'; allowed: only with "):
        load("digits", **option)
