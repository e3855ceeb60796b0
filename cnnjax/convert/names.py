"""How the path of a layer becomes the name of a PyTorch module, model by model.

Names are torchvision's for `vgg11`, `vgg16`, `resnet18`, `resnet34`, `resnet50`, `mobilenet_v2` and
`convnext` (its `convnext_tiny`), or timm's; those of milesial's Pytorch-UNet for `unet`; `lenet`
has conv1, conv2, fc1, fc2, fc3, `notes` has conv1, conv2, ..., dense.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cnnjax.convert.leaves import Path
from cnnjax.models.mobilenet import SETTINGS
from cnnjax.models.vgg import STAGES

LENET = {f"dense{i}": f"fc{i}" for i in (1, 2, 3)}
RESNET = {"conv": "0", "bn": "1", "dense": "fc"}
PAIR = {"conv1": "0", "bn1": "1", "conv2": "3", "bn2": "4"}  # U-Net: ReLUs are counted too
CONVNEXT_BLOCK = {"conv": "block.0", "norm": "block.2", "dense1": "block.3", "dense2": "block.5"}
LAST = sum(count for _, _, count, _ in SETTINGS) + 1  # MobileNet-V2's last convolution


def vgg_modules(name: str) -> dict[str, str]:
    """Our layers -> torchvision's: `features` also counts each ReLU and each pool.

    >>> vgg_modules("vgg11")["conv3"]
    'features.6'
    """
    names: dict[str, str] = {}
    position = 0
    for stage in STAGES[name]:
        for _ in stage:
            names[f"conv{len(names) + 1}"] = f"features.{position}"
            position += 2  # the convolution and its ReLU
        position += 1  # the pool
    # classifier: Linear, ReLU, Dropout, Linear, ReLU, Dropout, Linear
    return names | {f"dense{i + 1}": f"classifier.{3 * i}" for i in range(3)}


VGG = {name: vgg_modules(name) for name in STAGES}


def number(part: str) -> int:
    """The 3 of `block3`."""
    return int(part.removeprefix("block").removeprefix("stage"))


def resnet(path: Path) -> str:
    """
    >>> resnet(("layer1", "block0", "downsample", "bn"))
    'layer1.0.downsample.1'
    """
    parts = (str(number(p)) if p.startswith("block") else RESNET.get(p, p) for p in path)
    return ".".join(parts)


def mobilenet(path: Path) -> str:
    """
    >>> mobilenet(("block2", "depthwise", "bn")), mobilenet(("block1", "project", "conv"))
    ('features.2.conv.1.1', 'features.1.conv.1')
    """
    ends = {"conv1": "features.0.0", "bn1": "features.0.1", "dense": "classifier.1"}
    ends |= {"conv2": f"features.{LAST}.0", "bn2": f"features.{LAST}.1"}
    if len(path) == 1:
        return ends[path[0]]
    block, part, leaf = path
    # The first block does not expand, so all else stands one place earlier.
    before = {"expand": 0, "depthwise": 1, "project": 2}[part] - (block == "block1")
    place = ("conv", "bn").index(leaf)
    # A convolution that a ReLU6 follows is a module with its norm; the last one is not.
    inside = str(before + place) if part == "project" else f"{before}.{place}"
    return f"features.{number(block)}.conv.{inside}"


def convnext(path: Path) -> str:
    """
    >>> convnext(("stage2", "block0", "dense1")), convnext(("stage2", "downsample", "conv"))
    ('features.3.0.block.3', 'features.2.1')
    """
    if len(path) == 1:
        return {"norm": "classifier.0", "dense": "classifier.2"}[path[0]]
    if path[0] == "stem":
        return f"features.0.{('conv', 'norm').index(path[1])}"
    stage, block, part = path
    if block == "downsample":
        return f"features.{2 * number(stage) - 2}.{('norm', 'conv').index(part)}"
    return f"features.{2 * number(stage) - 1}.{number(block)}.{CONVNEXT_BLOCK.get(part, part)}"


def unet(path: Path) -> str:
    """
    >>> unet(("down1", "conv2")), unet(("up1", "up")), unet(("up1", "bn1")), unet(("inc", "conv1"))
    ('down1.maxpool_conv.1.double_conv.3', 'up1.up', 'up1.conv.double_conv.1', 'inc.double_conv.0')
    """
    if path[0] == "outc":
        return "outc.conv"
    if path[1] == "up":
        return ".".join(path)
    inside = {"d": ".maxpool_conv.1", "u": ".conv", "i": ""}[path[0][0]]
    return f"{path[0]}{inside}.double_conv.{PAIR[path[1]]}"


MODULES: Mapping[str, Callable[[Path], str]] = {
    "notes": lambda path: path[0],
    "lenet": lambda path: LENET.get(path[0], path[0]),
    "vgg11": lambda path: VGG["vgg11"][path[0]],
    "vgg16": lambda path: VGG["vgg16"][path[0]],
    "resnet18": resnet,
    "resnet34": resnet,
    "resnet50": resnet,
    "mobilenet_v2": mobilenet,
    "convnext": convnext,
    "unet": unet,
}


def timm_mobilenet(path: Path) -> str:
    """
    >>> timm_mobilenet(("block1", "project", "bn")), timm_mobilenet(("block4", "expand", "conv"))
    ('blocks.0.0.bn2', 'blocks.2.0.conv_pw')
    """
    ends = {"conv1": "conv_stem", "conv2": "conv_head", "dense": "classifier"}
    if len(path) == 1:
        return ends.get(path[0], path[0])
    block, part, leaf = path
    row, place = 0, number(block) - 1
    while place >= SETTINGS[row][2]:
        row, place = row + 1, place - SETTINGS[row][2]
    if block == "block1":  # a depthwise separable convolution, without expansion
        parts = {"depthwise": ("conv_dw", "bn1"), "project": ("conv_pw", "bn2")}
    else:
        parts = {"expand": ("conv_pw", "bn1"), "depthwise": ("conv_dw", "bn2"),
                 "project": ("conv_pwl", "bn3")}  # fmt: skip
    return f"blocks.{row}.{place}.{parts[part][('conv', 'bn').index(leaf)]}"


def timm_convnext(path: Path) -> str:
    """
    >>> timm_convnext(("stage2", "block0", "layer_scale")), timm_convnext(("stem", "norm"))
    ('stages.1.blocks.0.gamma', 'stem.1')
    """
    if len(path) == 1:
        return {"norm": "head.norm", "dense": "head.fc"}[path[0]]
    if path[0] == "stem":
        return f"stem.{('conv', 'norm').index(path[1])}"
    stage, block, part = path
    if block == "downsample":
        return f"stages.{number(stage) - 1}.downsample.{('norm', 'conv').index(part)}"
    inside = {"conv": "conv_dw", "dense1": "mlp.fc1", "dense2": "mlp.fc2", "layer_scale": "gamma"}
    return f"stages.{number(stage) - 1}.blocks.{number(block)}.{inside.get(part, part)}"


# Those of timm where they are others: `mobilenetv2_100`, `convnext_tiny`. Its ResNets have
# torchvision's.
TIMM: Mapping[str, Callable[[Path], str]] = {
    "mobilenet_v2": timm_mobilenet,
    "convnext": timm_convnext,
}
NAMES = {"torchvision": MODULES, "timm": {**MODULES, **TIMM}}
