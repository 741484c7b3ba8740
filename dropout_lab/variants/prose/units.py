"""Variants whose noise acts on single units."""

from dropout_lab.variants.prose.description import Description

_SRIVASTAVA = "Srivastava et al. 2014"

DESCRIPTIONS = {
    "none": Description(
        op="",
        noisy="nothing",
        formula="y = x",
        use="The baseline of every comparison.",
    ),
    "dropout": Description(
        op="dropout",
        noisy="units, kept ones scaled up in training",
        formula=r"y = \frac{m}{1 - p} \, x",
        use="The first thing to try in dense layers that overfit; 0.5 is the usual rate for hidden "
        "units and 0.2 for inputs. What every framework calls dropout.",
        papers=("Hinton et al. 2012, arXiv:1207.0580", _SRIVASTAVA),
    ),
    "classic_dropout": Description(
        op="classic_dropout",
        noisy="units, scaled down at inference",
        formula=r"y = m \, x, \qquad \text{inference: } (1 - p) \, x",
        use="To repeat papers that scale weights at test time: their learning rates, initial "
        "scales and norm bounds belong to this form.",
        papers=(_SRIVASTAVA,),
    ),
    "gaussian_dropout": Description(
        op="gaussian_dropout",
        noisy="units, by Gaussian noise of the same variance",
        formula=r"y = x \left(1 + \sqrt{\tfrac{p}{1 - p}} \, \epsilon\right)",
        use="In place of dropout where smooth noise is wanted: no unit is ever exactly 0.",
        papers=(_SRIVASTAVA,),
    ),
    "uniform_dropout": Description(
        op="uniform_dropout",
        noisy="units, by uniform noise of the same variance (Uout)",
        formula=r"y = x \, (1 + \beta u), \qquad u \sim U(-1, 1), \quad "
        r"\beta = \sqrt{\tfrac{3 p}{1 - p}}",
        use="Next to batch normalisation, at low rates: bounded noise that shifts the variance "
        "between training and inference as little as dropout of that small rate.",
        papers=("Li et al. 2018, arXiv:1801.05134",),
    ),
    "batchwise_dropout": Description(
        op="batchwise_dropout",
        noisy="a fixed number of units, the same in the whole batch, which are not computed",
        formula=r"y = \frac{n}{K} \, m \, x, \qquad \sum_j m_j = K = \mathrm{round}((1 - p) \, n)",
        use="To train wide dense layers in less time than without dropout. Each rate is compiled "
        "apart, unless `dropout.unit_share` fixes what is computed.",
        papers=("Graham et al. 2015, arXiv:1502.02478",),
    ),
    "alpha_dropout": Description(
        op="alpha_dropout",
        noisy="units, to SELU's lower limit; mean and variance kept",
        formula=r"y = a \, (m x + (1 - m) \, c) + b, \qquad c \approx -1.758",
        use="After SELU activations only, which it keeps at mean 0 and variance 1.",
        papers=("Klambauer et al. 2017, arXiv:1706.02515",),
    ),
    "standout": Description(
        op="standout",
        noisy="hidden units, at a rate that falls with their input",
        formula=r"y = m \, x, \qquad P(m = 1) = \sigma\left(\alpha \, d + \log "
        r"\tfrac{1 - p}{p}\right), \quad d = \text{pre-activation}",
        use="Where weakly driven units are to be dropped first. It costs a second read of the "
        "pre-activations.",
        papers=("Ba and Frey 2013",),
    ),
    "information_dropout": Description(
        op="information_dropout",
        noisy="units, by log-normal noise as wide as the input says",
        formula=r"y = x \, e^{\alpha(x) \, \epsilon}",
        use="To study how much information about the input a layer keeps: its penalty prices it. "
        "The width of the noise is learnt for each unit and example.",
        papers=("Achille and Soatto 2018, arXiv:1611.01353",),
    ),
    "masksembles": Description(
        op="masksembles",
        noisy="hidden units and feature maps, by one of a few fixed masks for each example",
        formula=r"y_i = M_{i \bmod N} \, x_i, \qquad \text{inference: } \frac{1}{N} \sum_{n=1}^N "
        r"\operatorname{softmax} f(x; M_n)",
        use="For uncertainty between Monte-Carlo dropout and a deep ensemble: `dropout.masks` "
        "networks in one, that share the less the larger `dropout.scale` is. Each keeps a part of "
        "the units, so give it more of them.",
        papers=("Durasov et al. 2021, arXiv:2012.08334",),
    ),
    "variational_dropout": Description(
        op="variational_dropout",
        noisy="units, by Gaussian noise of learnt variance (type A)",
        formula=r"y = x \left(1 + \sqrt{\alpha} \, \epsilon\right), \qquad \alpha \text{ learnt}",
        use="Where the rate itself is to be learnt, per layer or per unit, without a search.",
        papers=("Kingma et al. 2015, arXiv:1506.02557",),
    ),
}
"""Descriptions by the variants' names."""
