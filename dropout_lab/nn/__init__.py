"""Flax NNX layers around :mod:`dropout_lab.ops`; each holds its rate as a variable."""

from dropout_lab.nn.attention import (
    Attention,
    AttentionDropout,
    AttentionNoise,
    DropHead,
    DropKey,
    attend,
)
from dropout_lab.nn.batchwise import BatchwiseDense, BatchwiseInput, BatchwiseOutput
from dropout_lab.nn.cell_noise import (
    CellNoise,
    NaiveState,
    RecurrentDropout,
    VariationalState,
    WeightDrop,
    Zoneout,
)
from dropout_lab.nn.concrete import ConcreteConv, ConcreteDense
from dropout_lab.nn.conv import conv, max_pool
from dropout_lab.nn.embedding import Embedding, EmbeddingDropout, EmbeddingNoise, WordDropout
from dropout_lab.nn.fast import FastDropout, MomentDense, MomentOutput
from dropout_lab.nn.information import InformationConv, InformationDropout
from dropout_lab.nn.linear import Conv, Linear
from dropout_lab.nn.noise import (
    AlphaDropout,
    ClassicDropout,
    Dropout,
    FeatureAlphaDropout,
    GaussianDropout,
    SpatialDropout,
    UniformDropout,
    VariationalDropout,
)
from dropout_lab.nn.noisy import DropConnect, NoisyConv, NoisyDense, NoisyLayer
from dropout_lab.nn.norm import BatchNorm, LayerNorm
from dropout_lab.nn.pooling import MaxPoolDropout, StochasticPool
from dropout_lab.nn.recurrent import GRU, LSTM
from dropout_lab.nn.shakeout import Shakeout
from dropout_lab.nn.standout import Standout
from dropout_lab.nn.stochastic import (
    BatchPenalty,
    DropRate,
    Rated,
    RatedNoise,
    Stochastic,
    UnitNoise,
)
from dropout_lab.nn.structured import (
    Cutout,
    DropBlock,
    LayerDrop,
    Masksembles,
    PatchDropout,
    StochasticDepth,
    WeightedChannelDropout,
)
from dropout_lab.nn.targeted import TargetedConv, TargetedDropout
from dropout_lab.nn.variational import SparseConv, SparseDense, VariationalDense

__all__ = [
    "GRU",
    "LSTM",
    "AlphaDropout",
    "Attention",
    "AttentionDropout",
    "AttentionNoise",
    "BatchNorm",
    "BatchPenalty",
    "BatchwiseDense",
    "BatchwiseInput",
    "BatchwiseOutput",
    "CellNoise",
    "ClassicDropout",
    "ConcreteConv",
    "ConcreteDense",
    "Conv",
    "Cutout",
    "DropBlock",
    "DropConnect",
    "DropHead",
    "DropKey",
    "DropRate",
    "Dropout",
    "Embedding",
    "EmbeddingDropout",
    "EmbeddingNoise",
    "FastDropout",
    "FeatureAlphaDropout",
    "GaussianDropout",
    "InformationConv",
    "InformationDropout",
    "LayerDrop",
    "LayerNorm",
    "Linear",
    "Masksembles",
    "MaxPoolDropout",
    "MomentDense",
    "MomentOutput",
    "NaiveState",
    "NoisyConv",
    "NoisyDense",
    "NoisyLayer",
    "PatchDropout",
    "Rated",
    "RatedNoise",
    "RecurrentDropout",
    "Shakeout",
    "SparseConv",
    "SparseDense",
    "SpatialDropout",
    "Standout",
    "Stochastic",
    "StochasticDepth",
    "StochasticPool",
    "TargetedConv",
    "TargetedDropout",
    "UniformDropout",
    "UnitNoise",
    "VariationalDense",
    "VariationalDropout",
    "VariationalState",
    "WeightDrop",
    "WeightedChannelDropout",
    "WordDropout",
    "Zoneout",
    "attend",
    "conv",
    "max_pool",
]
