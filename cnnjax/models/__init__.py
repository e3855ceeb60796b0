"""The models, by name.

>>> model = build("notes", classes=10, image=(28, 28, 1), widths=(8, 16))
>>> model.name, model.image
('notes', (28, 28, 1))
"""

from cnnjax.models import model as _model
from cnnjax.models.conv_next import convnext
from cnnjax.models.lenet import lenet5
from cnnjax.models.mobilenet import mobilenet_v2
from cnnjax.models.model import BATCH_STATS, Model, Params, conv_params, dense_params, from_forward
from cnnjax.models.notes import notes_cnn
from cnnjax.models.registry import MODELS, NAMES, build, register
from cnnjax.models.resnet import resnet18, resnet34, resnet50
from cnnjax.models.transfer import body, head, with_head
from cnnjax.models.u_net import unet
from cnnjax.models.vgg import vgg11, vgg16

__all__ = [
    "BATCH_STATS",
    "MODELS",
    "NAMES",
    "Model",
    "Params",
    "body",
    "build",
    "conv_params",
    "convnext",
    "dense_params",
    "from_forward",
    "head",
    "lenet5",
    "mobilenet_v2",
    "notes_cnn",
    "register",
    "resnet18",
    "resnet34",
    "resnet50",
    "unet",
    "vgg11",
    "vgg16",
    "with_head",
]


def _table(shown: Model) -> str:
    from cnnjax.summary import summary  # here, since it imports this package

    return summary(shown)._repr_html_()


_model.drawing = _table
