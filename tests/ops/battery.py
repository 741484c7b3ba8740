"""Streams raw words of the counter hash to a battery of statistical tests.

python -m tests.ops.battery --over=counters | dieharder -a -g 200
python -m tests.ops.battery --over=keys | dieharder -a -g 200
"""

import argparse
import itertools
import signal
import sys

import jax
import jax.numpy as jnp
import numpy as np

from dropout_lab.ops import _noise

SHAPE = (2**11, 2**11)
WORDS_OF_A_KEY = 2
"""When keys follow each other."""


def over_counters(first):
    """Yields arrays of words: all of the first key, index by index, then all of the next, ...

    A key's words of 2**22 indices are no sample with replacement of all words, as no word comes
    twice, but 2**22 of 2**32 are few enough for that not to show.
    """
    draw = jax.jit(lambda seed: _noise.bits(jax.random.key(seed), SHAPE))
    for seed in itertools.count(first):
        yield draw(np.uint32(seed))


def over_keys(first):
    """Yields arrays of words: the first two of the first key, of the next, ..."""
    count = SHAPE[0] * SHAPE[1] // WORDS_OF_A_KEY

    @jax.jit
    def draw(first):
        seeds = first + jnp.arange(count, dtype=jnp.uint32)
        return jax.vmap(lambda seed: _noise.bits(jax.random.key(seed), (WORDS_OF_A_KEY,)))(seeds)

    for start in itertools.count(first, count):
        yield draw(np.uint32(start))


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the reader ends it
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--over", choices=("counters", "keys"), required=True)
    parser.add_argument("--first", type=int, default=0, help="seed of the first key")
    args = parser.parse_args()
    streams = {"counters": over_counters, "keys": over_keys}
    for words in streams[args.over](args.first):
        sys.stdout.buffer.write(np.asarray(words).tobytes())


if __name__ == "__main__":
    main()
