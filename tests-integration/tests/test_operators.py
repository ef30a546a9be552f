"""The operator table: near PyTorch, and the same bits wherever and however an operator runs."""

import operator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import oracle
import support_table
import vollo_torch
from nnir_bridge._gateway import current_gateway
from operators import CASES
from vollo_compiler import Config, NumberFormat, Program
from vollo_torch._export import export_graph

SMALL, LARGE = Config.ip_core(2, 8), Config.ip_core(3, 16)
RECORDED = support_table.recorded()
MAIN_FORMS = ("function", "method", "operator", "module")


def _assert_same_bits(got, want):
    for a, b in zip(support_table.listed(got), support_table.listed(want), strict=True):
        np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32))


def _assert_near(got, want, tolerance):
    for a, b in zip(support_table.listed(got), support_table.listed(want), strict=True):
        assert a.shape == tuple(b.shape)
        scale = np.abs(b.numpy()).max(initial=1e-30)
        np.testing.assert_allclose(a / scale, b.numpy() / scale, rtol=0, atol=tolerance)


def _check_whole(case, program, expected, x):
    """PyTorch, the oracle, and the program saved and loaded."""
    _assert_near(program.to_vm(bit_accurate=False).run(x), expected, 2e-6)
    bits = program.to_vm().run(x)
    _assert_near(bits, expected, 0.03)
    saved = program.save_bytes()
    _assert_same_bits(Program.load_bytes(saved).to_vm().run(x), bits)
    _assert_same_bits(oracle.Oracle(saved).run([x]), bits)
    return bits


@pytest.mark.parametrize("layout", support_table.LAYOUTS)
@pytest.mark.parametrize("name", CASES)
def test_an_operator_has_pytorch_s_results_and_the_documented_bits(name, layout):
    case = CASES[name]
    nnir, expected, x = support_table.nnir_of(case, layout)
    program = support_table.compiled(case, nnir, LARGE)
    assert (not isinstance(program, str)) == (layout in RECORDED[name].layouts), program
    if isinstance(program, str):
        assert "no data dimension fits" in program or "call streaming_transform" in program
        return
    bits = _check_whole(case, program, expected, x)
    if layout == support_table.FREE:
        other = nnir.to_program(SMALL, **case.options)
        _assert_same_bits(_check_whole(case, other, expected, x), bits)


@pytest.mark.parametrize("name", CASES)
def test_a_streamed_operator_gives_what_the_whole_gives(name):
    case = CASES[name]
    nnir, expected, x = support_table.nnir_of(case)
    whole = None
    if support_table.FREE in RECORDED[name].layouts:
        whole = nnir.to_program(LARGE, **case.options).to_vm().run(x)
    for axis in range(x.ndim):
        streamed = support_table.streamed(case, nnir, axis, LARGE)
        assert (not isinstance(streamed, str)) == (axis in RECORDED[name].streams), streamed
        if isinstance(streamed, str):
            stated = ("streaming_transform: ", "call streaming_transform with that axis")
            assert "no data dimension fits" in streamed or any(s in streamed for s in stated)
            continue
        program, output_axes = streamed
        exact = program.to_vm(bit_accurate=False).run_timesteps(x, axis, output_axes)
        _assert_near(exact, expected, 1e-5)
        steps = program.to_vm().run_timesteps(x, axis, output_axes)
        if whole is None:
            _assert_near(steps, expected, 0.05)
            _assert_steps_of_the_oracle(program, x, axis, output_axes, steps)
        else:
            _assert_same_bits(steps, whole)


def _assert_steps_of_the_oracle(program, x, axis, output_axes, steps):
    reference = oracle.Oracle(program.save_bytes())
    outputs = [reference.run([step]) for step in np.moveaxis(x, axis, 0)]
    axes = output_axes if isinstance(output_axes, tuple) else (output_axes,)
    stacked = [
        np.stack(column, a) for column, a in zip(zip(*outputs, strict=True), axes, strict=True)
    ]
    _assert_same_bits(steps, tuple(stacked))


@pytest.mark.parametrize(
    "name", [c.name for c in CASES.values() if c.float32 and c.member != "Scan"]
)
def test_an_operator_with_float32_rounds_nothing_to_bf16(name):
    case = CASES[name]
    nnir, expected, x = support_table.nnir_of(case, precise=True)
    program = nnir.to_program(SMALL, **case.options)
    output = program.to_vm().run(x)
    _assert_near(output, expected, 2e-6)
    _assert_same_bits(oracle.Oracle(program.save_bytes()).run([x]), output)


@pytest.mark.parametrize(
    "name", [c.name for c in CASES.values() if c.float32 is False and c.form in MAIN_FORMS]
)
def test_an_operator_without_float32_gives_bf16_within_the_context(name):
    case = CASES[name]
    nnir, _, x = support_table.nnir_of(case, precise=True)
    streams = RECORDED[name].streams
    if support_table.FREE in RECORDED[name].layouts:
        output = nnir.to_program(SMALL, **case.options).to_vm().run(x)
    else:
        program, axes = support_table.streamed(case, nnir, streams[0], SMALL)
        output = program.to_vm().run_timesteps(x, streams[0], axes)
    for values in support_table.listed(output):
        assert not np.any(values.view(np.uint32) & 0xFFFF)


