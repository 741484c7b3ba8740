"""Variants whose noise belongs to a layer's weights or pre-activations."""

from dropout_lab.variants.prose.description import Description

_WANG = "Wang and Manning 2013"

DESCRIPTIONS = {
    "shakeout": Description(
        op="shakeout",
        noisy="inputs of dense layers: dropped ones reverse their weights",
        formula=r"w \to \frac{m}{1 - p} \left(w + c \, \mathrm{sign}(w)\right) "
        r"- c \, \mathrm{sign}(w)",
        use="To drive weights towards 0 as L0 and L1 penalties do. Its strength c must be small "
        "beside the initial weights, or it hurts.",
        papers=("Kang et al. 2016, arXiv:1904.06593",),
    ),
    "fast_dropout": Description(
        op="fast_dropout",
        noisy="pre-activations, with the moments of dropped inputs",
        formula=r"u \sim N\left(x W + b, \; \tfrac{p}{1 - p} \, x^2 W^2\right)",
        use="The effect of dropout with less noise in the gradient: one draw for each output "
        "stands for a mask over all inputs. It costs a second matrix product.",
        papers=(_WANG,),
    ),
    "deterministic_fast_dropout": Description(
        op="",
        noisy="the same moments, carried along instead of sampled",
        formula=r"(\mu, \sigma^2) \to \left(\mathrm{E}[f(u)], \; \mathrm{Var}[f(u)]\right), "
        r"\qquad u \sim N(\mu, \sigma^2)",
        use="Where training has to be deterministic, and to compare sampling with integrating.",
        papers=(_WANG,),
    ),
    "drop_connect": Description(
        op="drop_connect",
        noisy="weights of hidden dense layers, per example or per batch",
        formula=r"u = \frac{x \, (M \circ W) + m \circ b}{1 - p}",
        use="A finer noise than dropout: every weight has its own mask. One mask per example costs "
        "several times a plain layer; `dropout.per_example=False` is cheap.",
        papers=("Wan et al. 2013",),
    ),
    "variational_weights": Description(
        op="variational_weights",
        noisy="weights, by Gaussian noise of learnt variance (type B)",
        formula=r"w \sim N(\theta, \; \alpha \, \theta^2), \qquad \alpha \text{ learnt}",
        use="As variational dropout, with independent weights: one variance per layer, unit or "
        "weight.",
        papers=("Kingma et al. 2015, arXiv:1506.02557",),
    ),
    "sparse_variational_dropout": Description(
        op="sparse_variational_dropout",
        noisy="weights, each with a variance; inference prunes",
        formula=r"w \sim N(\theta, \; \sigma^2), \qquad w = 0 \text{ at inference if } "
        r"\log \tfrac{\sigma^2}{\theta^2} > 3",
        use="To prune: most weights of a large network end as noise and are set to 0. On few data "
        "lower `dropout.penalty_weight`, or it prunes too much.",
        papers=("Molchanov et al. 2017, arXiv:1701.05369",),
    ),
    "concrete_dropout": Description(
        op="concrete_dropout",
        noisy="inputs of layers, or their channels, at learnt rates",
        formula=r"y = \frac{1 - z}{1 - p} \, x, \qquad z = \sigma\left(\frac{\mathrm{logit}(p) + "
        r"\mathrm{logit}(u)}{t}\right), \quad u \sim U(0, 1)",
        use="For uncertainty without a search for rates: each layer learns its own. Predict with "
        "many passes.",
        papers=("Gal et al. 2017, arXiv:1705.07832",),
    ),
    "targeted_dropout": Description(
        op="targeted_dropout",
        noisy="the smallest weights or units; inference prunes",
        formula=r"w \to m \, w \text{ if } |w| \text{ is among the smallest}, \qquad "
        r"\text{inference: } w \to 0",
        use="To train a network that is to be pruned afterwards to a chosen share "
        "(`dropout.share`).",
        papers=("Gomez et al. 2019, arXiv:1905.13678",),
    ),
    "weight_drop": Description(
        op="dropout",
        noisy="recurrent weights, one mask per batch",
        formula=r"h_t = f(x_t, \; h_{t - 1}; \; M \circ U / (1 - p))",
        use="In LSTMs: the mask is on the weights, so the fast loop over time stays as it is.",
        papers=("Merity et al. 2018, arXiv:1708.02182",),
    ),
}
"""Descriptions by the variants' names."""
