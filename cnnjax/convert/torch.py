"""To and from PyTorch state dicts, with NumPy arrays; PyTorch itself is not needed.

PyTorch keeps the same numbers in another order:

    convolution   (kh, kw, C, O)  ->  (O, C, kh, kw)
    dense         (I, O)          ->  (O, I)
    first dense   its rows follow the flattened map: (H, W, C) here, (C, H, W) in PyTorch
    batch norm    scale, bias, mean, var  ->  weight, bias, running_mean, running_var

The third line is the trap: a dense kernel that is only transposed has the right shape and the
wrong rows. `num_batches_tracked` counts training steps; PyTorch reads it only when its momentum
is None, and there is no such number here: it is written as 0 and ignored on the way back.

A scale a channel of a map that is no norm's (ConvNeXt's `layer_scale`) has shape (C,) here and
(C, 1, 1) in PyTorch. Names are in `names.py`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cnnjax.convert import leaves
from cnnjax.convert.leaves import Path as LeafPath
from cnnjax.convert.names import MODULES, NAMES
from cnnjax.convert.sizes import fitting
from cnnjax.models.model import BATCH_STATS, Model, Params
from cnnjax.models.transfer import head as head_of
from cnnjax.notices import shown

COUNTER = "num_batches_tracked"
# Under which names training loops keep the state dict among other things.
WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module",
            "weights", "params", "ema_state_dict", "model_ema")  # fmt: skip
LEAVES = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}


LAYER_SCALE = "layer_scale"  # its array has no name of its own in PyTorch

# The dense layer that reads a flattened map, if there is one.
AFTER_FLATTEN = {"notes": "dense", "lenet": "dense1", "vgg11": "dense1", "vgg16": "dense1"}


def to_torch(model: Model, params: Params, *, names: str = "torchvision") -> dict[str, np.ndarray]:
    """The state dict of the PyTorch twin of `model`.

    Args:
      model: one of `cnnjax.models`.
      params: its parameters.
      names: "torchvision", or "timm" where its are others (MobileNet-V2, ConvNeXt).

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
        name = torch_name(model, path, names)
        array = to_layout(model, path, widened(np.asarray(leaf)))
        array = array.reshape(-1) if name.endswith(".gamma") else array
        state[name] = np.ascontiguousarray(array)
        if path[-1] == "var":
            state[name.removesuffix("running_var") + COUNTER] = np.zeros((), np.int64)
    return state


def from_torch(model: Model, state: Any) -> Params:
    """The parameters of `model` from its PyTorch twin, as people have it.

    Args:
      model: one of `cnnjax.models`.
      state: {name: NumPy array or PyTorch tensor}, for example `module.state_dict()`; or the module
        itself; or a checkpoint that holds one of them under a name such as `state_dict` beside
        other things; or the path of a file of any of these, which PyTorch reads (tensors only: no
        code in it is run). Prefixes that wrappers put before every name (`module.` of data
        parallelism, `_orig_mod.` of `torch.compile`, ...) are taken off.

    Returns:
      Parameters with the dtypes of `state` (float64 needs `jax_enable_x64`; half precision, float16
      and bfloat16, becomes float32, exactly). `from_torch(model, to_torch(model, params))` is
      `params`.

    Raises:
      ConversionError: sums up every missing, unknown and misshapen name, or says what was given.
    """
    paths = leaves.shapes(model)
    expected = _expected(model)
    given = _from_timm(model, unwrapped(state), expected)
    arrays = {
        name: numpy(leaf)
        for name, leaf in without_prefix(given, expected).items()
        if not name.endswith(COUNTER)
    }
    try:
        leaves.check("from_torch", model, arrays, expected)
    except leaves.ConversionError as error:
        shapes = {name: tuple(array.shape) for name, array in arrays.items()}
        head = shapes.get(torch_name(model, (head_of(model)[0], "kernel")), (model.classes,))
        if found := fitting(model, shapes, head[0], _expected):
            needed = ", ".join(f"{name}={value}" for name, value in found.items())
            raise leaves.ConversionError(
                f"{error}\n  they fit a {model.name} with {needed}"
            ) from None
        raise
    return leaves.unflatten(
        {
            path: jnp.asarray(from_layout(model, path, arrays[torch_name(model, path)]))
            for path in paths
        }
    )


