from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import vollo_torch
from vollo_torch.fx import is_vollo_tracing, prepare_shape


def targets(module):
    return [node.target for node in module.graph.nodes if node.op == "call_module"]


def test_library_layers_stay_whole_and_own_modules_are_traced_through():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = vollo_torch.nn.PaddedConv1d(4, 4, 3)
            self.act = nn.ReLU()

        def forward(self, x):
            return self.act(self.conv(x))

    module, _ = prepare_shape(nn.Sequential(Block(), nn.Identity()), torch.zeros(1, 4, 5))
    assert targets(module) == ["0.conv", "0.act", "1"]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv1d(4, 2, 3),
        nn.BatchNorm1d(4).eval(),
        nn.LSTM(5, 2),
        vollo_torch.nn.RMSNorm(5),
        vollo_torch.nn.PaddedConv1d(4, 2, 3),
    ],
)
def test_a_library_layer_stays_whole_as_the_model_itself(layer):
    with vollo_torch.Fp32Activations():
        module, output = prepare_shape(layer, torch.ones(3, 4, 5))
    assert targets(module) == [type(layer).__name__.lower()]
    assert all(node.meta["vollo_fp32_activations"] for node in module.graph.nodes)
    expected = layer(torch.ones(3, 4, 5))
    torch.testing.assert_close(output, expected, rtol=0, atol=0)


def test_the_output_is_that_of_the_model():
    class Two(nn.Module):
        def forward(self, x, y):
            return x + y, x @ y

    x, y = torch.randn(2, 3, 3)
    _, output = prepare_shape(Two(), x, y)
    assert isinstance(output, tuple)
    torch.testing.assert_close(output, (x + y, x @ y), rtol=0, atol=0)
    _, single = prepare_shape(nn.Tanh(), x)
    torch.testing.assert_close(single, torch.tanh(x), rtol=0, atol=0)
    assert not single.requires_grad


def test_every_node_gets_its_shape_and_type():
    module, _ = prepare_shape(nn.Sequential(nn.Linear(4, 2), nn.Flatten(0)), torch.zeros(3, 4))
    shapes = [tuple(node.meta["tensor_meta"].shape) for node in module.graph.nodes]
    assert shapes == [(3, 4), (3, 2), (6,), (6,)]
    assert {node.meta["tensor_meta"].dtype for node in module.graph.nodes} == {torch.float32}


def test_the_model_is_as_before():
    class Stateful(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4)
            self.memory = vollo_torch.nn.RecurrentStateLSTM(4, 4)
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            self.seen = x
            return self.memory(self.norm(x)) + torch.ones(4)

    model = Stateful()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    attributes = dict(vars(model))
    memory = dict(vars(model.memory))
    prepare_shape(model, torch.randn(3, 4))
    assert vars(model) == attributes
    assert vars(model.memory) == memory
    torch.testing.assert_close(dict(model.state_dict()), state, rtol=0, atol=0)


def test_parameters_are_shared_with_the_model():
    model = nn.Sequential(nn.Linear(2, 2))
    module, _ = prepare_shape(model, torch.zeros(2))
    assert module.get_submodule("0").weight is model[0].weight


def test_arguments_that_are_not_given_keep_their_defaults():
    class Optional(nn.Module):
        def forward(self, x, scale=None, *, shift=1.0):
            return (x if scale is None else x * scale) + shift

    module, output = prepare_shape(Optional(), torch.zeros(2))
    assert [n.name for n in module.graph.nodes if n.op == "placeholder"] == ["x"]
    assert output.tolist() == [1.0, 1.0]
    module, _ = prepare_shape(Optional(), torch.zeros(2), torch.ones(2))
    assert [n.name for n in module.graph.nodes if n.op == "placeholder"] == ["x", "scale"]


def test_a_variadic_forward_takes_as_many_inputs_as_there_are():
    class Join(nn.Module):
        def forward(self, *parts):
            return torch.cat(parts)

    _, output = prepare_shape(Join(), torch.zeros(2), torch.ones(3))
    assert output.shape == (5,)


def test_a_prepared_module_can_be_prepared_again_and_keeps_its_contexts():
    class Precise(nn.Module):
        def forward(self, x):
            with vollo_torch.Fp32Activations():
                return x + 1

    first, _ = prepare_shape(Precise(), torch.zeros(2))
    second, output = prepare_shape(first, torch.zeros(5))
    add = next(node for node in second.graph.nodes if node.op == "call_function")
    assert add.meta["vollo_fp32_activations"]
    assert output.shape == (5,)
    placeholder = next(iter(first.graph.nodes))
    assert tuple(placeholder.meta["tensor_meta"].shape) == (2,)


