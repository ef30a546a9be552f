"""Every documented name is there with its arguments and defaults, and nothing undocumented is."""

import contextlib
import contextvars
import enum
import importlib
import inspect
import subprocess
import sys
import typing

import pytest

import vollo_compiler
import vollo_rt
import vollo_torch

COMPILE_OPTIONS = (
    "optimize_transforms=True, allow_dynamic_weights=False, allow_mixed_precision_fusion=True, "
    "max_sparse_entries=512, quick_compile=False, output_buffer_capacity=64, "
    "write_queue_capacity=32, random_seeds=[0], allow_unserializable=False, "
    "generate_state_reset=False, stateful_accumulators_in_tensor_ram=False"
)
CAPACITIES = "write_queue_capacity=32, output_buffer_capacity=64"
PER_INFERENCE = f"{CAPACITIES}, model_index=0, spaced=True"
MODEL = "(model_index=0)"
INPUT = "(model_index=0, input_index=0)"
OUTPUT = "(model_index=0, output_index=0)"
RUN = "(inputs, model_index=0, f32_round=True)"
TIMESTEPS = (
    "(inputs, input_timestep_dims, output_timestep_dims, model_index=0, f32_round=True{more})"
)
LSTM = "input_size, hidden_size, num_layers=1, bias=True, batch_first=False"
PRESETS = {
    "bittware_ia420f_c6b32": "ia_420f_c6b32",
    "bittware_ia840f_c3b64": "ia_840f_c3b64",
    "bittware_ia840f_c2b64d": "ia_840f_c2b64d",
    "napatech_nt400d11_c6b32": "nt400d11_c6b32",
    "amd_v80_c6b32": "v80_c6b32",
    "amd_v80ll_c6b32": "v80ll_c6b32",
    "silicom_artena_c8b32": "artena_c8b32",
    "silicom_artena_c8b32lstm": "artena_c8b32lstm",
}
CONFIG_FIGURES = (
    "num_cores",
    "block_size",
    "tensor_ram_depth",
    "tensor_descriptor_count",
    "weight_store_depth",
    "accum_store_depth",
    "cell_state_depth",
    "clamp_store_depth",
    "max_read_size",
    "io_size",
    "fabric",
    "clock_mhz",
    "features",
)

