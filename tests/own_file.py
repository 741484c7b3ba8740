"""A network and a variant of one's own: what the README and docs show, and what tests change."""

TEXT = '''"""A network with one hidden layer, and a variant that flips the signs of its units."""

import jax
import jax.numpy as jnp
from dropout_lab.models.blocks import Network, kernel_init, with_noise
from dropout_lab.nn import Linear, RatedNoise
from dropout_lab.variants import LayerChoice, Variant
from flax import nnx


class Net(Network):
    places = ("hidden", "output")  # where a variant may put layers

    def __init__(self, shape, classes, *, units, factory, rngs):  # config.model.units
        size = shape[0] * shape[1] * shape[2]
        self.inner = Linear(size, units, kernel_init=kernel_init("relu"), rngs=rngs)
        self.noise = nnx.data(factory.noise("hidden", (units,)))
        init = kernel_init("identity")
        self.output = factory.dense("output", units, classes, kernel_init=init, rngs=rngs)

    def features(self, x, rngs):
        return jax.nn.relu(self.inner(x.reshape(len(x), -1)))

    def head(self, x, rngs):
        return self.output(with_noise(self.noise, x, rngs), rngs=rngs)


class SignFlip(RatedNoise):
    max_rate = 0.5

    def sample(self, key, x):
        return jnp.where(jax.random.bernoulli(key, self.rate[...], x.shape), -x, x)

    def infer(self, x):
        return (1 - 2 * self.rate[...]) * x


sign_flip = Variant({"hidden": LayerChoice(SignFlip)}, defaults={"rate": 0.1})
'''
