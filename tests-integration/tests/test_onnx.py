"""Models from ONNX files compute what the traced ones, and ONNX's own reference, compute."""

import contextlib
import subprocess
import sys
import warnings

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn

import vollo_torch
from examples import CausalCnn, LstmTagger, ResidualMlp
from operators import CASES
from support_table import listed, nnir_of, with_weights
from vollo_compiler import NNIR, Config, LoadError, Program
from vollo_compiler._onnx_command import main

BOARD = Config.amd_v80_c6b32()
EXAMPLES = {
    "mlp": (ResidualMlp, (784,), None),
    "batched mlp": (ResidualMlp, (2, 784), None),
    "cnn": (CausalCnn, (1, 32, 5), 2),
    "lstm": (LstmTagger, (6, 128), 0),
}

# One form of each operator of the table; those that a whole sequence has.
FORMS = {(case.group, case.member): case for case in reversed(CASES.values())}
STREAMED_ONLY = {"RecurrentStateLSTM", "vollo_torch.nn.LSTMCell", "Scan"}
# What PyTorch's older exporter does not export; the newer one is slow, and takes what is left.
NEWER_ONLY = {"column_stack", "dstack", "RMSNorm", "mT", "exp2", "contiguous"}
# What is exported in steps, each of which rounds.
IN_STEPS = {"LSTMCell", "GRUCell", "rsqrt", "silu", "log2", "log10", "RMSNorm"}


def export(model, x, path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (x,), path, verbose=False, **options)


def assert_same_bits(a, b):
    np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32))


@pytest.mark.parametrize("dynamo", [True, False])
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_exported_example_has_the_bits_of_the_traced_one(name, dynamo, tmp_path):
    make, shape, axis = EXAMPLES[name]
    torch.manual_seed(1)
    model, x = make().eval(), torch.randn(shape)
    export(model, x, tmp_path / "model.onnx", dynamo=dynamo)
    from_onnx = NNIR.from_onnx(tmp_path / "model.onnx")
    prepared, _ = vollo_torch.fx.prepare_shape(model, x)
    traced = vollo_torch.fx.nnir.to_nnir(prepared)
    got, expected = (n.to_program(BOARD).to_vm().run(x.numpy()) for n in (from_onnx, traced))
    assert_same_bits(got, expected)
    if axis is not None:
        runs = []
        for nnir in (from_onnx, traced):
            streamed, out_axis = nnir.streaming_transform(axis)
            vm = streamed.to_program(BOARD).to_vm()
            runs.append(vm.run_timesteps(x.numpy(), axis, out_axis))
        assert_same_bits(*runs)


@pytest.mark.parametrize(
    "case",
    [case for case in FORMS.values() if case.member not in STREAMED_ONLY],
    ids=lambda case: case.name,
)
def test_an_exported_operator_agrees_with_the_traced_one(case, tmp_path):
    traced, _, x = nnir_of(case)
    # Of the stacking functions the older one writes If, the newer one SequenceMap.
    newer = case.member in NEWER_ONLY
    export(with_weights(case.make()), torch.from_numpy(x), tmp_path / "model.onnx", dynamo=newer)
    board = Config.ip_core(2, 8)
    got, expected = (
        listed(nnir.to_program(board, **case.options).to_vm().run(x))
        for nnir in (NNIR.from_onnx(tmp_path / "model.onnx"), traced)
    )
    for a, b in zip(got, expected, strict=True):
        if case.member in IN_STEPS:
            np.testing.assert_allclose(a, b, atol=0.2, rtol=0.02)
        else:
            assert_same_bits(a, b)


