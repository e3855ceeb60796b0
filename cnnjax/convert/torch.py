"""To and from PyTorch state dicts, with NumPy arrays; PyTorch itself is not needed.

PyTorch keeps the same numbers in another order:

    convolution   (kh, kw, C, O)  ->  (O, C, kh, kw)
    dense         (I, O)          ->  (O, I)
    first dense   its rows follow the flattened map: (H, W, C) here, (C, H, W) in PyTorch
    batch norm    scale, bias, mean, var  ->  weight, bias, running_mean, running_var

The third line is the trap: a dense kernel that is only transposed has the right shape and the
wrong rows. `num_batches_tracked` counts training steps; PyTorch reads it only when its momentum
is None, and there is no such number here: it is written as 0 and ignored on the way back.

Names: `vgg11` and `resnet18` are torchvision's, `lenet` has conv1, conv2, fc1, fc2, fc3, `notes`
has conv1, conv2, ..., dense.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cnnjax.convert import leaves
from cnnjax.convert.leaves import Path
from cnnjax.models.model import BATCH_STATS, Model, Params
from cnnjax.models.vgg import STAGES

COUNTER = "num_batches_tracked"
LEAVES = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}


def vgg_modules() -> dict[str, str]:
    """Our layers -> torchvision's: `features` also counts each ReLU and each pool."""
    names: dict[str, str] = {}
    position = 0
    for stage in STAGES:
        for _ in stage:
            names[f"conv{len(names) + 1}"] = f"features.{position}"
            position += 2  # the convolution and its ReLU
        position += 1  # the pool
    # classifier: Linear, ReLU, Dropout, Linear, ReLU, Dropout, Linear
    return names | {f"dense{i + 1}": f"classifier.{3 * i}" for i in range(3)}


VGG_MODULES = vgg_modules()
LENET_MODULES = {f"dense{i}": f"fc{i}" for i in (1, 2, 3)}
RESNET_PARTS = {"block0": "0", "block1": "1", "conv": "0", "bn": "1", "dense": "fc"}

# How the path of a layer becomes the name of a PyTorch module.
MODULES: Mapping[str, Callable[[Path], str]] = {
    "notes": lambda path: path[0],
    "lenet": lambda path: LENET_MODULES.get(path[0], path[0]),
    "vgg11": lambda path: VGG_MODULES[path[0]],
    "resnet18": lambda path: ".".join(RESNET_PARTS.get(part, part) for part in path),
}

# The dense layer that reads a flattened map, if there is one.
AFTER_FLATTEN = {"notes": "dense", "lenet": "dense1", "vgg11": "dense1"}


def to_torch(model: Model, params: Params) -> dict[str, np.ndarray]:
    """The state dict of the PyTorch twin of `model`.

    Args:
      model: one of the four of `cnnjax.models`.
      params: its parameters.

    Returns:
      {name: NumPy array} in PyTorch's names and layouts; for `module.load_state_dict`, pass each
      array through `torch.from_numpy`. Dtypes are kept, except that bfloat16, which NumPy and
      PyTorch do not share, is widened to float32 (exactly).

    Raises:
      ConversionError: lists every missing, unknown and misshapen parameter.

    >>> import jax
    >>> from cnnjax.models import notes_cnn
    >>> model = notes_cnn(10, widths=(4, 8), image=(8, 12, 3))
    >>> state = to_torch(model, model.init(jax.random.key(0)))
    >>> state["conv1.weight"].shape, state["dense.weight"].shape
    ((4, 3, 5, 5), (10, 48))
    """
    state: dict[str, np.ndarray] = {}
    for path, leaf in leaves.check_params("to_torch", model, params).items():
        name = torch_name(model, path)
        state[name] = np.ascontiguousarray(to_layout(model, path, widened(np.asarray(leaf))))
        if path[-1] == "var":
            state[name.removesuffix("running_var") + COUNTER] = np.zeros((), np.int64)
    return state


def from_torch(model: Model, state: Mapping[str, Any]) -> Params:
    """The parameters of `model` from the state dict of its PyTorch twin.

    Args:
      model: one of the four of `cnnjax.models`.
      state: {name: NumPy array or PyTorch tensor}, for example `module.state_dict()`.

    Returns:
      Parameters with the dtypes of `state` (float64 needs `jax_enable_x64`; bfloat16 tensors
      become float32, exactly). `from_torch(model, to_torch(model, params))` is `params`.

    Raises:
      ConversionError: lists every missing, unknown and misshapen name.
    """
    arrays = {name: numpy(leaf) for name, leaf in state.items() if not name.endswith(COUNTER)}
    paths = leaves.shapes(model)
    expected = {
        torch_name(model, path): to_layout(model, path, np.broadcast_to(0.0, shape)).shape
        for path, shape in paths.items()
    }
    leaves.check("from_torch", model, arrays, expected)
    return leaves.unflatten(
        {
            path: jnp.asarray(from_layout(model, path, arrays[torch_name(model, path)]))
            for path in paths
        }
    )


def torch_name(model: Model, path: Path) -> str:
    """("batch_stats", "layer1", "block0", "bn1", "mean") -> layer1.0.bn1.running_mean."""
    if model.name not in MODULES:
        raise ValueError(
            f"convert: no PyTorch names for {model.name!r}, there are {', '.join(MODULES)}"
        )
    *layer, leaf = path[1:] if path[0] == BATCH_STATS else path
    return f"{MODULES[model.name](tuple(layer))}.{LEAVES[leaf]}"


def flattened_map(model: Model, path: Path) -> tuple[int, ...] | None:
    """(H, W, C) of the map whose flattening the kernel at `path` reads; None for other leaves."""
    if path != (AFTER_FLATTEN.get(model.name), "kernel"):
        return None
    x = jax.ShapeDtypeStruct(model.image, jnp.float32)
    maps = jax.eval_shape(model.features, jax.eval_shape(model.init, jax.random.key(0)), x)
    return [y.shape for y in maps.values() if y.ndim == 3][-1]


def to_layout(model: Model, path: Path, leaf: np.ndarray) -> np.ndarray:
    """One leaf in PyTorch's order of axes and rows."""
    if path[-1] != "kernel":
        return leaf
    if leaf.ndim == 4:
        return leaf.transpose(3, 2, 0, 1)
    image = flattened_map(model, path)
    if image is not None:
        leaf = leaf.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(leaf.shape)
    return leaf.T


def from_layout(model: Model, path: Path, leaf: np.ndarray) -> np.ndarray:
    """The inverse of `to_layout`."""
    if path[-1] != "kernel":
        return leaf
    if leaf.ndim == 4:
        return leaf.transpose(2, 3, 1, 0)
    leaf = leaf.T
    image = flattened_map(model, path)
    if image is not None:
        height, width, channels = image
        leaf = leaf.reshape(channels, height, width, -1).transpose(1, 2, 0, 3).reshape(leaf.shape)
    return leaf


def numpy(leaf: Any) -> np.ndarray:
    """A NumPy array of an array, or of a PyTorch tensor on any device."""
    if hasattr(leaf, "detach"):
        leaf = leaf.detach().cpu()
        leaf = leaf.float() if "bfloat16" in str(leaf.dtype) else leaf
    return np.asarray(leaf)


def widened(leaf: np.ndarray) -> np.ndarray:
    return leaf.astype(np.float32) if leaf.dtype == jnp.bfloat16 else leaf
