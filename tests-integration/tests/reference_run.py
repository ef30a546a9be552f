"""Prints a digest of the bits that fixed models give on fixed inputs.

Run as a script in a process of its own, with the Java under test chosen by NNIR_BRIDGE_JAVA.
"""

import hashlib

import torch
from torch import nn

import vollo_torch
from vollo_compiler import Config, Program, ProgramBuilder


class Everything(nn.Module):
    """A small model with one layer of each kind that the examples have."""

    def __init__(self):
        super().__init__()
        self.conv = vollo_torch.nn.PaddedConv1d(40, 72, 3, dilation=2)
        self.depthwise = vollo_torch.nn.PaddedConv1d(72, 72, 2, groups=72)
        self.memory = vollo_torch.nn.LSTM(72, 48, num_layers=2, batch_first=True)
        self.head = nn.Linear(48, 33)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        x = torch.clamp(self.depthwise(x), -0.5, 2.0).transpose(1, 2)
        hidden = self.memory(x)
        return self.head(hidden) + torch.cat([x[..., :32], x[..., 40:41]], dim=2)


class EverythingInFp8(Everything):
    """The same with its weights in FP8."""

    def forward(self, x):
        with vollo_torch.Fp8Weights():
            return super().forward(x)


LENGTH = 9


def nnir_and_input(model=Everything, seed=11):
    """Return the streamed model and a sequence for it."""
    torch.manual_seed(seed)
    x = torch.randn(1, 40, LENGTH)
    prepared, _ = vollo_torch.fx.prepare_shape(model(), x)
    streamed, axis = vollo_torch.fx.nnir.to_nnir(prepared).streaming_transform(2)
    assert axis == 1
    return streamed, x.numpy()


def output_bytes(vm, x, model_index=0):
    """Return the bits of all steps' outputs."""
    return b"".join(vm.run(x[:, :, i], model_index=model_index).tobytes() for i in range(LENGTH))


def digest(config):
    """Return the digest of the outputs on a board, of the program as made and as loaded again."""
    nnir, x = nnir_and_input()
    builder = ProgramBuilder(config)
    builder.add_nnir(nnir)
    program = builder.to_program()
    made = output_bytes(program.to_vm(), x)
    loaded = output_bytes(Program.load_bytes(program.save_bytes()).to_vm(), x)
    assert made == loaded
    return hashlib.sha256(made).hexdigest()


if __name__ == "__main__":
    print(digest(Config.bittware_ia420f_c6b32()), digest(Config.bittware_ia840f_c3b64()))
