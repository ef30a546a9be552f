"""The wheel and the sdist carry the jar and work without the checkout."""

import email
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from packaging.requirements import Requirement

import bootstrap
import vollo_compiler
import vollo_torch

SCRIPT = """
import nnir_bridge, torch, vollo_compiler, vollo_torch
torch.manual_seed(0)
model, x = torch.nn.Sequential(torch.nn.Linear(32, 8), torch.nn.ReLU()), torch.randn(32)
prepared, expected = vollo_torch.fx.prepare_shape(model, x)
program = vollo_torch.fx.nnir.to_nnir(prepared).to_program(
    vollo_compiler.Config.bittware_ia420f_c6b32())
torch.testing.assert_close(
    expected, torch.from_numpy(program.to_vm().run(x.numpy())), atol=1e-2, rtol=1e-2)
print(nnir_bridge.__file__)
"""
PACKAGES = ("nnir_bridge", "vollo_compiler", "vollo_rt", "vollo_torch")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Build the sdist from the checkout and the wheel from the sdist."""
    out = tmp_path_factory.mktemp("dist")
    shim = bootstrap.ROOT / "python-shim"
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, shim, cwd=out)
    (wheel,) = out.glob("*.whl")
    (sdist,) = out.glob("*.tar.gz")
    return wheel, sdist


def test_the_wheel_has_the_packages_with_their_types_and_the_jar(distributions):
    with zipfile.ZipFile(distributions[0]) as wheel:
        names = set(wheel.namelist())
        jar = wheel.read("nnir_bridge/_jar/nnir-bridge.jar")
    assert jar == bootstrap.jar_of(bootstrap.ROOT).read_bytes()
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == set(PACKAGES)


def test_the_sdist_has_the_jar_and_no_java_sources(distributions):
    with tarfile.open(distributions[1]) as sdist:
        names = [name.split("/", 1)[1] for name in sdist.getnames()]
    assert "src/nnir_bridge/_jar/nnir-bridge.jar" in names
    assert not [name for name in names if name.endswith((".java", ".class"))]


NO_TORCH = """
import sys
sys.modules["torch"] = None
import numpy, vollo_compiler, vollo_rt
program = vollo_compiler.Program.load(sys.argv[1])
x = numpy.load(sys.argv[2])
numpy.save(sys.argv[3], program.to_vm().run_timesteps(x, 0, 0))
nnir = vollo_compiler.NNIR.load(sys.argv[4])
assert nnir.to_program(program.hw_config()).save_bytes() == program.save_bytes()
with vollo_rt.VolloRTContext() as context:
    context.add_vm(0, True)
    context.load_program(program)
    context.run(x[0])
print(vollo_compiler.__file__)
"""


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Store a model, its program, inputs and what they give."""
    out = tmp_path_factory.mktemp("stored")
    torch.manual_seed(0)
    prepared, _ = vollo_torch.fx.prepare_shape(torch.nn.Linear(24, 8), torch.zeros(24))
    nnir = vollo_torch.fx.nnir.to_nnir(prepared)
    nnir.save(out / "model.nnir")
    program = nnir.to_program(vollo_compiler.Config.bittware_ia420f_c6b32())
    program.save(out / "model.vollo")
    x = torch.randn(5, 24).numpy()
    np.save(out / "x.npy", x)
    return out, program.to_vm().run_timesteps(x, 0, 0)


def requirements(wheel):
    """Return what a wheel asks for."""
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(file.read(name))
    return metadata.get_all("Requires-Dist")


def closure(name):
    """Return the installed distributions that one needs, itself among them."""
    found, waiting = {}, [(name, "")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        found[name, extra] = importlib.metadata.distribution(name)
        for needed in map(Requirement, found[name, extra].requires or ()):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(needed.name, each) for each in ("", *needed.extras)]
    return found.values()


def interpreter(version):
    """Return an interpreter of a version, from PATH or pyenv, that runs and has venv."""
    places = [shutil.which(f"python{version}")]
    places += Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    for place in filter(None, places):
        asked = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
        done = subprocess.run([place, "-c", asked], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip() == version:
            return str(place)
    return None


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_an_installed_wheel_works_without_torch_on_every_python(
    version, distributions, stored, tmp_path
):
    """PyTorch is too large to install for each; what does not need it has to work.

    All else is what the wheel asks for: the oldest Python gets the oldest, the others the locked.
    """
    base = interpreter(version)
    if base is None:
        pytest.skip(f"there is no Python {version} with venv, on PATH or in pyenv")
    python = tmp_path / "venv" / "bin" / "python"
    run(base, "-m", "venv", tmp_path / "venv")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    needed = [need for need in requirements(distributions[0]) if not need.startswith("torch")]
    if version == "3.10":
        run(*pip, *(need.replace(">=", "==") for need in needed))
    else:
        run(*pip, "--constraint", bootstrap.LOCK_FILE, *needed)
    run(*pip, "--no-deps", distributions[0])
    hidden = ("PYTHONPATH", "NNIR_BRIDGE_JAR")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    out, expected = stored
    files = [out / "model.vollo", out / "x.npy", tmp_path / "y.npy", out / "model.nnir"]
    where = run(python, "-c", NO_TORCH, *files, env=environment, cwd=tmp_path)
    assert where.startswith(str(tmp_path / "venv"))
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)
    usage = run(tmp_path / "venv" / "bin" / "vollo-onnx", "--help", env=environment)
    assert usage.startswith("usage: vollo-onnx ")


def test_pip_brings_all_that_the_wheel_needs(distributions, tmp_path):
    """With dependencies resolved by pip; PyTorch is there already, and nothing else is."""
    there = tmp_path / "there"
    there.mkdir()
    for distribution in closure("torch"):
        tops = {file.parts[0] for file in distribution.files if not file.parts[0].startswith(".")}
        for top in tops - {"bin", "share", "__pycache__", "include"}:
            if not (there / top).exists():
                (there / top).symlink_to(distribution.locate_file(top))
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    hidden = ("PYTHONPATH", "NNIR_BRIDGE_JAR")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = run(python, "-c", query, env=environment).strip()
    Path(site, "torch.pth").write_text(f"{there}\n")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    locked = ["--constraint", bootstrap.LOCK_FILE]
    asked = [*pip, "install", "--no-compile", *locked]
    plan = tmp_path / "plan.json"
    run(*asked, "--dry-run", "--report", plan, distributions[0], env=environment)
    brought = {entry["metadata"]["name"] for entry in json.loads(plan.read_text())["install"]}
    # PyTorch may bring numpy, and asks for another setuptools than new environments have.
    assert brought - {"numpy", "setuptools"} == {"nnir-bridge", "pyarrow", "py4j", "tqdm"}
    run(*asked, distributions[0], env=environment)
    run(*pip, "check", env=environment)
    where = run(python, "-c", SCRIPT, env=environment, cwd=tmp_path)
    assert where.startswith(site)
    assert run(tmp_path / "venv" / "bin" / "vollo-onnx", "--help", env=environment)
