"""One model gives the same bits wherever and however it is run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import many_steps
import pytest
import reference_run
from build_jar import JAVA_BASELINE

from vollo_compiler import Config, Program

PRESETS = {
    32: [
        Config.bittware_ia420f_c6b32,
        Config.napatech_nt400d11_c6b32,
        Config.amd_v80_c6b32,
        Config.amd_v80ll_c6b32,
        Config.silicom_artena_c8b32,
    ],
    64: [Config.bittware_ia840f_c3b64, Config.bittware_ia840f_c2b64d],
}


@pytest.mark.parametrize("block_size", PRESETS)
def test_every_preset_of_a_block_size_gives_the_same_bits(block_size):
    digests = {preset.__name__: reference_run.digest(preset()) for preset in PRESETS[block_size]}
    assert len(set(digests.values())) == 1, digests


def test_a_saved_program_gives_the_same_bits(tmp_path):
    nnir, x = reference_run.nnir_and_input()
    program = nnir.to_program(Config.bittware_ia420f_c6b32())
    path = tmp_path / "model.vollo"
    program.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.vollo"]
    assert path.read_bytes() == program.save_bytes()
    loaded = Program.load(path)
    made_bits = reference_run.output_bytes(program.to_vm(), x)
    assert reference_run.output_bytes(loaded.to_vm(), x) == made_bits
    assert loaded.save_bytes() == program.save_bytes()


def test_virtual_machines_side_by_side_keep_their_own_state():
    nnir, x = reference_run.nnir_and_input()
    program = nnir.to_program(Config.bittware_ia420f_c6b32())
    alone = reference_run.output_bytes(program.to_vm(), x)
    first, second = program.to_vm(), program.to_vm()
    outputs = {first: b"", second: b""}
    for i in range(reference_run.LENGTH):
        for vm in outputs:
            outputs[vm] += vm.run(x[:, :, i]).tobytes()
    assert outputs[first] == outputs[second] == alone


def test_compiling_again_gives_the_same_program():
    programs = {
        reference_run.nnir_and_input()[0].to_program(Config.amd_v80_c6b32()).save_bytes()
        for _ in range(2)
    }
    assert len(programs) == 1


def java_homes():
    """Return the distinct Java installations of this machine that are recent enough."""
    places = [
        *Path("/usr/lib/jvm").glob("*"),
        *Path("/opt").glob("*j*"),
        *Path("/Library/Java/JavaVirtualMachines").glob("*/Contents/Home"),
        *Path.home().glob(".sdkman/candidates/java/*"),
        *Path.home().glob(".jdks/*"),
    ]
    on_path = shutil.which("java")
    if on_path:
        places.append(Path(on_path).resolve().parent.parent)
    if os.environ.get("JAVA_HOME"):
        places.append(Path(os.environ["JAVA_HOME"]))
    return sorted({p.resolve() for p in places if (p / "bin" / "java").is_file()})


def version_of(home):
    query = [home / "bin" / "java", "-XshowSettings:properties", "-version"]
    shown = subprocess.run(query, capture_output=True, text=True, check=False)
    for line in shown.stderr.splitlines():
        if "java.specification.version =" in line:
            return int(line.split("=")[1].strip().removeprefix("1."))
    return 0


def javas():
    """Return the launcher of each Java version that runs the gateway."""
    versions = {version_of(home): home / "bin" / "java" for home in java_homes()}
    return {version: java for version, java in versions.items() if version >= JAVA_BASELINE}


def output_of(script, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, script, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{environment}: {done.stderr}"
    return done.stdout


def test_every_java_on_this_machine_compiles_and_computes_the_same():
    results = {
        version: output_of(reference_run.__file__, NNIR_BRIDGE_JAVA=str(java))
        for version, java in javas().items()
    }
    print("Java versions:", sorted(results))
    assert len(set(results.values())) == 1, results


KERNELS = {
    "SIMD as wide as it gets": "",
    "SIMD of 256 bits": "-XX:MaxVectorSize=32",
    "SIMD of 128 bits": "-XX:MaxVectorSize=16",
    "scalar": "-Dnnirbridge.kernels=scalar",
}


@pytest.mark.parametrize("model", [reference_run.Everything, reference_run.EverythingInFp8])
def test_every_java_and_simd_width_gives_the_same_bits(model, tmp_path):
    """Over enough steps for the JIT compiler to have replaced the interpreter."""
    nnir, _ = reference_run.nnir_and_input(model)
    path = tmp_path / "model.vollo"
    nnir.to_program(Config.amd_v80_c6b32()).save(path)
    results = {
        (version, kernels): output_of(
            many_steps.__file__,
            str(path),
            NNIR_BRIDGE_JAVA=str(java),
            JAVA_TOOL_OPTIONS=option,
        )
        for version, java in javas().items()
        for kernels, option in KERNELS.items()
    }
    assert len(set(results.values())) == 1, results