@pytest.mark.parametrize("fill", ["zeros", "ones"])
def test_sizes_of_inputs_may_be_arguments_of_their_own(fill):
    class Filled(nn.Module):
        def forward(self, x):
            return getattr(torch, fill)(x.shape[0], x.size(1) + 1, dtype=torch.float32)

    before = getattr(torch, fill)
    _, output = prepare_shape(Filled(), torch.zeros(2, 3))
    torch.testing.assert_close(output, before(2, 4), rtol=0, atol=0)
    assert getattr(torch, fill) is before


def test_a_buffer_may_be_sliced_up_to_a_size_of_the_input():
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("table", torch.arange(12.0).reshape(6, 2))

        def forward(self, x):
            return x + self.table[: x.shape[0]] + self.table[x.size(0), None]

    x = torch.zeros(3, 2)
    module, output = prepare_shape(Positions(), x)
    torch.testing.assert_close(output, Positions()(x), rtol=0, atol=0)
    assert "get_attr" in {node.op for node in module.graph.nodes}
    assert "__getitem__" not in vars(torch.Tensor)


def test_tracing_can_be_told_from_running():
    class Asking(nn.Module):
        def forward(self, x):
            seen.append(is_vollo_tracing.get())
            return F.relu(x)

    seen = []
    prepare_shape(Asking(), torch.zeros(2))
    Asking()(torch.zeros(2))
    assert seen == [True, False]


def test_several_threads_may_prepare_models_at_once():
    def prepare(size):
        for _ in range(20):
            _, output = prepare_shape(nn.Sequential(nn.Linear(size, size), nn.ReLU()), inputs[size])
            assert output.shape == (size,)
        return size

    inputs = {size: torch.zeros(size) for size in range(1, 7)}
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(prepare, inputs)) == list(inputs)


def test_data_dependent_control_flow_is_refused_at_its_place():
    class Branching(nn.Module):
        def forward(self, x):
            if x.sum() > 0:
                return x
            return -x

    with pytest.raises(ValueError) as error:
        prepare_shape(Branching(), torch.zeros(2))
    lines = str(error.value).splitlines()
    assert lines[0] == (
        "Branching cannot be traced: control flow depends on a traced tensor or its shape"
    )
    assert lines[1].startswith(f"  at {__file__}:")
    assert lines[1].endswith("in forward: if x.sum() > 0:")
    assert lines[2] == (
        "  use torch.where to choose between values; decide, loop and unpack by attributes of the "
        "module and by indices"
    )
    assert not is_vollo_tracing.get()


def test_a_loop_over_a_tensor_is_refused():
    class Looping(nn.Module):
        def forward(self, x):
            return sum(row * 2 for row in x)

    with pytest.raises(ValueError, match="a loop or unpacking runs over a traced tensor\n  at "):
        prepare_shape(Looping(), torch.zeros(2))


def test_any_other_failure_of_a_forward_is_told_with_its_place():
    class Failing(nn.Module):
        def forward(self, x):
            return x.reshape(range(x.shape[0]))

    with pytest.raises(ValueError, match=r"TypeError: .*\n  at .* in forward: return x\.reshape"):
        prepare_shape(Failing(), torch.zeros(2))


@pytest.mark.parametrize(
    ("model", "inputs", "kind", "text"),
    [
        (
            nn.ReLU,
            [torch.zeros(2)],
            TypeError,
            "the model is a torch.nn.Module, got a module class",
        ),
        (len, [], TypeError, "the model is a torch.nn.Module, got builtin_function_or_method"),
        (nn.ReLU(), [[1.0]], TypeError, "input 0 is a torch.Tensor, got list"),
        (nn.ReLU(), [], TypeError, "does not take 0 inputs: missing a required argument: 'input'"),
        (nn.ReLU(), [torch.zeros(2)] * 2, TypeError, "does not take 2 inputs: too many positional"),
        (
            nn.Linear(3, 3),
            [torch.zeros(2)],
            ValueError,
            r"Linear: running the model on inputs of shapes \[\[2\]\] failed: ",
        ),
    ],
)
def test_wrong_arguments_are_refused(model, inputs, kind, text):
    with pytest.raises(kind, match=text):
        prepare_shape(model, *inputs)