def _expected(model: Model) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the PyTorch twin, counters apart."""
    return {
        torch_name(model, path): to_layout(model, path, np.broadcast_to(0.0, shape)).shape
        for path, shape in leaves.shapes(model).items()
    }


def _from_timm(
    model: Model, given: dict[str, Any], expected: Mapping[str, tuple[int, ...]]
) -> dict[str, Any]:
    """`given` under torchvision's names, if it has timm's; what has neither stays as it is."""
    paths = leaves.shapes(model)
    theirs = {torch_name(model, path, "timm"): torch_name(model, path) for path in paths}
    names = without_prefix(given, theirs)
    if set(names) & set(expected) or not set(names) & set(theirs):
        return given
    return {
        theirs.get(name, name): leaf.reshape(-1, 1, 1) if name.endswith(".gamma") else leaf
        for name, leaf in names.items()
    }


def unwrapped(state: Any) -> dict[str, Any]:
    """{name: array} out of a module, a checkpoint around a state dict, or a file of either."""
    if isinstance(state, (str, os.PathLike)):
        state = _loaded(Path(state))
    for _ in range(4):
        if hasattr(state, "state_dict"):
            state = state.state_dict()
        if not isinstance(state, Mapping):
            raise leaves.ConversionError(
                f"from_torch: expected a state dict, a module or the path of a file, got "
                f"{type(state).__name__}"
            )
        inner = next((state[name] for name in WRAPPERS if _holds_more(state.get(name))), None)
        if inner is None:
            break
        state = inner
    # Averaging weights (torch.optim.swa_utils) counts its models under a name without prefix.
    named = {str(name): leaf for name, leaf in state.items() if name != "n_averaged"}
    others = [name for name, leaf in named.items() if not hasattr(leaf, "shape")]
    if others:
        raise leaves.ConversionError(
            f"from_torch: not a state dict, {shown(others[0])} is a "
            f"{type(named[others[0]]).__name__} and no array; it has "
            f"{', '.join(shown(name) for name in list(named)[:6])}"
            + (", ..." if len(named) > 6 else "")
        )
    return named


def _holds_more(value: Any) -> bool:
    return isinstance(value, Mapping) or hasattr(value, "state_dict")


def _loaded(path: Path) -> Any:
    """The content of a file that PyTorch wrote."""
    if not path.is_file():
        raise leaves.ConversionError(f"from_torch: {shown(path)} is no file")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return load_file(path)
        except (OSError, ValueError, TypeError, SafetensorError) as error:
            raise leaves.ConversionError(
                f"from_torch: {shown(path)} cannot be read ({shown(error)})"
            ) from error
    try:
        import torch
    except ImportError as error:
        raise leaves.ConversionError(
            f"from_torch: PyTorch is needed to read {shown(path)}; where it is installed, "
            "safetensors.torch.save_file(state, 'NAME.safetensors') makes a file that needs it not"
        ) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zip, pickle and torch have a dozen kinds between them
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise leaves.ConversionError(
            f"from_torch: {shown(path)} cannot be read as tensors alone ({shown(first[:200])}); a "
            "file of a whole module holds code, save its state_dict() instead"
        ) from error


def without_prefix(given: dict[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    """`given` without what wrappers put before every name, unless the names fit as they are.

    >>> without_prefix({"module.fc.weight": 1, "module.fc.bias": 2}, {"fc.weight": 0, "fc.bias": 0})
    {'fc.weight': 1, 'fc.bias': 2}
    """
    names = given
    while names and not set(expected) & set(names):
        prefix = next(iter(names)).partition(".")[0] + "."
        if not all(name.startswith(prefix) and len(name) > len(prefix) for name in names):
            break
        names = {name.removeprefix(prefix): leaf for name, leaf in names.items()}
    # Where nothing fits, the names that were given are the ones to speak of.
    return names if set(expected) & set(names) else given


def torch_name(model: Model, path: LeafPath, names: str = "torchvision") -> str:
    """("batch_stats", "layer1", "block0", "bn1", "mean") -> layer1.0.bn1.running_mean."""
    if model.name not in MODULES:
        raise ValueError(
            f"convert: no PyTorch names for {model.name!r}, there are {', '.join(MODULES)}"
        )
    if names not in NAMES:
        raise ValueError(f"convert: unknown names {names!r}, there are {', '.join(NAMES)}")
    *layer, leaf = path[1:] if path[0] == BATCH_STATS else path
    name = NAMES[names][model.name](tuple(layer))
    return name if layer[-1] == LAYER_SCALE else f"{name}.{LEAVES[leaf]}"


def flattened_map(model: Model, path: LeafPath) -> tuple[int, ...] | None:
    """(H, W, C) of the map whose flattening the kernel at `path` reads; None for other leaves."""
    if path != (AFTER_FLATTEN.get(model.name), "kernel"):
        return None
    x = jax.ShapeDtypeStruct(model.image, jnp.float32)
    maps = jax.eval_shape(model.features, jax.eval_shape(model.init, jax.random.key(0)), x)
    return [y.shape for y in maps.values() if y.ndim == 3][-1]


def to_layout(model: Model, path: LeafPath, leaf: np.ndarray) -> np.ndarray:
    """One leaf in PyTorch's order of axes and rows."""
    if path[-2] == LAYER_SCALE:
        return leaf[:, None, None]
    if path[-1] != "kernel":
        return leaf
    if leaf.ndim == 4:
        return leaf.transpose(3, 2, 0, 1)
    image = flattened_map(model, path)
    if image is not None:
        leaf = leaf.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(leaf.shape)
    return leaf.T


def from_layout(model: Model, path: LeafPath, leaf: np.ndarray) -> np.ndarray:
    """The inverse of `to_layout`."""
    if path[-2] == LAYER_SCALE:
        return leaf[:, 0, 0]
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
    """A NumPy array of an array or a PyTorch tensor on any device; half precision is widened."""
    if hasattr(leaf, "detach"):
        leaf = leaf.detach().cpu()
        leaf = leaf.float() if str(leaf.dtype) in ("torch.bfloat16", "torch.float16") else leaf
    array = widened(np.asarray(leaf))
    return array.astype(np.float32) if array.dtype == np.float16 else array


def widened(leaf: np.ndarray) -> np.ndarray:
    return leaf.astype(np.float32) if leaf.dtype == jnp.bfloat16 else leaf