# The constructor is "new"; "static" marks what is called on the class.
# "+" after a name marks an extension, and in arguments those that are extensions.
CLASSES = {
    "vollo_compiler.Config": {
        "new": "(num_cores, block_size, *, "
        + ", ".join(f"{figure}=None" for figure in CONFIG_FIGURES[2:])
        + ", timing=None, host=None)",  # timing and host are extensions
        **{f"static {name}": "()" for pair in PRESETS.items() for name in pair},
        "static ip_core": "(num_cores, block_size)",
        "save": "(json_path)",
        "static load": "(json_path, check_version_matches=True)",
    },
    "vollo_compiler.NNIR": {
        "static from_onnx": "(onnx_path, override_input_shapes=None)",
        "streaming_transform": "(streaming_axes)",
        "to_program": f"(config, name=None, *, {COMPILE_OPTIONS})",
        "save+": "(output_path)",
        "static load+": "(input_path)",
        "to_svg+": "()",
    },
    "vollo_compiler.Program": {
        "cycle_count_per_inference": f"({PER_INFERENCE})",
        "compute_duration_per_inference_us": f"(clock_mhz=None, {PER_INFERENCE})",
        "cycle_summary_per_inference": f"({PER_INFERENCE})",
        "metrics": "()",
        "hw_config": "()",
        "num_models": "()",
        "model_num_inputs": MODEL,
        "model_num_outputs": MODEL,
        "model_input_shape": INPUT,
        "model_output_shape": OUTPUT,
        "model_input_number_format": INPUT,
        "model_output_number_format": OUTPUT,
        "model_input_streaming_dim": INPUT,
        "model_output_streaming_dim": OUTPUT,
        "model_is_resettable": MODEL,
        "save": "(output_path)",
        "save_bytes": "()",
        "static load": "(input_path)",
        "static load_bytes": "(data)",
        "pack": "()",
        "to_vm": f"({CAPACITIES}, bit_accurate=True, no_compute=False, "
        "*, num_threads=None, num_streams=None)",
        "static io_only_test": "(config, input_values, output_values)",
        "transform_to_io_only_test": "()",
        "with_timing+": "(timing)",
        "explain+": f"({PER_INFERENCE})",
        "host_duration_per_inference_us+": MODEL,
    },
    "vollo_compiler.ProgramBuilder": {
        "new": "(config, remember_allocations=False)",
        "add_nnir": f"(nnir, name=None, *, {COMPILE_OPTIONS}, core_indices=None)",
        "to_program": "()",
    },
    "vollo_compiler.VM": {
        "run": RUN,
        "run_flat": RUN,
        "run_timesteps": TIMESTEPS.format(more=""),
        "run_flat_timesteps": TIMESTEPS.format(more=""),
        "reset": MODEL,
        "metrics": "()",
        "cycle_count": "()",
        "compute_duration_us": "(clock_mhz=None)",
        "snapshot+": "()",
        "restore+": "(data)",
        "property num_threads+": "",
        "property num_streams+": "",
    },
    "vollo_torch.Fp32Activations": {"new": "()"},
    "vollo_torch.Fp8Weights": {"new": "()"},
    "vollo_torch.CorePartition": {"new": "(cores, override=False)"},
    "vollo_torch.nn.PaddedConv1d": {
        "new": "(in_channels, out_channels, kernel_size, dilation=1, groups=1, bias=True)",
        "forward": "(x)",
    },
    "vollo_torch.nn.LSTM": {"new": f"({LSTM}, bidirectional=False)", "forward": "(x)"},
    "vollo_torch.nn.RecurrentStateLSTM": {
        "new": f"({LSTM}, init_state=None)",
        "forward": "(x)",
        "reset+": "()",
    },
    "vollo_torch.nn.LSTMCell": {
        "new": "(input_size, hidden_size, batch_size=None)",
        "forward": "(x, hidden_state)",
        "reset": "()",
    },
    "vollo_torch.nn.Ones": {"new": "(*size, **options)"},
    "vollo_torch.nn.Zeros": {"new": "(*size, **options)"},
    "vollo_torch.nn.Scan": {
        "new": "(step)",
        "forward": "(xs, state, input_axis=0, output_axis=0)",
    },
    "vollo_torch.nn.RMSNorm": {
        "new": "(normalized_shape, eps=1e-05, elementwise_affine=True, device=None, dtype=None)",
        "forward": "(x)",
    },
    "vollo_rt.VolloRTContext": {
        "new": "()",
        "add_accelerator": "(accelerator_index)",
        "add_device": "(accelerator_index)",
        "add_vm": "(accelerator_index, bit_accurate)",
        "load_program": "(program)",
        "load_program_bytes": "(program_bytes)",
        "accelerator_num_cores": "(accelerator_index)",
        "accelerator_block_size": "(accelerator_index)",
        "num_models": "()",
        "model_name": MODEL,
        "model_num_inputs": MODEL,
        "model_num_outputs": MODEL,
        "model_input_shape": INPUT,
        "model_output_shape": OUTPUT,
        "model_input_streaming_dim": INPUT,
        "model_output_streaming_dim": OUTPUT,
        "model_output_format": OUTPUT,
        "model_is_resettable": MODEL,
        "value number_format_bf16": "",
        "value number_format_fp32": "",
        "add_job": "(inputs, model_index=0, output_formats=None)",
        "add_job_bf16": "(inputs, model_index=0)",
        "add_job_f32": "(inputs, model_index=0)",
        "add_reset_job": MODEL,
        "poll": "()",
        "get_result": "(user_ctx)",
        "reset": MODEL,
        "run": "(inputs, model_index=0, max_poll_iterations=20000000000, sleep_duration_ms=None)",
    },
}
FUNCTIONS = {
    "vollo_torch.fx.prepare_shape": "(model, *inputs)",
    "vollo_torch.fx.save": "(module, input, archive)",
    "vollo_torch.fx.load": "(archive)",
    "vollo_torch.fx.nnir.to_nnir": "(module, inputs_precisions=NumberFormat.BF16, "
    "outputs_precisions=NumberFormat.BF16)",
}
PACKAGES = {
    "vollo_compiler": {
        *("AllocationError", "Config", "LoadError", "Metrics", "NNIR", "NumberFormat", "Program"),
        *("ProgramBuilder", "SaveError", "VM"),
        "Explanation",  # extension: where a program's cycles go
        *("Sweep", "SweepRow", "sweep"),  # extension: models by boards in one table
        "NNIRNode",  # extension: what a model's iteration gives
        "GatewayError",  # extension: the Java process is gone
    },
    "vollo_torch": {"CorePartition", "Fp32Activations", "Fp8Weights", "fx", "nn"},
    "vollo_torch.fx": {"is_vollo_tracing", "load", "nnir", "prepare_shape", "save"},
    "vollo_torch.fx.nnir": {"to_nnir"},
    "vollo_torch.nn": {
        *("LSTM", "LSTMCell", "Ones", "PaddedConv1d", "RMSNorm", "RecurrentStateLSTM", "Scan"),
        "Zeros",
    },
    "vollo_rt": {
        *("VolloRTContext", "number_format_bf16", "number_format_fp32"),
    },
}
METRICS = {
    *("clamp_store_used", "num_instrs", "num_micro_instructions", "tensor_ram_used"),
    *("weight_store_used", "clamp_store_depth", "tensor_ram_depth", "weight_store_depth"),
    *("input_bytes", "output_bytes", "model_names"),
}
DEPRECATED = {*PRESETS.values(), "cycle_count", "compute_duration_us"}