@pytest.mark.parametrize("name", CASES)
def test_an_archived_operator_is_the_same_model(name, tmp_path):
    case = CASES[name]
    model, x = case.make().eval(), torch.zeros(case.shape)
    vollo_torch.fx.save(model, x, tmp_path / "model.tar.gz")
    loaded, shape = vollo_torch.fx.load(tmp_path / "model.tar.gz")
    assert tuple(shape) == case.shape
    texts = []
    for each in (model, loaded):
        prepared, _ = vollo_torch.fx.prepare_shape(each, x)
        texts.append(str(vollo_torch.fx.nnir.to_nnir(prepared)))
    assert texts[0] == texts[1]


def _forms_in(nodes):
    for node in nodes:
        yield from _forms_in(node.get("graph", {}).get("nodes", ()))
        if node["op"] == "call_module":
            yield "module", node["type"]
        elif node["op"] == "call_method":
            yield "method", node["target"]
        elif node["op"] == "call_function":
            yield "operator" if node["module"] == "_operator" else "function", node["target"]


def _called():
    called = set()
    for case in CASES.values():
        x = torch.zeros(case.shape)
        prepared, _ = vollo_torch.fx.prepare_shape(case.make().eval(), x)
        called |= set(_forms_in(export_graph(prepared)[0]["nodes"]))
    return called


def test_every_form_of_every_supported_operator_has_a_row():
    known = current_gateway().call("supportedNames")
    wanted = {("module", name) for name in known["modules"]}
    for name in known["functions"]:
        if name == "getattr":
            continue  # an attribute of a tensor: T and mT
        forms = {
            "operator": hasattr(operator, name) and name != "concat",  # that of sequences
            "function": callable(getattr(torch, name, None)) or hasattr(F, name),
            "method": hasattr(torch.Tensor, name),
        }
        assert any(forms.values()), name
        wanted |= {(form, name) for form, exists in forms.items() if exists}
    assert wanted - _called() == set()


def test_the_readme_shows_the_table():
    text = (support_table.README).read_text(encoding="utf-8")
    assert support_table.markdown() in text, "run python3 tests-integration/support_table.py"


def test_a_row_is_recorded_for_each_case():
    assert set(RECORDED) == set(CASES), "run python3 tests-integration/support_table.py"


def test_a_module_called_twice_shares_its_weights():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(32, 32)

        def forward(self, x):
            return self.fc(torch.relu(self.fc(x)))

    prepared, _ = vollo_torch.fx.prepare_shape(Twice(), torch.zeros(32))
    program = vollo_torch.fx.nnir.to_nnir(prepared).to_program(Config.bittware_ia420f_c6b32())
    assert sum(program.metrics().weight_store_used) == 1


def test_unused_results_cost_nothing():
    class Wasteful(nn.Module):
        def __init__(self, wasteful):
            super().__init__()
            self.used, self.unused = nn.Linear(19, 19), nn.Linear(19, 64)
            self.memory = vollo_torch.nn.LSTM(19, 19)
            self.scan = vollo_torch.nn.Scan(self.step)
            self.wasteful = wasteful

        def step(self, x, s):
            if self.wasteful:
                torch.cumprod(x, 0)
            return x + s, x

        def forward(self, x):
            if self.wasteful:
                self.unused(x).sum()
                self.memory(x)
                self.scan(x.flip(0), torch.zeros(19))
                torch.sort(torch.fft.fft(x).abs())[0] + torch.where(x > 0, 1, 0)
            return self.scan(self.used(x), torch.zeros(19))

    sizes = []
    for wasteful in (False, True):
        prepared, _ = vollo_torch.fx.prepare_shape(Wasteful(wasteful), torch.zeros(4, 19))
        streamed, _ = vollo_torch.fx.nnir.to_nnir(prepared).streaming_transform(0)
        metrics = streamed.to_program(SMALL).metrics()
        sizes.append((metrics.weight_store_used, metrics.tensor_ram_used, metrics.num_instrs))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("precision", [NumberFormat.BF16, NumberFormat.FP32])
def test_inputs_and_outputs_have_the_precisions_that_are_asked_for(precision):
    class Halves(nn.Module):
        def forward(self, x, y):
            with vollo_torch.Fp32Activations():
                return x * 3, y + x

    x, y = torch.full((5,), 1 + 2.0**-7 + 2.0**-10), torch.full((5,), 2.0**-12)
    prepared, _ = vollo_torch.fx.prepare_shape(Halves(), x, y)
    other = NumberFormat.FP32 if precision is NumberFormat.BF16 else NumberFormat.BF16
    nnir = vollo_torch.fx.nnir.to_nnir(prepared, [precision, other], [other, precision])
    program = nnir.to_program(SMALL)
    assert [program.model_input_number_format(0, i) for i in range(2)] == [precision, other]
    assert [program.model_output_number_format(0, i) for i in range(2)] == [other, precision]
    kept = x.numpy() if precision is NumberFormat.FP32 else oracle.to_bf16(x.numpy())
    product, total = program.to_vm().run([x.numpy(), y.numpy()])
    want = (np.float32(3) * kept, kept + y.numpy())
    narrow = 1 if precision is NumberFormat.BF16 else 0
    for index, (got, exact) in enumerate(zip((product, total), want, strict=True)):
        expected = oracle.to_bf16(exact) if index == narrow else exact
        np.testing.assert_array_equal(got, expected)
