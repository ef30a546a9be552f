"""Weights as `Fp8Weights` stores them, by PyTorch's own conversion."""

import torch


def round_weights(module):
    """Round the weights of a module in place, and leave its biases; return it."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "weight" in name:
                parameter.copy_(parameter.to(torch.float8_e4m3fn).float())
    return module
