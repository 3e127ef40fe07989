"""How far the weights of two models are apart."""

from dataclasses import dataclass

import numpy as np

from .checkpoints import FLOATS, Checkpoint

#: elements that are copied to float64 at a time: the arrays are mapped files
CHUNK = 1 << 20


@dataclass(frozen=True)
class Distance:
    """Sums over the elements of two tensors a and b, from which distances follow."""

    size: int
    gap: float  # sum of (a - b)^2
    a: float  # sum of a^2
    b: float

    def __add__(self, other: "Distance") -> "Distance":
        return Distance(
            self.size + other.size, self.gap + other.gap, self.a + other.a, self.b + other.b
        )

    @property
    def rms(self) -> float:
        """||a - b||_2 / sqrt(number of elements), the measure of section 5.3; NaN of none."""
        return (self.gap / self.size) ** 0.5 if self.size else float("nan")

    @property
    def relative(self) -> float:
        """||a - b|| over the root mean square of ||a|| and ||b||: 0 if equal, sqrt(2) at right
        angles."""
        return (self.gap / ((self.a + self.b) / 2)) ** 0.5 if self.gap else 0.0

    @property
    def cosine(self) -> float:
        """The cosine of the angle between a and b; NaN if one of them is 0."""
        product = (self.a * self.b) ** 0.5
        return (self.a + self.b - self.gap) / 2 / product if product else float("nan")


def distance(a: np.ndarray, b: np.ndarray) -> Distance:
    """The sums of two flat arrays of one length, in float64."""
    sums = np.zeros(3)
    for start in range(0, a.size, CHUNK):
        x, y = (array[start : start + CHUNK].astype(np.float64) for array in (a, b))
        gap = x - y
        sums += (gap @ gap, x @ x, y @ y)
    return Distance(a.size, *map(float, sums))


def by_tensor(a: Checkpoint, b: Checkpoint) -> dict[str, Distance]:
    """Tensor -> the distance between two checkpoints there, for the tensors of floats."""
    return {
        name: distance(tensor.data, b.tensors[name].data)
        for name, tensor in a.tensors.items()
        if tensor.dtype in FLOATS
    }
