"""Published networks as PyTorch modules, written from the papers' tables with the public names of
their modules: torchvision's, and those of milesial's Pytorch-UNet."""

from __future__ import annotations

import torch
from torch import nn

F = nn.functional


def conv_bn(inputs, outputs, side, stride=1, groups=1):
    padding = (side - 1) // 2
    conv = nn.Conv2d(inputs, outputs, side, stride, padding, groups=groups, bias=False)
    return conv, nn.BatchNorm2d(outputs)


class VGG(nn.Module):
    """`plan`: channels of each convolution, 0 for a pool."""

    def __init__(self, plan, channels, cells, head, classes):
        super().__init__()
        found: list[nn.Module] = []
        for width in plan:
            if not width:
                found.append(nn.MaxPool2d(2, 2))
                continue
            found += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        self.features = nn.Sequential(*found)
        hidden = [nn.Linear(channels * cells, head), nn.ReLU(), nn.Dropout(0.0)]
        hidden += [nn.Linear(head, head), nn.ReLU(), nn.Dropout(0.0)]
        self.classifier = nn.Sequential(*hidden, nn.Linear(head, classes))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Basic(nn.Module):
    expansion = 1

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1, self.bn1 = conv_bn(inputs, width, 3, stride)
        self.conv2, self.bn2 = conv_bn(width, width, 3)
        self.downsample = shortcut(inputs, width, stride)

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1, self.bn1 = conv_bn(inputs, width, 1)
        self.conv2, self.bn2 = conv_bn(width, width, 3, stride)
        self.conv3, self.bn3 = conv_bn(width, 4 * width, 1)
        self.downsample = shortcut(inputs, 4 * width, stride)

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()
        y = self.bn3(self.conv3(y))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


def shortcut(inputs, outputs, stride):
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(*conv_bn(inputs, outputs, 1, stride))


class ResNet(nn.Module):
    def __init__(self, block, blocks, channels, width, imagenet, classes):
        super().__init__()
        self.imagenet = imagenet
        self.conv1, self.bn1 = conv_bn(channels, width, *((7, 2) if imagenet else (3, 1)))
        inputs = width
        for i, count in enumerate(blocks):
            stage = []
            for j in range(count):
                stage.append(block(inputs, width * 2**i, 2 if i and not j else 1))
                inputs = width * 2**i * block.expansion
            setattr(self, f"layer{i + 1}", nn.Sequential(*stage))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.bn1(self.conv1(x)).relu()
        x = F.max_pool2d(x, 3, 2, 1) if self.imagenet else x
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        inner = inputs * expansion
        self.adds = stride == 1 and inputs == outputs
        parts = [nn.Sequential(*conv_bn(inputs, inner, 1), nn.ReLU6())] if expansion > 1 else []
        parts.append(nn.Sequential(*conv_bn(inner, inner, 3, stride, inner), nn.ReLU6()))
        self.conv = nn.Sequential(*parts, *conv_bn(inner, outputs, 1))

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


class MobileNetV2(nn.Module):
    """`rows`: expansion, channels, blocks, stride (table 2); `stem`: channels and stride."""

    def __init__(self, rows, channels, stem, last, classes):
        super().__init__()
        inputs, stride = stem
        blocks = [nn.Sequential(*conv_bn(channels, inputs, 3, stride), nn.ReLU6())]
        for expansion, outputs, count, first in rows:
            for i in range(count):
                blocks.append(Inverted(inputs, outputs, first if i == 0 else 1, expansion))
                inputs = outputs
        blocks.append(nn.Sequential(*conv_bn(inputs, last, 1), nn.ReLU6()))
        self.features = nn.Sequential(*blocks)
        self.classifier = nn.Sequential(nn.Dropout(0.0), nn.Linear(last, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class Permute(nn.Module):
    def __init__(self, *order):
        super().__init__()
        self.order = order

    def forward(self, x):
        return x.permute(self.order)


class LayerNorm2d(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class CNBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer_scale = nn.Parameter(torch.ones(width, 1, 1))
        self.block = nn.Sequential(
            nn.Conv2d(width, width, 7, padding=3, groups=width),
            Permute(0, 2, 3, 1),
            nn.LayerNorm(width, eps=1e-6),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            Permute(0, 3, 1, 2),
        )

    def forward(self, x):
        return x + self.layer_scale * self.block(x)


class ConvNeXt(nn.Module):
    def __init__(self, depths, widths, patch, channels, classes):
        super().__init__()
        stem = nn.Conv2d(channels, widths[0], patch, patch), LayerNorm2d(widths[0], eps=1e-6)
        parts = [nn.Sequential(*stem)]
        for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            if i:
                before = widths[i - 1]
                norm = LayerNorm2d(before, eps=1e-6)
                parts.append(nn.Sequential(norm, nn.Conv2d(before, width, 2, 2)))
            parts.append(nn.Sequential(*[CNBlock(width) for _ in range(depth)]))
        self.features = nn.Sequential(*parts)
        norm = LayerNorm2d(widths[-1], eps=1e-6)
        self.classifier = nn.Sequential(norm, nn.Flatten(), nn.Linear(widths[-1], classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3), keepdim=True))


class DoubleConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        first, second = conv_bn(inputs, outputs, 3), conv_bn(outputs, outputs, 3)
        self.double_conv = nn.Sequential(*first, nn.ReLU(), *second, nn.ReLU())

    def forward(self, x):
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(inputs, outputs))

    def forward(self, x):
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, inputs // 2, 2, 2)
        self.conv = DoubleConv(inputs, outputs)

    def forward(self, x, skip):
        x = self.up(x)
        dy, dx = (skip.shape[i] - x.shape[i] for i in (2, 3))
        x = F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.conv(torch.cat([skip, x], 1))


class OutConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.conv(x)


class UNet(nn.Module):
    def __init__(self, channels, classes, width, depth):
        super().__init__()
        self.inc = DoubleConv(channels, width)
        self.depth = depth
        for i in range(depth):
            setattr(self, f"down{i + 1}", Down(width * 2**i, width * 2 ** (i + 1)))
        for i in range(depth, 0, -1):
            setattr(self, f"up{depth - i + 1}", Up(width * 2**i, width * 2 ** (i - 1)))
        self.outc = OutConv(width, classes)

    def forward(self, x):
        maps = [self.inc(x)]
        for i in range(1, self.depth + 1):
            maps.append(getattr(self, f"down{i}")(maps[-1]))
        x = maps.pop()
        for i in range(1, self.depth + 1):
            x = getattr(self, f"up{i}")(x, maps.pop())
        return self.outc(x)
