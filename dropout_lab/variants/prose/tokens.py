"""Variants of transformers and of networks that embed tokens."""

from dropout_lab.variants.prose.description import Description

DESCRIPTIONS = {
    "attention_dropout": Description(
        op="attention_dropout",
        noisy="attention weights, or whole columns of them; optionally normalised again",
        formula=r"A \to \frac{M}{1 - p} \circ A, \qquad A = \mathrm{softmax}\left(\tfrac{Q "
        r"K^\top}{\sqrt{d}}\right)",
        use="The dropout inside attention of most transformers. Dropping columns hides a key from "
        "all queries of a head; normalising keeps their weights at a sum of 1.",
        papers=("Vaswani et al. 2017, arXiv:1706.03762", "Zehui et al. 2019, arXiv:1907.11065"),
    ),
    "drop_key": Description(
        op="drop_key",
        noisy="keys, before the softmax, but one for each query",
        formula=r"A = \mathrm{softmax}\left(\tfrac{Q K^\top}{\sqrt{d}} + B\right), \qquad "
        r"B_{ij} = -\infty \text{ if } m_{ij} = 0",
        use="As attention dropout, with weights that still add up to 1 and no scaling.",
        papers=("Li et al. 2022, arXiv:2208.02646",),
    ),
    "drop_head": Description(
        op="drop_head",
        noisy="whole attention heads",
        formula=r"y_h = \frac{H}{\sum_k m_k} \, m_h \, x_h",
        use="Where few heads do all the work: others have to do without them.",
        papers=("Zhou et al. 2020, arXiv:2004.13342",),
    ),
    "layer_drop": Description(
        op="layer_drop",
        noisy="whole layers of attention and feed-forward; inference may prune every other",
        formula=r"y = \begin{cases} f_l(x) & m_l = 1 \\ x & m_l = 0 \end{cases}",
        use="For deep transformers that are to be pruned in depth afterwards, without training "
        "them again.",
        papers=("Fan et al. 2019, arXiv:1909.11556",),
    ),
    "patch_dropout": Description(
        op="patch_dropout",
        noisy="which patches or tokens are read, a fixed number of each example",
        formula=r"\{x_1, \dots, x_P\} \to \text{a random subset of } "
        r"\mathrm{round}((1 - p) \, P)",
        use="To train vision transformers faster, since the dropped patches are not computed.",
        papers=("Liu et al. 2022, arXiv:2208.07220",),
    ),
    "embedding_dropout": Description(
        op="embedding_dropout",
        noisy="word types, one mask per sequence or per batch",
        formula=r"y_t = \frac{m_{w_t}}{1 - p} \, E_{w_t}",
        use="In networks that read tokens: a word type is absent from the whole sequence.",
        papers=(
            "Gal and Ghahramani 2016, arXiv:1512.05287",
            "Merity et al. 2018, arXiv:1708.02182",
        ),
    ),
    "word_dropout": Description(
        op="word_dropout",
        noisy="whole words; the rest makes up for them",
        formula=r"y_t = \frac{T}{\sum_s m_s} \, m_t \, x_t",
        use="In networks that average the embeddings of words, as bags of words do.",
        papers=("Iyyer et al. 2015",),
    ),
}
"""Descriptions by the variants' names."""