def resolve(path):
    package, _, name = path.rpartition(".")
    return getattr(importlib.import_module(package), name)


def arguments(function):
    """Return a function's arguments as text without types and without self."""
    signature = inspect.signature(function)
    parameters = [
        p.replace(annotation=p.empty) for p in signature.parameters.values() if p.name != "self"
    ]
    return str(inspect.Signature(parameters))


def members():
    for path, facts in CLASSES.items():
        for entry, expected in facts.items():
            yield pytest.param(path, entry, expected, id=f"{path} {entry}")


def split(entry):
    kind, _, name = entry.rpartition(" ")
    return kind, name.rstrip("+")


@pytest.mark.parametrize(("path", "entry", "expected"), list(members()))
def test_every_member_has_its_arguments_and_defaults(path, entry, expected):
    cls = resolve(path)
    kind, name = split(entry)
    if name == "new":
        assert arguments(cls) == expected
        return
    stored = inspect.getattr_static(cls, name)
    if kind == "property":
        assert isinstance(stored, property)
    elif kind == "value":
        assert isinstance(stored, vollo_compiler.NumberFormat)
        assert stored() is stored  # scripts write it with and without parentheses
    else:
        assert isinstance(stored, staticmethod) == (kind == "static")
        assert arguments(getattr(cls, name)) == expected


@pytest.mark.parametrize(("path", "expected"), FUNCTIONS.items())
def test_every_function_has_its_arguments_and_defaults(path, expected):
    assert arguments(resolve(path)) == expected


@pytest.mark.parametrize("path", CLASSES)
def test_a_class_has_no_other_public_members(path):
    cls = resolve(path)
    listed = {split(entry)[1] for entry in CLASSES[path]} - {"new"}
    public = {
        name
        for base in cls.__mro__
        if base.__module__.startswith("vollo")
        for name, member in vars(base).items()
        if not name.startswith("_") and not inspect.ismemberdescriptor(member)
    }
    torchs = {"forward", "extra_repr"}  # what PyTorch calls
    assert public - torchs == listed - torchs


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_offers_what_is_documented_and_nothing_else(package):
    module = importlib.import_module(package)
    assert set(module.__all__) == PACKAGES[package]
    for name in PACKAGES[package]:
        assert hasattr(module, name)


