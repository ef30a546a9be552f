import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import vollo_torch
from vollo_torch._export import export_graph
from vollo_torch.fx import prepare_shape


def export(model, *inputs):
    document, tensors = export_graph(prepare_shape(model, *inputs)[0])
    assert document == json.loads(json.dumps(document, allow_nan=False))
    assert document["version"] == 1
    assert [list(t.shape) for t in tensors] == [entry["shape"] for entry in document["tensors"]]
    assert {t.dtype for t in tensors} <= {np.dtype(np.float32)}
    return {node["name"]: node for node in document["nodes"]}, document["tensors"], tensors


def function_of(body, *inputs):
    """Export a module whose forward is the given function."""

    class Model(nn.Module):
        def forward(self, *xs):
            return body(*xs)

    return export(Model(), *(inputs or (torch.zeros(2, 3, 4),)))[0]


PLAIN = {"fp32_activations": False, "fp8_weights": False, "cores": None}


def test_a_module_carries_type_attributes_parameters_and_shape():
    nodes, tensors, values = export(
        nn.Sequential(nn.Linear(4, 3, bias=False)).eval(), torch.zeros(2, 4)
    )
    assert nodes["input_1"] == {
        "name": "input_1",
        "op": "placeholder",
        "shape": [2, 4],
        "dtype": "float32",
        "context": PLAIN,
    }
    assert nodes["_0"] == {
        "name": "_0",
        "op": "call_module",
        "target": "0",
        "type": "torch.nn.Linear",
        "instance": 0,
        "attrs": {"training": False, "in_features": 4, "out_features": 3},
        "params": {"weight": 0},
        "args": [{"node": "input_1"}],
        "kwargs": {},
        "shape": [2, 3],
        "dtype": "float32",
        "context": PLAIN,
    }
    assert nodes["output"] == {"name": "output", "op": "output", "args": [{"node": "_0"}]}
    assert tensors == [{"name": "0.weight", "shape": [3, 4], "dtype": "float32"}]
    assert values[0].shape == (3, 4)


def test_functions_methods_and_attributes_carry_their_names():
    nodes = function_of(lambda x: torch.relu(F.relu(x) + 1).transpose(0, 1))
    named = {n: (v["op"], v.get("target"), v.get("module")) for n, v in nodes.items()}
    assert named["relu"] == ("call_function", "relu", "torch.nn.functional")
    assert named["add"] == ("call_function", "add", "_operator")
    assert named["relu_1"] == ("call_function", "relu", "torch")
    assert named["transpose"] == ("call_method", "transpose", None)
    assert function_of(lambda x: torch.fft.fft(x).real)["fft_fft"]["target"] == "fft_fft"
    assert function_of(lambda x: x.mT)["getattr_1"]["args"][1] == {"str": "mT"}


def test_arguments_are_encoded_by_kind():
    nodes = function_of(lambda x: torch.clamp(x, min=-1, max=float("inf"))[..., 1:, None, 0:2:1])
    assert nodes["clamp"]["kwargs"] == {"min": -1, "max": {"float": "inf"}}
    index = [{"ellipsis": True}, {"slice": [1, None, None]}, None, {"slice": [0, 2, 1]}]
    assert nodes["getitem"]["args"][1] == {"tuple": index}
    assert function_of(lambda x: x.to(torch.float32))["to"]["args"][1] == {"dtype": "float32"}
    joined = function_of(lambda x: torch.cat([x, x], dim=1))["cat"]
    assert joined["args"] == [{"list": [{"node": "xs_0"}, {"node": "xs_0"}]}]
    assert joined["kwargs"] == {"dim": 1}
    assert function_of(lambda x: F.gelu(x, approximate="tanh"))["gelu"]["kwargs"] == {
        "approximate": {"str": "tanh"}
    }


def test_what_follows_from_shapes_is_a_number_for_its_users():
    nodes = function_of(lambda x: x.reshape(x.shape[0] * x.size(1), -1).view(x.size()))
    assert list(nodes) == ["xs_0", "reshape", "view", "output"]
    assert nodes["reshape"]["args"][1:] == [6, -1]
    assert nodes["view"]["args"][1:] == [{"tuple": [2, 3, 4]}]


def test_values_of_tensors_are_never_taken_for_shapes():
    assert "item" in function_of(lambda x: x * x.sum().item())


