"""Catalogue of the published data sets: shapes, classes, original files; text in TFDS."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class OriginalFile:
    """A published file.

    Attributes:
      url: Its address.
      size: Its size in bytes.
      sha256: Its checksum in hex.
    """

    url: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """File name: the last part of the address."""
        return self.url.rsplit("/", 1)[1]


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """A published image data set.

    Attributes:
      name: Its name, here and in TFDS.
      shape: (height, width, channels) of an image.
      classes: Number of classes.
      val_size: Number of examples held out for validation by default.
      files: The original files; empty if only TFDS has the data set.
    """

    name: str
    shape: tuple[int, int, int]
    classes: int
    val_size: int
    files: tuple[OriginalFile, ...]


_MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"

# Addresses, sizes and checksums are those that tensorflow_datasets 4.9.10 registers, in its
# url_checksums/<name>.txt; a test compares them with the installed version's.
_IMAGE_SETS = (
    ImageSet(
        name="mnist",
        shape=(28, 28, 1),
        classes=10,
        val_size=10_000,
        files=(
            OriginalFile(
                _MNIST + "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            OriginalFile(
                _MNIST + "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            OriginalFile(
                _MNIST + "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            OriginalFile(
                _MNIST + "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
    ),
    ImageSet(
        name="fashion_mnist",
        shape=(28, 28, 1),
        classes=10,
        val_size=10_000,
        files=(
            OriginalFile(
                _FASHION + "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            OriginalFile(
                _FASHION + "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            OriginalFile(
                _FASHION + "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            OriginalFile(
                _FASHION + "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
    ),
    ImageSet(
        name="cifar10",
        shape=(32, 32, 3),
        classes=10,
        val_size=5_000,
        files=(
            OriginalFile(
                _CIFAR + "cifar-10-binary.tar.gz",
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
    ),
    ImageSet(
        name="cifar100",
        shape=(32, 32, 3),
        classes=100,
        val_size=5_000,
        files=(
            OriginalFile(
                _CIFAR + "cifar-100-binary.tar.gz",
                168_513_733,
                "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            ),
        ),
    ),
)

IMAGE_SETS = {image_set.name: image_set for image_set in _IMAGE_SETS}


@dataclasses.dataclass(frozen=True)
class TextSet:
    """A published data set of texts with labels, which only TFDS has.

    Attributes:
      name: Its name, here and in TFDS.
      texts: TFDS's features that make the text, in this order.
      classes: Number of classes.
    """

    name: str
    texts: tuple[str, ...]
    classes: int


_TEXT_SETS = (
    TextSet("imdb_reviews", ("text",), 2),
    TextSet("ag_news_subset", ("title", "description"), 4),
)

TEXT_SETS = {text_set.name: text_set for text_set in _TEXT_SETS}