def documented():
    for path, facts in CLASSES.items():
        yield pytest.param(resolve(path), id=path)
        for entry in facts:
            kind, name = split(entry)
            if name != "new" and kind != "value":
                yield pytest.param(inspect.getattr_static(resolve(path), name), id=f"{path}.{name}")
    for path in FUNCTIONS:
        yield pytest.param(resolve(path), id=path)


@pytest.mark.parametrize("thing", list(documented()))
def test_everything_has_a_docstring_and_types(thing):
    thing = getattr(thing, "__func__", getattr(thing, "fget", thing))
    assert inspect.getdoc(thing)
    called = thing.__init__ if inspect.isclass(thing) else thing
    if getattr(called, "__module__", "").startswith("vollo"):
        parameters = inspect.signature(called).parameters.values()
        assert all(p.annotation is not p.empty for p in parameters if p.name != "self")
        assert "return" in called.__annotations__


@pytest.mark.parametrize("thing", list(documented()))
def test_a_docstring_names_every_argument(thing):
    """Those of layers are PyTorch's, and described there."""
    thing = getattr(thing, "__func__", getattr(thing, "fget", thing))
    if inspect.isclass(thing) or thing.__module__.startswith("vollo_torch.nn"):
        return
    text = inspect.getdoc(thing)
    names = [n for n in inspect.signature(thing).parameters if n != "self"]
    shared = {"model_index", "input_index", "output_index", "accelerator_index"}
    missing = [n for n in names if n not in shared and f"{n}:" not in text]
    assert not missing


def test_importing_any_one_makes_the_rest_of_vollo_torch_reachable():
    for name in ("vollo_torch", "vollo_torch.nn"):
        script = f"import {name}; vollo_torch.fx.nnir.to_nnir; vollo_torch.fx; vollo_torch.nn.LSTM"
        subprocess.run([sys.executable, "-c", script], check=True)


def test_number_formats_are_an_enum():
    assert issubclass(vollo_compiler.NumberFormat, enum.Enum)
    assert list(vollo_compiler.NumberFormat.__members__) == ["BF16", "FP32"]


def test_exceptions_are_exceptions():
    for name in ("AllocationError", "SaveError", "LoadError"):
        error = getattr(vollo_compiler, name)
        assert issubclass(error, Exception) and error.__module__ == "vollo_compiler"


def test_contexts_are_context_managers():
    for cls in (vollo_torch.Fp32Activations, vollo_torch.Fp8Weights, vollo_torch.CorePartition):
        assert issubclass(cls, contextlib.AbstractContextManager)
    assert issubclass(vollo_rt.VolloRTContext, contextlib.AbstractContextManager)


def test_tracing_is_a_context_variable():
    assert isinstance(vollo_torch.fx.is_vollo_tracing, contextvars.ContextVar)
    assert vollo_torch.fx.is_vollo_tracing.get() is False


def test_metrics_have_their_figures():
    fields = set(vollo_compiler.Metrics.__dataclass_fields__)
    assert fields == METRICS
    assert set(typing.get_type_hints(vollo_compiler.Metrics)) >= METRICS


def test_config_figures_can_be_read_and_assigned():
    config = vollo_compiler.Config.amd_v80_c6b32()
    for figure in CONFIG_FIGURES:
        value = getattr(config, figure)
        setattr(config, figure, value)
        assert getattr(config, figure) == value
    with pytest.raises(AttributeError):
        config.num_core = 3


def test_deprecated_names_say_so_in_their_docstrings():
    for path, facts in CLASSES.items():
        for entry in facts:
            _, name = split(entry)
            if name in DEPRECATED:
                assert "Deprecated" in inspect.getdoc(getattr(resolve(path), name))
