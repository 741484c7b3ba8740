"""Variants of one kind of place: feature maps, images, pooling, residual branches, cells."""

from dropout_lab.variants.prose.description import Description

DESCRIPTIONS = {
    "feature_alpha_dropout": Description(
        op="feature_alpha_dropout",
        noisy="whole feature maps, likewise; units in the dense head",
        formula=r"y_{bijc} = a \, (m_{bc} \, x_{bijc} + (1 - m_{bc}) \, c_0) + b, "
        r"\qquad c_0 \approx -1.758",
        use="Alpha dropout for convolutions with SELU, where neighbouring pixels are alike.",
        papers=("Klambauer et al. 2017, arXiv:1706.02515",),
    ),
    "spatial_dropout": Description(
        op="spatial_dropout",
        noisy="whole feature maps; units in the dense head",
        formula=r"y_{bijc} = \frac{m_{bc}}{1 - p} \, x_{bijc}",
        use="In convolutional stages: dropping single pixels hides little, as neighbours are "
        "correlated. Rates are lower than for units.",
        papers=("Tompson et al. 2015, arXiv:1411.4280",),
    ),
    "drop_block": Description(
        op="drop_block",
        noisy="square blocks of feature maps; units in the dense head",
        formula=r"y = \frac{|m|}{\sum m} \; m \circ x, \qquad m = 0 \text{ on blocks of } "
        r"b \times b",
        use="In convolutional stages of larger images, with a block that covers a part of an "
        "object (`dropout.block_size`).",
        papers=("Ghiasi et al. 2018, arXiv:1810.12890",),
    ),
    "cutout": Description(
        op="cutout",
        noisy="one square of each image",
        formula=r"y_{ij} = 0 \text{ in one square}, \text{ else } x_{ij}",
        use="As data augmentation of images, beside cropping and mirroring.",
        papers=("DeVries and Taylor 2017, arXiv:1708.04552",),
    ),
    "max_pool_dropout": Description(
        op="max_pool_dropout",
        noisy="units below max-pooling, which inference weighs; units in the dense head",
        formula=r"y = \max_{i \in \text{window}} m_i \, a_i",
        use="Where pooling follows ReLU: pooling then picks at random, the largest most often.",
        papers=("Wu and Gu 2015, arXiv:1512.01400",),
    ),
    "stochastic_pool": Description(
        op="stochastic_pool",
        noisy="which unit pooling picks; inference weighs them",
        formula=r"y = a_i \text{ with probability } \frac{a_i}{\sum_j a_j}",
        use="In place of max-pooling after ReLU; it has no rate to choose.",
        papers=("Zeiler and Fergus 2013, arXiv:1301.3557",),
    ),
    "stochastic_depth": Description(
        op="stochastic_depth",
        noisy="whole residual branches, deeper ones more",
        formula=r"y = x + \frac{m_l}{1 - p_l} \, f_l(x), \qquad p_l = \tfrac{l}{L} \, p",
        use="In deep residual networks; also known as drop path.",
        papers=("Huang et al. 2016, arXiv:1603.09382",),
    ),
    "weighted_channel_dropout": Description(
        op="weighted_channel_dropout",
        noisy="whole feature maps, weak ones more; units in the dense head",
        formula=r"P(\text{keep } c) \sim s_c, \qquad s_c = \mathrm{mean}_{ij} \, x_{ijc}",
        use="In the last stages of convolutional networks that are trained on few images.",
        papers=("Hou and Wang 2019",),
    ),
    "variational_rnn": Description(
        op="dropout",
        noisy="input and state, one mask per sequence; units in the dense head",
        formula=r"h_t = f\left(\tfrac{m_x}{1 - p_x} \, x_t, \; \tfrac{m_h}{1 - p_h} \, "
        r"h_{t - 1}\right)",
        use="The usual dropout of recurrent networks, and the one for Monte-Carlo uncertainty: "
        "masks stay the same over time.",
        papers=("Gal and Ghahramani 2016, arXiv:1512.05287",),
    ),
    "recurrent_dropout": Description(
        op="dropout",
        noisy="the cell's candidate update",
        formula=r"c_t = f_t \, c_{t - 1} + i_t \, \tfrac{m}{1 - p} \, g_t",
        use="For long memories: what the cell remembers is never dropped.",
        papers=("Semeniuta et al. 2016, arXiv:1603.05118",),
    ),
    "zoneout": Description(
        op="zoneout",
        noisy="which units of the state stay as they were; inference takes the mean",
        formula=r"h_t = m \, \tilde{h}_t + (1 - m) \, h_{t - 1}",
        use="For long sequences: a unit keeps its old value instead of becoming 0, so gradients "
        "pass. Rates are low.",
        papers=("Krueger et al. 2017, arXiv:1606.01305",),
    ),
    "naive_recurrent": Description(
        op="dropout",
        noisy="the state, a new mask every step: the negative control",
        formula=r"h_t = \tfrac{m_t}{1 - p} \, f(x_t, h_{t - 1})",
        use="To show what goes wrong: a unit survives k steps with probability "
        r"$(1 - p)^k$, so memory fades.",
    ),
}
"""Descriptions by the variants' names."""
