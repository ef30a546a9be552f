"""The wheel and the sdist carry the jar and work without the checkout."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import bootstrap

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


def test_an_installed_wheel_runs_a_model(distributions, tmp_path):
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = run(python, "-c", query).strip()
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", distributions[0])
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(site, "dependencies.pth").write_text("\n".join(sorted(paths)) + "\n")
    hidden = ("PYTHONPATH", "NNIR_BRIDGE_JAR")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    where = run(python, "-c", SCRIPT, env=environment, cwd=tmp_path)
    assert where.startswith(str(site))
