"""The networks of `blocks.common.conditions` (torch)."""

from collections.abc import Mapping

import torch
from torch import nn

from blocks.common.conditions import Conditions


class Told(nn.Module):
    """Phones and streams to (B, N, width), globals to (B, wide): each is embedded, and all are added up.

    Row 0 of a table and a quantity of 0 are zeros: what says nothing adds nothing.
    """

    def __init__(self, conditions: Conditions, width: int, wide: int):
        super().__init__()
        self.phones = nn.Embedding(len(conditions.phones) + 1, width, padding_idx=0)
        self.streams = nn.ModuleDict(
            {
                name: nn.Embedding(stream.classes, width, padding_idx=0)
                if stream.classes
                else nn.Linear(stream.channels, width, bias=False)
                for name, stream in conditions.streams.items()
            }
        )
        self.globals = nn.ModuleDict(
            {
                name: nn.Linear(what.size, wide, bias=False)
                if what.size
                else nn.Embedding(len(conditions.names[name]) + 1, wide, padding_idx=0)
                for name, what in conditions.globals.items()
            }
        )

    def forward(self, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | float]:
        of_phones = self.phones(inputs["phones"])
        for name, layer in self.streams.items():
            of_phones = of_phones + layer(inputs[f"streams.{name}"])
        return of_phones, sum((layer(inputs[f"globals.{name}"]) for name, layer in self.globals.items()), 0.0)


def grow(net: nn.Module, known: Mapping[str, torch.Tensor]) -> None:
    """Copy weights into a network whose tables may have got more rows at their end."""
    with torch.no_grad():
        for name, value in net.state_dict().items():
            value[tuple(slice(size) for size in known[name].shape)] = known[name]
