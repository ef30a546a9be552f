"""Who lacks the token reaches nothing; who has it reaches the service's methods only."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_models
from py4j.java_gateway import GatewayConnection, GatewayParameters
from py4j.protocol import Py4JError

from nnir_bridge._gateway import Gateway, current_gateway


@pytest.fixture
def gateway() -> Gateway:
    return current_gateway()


@pytest.mark.parametrize("token", [b"", b"0" * 64, b"short"])
def test_data_plane_closes_a_connection_without_the_token(gateway, token):
    address = gateway._process.data_address
    assert isinstance(address, Path)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(address))
        connection.sendall(token)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert_usable()


def test_data_plane_closes_a_silent_connection(gateway):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(gateway._process.data_address))
        assert connection.recv(1) == b""


_AS_ANOTHER_USER = """
import encodings.idna, os, socket, sys
os.setgid(65534)
os.setuid(65534)
with socket.socket(socket.AF_UNIX) as connection:
    try:
        connection.connect(sys.argv[1])
    except PermissionError:
        print("data plane refused")
with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as connection:
    connection.settimeout(10)
    connection.sendall(b"A\\n" + b"0" * 64 + b"\\nc\\nt\\nprintNnir\\nL1\\ne\\n")
    try:
        answer = connection.recv(4096)
    except ConnectionResetError:
        answer = b""
    print("control plane answered" if answer.startswith(b"!y") else "control plane refused")
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_is_refused_on_both_planes(gateway):
    process = gateway._process
    tried = subprocess.run(
        [sys.executable, "-c", _AS_ANOTHER_USER, process.data_address, str(process.control_port)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert tried.stdout == "data plane refused\ncontrol plane refused\n"
    assert_usable()


@pytest.mark.parametrize(
    "command", ["c\nt\nprintNnir\nL1\ne\n", "A\nwrong\n", "s\ng\n", "i\njava.lang.Object\ne\n"]
)
def test_control_plane_refuses_a_connection_without_the_token(gateway, command):
    with socket.create_connection(("127.0.0.1", gateway._process.control_port)) as connection:
        connection.settimeout(10)
        connection.sendall(command.encode())
        try:
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        except ConnectionResetError:
            answer = b""
    assert not answer.startswith(b"!y")
    assert_usable()


@pytest.mark.parametrize(
    "command",
    [
        "c\nt\ngetClass\ne\n",
        "c\nt\nhashCode\ne\n",
        "c\nz:java.lang.Runtime\ngetRuntime\ne\n",
        "c\nj\nexit\ne\n",
        "i\njava.lang.Object\ne\n",
        "r\nu\njava\nrj\ne\n",
        "s\n",
    ],
)
def test_a_token_holder_reaches_the_service_only(gateway, command):
    process = gateway._process
    connection = GatewayConnection(
        GatewayParameters(address="127.0.0.1", port=process.control_port, auth_token=process.token)
    )
    connection.start()
    try:
        answer = connection.send_command(command)
        assert answer[0] in "xz", answer  # an error, a fatal error
    except Py4JError:
        pass
    finally:
        connection.close()
    assert_usable()


def test_only_the_owner_can_enter_the_private_directory(gateway):
    directory = gateway._process.directory.path
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert not list(directory.glob("*.region"))  # unlinked once both sides have mapped it


def test_token_is_in_no_argument_environment_or_log(gateway):
    process = gateway._process
    token = process.token.encode()
    for name in ("cmdline", "environ"):
        assert token not in Path(f"/proc/{process.pid}/{name}").read_bytes()
    assert token not in process.directory.log_path.read_bytes()


def assert_usable():
    x = np.arange(5, dtype=np.float32)
    assert np.array_equal(small_models.identity_vm(5).run(x), x)