def weights(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def model_of(nodes, inputs, outputs, constants=(), opset=17, **options):
    def info(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "g",
        [info(*i) for i in inputs.items()],
        [info(name, None) for name in outputs],
        [numpy_helper.from_array(v, n) for n, v in dict(constants).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **options)


def check(model, tmp_path, **inputs):
    """Compare with ONNX's reference, in float32."""
    onnx.save(model, tmp_path / "model.onnx")
    expected = ReferenceEvaluator(model).run(None, inputs)
    vm = NNIR.from_onnx(tmp_path / "model.onnx").to_program(BOARD).to_vm(bit_accurate=False)
    got = vm.run(list(inputs.values()))
    for a, b in zip(got if isinstance(got, tuple) else (got,), expected, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5)


NODE = helper.make_node
GELU = {
    "half of x": [
        NODE("Mul", ["x", "half"], ["h"]),
        NODE("Div", ["x", "sqrt2"], ["z"]),
        NODE("Erf", ["z"], ["e"]),
        NODE("Add", ["e", "one"], ["p"]),
        NODE("Mul", ["h", "p"], ["y"]),
    ],
    "half at the end": [
        NODE("Mul", ["x", "sqrthalf"], ["z"]),
        NODE("Erf", ["z"], ["e"]),
        NODE("Add", ["one", "e"], ["p"]),
        NODE("Mul", ["x", "p"], ["q"]),
        NODE("Mul", ["q", "half"], ["y"]),
    ],
    "half of the rest": [
        NODE("Mul", ["sqrthalf", "x"], ["z"]),
        NODE("Erf", ["z"], ["e"]),
        NODE("Add", ["e", "one"], ["p"]),
        NODE("Mul", ["half", "p"], ["q"]),
        NODE("Mul", ["q", "x"], ["y"]),
    ],
}
GELU_CONSTANTS = {
    "half": np.float32(0.5),
    "one": np.float32(1),
    "sqrt2": np.float32(2**0.5),
    "sqrthalf": np.float32(0.5**0.5),
}
X = weights(4, 6)
SINGLE = {
    "Gemm scaled": (
        [NODE("Gemm", ["x", "w", "c"], ["y"], alpha=0.5, beta=2.0)],
        {"w": weights(6, 5), "c": weights(5)},
    ),
    "Gemm transposed": (
        [NODE("Gemm", ["x", "w"], ["y"], transA=1, transB=1)],
        {"w": weights(5, 4)},
    ),
    "Gemm plus a matrix": (
        [NODE("Gemm", ["x", "w", "c"], ["y"], transB=1)],
        {"w": weights(5, 6), "c": weights(4, 5)},
    ),
    "MatMul, bias, both used": (
        [
            NODE("MatMul", ["x", "w"], ["p"]),
            NODE("Add", ["b", "p"], ["s"]),
            NODE("Mul", ["s", "p"], ["y"]),
        ],
        {"w": weights(6, 5), "b": weights(5)},
    ),
    "Split unevenly": (
        [
            NODE("Split", ["x", "sizes"], ["a", "b"], axis=1),
            NODE("Concat", ["b", "a"], ["y"], axis=-1),
        ],
        {"sizes": np.array([2, 4])},
    ),
    "Split evenly": (
        [NODE("Split", ["x"], ["a", "b"], axis=0), NODE("Sub", ["a", "b"], ["y"])],
        {},
    ),
    "Gather from the end": (
        [NODE("Gather", ["x", "i"], ["y"], axis=1)],
        {"i": np.array([[-1, 0], [2, 2]])},
    ),
    "Slice backwards": (
        [NODE("Slice", ["x", "s", "e", "a", "t"], ["y"])],
        {
            "s": np.array([-1, 1]),
            "e": np.array([-(2**63), 6]),
            "a": np.array([0, 1]),
            "t": np.array([-2, 2]),
        },
    ),
    "Clip at one end": ([NODE("Clip", ["x", "", "m"], ["y"])], {"m": np.float32(0.25)}),
    "Max of three": ([NODE("Max", ["x", "a", "b"], ["y"])], {"a": weights(6), "b": weights(4, 1)}),
    "ReduceMean, kept": ([NODE("ReduceMean", ["x"], ["y"], axes=[1])], {}),
    "ReduceSum, axes": ([NODE("ReduceSum", ["x", "a"], ["y"], keepdims=0)], {"a": np.array([0])}),
    "Where, Cast": (
        [
            NODE("Greater", ["x", "c"], ["g"]),
            NODE("Cast", ["g"], ["f"], to=1),
            NODE("Add", ["x", "f"], ["y"]),
        ],
        {"c": weights(6)},
    ),
    "Pad with a value": (
        [NODE("Pad", ["x", "p", "v"], ["y"])],
        {"p": np.array([1, 0, 0, 2]), "v": np.float32(3)},
    ),
    "Shapes": (
        [
            NODE("Shape", ["x"], ["s"]),
            NODE("Gather", ["s", "one"], ["n"], axis=0),
            NODE("Div", ["n", "four"], ["q"]),
            NODE("Concat", ["q", "minus"], ["t"], axis=0),
            NODE("Reshape", ["x", "t"], ["r"]),
            NODE("Transpose", ["r"], ["y"]),
        ],
        {"one": np.array([1]), "four": np.array([4]), "minus": np.array([-1])},
    ),
    "Expand, Tile": (
        [NODE("Expand", ["x", "s"], ["e"]), NODE("Tile", ["e", "n"], ["y"])],
        {"s": np.array([2, 1, 6]), "n": np.array([1, 2, 1])},
    ),
    "Pow": ([NODE("Pow", ["x", "three"], ["y"])], {"three": np.float32(3)}),
    "Squeeze, Unsqueeze, Flatten": (
        [
            NODE("Unsqueeze", ["x", "a"], ["u"]),
            NODE("Flatten", ["u"], ["f"], axis=2),
            NODE("Dropout", ["f"], ["d"]),
            NODE("Identity", ["d"], ["y"]),
        ],
        {"a": np.array([-1, 0])},
    ),
    **{
        f"{name} of comparisons": (
            [
                NODE("Greater", ["x", "c"], ["g"]),
                NODE("Less", ["x", "half"], ["l"]),
                NODE(name, ["g", "l"], ["m"]),
                NODE("Where", ["m", "x", "c"], ["y"]),
            ],
            {"c": weights(6), "half": np.float32(0.5)},
        )
        for name in ("And", "Or", "Xor", "Equal")
    },
    "Not, moved as numbers are": (
        [
            NODE("LessOrEqual", ["x", "c"], ["g"]),
            NODE("Unsqueeze", ["g", "one"], ["u"]),
            NODE("Not", ["u"], ["n"]),
            NODE("Transpose", ["n"], ["t"], perm=[2, 1, 0]),
            NODE("Slice", ["t", "zero", "one", "one"], ["s"]),
            NODE("Expand", ["s", "shape"], ["e"]),
            NODE("Reshape", ["e", "flat"], ["r"]),
            NODE("Cast", ["r"], ["y"], to=1),
        ],
        {
            "c": weights(6, seed=2),
            "zero": np.array([0]),
            "one": np.array([1]),
            "shape": np.array([6, 2, 4]),
            "flat": np.array([12, 4]),
        },
    ),
    "Cast to BOOL and Equal": (
        [
            NODE("Relu", ["x"], ["p"]),
            NODE("Cast", ["p"], ["b"], to=TensorProto.BOOL),
            NODE("Cast", ["b"], ["again"], to=TensorProto.BOOL),
            NODE("Equal", ["p", "zero"], ["z"]),
            NODE("Or", ["again", "z"], ["m"]),
            NODE("Where", ["m", "x", "zero"], ["y"]),
        ],
        {"zero": np.float32(0)},
    ),
    "a constant as condition": (
        [
            NODE("And", ["a", "b"], ["n"]),
            NODE("Not", ["n"], ["m"]),
            NODE("Greater", ["x", "zero"], ["g"]),
            NODE("Xor", ["m", "g"], ["o"]),
            NODE("Where", ["o", "x", "zero"], ["y"]),
        ],
        {
            "a": np.array([True, True, False, False, True, True]),
            "b": np.array([True, False, True, False, True, True]),
            "zero": np.float32(0),
        },
    ),
    **{
        f"CumSum, exclusive={exclusive}, reverse={reverse}": (
            [NODE("CumSum", ["x", "a"], ["y"], exclusive=exclusive, reverse=reverse)],
            {"a": np.array(-1)},
        )
        for exclusive in (0, 1)
        for reverse in (0, 1)
    },
    "LayerNormalization": (
        [NODE("LayerNormalization", ["x", "w", "b"], ["y"], epsilon=1e-3)],
        {"w": weights(6), "b": weights(6, seed=1)},
    ),
}


@pytest.mark.parametrize("name", SINGLE)
def test_operators_agree_with_the_reference(name, tmp_path):
    nodes, constants = SINGLE[name]
    check(model_of(nodes, {"x": [4, 6]}, ["y"], constants), tmp_path, x=X)


@pytest.mark.parametrize("pads", [[2, 0], [1, 1]])
@pytest.mark.parametrize("groups", [1, 4])
def test_a_convolution_takes_over_the_zeros_before_it(pads, groups, tmp_path):
    nodes = [
        NODE("Pad", ["x", "p"], ["z"]),
        NODE("Conv", ["z", "w", "b"], ["y"], pads=[1, 0], dilations=[2], group=groups),
    ]
    constants = {
        "p": np.array([0, 0, pads[0], 0, 0, pads[1]]),
        "w": weights(4, 4 // groups, 3),
        "b": weights(4),
    }
    model = model_of(nodes, {"x": [1, 4, 9]}, ["y"], constants)
    check(model, tmp_path, x=weights(1, 4, 9))
    assert "Concat" not in str(NNIR.from_onnx(tmp_path / "model.onnx"))


def fill(layer, constants, biases, order):
    """Give PyTorch's layer the weights of ONNX's, whose gates come in another order."""
    for d, both in enumerate(biases):
        suffix = "_l0_reverse" if d == 1 else "_l0"
        for name, value in (
            ("weight_ih", constants["w"][d]),
            ("weight_hh", constants["r"][d]),
            ("bias_ih", both[: len(order)]),
            ("bias_hh", both[len(order) :]),
        ):
            getattr(layer, name + suffix).copy_(torch.from_numpy(value[order]))


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("given", [False, True])
def test_lstm(direction, given, tmp_path):
    n = 2 if direction == "bidirectional" else 1
    constants = {"w": weights(n, 20, 3), "r": weights(n, 20, 5)}
    names = ["x", "w", "r"]
    if given:
        constants |= {"b": weights(n, 40), "h": weights(n, 2, 5), "c": weights(n, 2, 5, seed=3)}
        names += ["b", "", "h", "c"]
    node = NODE("LSTM", names, ["y", "yh", "yc"], hidden_size=5, direction=direction)
    model = model_of([node], {"x": [4, 2, 3]}, ["y", "yh", "yc"], constants)
    onnx.save(model, tmp_path / "model.onnx")
    x = torch.from_numpy(weights(4, 2, 3, seed=7))
    # ONNX's reference has no bidirectional LSTM with all outputs; PyTorch is the judge.
    lstm = nn.LSTM(3, 5, bidirectional=n == 2)
    order = np.r_[0:5, 10:15, 15:20, 5:10]
    with torch.no_grad():
        fill(lstm, constants, constants.get("b", np.zeros((n, 40), np.float32)), order)
        state = [torch.from_numpy(constants[s]) for s in "hc"] if given else None
        backwards = direction == "reverse"
        out, (h, c) = lstm(x.flip(0) if backwards else x, state)
        out = out.flip(0) if backwards else out
    expected = [out.reshape(4, 2, n, 5).transpose(1, 2), h, c]
    vm = NNIR.from_onnx(tmp_path / "model.onnx").to_program(BOARD).to_vm(bit_accurate=False)
    for a, b in zip(vm.run(x.numpy()), expected, strict=True):
        np.testing.assert_allclose(a, b.numpy(), atol=2e-5)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("given", ["nothing", "constants", "a state of the run"])
def test_gru(direction, given, tmp_path):
    n = 2 if direction == "bidirectional" else 1
    constants = {"w": weights(n, 15, 3), "r": weights(n, 15, 5)}
    state = weights(n, 2, 5, seed=5)
    names, inputs = ["x", "w", "r"], {"x": [4, 2, 3]}
    if given != "nothing":
        names += ["b", "", "h"]
        constants["b"] = weights(n, 30, seed=4)
        inputs |= {"h": [n, 2, 5]} if given == "a state of the run" else {}
        constants |= {"h": state} if given == "constants" else {}
    options = {"hidden_size": 5, "direction": direction, "linear_before_reset": 1}
    node = NODE("GRU", names, ["y", "yh"], **options)
    onnx.save(model_of([node], inputs, ["y", "yh"], constants), tmp_path / "model.onnx")
    x = torch.from_numpy(weights(4, 2, 3, seed=7))
    gru = nn.GRU(3, 5, bidirectional=n == 2)
    order = np.r_[5:10, 0:5, 10:15]
    with torch.no_grad():
        fill(gru, constants, constants.get("b", np.zeros((n, 30), np.float32)), order)
        backwards = direction == "reverse"
        h0 = None if given == "nothing" else torch.from_numpy(state)
        out, h = gru(x.flip(0) if backwards else x, h0)
        out = out.flip(0) if backwards else out
    expected = [out.reshape(4, 2, n, 5).transpose(1, 2), h]
    vm = NNIR.from_onnx(tmp_path / "model.onnx").to_program(BOARD).to_vm(bit_accurate=False)
    given_inputs = [x.numpy(), state] if given == "a state of the run" else [x.numpy()]
    for a, b in zip(vm.run(given_inputs), expected, strict=True):
        np.testing.assert_allclose(a, b.numpy(), atol=2e-5)


def test_a_state_of_the_run_that_is_given_for_one_of_two(tmp_path):
    names = ["x", "w", "r", "", "", "h"]
    node = NODE("LSTM", names, ["", "yh"], hidden_size=5)
    constants = {"w": weights(1, 20, 3), "r": weights(1, 20, 5)}
    model = model_of([node], {"x": [4, 2, 3], "h": [1, 2, 5]}, ["yh"], constants)
    check(model, tmp_path, x=weights(4, 2, 3, seed=7), h=weights(1, 2, 5, seed=8))


@pytest.mark.parametrize("auto_pad", ["VALID", "SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(3, 1, 2), (4, 1, 1), (4, 2, 1)])
def test_a_convolution_that_pads_by_itself(auto_pad, kernel, stride, dilation, tmp_path):
    options = {"auto_pad": auto_pad, "strides": [stride], "dilations": [dilation]}
    node = NODE("Conv", ["x", "w"], ["y"], kernel_shape=[kernel], **options)
    onnx.save(
        model_of([node], {"x": [1, 4, 9]}, ["y"], {"w": weights(5, 4, kernel)}),
        tmp_path / "model.onnx",
    )
    reach, x = (kernel - 1) * dilation + 1, weights(1, 4, 9)
    total = 0 if auto_pad == "VALID" else max((-(-9 // stride) - 1) * stride + reach - 9, 0)
    left = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
    padded = nn.functional.pad(torch.from_numpy(x), (left, total - left))
    weight = torch.from_numpy(weights(5, 4, kernel))
    expected = nn.functional.conv1d(padded, weight, stride=stride, dilation=dilation)
    vm = NNIR.from_onnx(tmp_path / "model.onnx").to_program(BOARD).to_vm(bit_accurate=False)
    np.testing.assert_allclose(vm.run(x), expected.numpy(), atol=1e-5)


def branches(**given):
    """Return a model whose If goes by the rank of its input, or by what is given."""
    nodes = {
        "then_branch": [NODE("Neg", ["x"], ["t"])],
        "else_branch": [NODE("Mul", ["x", "two"], ["e"])],
        **given,
    }
    outputs = {"then_branch": "t", "else_branch": "e"}
    graphs = {
        name: helper.make_graph(
            list(nodes[name]),
            name,
            [],
            [helper.make_tensor_value_info(outputs[name], TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.float32(2), "two")],
        )
        for name in outputs
    }
    condition = given.get("condition") or [
        NODE("Shape", ["x"], ["s"]),
        NODE("Size", ["s"], ["n"]),
        NODE("Equal", ["n", "rank"], ["c"]),
    ]
    constants = {"rank": np.array(given.get("rank", 2))}
    return model_of(
        [*condition, NODE("If", ["c"], ["y"], name="choice", **graphs)],
        {"x": [4, 6]},
        ["y"],
        constants,
    )


@pytest.mark.parametrize("rank", [2, 3])
def test_a_branch_that_is_known_takes_the_place_of_its_choice(rank, tmp_path):
    check(branches(rank=rank), tmp_path, x=X)
    operators = [node.operator for node in NNIR.from_onnx(tmp_path / "model.onnx")]
    assert operators[-1] == ("Neg" if rank == 2 else "Mul")


def test_a_branch_that_is_not_taken_may_hold_anything(tmp_path):
    check(branches(rank=3, then_branch=[NODE("NonZero", ["x"], ["t"])]), tmp_path, x=X)
    unsupported = branches(then_branch=[NODE("NonZero", ["x"], ["t"])])
    assert refusal(unsupported, tmp_path) == (
        "Unsupported operations encountered translating to Vollo NNIR:\n"
        "  unsupported operator 'NonZero': found 1"
    )


def test_nodes_with_graphs_that_are_no_nodes_of_onnx(tmp_path):
    body = helper.make_graph([NODE("Neg", ["e"], ["t"])], "b", [], [])
    body.output.append(helper.make_tensor_value_info("t", TensorProto.FLOAT, None))
    path = tmp_path / "model.onnx"
    onnx.save(model_of([NODE("SequenceMap", [], ["y"], body=body)], {"x": [4, 6]}, ["y"]), path)
    with pytest.raises(LoadError) as raised:
        NNIR.from_onnx(path)
    assert str(raised.value) == (
        f"{path}: y (SequenceMap): its operands or attributes are not what ONNX defines"
    )


def test_a_choice_of_the_run_is_refused(tmp_path):
    condition = [NODE("ReduceSum", ["x"], ["s"], keepdims=0), NODE("Greater", ["s", "s"], ["c"])]
    assert refusal(branches(condition=condition), tmp_path) == (
        "choice (If): its condition is computed at run time; make it constant"
    )


def test_large_tensors_in_a_file_of_their_own(tmp_path):
    model = model_of(
        [NODE("MatMul", ["x", "w"], ["y"])], {"x": [4, 6]}, ["y"], {"w": weights(6, 50)}
    )
    (tmp_path / "sub").mkdir()
    onnx.save(
        model,
        tmp_path / "sub" / "model.onnx",
        save_as_external_data=True,
        location="w.bin",
        size_threshold=0,
    )
    vm = NNIR.from_onnx(tmp_path / "sub" / "model.onnx").to_program(BOARD).to_vm(bit_accurate=False)
    np.testing.assert_allclose(vm.run(X), X @ weights(6, 50), atol=1e-5)
    (tmp_path / "sub" / "w.bin").rename(tmp_path / "w.bin")
    path = tmp_path / "sub" / "model.onnx"
    with pytest.raises(LoadError) as raised:
        NNIR.from_onnx(path)
    assert str(raised.value) == (
        f"{path}: the ONNX model's tensor w cannot be read from {tmp_path / 'sub' / 'w.bin'}: "
        f"{tmp_path / 'sub' / 'w.bin'}"
    )
    stored = onnx.load(path, load_external_data=False)
    stored.graph.initializer[0].external_data[0].value = "../w.bin"
    path.write_bytes(stored.SerializeToString())
    with pytest.raises(LoadError, match="lies outside of the model's directory"):
        NNIR.from_onnx(path)


def dynamic(tmp_path):
    model = model_of([NODE("Relu", ["x"], ["y"])], {"x": ["batch", 6]}, ["y"])
    onnx.save(model, tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def test_axes_of_no_fixed_extent_need_shapes(tmp_path):
    path = dynamic(tmp_path)
    with pytest.raises(ValueError) as raised:
        NNIR.from_onnx(path)
    assert str(raised.value) == (
        "input x has an axis of no fixed extent (batch); give override_input_shapes"
    )
    for shapes in ([3, 6], (3, 6), [[3, 6]], [(3, 6)], np.array([3, 6]), torch.Size([3, 6])):
        program = NNIR.from_onnx(path, shapes).to_program(BOARD)
        assert program.model_input_shape() == program.model_output_shape() == (3, 6)


@pytest.mark.parametrize(
    ("shapes", "error", "message"),
    [
        (
            [3],
            ValueError,
            "override_input_shapes: input x has 2 axes in the model, got the shape [3]",
        ),
        (
            [[3, 6], [3, 6]],
            ValueError,
            "override_input_shapes: 2 shapes for 1 inputs; give one for each",
        ),
        (
            [0, 6],
            ValueError,
            "override_input_shapes: input x has the shape [0, 6]; every extent must be at least 1",
        ),
        ([3, 1.5], TypeError, "override_input_shapes[0][1]: an integer is needed, got 1.5"),
        (
            "3,6",
            TypeError,
            "override_input_shapes: a shape or a sequence of shapes is needed, got '3,6'",
        ),
    ],
)
def test_wrong_shapes(shapes, error, message, tmp_path):
    with pytest.raises(error) as raised:
        NNIR.from_onnx(dynamic(tmp_path), shapes)
    assert str(raised.value) == message


@pytest.mark.parametrize("name", GELU)
def test_gelu_in_several_nodes_is_one(name, tmp_path):
    model = model_of(GELU[name], {"x": [4, 6]}, ["y"], GELU_CONSTANTS)
    check(model, tmp_path, x=X)
    nnir = NNIR.from_onnx(tmp_path / "model.onnx")
    assert [node.operator for node in nnir] == ["Input", "Gelu"]


@pytest.mark.parametrize("kept", [2, 3, 4])
def test_erf_in_anything_else_is_refused(kept, tmp_path):
    nodes = [*GELU["half at the end"][:kept], NODE("Relu", ["qpe"[4 - kept]], ["y"])]
    assert "erf is supported as a part of GELU only; use Gelu or tanh" in refusal(
        model_of(nodes, {"x": [4, 6]}, ["y"], GELU_CONSTANTS), tmp_path
    )


def refusal(model, tmp_path):
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ValueError) as raised:
        NNIR.from_onnx(tmp_path / "model.onnx")
    return str(raised.value)


def test_all_unsupported_operators_are_named_at_once(tmp_path):
    nodes = [
        NODE("NonZero", ["x"], ["a"]),
        NODE("Einsum", ["x", "x"], ["b"], equation="ij,ij->i"),
        NODE("NonZero", ["x"], ["c"]),
        NODE("Relu", ["x"], ["y"], domain="com.example"),
    ]
    assert refusal(model_of(nodes, {"x": [4, 6]}, ["y"]), tmp_path) == (
        "Unsupported operations encountered translating to Vollo NNIR:\n"
        "  unsupported operator 'Einsum': found 1\n"
        "  unsupported operator 'NonZero': found 2\n"
        "  unsupported operator 'com.example.Relu': found 1"
    )


REFUSED = {
    "LSTM of computed weights": (
        [NODE("Unsqueeze", ["x", "a"], ["w"]), NODE("LSTM", ["w", "w", "w"], ["y"], name="rnn")],
        {"a": np.array([0])},
        "rnn (LSTM): its recurrence weight is computed at run time; make it constant",
    ),
    "an image's convolution": (
        [NODE("Conv", ["x", "w"], ["y"], name="conv")],
        {"w": weights(1, 1, 3, 3)},
        "conv (Conv): its weight has shape [1, 1, 3, 3]; only convolutions along one axis are "
        "supported",
    ),
    "a comparison as output": (
        [NODE("Greater", ["x", "c"], ["y"])],
        {"c": weights(6)},
        "output y is a comparison or an erf; use Where to choose between numbers, or Gelu",
    ),
    "a cast": (
        [NODE("Cast", ["x"], ["y"], to=TensorProto.FLOAT16)],
        {},
        "y (Cast): a cast to FLOAT16 is not supported; keep float32 in the model",
    ),
    "a power": (
        [NODE("Pow", ["x", "e"], ["y"])],
        {"e": np.float32(2.5)},
        "y (Pow): exponent 2.5 is not supported; use 2, 3, 1, 0.5, -0.5 or -1",
    ),
    "padding by reflection": (
        [NODE("Pad", ["x", "p"], ["y"], mode="reflect")],
        {"p": np.array([0, 1, 0, 1])},
        "y (Pad): mode=reflect is not supported; use constant",
    ),
    "a GRU of another kind": (
        [
            NODE("Unsqueeze", ["x", "a"], ["u"]),
            NODE("GRU", ["u", "w", "r"], ["y"], name="gru", hidden_size=5),
        ],
        {"a": np.array([0]), "w": weights(1, 15, 6), "r": weights(1, 15, 5)},
        "gru (GRU): linear_before_reset=0 is not supported; use 1, which is what PyTorch's GRU "
        "computes",
    ),
    "sequences of several lengths": (
        [
            NODE("Unsqueeze", ["x", "a"], ["u"]),
            NODE("LSTM", ["u", "w", "r", "", "n"], ["y"], name="lstm", hidden_size=5),
        ],
        {
            "a": np.array([1]),
            "w": weights(1, 20, 6),
            "r": weights(1, 20, 5),
            "n": np.array([3], np.int32),
        },
        "lstm (LSTM): sequence_lens has 3 where the sequence has 4 steps; leave it out",
    ),
    "a pool that pads by itself": (
        [
            NODE("Unsqueeze", ["x", "a"], ["u"]),
            NODE("AveragePool", ["u"], ["y"], name="p", kernel_shape=[2], auto_pad="SAME_UPPER"),
        ],
        {"a": np.array([0])},
        "p (AveragePool): auto_pad=SAME_UPPER is not supported; use VALID, or Pad before it",
    ),
    "a pool with gaps": (
        [
            NODE("Unsqueeze", ["x", "a"], ["u"]),
            NODE("AveragePool", ["u"], ["y"], name="p", kernel_shape=[2], dilations=[2]),
        ],
        {"a": np.array([0])},
        "p (AveragePool): dilations=[2] are not supported; use 1",
    ),
    "logic of numbers": (
        [NODE("Not", ["x"], ["n"]), NODE("Where", ["n", "x", "x"], ["y"])],
        {},
        "n (Not): the argument input is not a comparison; compare it first, as in x > 0",
    ),
    "a missing axis": (
        [NODE("Softmax", ["x"], ["y"], axis=4)],
        {},
        "y (Softmax): there is no axis 4 among 2",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_uses_that_are_not_supported(name, tmp_path):
    nodes, constants, message = REFUSED[name]
    assert refusal(model_of(nodes, {"x": [4, 6]}, ["y"], constants), tmp_path) == message


def test_models_of_other_kinds(tmp_path):
    relu = [NODE("Relu", ["x"], ["y"])]
    assert refusal(model_of(relu, {"x": [4]}, ["y"], opset=6), tmp_path) == (
        "operator set 6 is too old; export the model with operator set 7 or newer"
    )
    whole = model_of(relu, {"x": [4]}, ["y"])
    whole.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    assert refusal(whole, tmp_path) == (
        "input x has elements of type INT64; only FLOAT inputs are supported"
    )


def test_files_that_are_no_models(tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(LoadError) as raised:
        NNIR.from_onnx(path)
    assert str(raised.value) == f"{path}: the model could not be read: No such file or directory"
    valid = model_of(
        [NODE("MatMul", ["x", "w"], ["y"])], {"x": [4, 6]}, ["y"], {"w": weights(6, 5)}
    ).SerializeToString()
    random = np.random.default_rng(1)
    for data in (b"", b"not a model", bytes(1000), valid[:40]):
        path.write_bytes(data)
        with pytest.raises(
            LoadError, match=r"not an ONNX model|ONNX model's tensor|before any node"
        ):
            NNIR.from_onnx(path)
    for turn in range(400):
        damaged = bytearray(valid if turn % 2 else branches().SerializeToString())
        for at in random.integers(len(damaged), size=3):
            damaged[at] = random.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(LoadError, ValueError):
            NNIR.from_onnx(path)


def test_the_command_compiles_a_model(tmp_path, capsys):
    torch.manual_seed(1)
    model, x = CausalCnn(), torch.randn(1, 32, 5)
    export(model, x, tmp_path / "cnn.onnx", dynamo=True)
    out, board = tmp_path / "cnn.vollo", tmp_path / "board.json"
    command = [str(tmp_path / "cnn.onnx"), "-o", str(out), "--model-name", "cnn"]
    assert main([*command, "--hw-config-preset", "v80-c6b32", "--streaming-transform", "2"]) == 0
    program = Program.load(out)
    assert program.metrics().model_names == ["cnn"]
    assert program.model_input_streaming_dim() == 2
    streamed, _ = NNIR.from_onnx(tmp_path / "cnn.onnx").streaming_transform(2)
    assert program.save_bytes() == streamed.to_program(BOARD, "cnn").save_bytes()

    Config.bittware_ia840f_c3b64().save(board)
    options = ["--hw-config", str(board), "--override-input-shapes", "1,32,7", "--io-only"]
    run = [sys.executable, "-m", "vollo_compiler._onnx_command", *command, *options]
    subprocess.run([*run, "--disable-optimizations"], check=True)
    program = Program.load(out)
    assert program.model_input_shape() == (1, 32, 7)
    assert program.hw_config() == Config.load(board)
    assert program.metrics().weight_store_used == [0] * 3


@pytest.mark.parametrize(
    "options",
    [
        ["--streaming-transform", "2", "{model}"],
        ["--override-input-shapes", "1,32,7", "{model}"],
        ["--streaming-transform", "-1", "--", "{model}"],
        ["{model}", "--streaming-transform", "2"],
        ["--override-input-shapes", "1,32,7", "--io-only", "{model}"],
        ["--streaming-transform", "2", "{model}", "--io-only"],
        ["--streaming-transform", "-1", "{model}", "--model-name", "m"],
    ],
)
def test_the_model_may_stand_before_or_after_the_options(options, tmp_path):
    export(CausalCnn(), torch.randn(1, 32, 5), tmp_path / "cnn.onnx", dynamo=False)
    given = [option.format(model=tmp_path / "cnn.onnx") for option in options]
    assert main(["--hw-config-preset", "v80-c6b32", "-o", str(tmp_path / "p"), *given]) == 0
    streams = Program.load(tmp_path / "p").model_input_streaming_dim()
    assert streams == (2 if "--streaming-transform" in options else None)


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (
            [],
            1,
            "vollo-onnx: a board is needed: give --hw-config JSON or --hw-config-preset "
            "{{ia420f-c6b32,ia840f-c3b64,ia840f-c2b64d,v80-c6b32}}\n",
        ),
        (
            ["--hw-config-preset", "v80-c6b32"],
            1,
            "vollo-onnx: {path}: the model could not be read: No such file or directory\n",
        ),
        (
            ["--override-input-shapes", "3x4"],
            2,
            "'3x4' is not a shape; give integers with commas between, such as 10,100\n",
        ),
    ],
)
def test_the_command_says_what_is_wrong(options, status, message, tmp_path, capsys):
    path = tmp_path / "none.onnx"
    try:
        returned = main([str(path), *options])
    except SystemExit as stop:
        returned = stop.code
    assert returned == status
    assert capsys.readouterr().err.endswith(message.format(path=path))


def test_the_command_can_be_interrupted(tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(NNIR, "from_onnx", interrupted)
    out = tmp_path / "program.vollo"
    command = [str(tmp_path / "m.onnx"), "-o", str(out), "--hw-config-preset", "v80-c6b32"]
    assert main(command) == 130
    assert capsys.readouterr().err == "vollo-onnx: interrupted; nothing was written\n"
    assert not out.exists()
