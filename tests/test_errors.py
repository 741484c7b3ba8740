import runpy

import pytest

from dropout_lab.errors import InputError, describe_error, unknown


def test_bad_input_is_a_value_error():
    assert issubclass(InputError, ValueError)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dropuot", "unknown variant 'dropuot'; did you mean 'dropout'? Allowed: dropout, none."),
        ("zzz", "unknown variant 'zzz'. Allowed: dropout, none."),
        (3, "unknown variant 3. Allowed: dropout, none."),
    ],
)
def test_an_unknown_name_suggests_the_nearest(name, message):
    error = unknown("variant", name, {"none": 1, "dropout": 2})
    assert isinstance(error, InputError)
    assert str(error) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n1 / 0\n", "ZeroDivisionError: division by zero (FILE, line 2)"),
        ("{}['seed\\nx']\n", "KeyError: seed x (FILE, line 1)"),
        (
            "try:\n    int('x')\nexcept ValueError:\n    raise TypeError('no')\n",
            "TypeError: no (FILE, line 4)",
        ),
        (
            "from dropout_lab.errors import InputError\nraise InputError('seed is -1')\n",
            "seed is -1",
        ),
    ],
)
def test_an_error_in_a_file_is_one_line_with_its_place(tmp_path, text, message):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(Exception) as error:  # noqa: PT011 (a file may raise anything)
        runpy.run_path(str(path))
    assert describe_error(error.value, str(path)) == message.replace("FILE", str(path))


def test_other_errors_are_one_line_without_a_place():
    assert describe_error(AttributeError(KeyError("two\nlines")), "absent.py") == "two lines"
