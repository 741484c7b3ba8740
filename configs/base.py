"""Every configuration key, with its default and what it means.

Keys marked * are numbers inside the compiled program: changing one never compiles again. The rest
shape the program, or are read between epochs. Allowed values are in ``dropout_lab/rules.py``; a
value out of range is an error before anything is loaded.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from dropout_lab.errors import InputError


def get_config() -> ConfigDict:
    """Returns the defaults, locked: the 784-800-800-10 network of MNIST folklore, on digits."""
    config = ConfigDict()
    config.seed = 0  # * of initialisation, data order and noise (a stream each)
    config.variant = "none"  # a name in dropout_lab.variants.VARIANTS

    config.dropout = (
        ConfigDict()
    )  # rates are probabilities of dropping; None: the variant's default
    config.dropout.rate = placeholder(float)  # * on hidden dense layers
    config.dropout.input_rate = placeholder(float)  # * on the input
    config.dropout.stage_rates = placeholder(object)  # * on convolutional stages: a tuple, or one
    config.dropout.branch_rate = placeholder(float)  # * on the last residual branch; rises to it
    config.dropout.state_rate = placeholder(float)  # * inside recurrent cells
    config.dropout.cell_rate = placeholder(float)  # * zoneout of an LSTM's cells
    # What single variants read besides rates.
    config.dropout.per_example = True  # a mask per example, or one for the batch
    config.dropout.per_channel = True  # DropBlock: a mask per channel, or one for all
    config.dropout.per_step = True  # recurrent dropout: a mask per step, or per sequence
    config.dropout.share_mask = False  # zoneout: of cells and states
    config.dropout.per = "layer"  # learnt variances: one per layer | unit | weight
    config.dropout.block_size = 3  # DropBlock, Cutout: pixels
    config.dropout.strength = placeholder(float)  # shakeout's c, standout's alpha
    config.dropout.share = 0.5  # targeted dropout: of the weights, the smallest
    config.dropout.target = "weight"  # targeted dropout: weight | unit
    config.dropout.prune_in_training = False  # sparse VD: as inference does, in training too
    config.dropout.max_alpha = 0.7  # information dropout: the noise's largest deviation
    config.dropout.length_scale = 1e-2  # concrete dropout: of the prior on the weights
    config.dropout.penalty_weight = placeholder(float)  # * of its own loss; 1/3: Kingma's A2
    config.dropout.penalty_warmup = placeholder(object)  # epochs from and until which it grows

    config.rate_schedule = ConfigDict()  # what all rates are multiplied by, from step to step
    config.rate_schedule.name = "constant"  # a name in dropout_lab.schedules.SCHEDULES
    config.rate_schedule.epochs = placeholder(float)  # until when, from when; None: all training
    config.rate_schedule.gamma = placeholder(float)  # curriculum: per update; None: 10 / updates
    config.rate_schedule.boundaries = ()  # step: epochs
    config.rate_schedule.factors = ()  # step: in between, one more than boundaries

    config.model = ConfigDict()
    config.model.name = "mlp"  # mlp | cnn | resnet | rnn
    config.model.stages = (32, 64, 128)  # cnn: channels of each stage, which halves the image
    config.model.kernel_size = 3  # cnn: pixels
    config.model.padding = "same"  # cnn: same: zeros keep the size | valid: none
    config.model.stage_activation = placeholder(str)  # cnn: of the stages; None: activation
    config.model.noise_before_pool = False  # cnn: on what a stage pools, not on what is left of it
    config.model.widths = (800, 800)  # units of each hidden dense layer
    config.model.noise_before_norm = False  # resnet: before a block's last norm, not convolution
    config.model.depth = 16  # resnet: 6 k + 4
    config.model.widening = 1  # resnet: factor on 16, 32, 64 channels
    config.model.cell = "lstm"  # rnn: lstm | gru
    config.model.units = 128  # rnn: of the recurrent layer
    config.model.sequence = "rows"  # rnn: what a step reads: rows | pixels
    config.model.permutation = placeholder(int)  # rnn: seed of a fixed order of the pixels
    config.model.activation = "relu"  # selu | sigmoid | softplus | tanh | maxout | identity
    config.model.pieces = 2  # maxout: of which each unit is the maximum
    config.model.batch_norm = False  # before each activation

    config.data = ConfigDict()
    config.data.name = "digits"  # digits | mnist | fashion_mnist | cifar10 | cifar100 | npz
    config.data.dir = placeholder(str)  # where prepared or raw data lies; None: $TFDS_DATA_DIR
    config.data.path = placeholder(str)  # npz: the file, with x_train, y_train, x_test, y_test
    config.data.train_size = placeholder(int)  # use so many training examples; None: all
    config.data.val_size = placeholder(int)  # hold out so many; None: the data set's usual number
    config.data.folds = placeholder(int)  # cross-validation: cut train + validation in so many
    config.data.fold = placeholder(int)  # the one of them that validates, from 0
    config.data.scaling = "unit"  # unit: [0, 1] | channel | feature: mean 0, variance 1 of each
    config.data.augment = "none"  # none | crop_flip: pad 4, crop and mirror at random

    config.train = ConfigDict()
    config.train.batch_size = 128  # examples; those left over at the end of an epoch are skipped
    config.train.epochs = 30  # *
    config.train.updates = placeholder(int)  # training length in updates, instead of epochs
    config.train.init_std = placeholder(float)  # * kernels are drawn normal; None: by fan-in
    config.train.label_smoothing = 0.0  # * probability spread over all classes
    config.train.select = "last"  # which epoch counts: last | best_val
    config.train.refit = False  # train again on train + validation, and test that network
    config.train.patience = placeholder(int)  # stop after so many with no lower validation error

    config.loss = ConfigDict()
    config.loss.name = "cross_entropy"  # cross_entropy | r_drop | multi_sample
    config.loss.weight = 1.0  # * r_drop: of the divergence between two passes
    config.loss.samples = 8  # multi_sample: noise on the last features, so many times
    config.loss.l1 = placeholder(float)  # * weight of the sum of the kernels' absolute weights
    config.loss.l1_start = 0.0  # * epoch from which on that is added
    config.loss.sparsity = placeholder(float)  # * weight of hidden dense units' divergence from
    config.loss.sparsity_target = 0.05  # * this mean activation over a batch

    config.optimizer = ConfigDict()
    config.optimizer.name = "sgd"  # sgd | adam, rmsprop (with decoupled weight decay)
    config.optimizer.lr = 0.1  # * at the start; the schedule multiplies it
    config.optimizer.momentum = 0.9  # * adam: decay of the first moment
    config.optimizer.momentum_start = placeholder(float)  # * sgd: at the start; grows linearly
    config.optimizer.momentum_epochs = placeholder(float)  # * sgd: to momentum, over so many epochs
    config.optimizer.nesterov = False
    config.optimizer.dampening = False  # multiply the gradient by 1 - momentum (Hinton 2012)
    config.optimizer.rms_decay = 0.9  # * rmsprop: of the mean squared gradient
    config.optimizer.clip_norm = placeholder(float)  # * bound on the norm of the whole gradient
    config.optimizer.weight_decay = 0.0  # * of kernels; sgd: L2, half the squares in the loss
    config.optimizer.max_norm = placeholder(float)  # * bound on a unit's weights but recurrent ones
    config.optimizer.bias_lr_factor = 1.0  # learning rate of biases, relative (2 in Caffe's nets)

    config.schedule = ConfigDict()
    config.schedule.name = "constant"  # constant | exponential | cosine | linear | inverse | step
    config.schedule.decay_rate = 0.95  # exponential: factor per epoch; step: per boundary
    config.schedule.boundaries = ()  # step: epochs
    config.schedule.factors = ()  # step: in between, one more than boundaries; (): decay_rate's
    config.schedule.start = 0.0  # linear: epoch from which on the rate falls, to 0 at the end
    config.schedule.gamma = 1e-4  # inverse: (1 + gamma * updates) ** -power
    config.schedule.power = 1.0  # inverse

    config.eval = ConfigDict()
    config.eval.inference = placeholder(str)  # a rule of the variant; None: its first
    config.eval.passes = 50  # mc, gaussian: passes averaged at the end
    config.eval.samples = 5  # mc, gaussian: passes averaged after each epoch
    config.eval.recalibrate = False  # re-estimate batch statistics, noise at rest; before: test_raw
    config.eval.test = True  # look at the test set, once, at the end

    config.compute = ConfigDict()  # weights, batch statistics, losses, updates are always float32
    config.compute.dtype = "float32"  # float32 | bfloat16: of layers and their gradients
    config.compute.precision = "default"  # of float32 products: default (the backend's), high,
    # highest (float32 throughout; a default may be bfloat16 on TPU, TensorFloat-32 on GPU)

    config.mesh = ConfigDict()  # no effect on results beyond rounding, no part of an identity
    config.mesh.data = 1  # devices that share every batch

    config.run = ConfigDict()  # how to run: no effect on results, no part of a trial's identity
    config.run.checkpoint_seconds = 60.0  # save every so often; 0: after every epoch
    config.run.save_model = placeholder(bool)  # keep the network; None: a run's, no sweep's trials'
    return config.lock()


def get_variant_config(arg: str | None) -> tuple[ConfigDict, bool]:
    """Returns the defaults for the argument ``variant[,smoke]`` of a config file.

    Returns:
      The configuration, with its variant set, and whether a seconds-long smoke run is meant.
    """
    variant, *options = (arg or "none").split(",")
    config = get_config()
    config.variant = variant
    if options not in ([], ["smoke"]):
        raise InputError(f"config argument {arg!r}; allowed: VARIANT or VARIANT,smoke")
    return config, bool(options)
