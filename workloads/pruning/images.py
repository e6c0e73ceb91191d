"""Labelled images, some of which no training ever sees: scikit-learn's digits, or files of the user's in IDX format."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from workloads.errors import InputError
from workloads.readers.idx import read_idx

SPLITS = {"training": "train", "held-out": "t10k"}
"""What the files of each part begin with: LeCun, Cortes and Burges, "The MNIST database of handwritten digits"."""


@dataclass(frozen=True)
class Images:
    """Grey images [n, height, width], float32 from 0 to 1, and their labels [n], int32 from 0."""

    name: str
    training: np.ndarray
    training_labels: np.ndarray
    held_out: np.ndarray
    held_out_labels: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return int(self.training.shape[1]), int(self.training.shape[2])

    @property
    def classes(self) -> int:
        """Number of labels."""
        return int(max(self.training_labels.max(), self.held_out_labels.max())) + 1


def digits_split(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the digits that are held out, a fifth, sorted, and of those that are trained on."""
    count = len(load_digits().target)
    order = np.random.default_rng(seed).permutation(count)
    return np.sort(order[: count // 5]), order[count // 5 :]


def digits_images(seed: int) -> Images:
    """Scikit-learn's 1,797 digits of 8 x 8 (Alpaydin and Kaynak, UCI repository, 1998), split by a seed."""
    digits = load_digits()
    pixels, labels = (digits.images / 16).astype(np.float32), digits.target.astype(np.int32)
    held_out, training = digits_split(seed)
    return Images("digits", pixels[training], labels[training], pixels[held_out], labels[held_out])


def idx_images(folder: Path) -> Images:
    """MNIST, Fashion-MNIST or images like them from the four IDX files of a folder, gzipped or not.

    **Raises** `InputError` for a file that is missing or damaged, for images and labels that do not match, and for sets
    too small to train on.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the one that holds the IDX files.")
    parts = {}
    for part, prefix in SPLITS.items():
        where, of = _find(folder, f"{prefix}-images-idx3-ubyte"), _find(folder, f"{prefix}-labels-idx1-ubyte")
        images, labels = read_idx(where, axes=3), read_idx(of, axes=1)
        if len(images) != len(labels):
            raise InputError(
                f"{of}: has {len(labels)} labels for the {len(images)} images of {where.name}; get both again."
            )
        parts[part] = images.astype(np.float32) / 255, labels.astype(np.int32)
    (training, training_labels), (held_out, held_out_labels) = parts.values()
    if training.shape[1:] != held_out.shape[1:]:
        shapes = " and ".join(f"{h} x {w}" for h, w in (training.shape[1:], held_out.shape[1:]))
        raise InputError(f"{folder}: training and held-out images differ in size ({shapes}); give files of one set.")
    if len(training) < 64:
        raise InputError(f"{folder}: has {len(training)} training images; give at least 64, one batch.")
    if len(np.unique(training_labels)) < 2:
        raise InputError(f"{folder}: all training labels are {training_labels[0]}; give at least two classes.")
    return Images(folder.resolve().name, training, training_labels, held_out, held_out_labels)


def _find(folder: Path, name: str) -> Path:
    """The file of a name, whose dot before `idx` some copies have, or its gzipped form."""
    names = [name, name.replace("-idx", ".idx")]
    candidates = [folder / f"{one}{end}" for one in names for end in ("", ".gz")]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise InputError(f"{folder / name}: no such file, nor {name}.gz; put the four files of the set in the folder.")
    return found
