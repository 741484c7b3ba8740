"""Makes the sequence data of configs/vowels_rnn.py, glosses.py and kjv_lm.py from public packages.

python scripts/prepare_sequences.py FOLDER && export DROPOUT_LAB_DATA=FOLDER

It downloads, with pip and apt-get, aeon 1.6.0 (JapaneseVowels) and Debian's wordnet-base 3.0,
bible-kjv and bible-kjv-text 4.38, into FOLDER/packages, or takes those that are there; it installs
nothing. It needs Debian or a system like it, on x86-64. Every file it makes is checked by sha256.
"""

import collections
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

SHA256 = {
    "japanese_vowels.npz": "3c1262dc92e6979f8cd656508bb4f24fd806720ad35de975b918467eeba4f2df",
    "glosses/train.tsv": "45e48255f22ac867fa03ed2734d5c01cb914809fa13635b4d102611e29146e5b",
    "glosses/test.tsv": "6ad6bf63331b4b7c6e28b6ec352a30dab8eb19c9df4910eb318686b5c5fe0e8a",
    "kjv/train.txt": "e5cf69c8bfe21f37efe67099a00b1fb719f066932c0034424e6dd9b6b4a768c7",
    "kjv/valid.txt": "c26714f2723963156e0a253b9f4d191626585f85a2365523d3ddef0c05a5d1f8",
    "kjv/test.txt": "a38ea016168de07b4dfbe3620aebb62ffd8469b8ba42a724e77fb34096102f74",
}
DEBIAN = ("wordnet-base", "bible-kjv", "bible-kjv-text")
CLASSES = (
    *("act", "animal", "artifact", "attribute", "body", "cognition", "communication", "event"),
    *("feeling", "food", "group", "location", "motive", "object", "person", "phenomenon", "plant"),
    *("possession", "process", "quantity", "relation", "shape", "state", "substance", "time"),
)
"""WordNet's lexicographer files of nouns in their order, from number 4; number 3 is noun.Tops."""


def vowels(wheel: Path) -> dict[str, bytes]:
    """Returns the arrays of JapaneseVowels, padded with zeros to the longest, as an .npz file."""
    folder = "aeon/datasets/data/JapaneseVowels/JapaneseVowels"
    with zipfile.ZipFile(wheel) as archive:
        parts = [archive.read(f"{folder}_{part}.ts").decode() for part in ("TRAIN", "TEST")]
    rows = [text.partition("@data\n")[2].splitlines() for text in parts]
    steps = max(len(row.split(":")[0].split(",")) for part in rows for row in part)
    arrays: dict[str, np.ndarray] = {}
    lengths: dict[str, np.ndarray] = {}  # in the file they come after the others
    for part, lines in zip(("train", "test"), rows, strict=True):
        x = np.zeros((len(lines), steps, 12), np.float32)
        counts = np.zeros(len(lines), np.int64)
        for index, line in enumerate(lines):
            *dimensions, _ = line.split(":")
            example = np.array([dimension.split(",") for dimension in dimensions], np.float32).T
            counts[index] = len(example)
            x[index, : len(example)] = example
        labels = [int(line.rpartition(":")[2]) - 1 for line in lines]
        arrays |= {f"x_{part}": x, f"y_{part}": np.array(labels, np.int64)}
        lengths[f"lengths_{part}"] = counts
    file = io.BytesIO()
    saved: dict[str, Any] = arrays | lengths
    np.savez_compressed(file, **saved)
    return {"japanese_vowels.npz": file.getvalue()}


def glosses(nouns: Path) -> dict[str, bytes]:
    """Returns the definitions of WordNet's nouns with their classes, as lines label<TAB>text."""
    classes = collections.defaultdict(set)
    for line in nouns.read_text().splitlines():
        if line.startswith("  ") or (number := int(line.split()[1])) == 3:
            continue  # the licence; noun.Tops
        gloss = " ".join(line.partition(" | ")[2].partition(";")[0].split())
        if len(gloss.split()) >= 3:
            classes[gloss].add(CLASSES[number - 4])
    parts: dict[str, list[str]] = {"train": [], "test": []}
    for gloss, labels in classes.items():
        if len(labels) == 1:
            tested = int(hashlib.sha256(gloss.encode()).hexdigest(), 16) % 7 == 0
            parts["test" if tested else "train"].append(f"{min(labels)}\t{gloss}\n")
    return {f"glosses/{part}.tsv": "".join(sorted(parts[part])).encode() for part in parts}


def bible(folder: Path) -> dict[str, bytes]:
    """Returns the verses of the King James Bible, one a line, in three parts."""
    program, data = folder / "bin" / "bible", folder / "lib"
    command = [str(program), "-f", "-p", str(data), "Gen1:1-Rev22:21"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    verses = [
        line.partition(" ")[2].strip() + "\n" for line in printed.splitlines() if line.strip()
    ]
    first, second = len(verses) * 8 // 10, len(verses) * 9 // 10
    parts = {"train": verses[:first], "valid": verses[first:second], "test": verses[second:]}
    return {f"kjv/{part}.txt": "".join(lines).encode() for part, lines in parts.items()}


def fetch(folder: Path) -> None:
    """Downloads the packages that are not in a folder, and unpacks those of Debian there."""
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob("aeon-*.whl")):
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "aeon==1.6.0"]
        subprocess.run(pip, cwd=folder, check=True)
    for name in DEBIAN:
        if not list(folder.glob(f"{name}_*.deb")):
            subprocess.run(["apt-get", "download", name], cwd=folder, check=True)
        (deb,) = folder.glob(f"{name}_*.deb")
        subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)


def main(folder: Path) -> None:
    """Writes the files, each after a check of its sha256; exits with a message if one differs."""
    packages = folder / "packages"
    fetch(packages)
    (wheel,) = packages.glob("aeon-*.whl")
    nouns = packages / "usr" / "share" / "wordnet" / "data.noun"
    for name, content in (vowels(wheel) | glosses(nouns) | bible(packages / "usr")).items():
        if (found := hashlib.sha256(content).hexdigest()) != SHA256[name]:
            sys.exit(f"{name} has sha256 {found}; must be {SHA256[name]}: other package versions?")
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        print(f"{folder / name}: {len(content):,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python scripts/prepare_sequences.py FOLDER")
    main(Path(sys.argv[1]))
