"""Products whose weights are computed at run time, or are contracted over another axis."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import oracle
import vollo_torch
from vollo_compiler import Config

BOARDS = [Config.ip_core(2, 8), Config.ip_core(3, 16)]


class Product(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.register_buffer("matrix", torch.randn(4, 5))
        self.register_buffer("matrices", torch.randn(3, 4, 5))
        self.fc = nn.Linear(19, 19)

    def forward(self, *xs):
        return self.function(self, *xs)


PRODUCTS = {
    "last data dimension": (lambda m, a, b: a @ b, (4, 5), (5, 19)),
    "batched": (lambda m, a, b: torch.matmul(a, b), (3, 4, 5), (3, 5, 19)),
    "bmm": (lambda m, a, b: torch.bmm(a, b), (3, 4, 5), (3, 5, 19)),
    "one side batched": (lambda m, a, b: a @ b, (3, 4, 5), (5, 19)),
    "batches broadcast": (lambda m, a, b: a @ b, (3, 1, 4, 5), (2, 5, 9)),
    "matrix and vector": (lambda m, a, b: a @ b, (4, 21), (21,)),
    "vector and matrix": (lambda m, a, b: a.matmul(b), (21,), (21, 3)),
    "transposed": (lambda m, a, b: a @ b.mT, (3, 4, 21), (3, 7, 21)),
    "left transposed": (lambda m, a, b: a.T @ b, (5, 12), (5, 19)),
    "outer": (lambda m, a, b: a @ b, (12, 1), (1, 19)),
    "linear": (lambda m, a, b: F.linear(a, b), (4, 21), (7, 21)),
    "linear with bias": (lambda m, a, b: F.linear(a, b, a[0, :7]), (4, 21), (7, 21)),
    "constant over another axis": (lambda m, x: m.matrix @ m.fc(x), (5, 19)),
    "constant over an earlier axis": (lambda m, x: m.fc(x).mT @ m.matrix, (3, 4, 19)),
    "batched constant over another axis": (lambda m, x: m.matrices @ m.fc(x), (3, 5, 19)),
    "batched constant, the other side too": (lambda m, x: m.fc(x).mT @ m.matrices, (3, 4, 19)),
}
CONSTANT_PRODUCTS = {
    "batched constant": (lambda m, x: m.matrices @ x, (3, 5, 19)),
    "by a batched constant": (lambda m, x: x @ m.matrices, (3, 6, 4)),
    "batched constant, repeated": (lambda m, x: x @ m.matrices, (2, 1, 6, 4)),
    "constant with axes of one": (lambda m, x: m.matrix[None] @ x, (3, 5, 19)),
    "two constants": (lambda m, x: x + (m.matrices @ m.matrix.T).sum(), (3,)),
    "a layer of a constant": (lambda m, x: x * m.fc(torch.ones(19)), (19,)),
}


def _nnir(function, *shapes):
    torch.manual_seed(5)
    model = Product(function)
    inputs = [torch.randn(shape).bfloat16().float() for shape in shapes]
    prepared, expected = vollo_torch.fx.prepare_shape(model, *inputs)
    return vollo_torch.fx.nnir.to_nnir(prepared), [x.numpy() for x in inputs], expected.numpy()


def _assert_same_bits(got, want):
    np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))


@pytest.mark.parametrize("name", [*PRODUCTS, *CONSTANT_PRODUCTS])
def test_a_product_agrees_with_pytorch_and_the_oracle_on_every_board(name):
    nnir, inputs, expected = _nnir(*{**PRODUCTS, **CONSTANT_PRODUCTS}[name])
    programs = [nnir.to_program(b, allow_dynamic_weights=name in PRODUCTS) for b in BOARDS]
    exact = programs[0].to_vm(bit_accurate=False).run(inputs)
    np.testing.assert_allclose(exact, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    bits = programs[0].to_vm().run(inputs)
    for program in programs:
        _assert_same_bits(program.to_vm().run(inputs), bits)
        _assert_same_bits(oracle.Oracle(program.save_bytes()).run(inputs)[0], bits)


def _by_the_document(a, b):
    """``[i j] @ [j k]`` as docs/numerics.md, section 2, writes it."""
    total = np.zeros((a.shape[0], b.shape[1]), np.float32)
    with np.errstate(all="ignore"):
        for j in range(a.shape[1]):
            row, column = oracle.to_bf16(a[:, j : j + 1]), oracle.to_bf16(b[j : j + 1])
            total = oracle.fma(row, column, total)
    return oracle.to_bf16(total)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e19])
def test_the_order_of_the_sum_is_the_documented_one(transposed, scale):
    random = np.random.default_rng(3)
    a, b = (random.normal(scale=scale, size=s).astype(np.float32) for s in ((6, 70), (70, 11)))
    a[1, 3], a[2, 4], b[7, 2], a[3, 5] = -0.0, np.inf, 1e-42, np.nan

    def product(_, x, y):  # transposed: the rows of the left side are the data dimension
        return (y @ x).mT if transposed else x @ y

    inputs = [a, np.ascontiguousarray(b.T)] if transposed else [a, b]
    want = _by_the_document(b.T, a.T).T if transposed else _by_the_document(a, b)
    if transposed:
        inputs[0] = np.ascontiguousarray(a.T)
    nnir, *_ = _nnir(product, *(x.shape for x in inputs))
    program = nnir.to_program(BOARDS[0], allow_dynamic_weights=True)
    _assert_same_bits(program.to_vm().run(inputs), np.ascontiguousarray(want))


def test_a_run_time_weight_streams():
    nnir, inputs, _ = _nnir(lambda m, a, b: a @ b, (6, 4, 5), (6, 5, 19))
    whole = nnir.to_program(BOARDS[0], allow_dynamic_weights=True).to_vm().run(inputs)
    streamed, axes = nnir.streaming_transform([0, 0])
    program = streamed.to_program(BOARDS[0], allow_dynamic_weights=True)
    _assert_same_bits(program.to_vm().run_timesteps(inputs, [0, 0], axes), whole)


def test_a_batched_constant_streams_over_its_rows():
    nnir, inputs, _ = _nnir(lambda m, x: x @ m.matrices, (3, 6, 4))
    whole = nnir.to_program(BOARDS[0]).to_vm().run(inputs)
    streamed, axis = nnir.streaming_transform(1)
    _assert_same_bits(streamed.to_program(BOARDS[0]).to_vm().run_timesteps(inputs, 1, axis), whole)


def _refusal(function, *shapes, **options):
    with pytest.raises(ValueError) as error:
        _nnir(function, *shapes)[0].to_program(BOARDS[0], **options)
    return str(error.value)


def test_without_the_option_products_are_refused_with_the_reason():
    assert _refusal(lambda m, a, b: a @ b, (4, 5), (5, 19)) == (
        "matmul (MatMul): both sides are computed at run time (shapes [4, 5] and [5, 19]); compile "
        "with allow_dynamic_weights=True, or make one side a parameter"
    )
    assert _refusal(lambda m, x: m.matrix @ m.fc(x), (5, 19)) == (
        "matmul (Linear): no data dimension fits [5 19!] -> [4 19]; rule: the input is contracted "
        "over its data dimension: [* j!] -> [* i!]; transpose the operand so that its data "
        "dimension (!) lies where the rule wants it, or compile with allow_dynamic_weights=True, "
        "which also contracts over another axis"
    )


def test_two_vectors_are_refused_by_the_rule():
    assert _refusal(lambda m, a, b: a @ b, (5,), (5,), allow_dynamic_weights=True) == (
        "matmul (MatMul): no data dimension fits [1 5!], [5! 1] -> [1 1]; rule: it is contracted "
        "over the data dimension of exactly one side, and the other's is the result's: "
        "[* i j!] @ [* j k!] -> [* i k!], [* i! j] @ [* j! k] -> [* i! k]; transpose the operand "
        "so that its data dimension (!) lies where the rule wants it, or multiply and sum, as "
        "(a * b).sum(-1, keepdim=True) does"
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda m, a, b: a.mT @ b,
            "matmul (MatMul): it contracts its operands along the streaming axis 1 of [5, 4], and "
            "a streaming model sees one time step at a time; stream over another axis",
        ),
        (
            lambda m, a, b: a @ b.mT,
            "matmul (MatMul): its operands have their time on different axes (0 and 1), so that "
            "each result needs two time steps; keep what it looks back on as the state of a Scan",
        ),
    ],
)
def test_products_over_time_are_refused(function, message):
    nnir, *_ = _nnir(function, (4, 5), (4, 5))
    with pytest.raises(ValueError) as error:
        nnir.streaming_transform([0, 0])
    assert str(error.value) == "streaming_transform: " + message


def test_a_product_is_split_from_cheaper_ones():
    """Only the product that has no other choice leaves the weight store."""

    def function(m, x):
        return m.matrix @ m.fc(m.fc(x))

    nnir, *_ = _nnir(function, (5, 19))
    program = nnir.to_program(BOARDS[0], allow_dynamic_weights=True)
    assert sum(program.metrics().weight_store_used) == 9


@pytest.mark.parametrize("batched", [False, True])
def test_constants_over_another_axis_are_fp8_within_fp8_weights(batched):
    """They lie in the tensor RAM, with the values that FP8 would give them."""

    def product(m, x):
        hidden = m.fc(x)
        with vollo_torch.Fp8Weights():
            return (m.matrices if batched else m.matrix) @ hidden

    torch.manual_seed(8)
    x = torch.randn(3, 5, 19).bfloat16().float()
    model = Product(product)
    prepared, _ = vollo_torch.fx.prepare_shape(model, x)
    nnir = vollo_torch.fx.nnir.to_nnir(prepared)
    program = nnir.to_program(Config.amd_v80_c6b32(), allow_dynamic_weights=True)
    for buffer in (model.matrix, model.matrices):
        buffer.copy_(buffer.to(torch.float8_e4m3fn).float())
    expected = model(x).detach().numpy()
    exact = program.to_vm(bit_accurate=False).run(x.numpy())
    np.testing.assert_allclose(exact, expected, rtol=1e-5, atol=1e-5)
    _assert_same_bits(
        oracle.Oracle(program.save_bytes()).run([x.numpy()])[0], program.to_vm().run(x.numpy())
    )