def test_a_result_of_several_tensors_has_nested_shapes():
    class Tuple(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(4, 3, 2)

        def forward(self, x):
            return self.lstm(x)

    nodes, _, _ = export(Tuple(), torch.zeros(5, 4))
    assert nodes["lstm"]["shape"] == {"tuple": [[5, 3], {"tuple": [[2, 3], [2, 3]]}]}
    assert nodes["lstm"]["dtype"] is None


def test_contexts_are_written_with_each_node():
    def body(x):
        with vollo_torch.Fp32Activations(), vollo_torch.CorePartition([1, 0]):
            return x + 1

    assert function_of(body)["add"]["context"] == {
        "fp32_activations": True,
        "fp8_weights": False,
        "cores": [0, 1],
    }


def test_own_layers_have_public_types_and_nested_parameter_names():
    layer = vollo_torch.nn.PaddedConv1d(4, 6, 3, dilation=2)
    nodes, _, _ = export(nn.Sequential(layer), torch.zeros(1, 4, 5))
    assert nodes["_0"]["type"] == "vollo_torch.nn.PaddedConv1d"
    assert nodes["_0"]["params"] == {"conv.weight": 0, "conv.bias": 1}
    assert nodes["_0"]["attrs"] == {
        "training": True,
        "in_channels": 4,
        "out_channels": 6,
        "kernel_size": 3,
        "dilation": 2,
        "groups": 1,
    }


def test_shared_memory_is_one_tensor():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(3, 3, bias=False)
            self.b = nn.Linear(3, 3, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.b(self.a(x)) @ self.a.weight

    nodes, tensors, _ = export(Shared(), torch.zeros(2, 3))
    assert len(tensors) == 1
    assert nodes["a"]["params"] == nodes["b"]["params"] == {"weight": 0}
    assert nodes["a_weight"]["tensor"] == 0


def test_tensors_of_other_types_travel_as_float32_with_their_type():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("index", torch.tensor([2, 0]))
            self.register_buffer("scale", torch.tensor([0.5, 0.25], dtype=torch.float64))

        def forward(self, x):
            return torch.index_select(x, 0, self.index) * self.scale

    _, tensors, values = export(Mixed(), torch.zeros(3, 2))
    assert [entry["dtype"] for entry in tensors] == ["int64", "float64"]
    assert [value.tolist() for value in values] == [[2.0, 0.0], [0.5, 0.25]]


def test_complex_tensors_are_refused():
    class Complex(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("w", torch.ones(2, dtype=torch.complex64))

        def forward(self, x):
            return (x * self.w).real

    with pytest.raises(ValueError, match="w: complex tensors are not supported; use real ones"):
        export(Complex(), torch.zeros(2))


@pytest.mark.parametrize("module", [nn.ReLU(), torch.fx.symbolic_trace(nn.ReLU())])
def test_an_unprepared_module_is_told_what_to_call(module):
    with pytest.raises(ValueError, match=r"call vollo_torch\.fx\.prepare_shape on"):
        vollo_torch.fx.nnir.to_nnir(module)


def test_only_modules_can_be_translated():
    with pytest.raises(TypeError, match="to_nnir: the module is a GraphModule, got int"):
        vollo_torch.fx.nnir.to_nnir(3)


def test_precisions_are_number_formats():
    module, _ = prepare_shape(nn.ReLU(), torch.zeros(2))
    with pytest.raises(
        TypeError, match=r"outputs_precisions: a vollo_compiler.NumberFormat, got 'BF16'"
    ):
        vollo_torch.fx.nnir.to_nnir(module, outputs_precisions=["BF16"])


def test_a_scan_carries_the_graph_of_its_step():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 3)
            self.scan = vollo_torch.nn.Scan(self.step)

        def step(self, x, s):
            total = self.fc(x[0]) + s[0] * x[1]
            return total, (total,)

        def forward(self, x):
            with vollo_torch.Fp32Activations():
                return self.scan((x, self.fc(x)), (torch.ones(3),), input_axis=1)

    nodes, tensors, _ = export(Sum(), torch.zeros(3, 5, 3))
    step = nodes["scan"]["graph"]["nodes"]
    assert [node["name"] for node in step] == [
        "x",
        "s",
        "getitem",
        "getitem_1",
        "getitem_2",
        "step_fc",
        "mul",
        "add",
        "output",
    ]
    assert step[0]["shape"] == {"tuple": [[3, 3], [3, 3]]}
    assert step[5]["params"] == nodes["fc"]["params"]
    assert step[5]["instance"] == nodes["fc"]["instance"]
    assert {node["context"]["fp32_activations"] for node in step[:-1]} == {True}
    assert step[-1]["args"] == [{"tuple": [{"node": "add"}, {"tuple": [{"node": "add"}]}]}]
    assert len(tensors) == 3
