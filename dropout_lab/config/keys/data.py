"""Configuration keys of the data."""

from dropout_lab.config.keys.key import ALWAYS, ORIGINAL, Key, Role, When, equals
from dropout_lab.config.keys.values import NONE, RATE, TEXT, number, one_of, whole
from dropout_lab.data import DATASETS, TEXT_DATA, TOKENS

STATIC, DYNAMIC, HOST, EXECUTION = Role.STATIC, Role.DYNAMIC, Role.HOST, Role.EXECUTION

TEXT_FILES = equals("data.name", *TEXT_DATA)
HELD_OUT = When(
    "no folds are cut, or `data.train_size` is given",
    lambda config, _: config["data.folds"] is None or config["data.train_size"] is not None,
)

# fmt: off
KEYS = (
    Key("data.name", "digits", one_of(DATASETS), STATIC, when=ALWAYS, before=ORIGINAL,
        meaning="Data set. Your own, from `data.path`: npz (arrays, also of tokens or sequences), "
                "table (CSV, parquet), image_folder (a folder of images for each class), "
                "text_lines (train.tsv and test.tsv, a label, a tab and a text a line) or text "
                "(train.txt and test.txt, for next tokens)."),
    Key("data.dir", None, TEXT | NONE, EXECUTION, when=ALWAYS, before=ORIGINAL,
        meaning="Directory of prepared or original files. None: TFDS_DATA_DIR, then the usual "
                "places."),
    Key("data.path", None, TEXT | NONE, STATIC, when=ALWAYS, before=ORIGINAL,
        meaning="The file or folder of your own data."),
    Key("data.arrays", None, TEXT | NONE, STATIC, when=equals("data.name", "npz"), before=None,
        meaning="Names of the arrays X,Y of train, test and val, in this order, separated by "
                "commas. None: the usual names."),
    Key("data.label", None, TEXT | NONE, STATIC, when=equals("data.name", "table"), before=None,
        meaning="Column of the labels. None: a usual name."),
    Key("data.vocabulary", None, whole(2) | NONE, STATIC,
        when=equals("data.name", "npz", *TEXT_DATA), before=None,
        meaning="Number of token types; of text, the most frequent ones of the training part, and "
                "one for all others. None: as many as there are."),
    Key("data.tokens", "words", one_of(TOKENS), STATIC, when=TEXT_FILES, before=None,
        meaning="How text is cut: words in lower case and punctuation, what white space separates "
                "(spaced), or characters."),
    Key("data.window", None, whole(1) | NONE, STATIC, when=TEXT_FILES, before=None,
        meaning="text: tokens in a window, which starts from a state of zeros; None: 35. "
                "Of other text: tokens read of a line; None: all."),
    Key("data.train_size", None, whole(1) | NONE, STATIC, when=ALWAYS, before=ORIGINAL,
        meaning="Use only the first this many training examples. None: all."),
    Key("data.val_size", None, whole(0) | NONE, STATIC, when=HELD_OUT, before=ORIGINAL,
        meaning="Hold out this many validation examples. None: the data set's usual number."),
    Key("data.folds", None, whole(2) | NONE, STATIC, when=ALWAYS, before=None,
        meaning="Cross-validation: parts of the training and validation examples."),
    Key("data.fold", None, whole(0) | NONE, HOST, when=ALWAYS, before=None,
        meaning="Cross-validation: the part that validates, counted from 0."),
    Key("data.scaling", "unit", one_of(("unit", "channel", "feature")), STATIC, when=ALWAYS,
        before=ORIGINAL,
        meaning="Scale inputs to [0, 1] (unit), or each channel or feature to mean 0 and variance "
                "1."),
    Key("data.augment", "none", one_of(("none", "crop_flip")), STATIC, when=ALWAYS, before=ORIGINAL,
        meaning="crop_flip: pad images by 4 pixels, crop and mirror them at random."),
    Key("data.mixup", None, number(0) | NONE, DYNAMIC, when=ALWAYS, before=None, neutral=0,
        meaning="alpha of mixup: an example's share in a mixture of two is from Beta(alpha, "
                "alpha)."),
    Key("data.cutmix", None, number(0) | NONE, DYNAMIC, when=ALWAYS, before=None, neutral=0,
        meaning="alpha of CutMix: the area that an image keeps beside another's box is from "
                "Beta(alpha, alpha)."),
    Key("data.label_noise", None, RATE | NONE, DYNAMIC, when=ALWAYS, before=None, neutral=0,
        meaning="Share of the training examples whose label is another class, fixed by the "
                "example."),
)
# fmt: on
