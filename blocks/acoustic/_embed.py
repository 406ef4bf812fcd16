"""The first layer of an acoustic model: phones, declared streams and globals as vectors (torch).

Axes: B batch, N phones, C channels of a stream, D width.
"""

import torch
from torch import nn

from blocks.acoustic._inputs import Inputs


class Embed(nn.Module):
    """`inputs.arrays` to the phones (B, N, D) with their streams, and the sum of the globals (B, 1, D).

    No bias and no row 0 anywhere: a stream of zeros changes nothing.
    """

    def __init__(self, inputs: Inputs, width: int):
        super().__init__()
        # Named of_NAME: a stream may be called what a module has a method for.
        self.phones = _rows(len(inputs.phones), width)
        self.streams = nn.ModuleDict(
            {
                f"of_{name}": _rows(each.classes, width) if each.classes else nn.Linear(each.size, width, bias=False)
                for name, each in inputs.streams.items()
            }
        )
        self.globals = nn.ModuleDict(
            {
                f"of_{name}": nn.Linear(each.size, width, bias=False)
                if each.size
                else _rows(len(inputs.names[name]), width)
                for name, each in inputs.globals.items()
            }
        )

    def forward(self, arrays: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        x_BND = self.phones(arrays["phones"])
        for name, layer in self.streams.items():
            x_BND = x_BND + layer(arrays[f"streams.{name[3:]}"])
        whole_BD = x_BND.new_zeros(len(x_BND), x_BND.shape[2])
        for name, layer in self.globals.items():
            whole_BD = whole_BD + layer(arrays[f"globals.{name[3:]}"])
        return x_BND, whole_BD[:, None]


def _rows(count: int, width: int) -> nn.Embedding:
    layer = nn.Embedding(count + 1, width, padding_idx=0)
    nn.init.normal_(layer.weight, std=width**-0.5)
    with torch.no_grad():
        layer.weight[0] = 0
    return layer
