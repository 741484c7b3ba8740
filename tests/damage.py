"""Flipped bits and cut ends, drawn over all files of a folder."""

import shutil

from hypothesis import strategies as st


@st.composite
def damages(draw):
    """Draws a function that damages one file of a folder and returns its path; all are as likely.

    Of two folders with the same files, it damages the same place.
    """
    which, where = draw(st.floats(0, 1, exclude_max=True)), draw(st.floats(0, 1, exclude_max=True))
    bit = draw(st.one_of(st.none(), st.integers(0, 7)))

    def damage(folder):
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
        path = files[int(which * len(files))]
        content = bytearray(path.read_bytes())
        place = int(where * len(content))
        if bit is None:
            del content[place:]
        else:
            content[place] ^= 1 << bit
        path.write_bytes(content)
        return path

    return damage


def copied(folder, to):
    """Copies a folder in place of another one."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    return to
