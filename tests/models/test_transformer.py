"""The transformer: what it reads, what has no influence, and what its noise leaves out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import nn, ops
from dropout_lab.errors import InputError
from dropout_lab.models import Transformer
from dropout_lab.models.reading import Reader, sinusoids
from dropout_lab.variants import VARIANTS, LayerFactory

pytestmark = pytest.mark.usefixtures("quick_compile")

SIZES = {"layers": 2, "width": 8, "heads": 2, "ff_width": 12}
RNG = np.random.default_rng(0)
STEPS = 7
TOKENS = jnp.asarray(RNG.integers(0, 5, (4, STEPS)), jnp.int32)
LENGTHS = np.arange(STEPS) < np.array([[7], [3], [5], [1]])
NOISY = [name for name, made in VARIANTS.items() if made.fits(Transformer.places)]
SLOW = pytest.mark.slow
PADDED = ["dropout", "none", "drop_key", "word_dropout"]


def make(shape, variant="none", *, rates=None, **options):
    factory = LayerFactory(variant, **rates or {})
    options = SIZES | options
    return Transformer(shape, 3, **options, factory=factory, rngs=nnx.Rngs(0))


def at_rest(model, x):
    """Returns the logits, compiled: module by module takes longer."""
    model.eval()
    graph, state = nnx.split(model)
    return np.asarray(jax.jit(lambda state: nnx.merge(graph, state)(x))(state))


def slopes_of_steps(model, x, key, loss):
    """Returns the gradient of a loss on noisy logits by the embedding of each step."""
    graph, state = nnx.split(model)

    @jax.jit
    def slopes(shift):
        def shifted(shift):
            made = nnx.merge(graph, state, copy=True)
            embedded, present = made.reader(x, nnx.Rngs(dropout=key))
            made.reader = lambda x, rngs: (embedded + shift, present)
            return loss(made(x, rngs=nnx.Rngs(dropout=key)))

        return jax.grad(shifted)(shift)

    found = np.asarray(slopes(jnp.zeros((*x.shape[:2], SIZES["width"]))))
    assert np.isfinite(found).all()
    return found


def reader(shape, **options):
    defaults = {"vocabulary": None, "sequence": "rows", "patch_size": None}
    factory = LayerFactory("none")
    return Reader(shape, 8, **defaults | options, factory=factory, rngs=nnx.Rngs(0))


def test_patches_are_read_row_by_row():
    image = np.arange(4 * 6 * 2, dtype=np.float32).reshape(4, 6, 2)
    made = reader((4, 6, 2), patch_size=2)
    seen = []

    def embed(steps):
        seen.append(steps)
        return steps

    made.embed = embed
    made(jnp.asarray(image[None]), None)
    patches = [image[row : row + 2, col : col + 2].ravel() for row in (0, 2) for col in (0, 2, 4)]
    np.testing.assert_array_equal(seen[0][0], patches)


@pytest.mark.parametrize(
    ("shape", "options", "steps", "features"),
    [
        ((8, 6, 3), {}, 8, 18),
        ((8, 6, 3), {"sequence": "pixels"}, 48, 3),
        ((8, 6, 3), {"patch_size": 2}, 12, 12),
        ((9, 4), {}, 9, 4),
    ],
)
def test_what_a_step_is(shape, options, steps, features):
    made = reader(shape, **options)
    assert made.steps == steps
    assert made.embed.kernel[...].shape == (features, 8)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((8, 6, 3), {"patch_size": 4}, r"patch_size is 4 with images of 8 x 6 pixels; allowed"),
        ((8, 6), {"patch_size": 2}, r"shape \(8, 6\) with patch_size 2 and sequence 'rows'"),
        ((8, 6), {"sequence": "pixels"}, r"sequence 'pixels'; allowed: \(height, width, cha"),
        ((8,), {}, r"examples have shape \(8,\); allowed: \(height, width, channels\)"),
        ((8, 6), {"sequence": "row"}, "unknown sequence 'row'; did you mean 'rows'"),
        ((8, 6), {"heads": 3}, "config.model.width is 8 with 3 heads; allowed: multiples"),
        ((8, 6), {"width": 9, "heads": 3, "positions": "sinusoidal"}, "width is 9 with sinusoid"),
        ((8, 6), {"positions": "learnt"}, "unknown positions 'learnt'; did you mean 'learned'"),
        ((8, 6), {"pooling": "max"}, "unknown pooling 'max'"),
    ],
)
def test_bad_arguments_are_errors(shape, options, message):
    with pytest.raises(InputError, match=message):
        make(shape, **options)


def test_patches_are_not_left_out_where_each_step_has_a_label():
    with pytest.raises(InputError, match="head is 'token' with a variant that leaves out steps"):
        make((STEPS,), "patch_dropout", vocabulary=5, head="token")


def test_sinusoids_are_those_of_the_paper():
    waves = sinusoids(5, 6)
    for step in range(5):
        for i in range(3):
            angle = step / 10_000 ** (2 * i / 6)
            expected = [np.sin(angle), np.cos(angle)]
            np.testing.assert_allclose(waves[step, 2 * i : 2 * i + 2], expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_more_padding_changes_nothing(pooling):
    """Nor do other values behind the end; tokens and features alike."""
    features = np.where(LENGTHS[..., None], RNG.normal(size=(4, STEPS, 2)), np.nan)
    features = features.astype(np.float32)
    tokens = np.where(LENGTHS, TOKENS, -1)
    for x, options in ((features, {}), (tokens, {"vocabulary": 5})):
        blank = np.nan if x.ndim == 3 else -1
        longer = np.pad(x, [(0, 0), (0, 2)] + [(0, 0)] * (x.ndim - 2), constant_values=blank)
        options = options | {"pooling": pooling, "positions": "sinusoidal"}
        short = at_rest(make(x.shape[1:], **options), jnp.asarray(x))
        np.testing.assert_allclose(
            at_rest(make(longer.shape[1:], **options), jnp.asarray(longer)), short, atol=1e-6
        )
        alone = make((3, *x.shape[2:]), **options)
        np.testing.assert_allclose(at_rest(alone, jnp.asarray(x[1:2, :3])), short[1:2], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("variant", PADDED)
def test_no_logit_depends_on_padding(variant, key):
    """The gradient by what is embedded there is exactly 0."""
    x = jnp.where(LENGTHS[..., None], jnp.ones((4, STEPS, 2)), jnp.nan)
    slopes = slopes_of_steps(make((STEPS, 2), variant, pooling="mean"), x, key, lambda y: y.sum())
    np.testing.assert_array_equal(slopes[~LENGTHS], 0)
    assert (slopes[0] != 0).any()


@pytest.mark.parametrize("variant", ["drop_key", pytest.param("dropout", marks=SLOW)])
def test_no_token_is_predicted_from_later_ones(variant, key):
    """The gradient of a step's logits by later steps' embeddings is exactly 0."""
    rates = {"attention_rate": 0.3}
    model = make((STEPS,), variant, rates=rates, vocabulary=5, head="token")
    slopes = slopes_of_steps(model, TOKENS, key, lambda y: y[:, :3].sum())
    np.testing.assert_array_equal(slopes[:, 3:], 0)
    assert (slopes[:, :3] != 0).any()


@pytest.mark.slow
@pytest.mark.parametrize("variant", [name for name in NOISY if VARIANTS[name].max_rate == 1])
def test_logits_are_finite_at_rate_1(variant, key):
    rates = dict.fromkeys(
        ("rate", "embedding_rate", "patch_rate", "attention_rate", "projection_rate"), 1.0
    ) | {"branch_rate": 1.0}
    graph, state = nnx.split(make((8, 8, 1), variant, rates=rates, patch_size=4))

    @jax.jit
    def everything(state):
        def loss(state):
            made = nnx.merge(graph, state, copy=True)
            return (made(jnp.ones((2, 8, 8, 1)), rngs=nnx.Rngs(dropout=key)) ** 2).sum()

        return jax.value_and_grad(loss, allow_int=True)(state)

    value, slopes = everything(state)
    assert np.isfinite(value)
    floats = [x for x in jax.tree.leaves(slopes) if jnp.issubdtype(x.dtype, jnp.floating)]
    assert all(np.isfinite(leaf).all() for leaf in floats)


@pytest.mark.slow
def test_patches_that_are_not_computed_are_those_that_are_not_seen(key):
    """The share saves work; logits are those of masking the same patches, to rounding."""
    x = jnp.asarray(RNG.normal(size=(3, 8, 8, 1)), jnp.float32)
    logits, computed = [], []
    for share in (0.0, 0.5, 0.75):
        rates = {"patch_rate": 0.75, "patch_share": share}
        model = make((8, 8, 1), "patch_dropout", patch_size=2, rates=rates)
        steps, present = model.patch_noise.choose(jnp.zeros((3, 16, 8)), None, key)
        computed.append(steps.shape[1])
        np.testing.assert_array_equal(present.sum(-1), 4)
        logits.append(np.asarray(model(x, rngs=nnx.Rngs(dropout=key))))
    assert computed == [16, 8, 4]
    for other in logits[1:]:
        np.testing.assert_allclose(other, logits[0], atol=1e-5)


def test_computed_patches_stay_in_their_order(key):
    layer = nn.PatchDropout(0.5, share=0.5)
    x = jnp.broadcast_to(jnp.arange(10.0)[None, :, None], (6, 10, 1))
    steps, present = layer.choose(x, None, key)
    assert steps.shape == (6, 5, 1)
    assert (np.diff(np.asarray(steps)[..., 0]) > 0).all()
    kept = np.asarray(ops.patch_dropout(key, x + 1, rate=0.5))[..., 0]
    for row, mask in zip(np.asarray(steps)[..., 0] + 1, kept, strict=True):
        np.testing.assert_array_equal(row, mask[mask > 0])
    assert np.asarray(present).all()


@pytest.mark.slow
def test_every_other_layer_can_be_left_out_at_inference():
    x = jnp.asarray(RNG.normal(size=(2, 4, 3)), jnp.float32)
    model = make((4, 3), "layer_drop", layers=3)
    whole = at_rest(model, x)
    model.set_attributes(nn.LayerDrop, every_other=True)
    pruned = at_rest(model, x)
    assert not np.allclose(pruned, whole)
    shorter = make((4, 3), "none", layers=3)
    del shorter.layers[1]
    np.testing.assert_allclose(at_rest(shorter, x), pruned, atol=1e-6)


def test_rates_of_branches_rise_from_layer_to_layer():
    model = make((4, 3), "stochastic_depth", layers=4, rates={"branch_rate": 0.4})
    for branch in ("attention_branch", "ff_branch"):
        rates = [float(getattr(layer, branch).noise.rate[...]) for layer in model.layers]
        np.testing.assert_allclose(rates, [0.1, 0.2, 0.3, 0.4], rtol=1e-6)


def test_dropout_is_where_vaswani_et_al_have_it():
    rates = {"embedding_rate": 0.1, "attention_rate": 0.2, "projection_rate": 0.3, "rate": 0.4}
    model = make((4, 3), "dropout", rates=rates)
    layer = model.layers[0]
    found = {
        "sums of embeddings and positions": model.position_noise,
        "attention": layer.attention.noise,
        "attention's output": layer.attention_branch.projection,
        "feed-forward units": layer.ff_noise,
        "feed-forward's output": layer.ff_branch.projection,
        "last features": model.noise,
    }
    expected = [0.1, 0.2, 0.3, 0.4, 0.3, 0.4]
    np.testing.assert_allclose([float(noise.rate[...]) for noise in found.values()], expected)
    assert model.patch_noise is layer.drop is layer.attention_branch.noise is None
