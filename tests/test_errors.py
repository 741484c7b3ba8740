import pytest

from dropout_lab.errors import InputError, unknown


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
def test_an_unknown_name_is_told_with_the_nearest(name, message):
    error = unknown("variant", name, {"none": 1, "dropout": 2})
    assert isinstance(error, InputError)
    assert str(error) == message
