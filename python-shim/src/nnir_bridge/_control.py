"""The control plane: calls of the gateway's service through Py4J, the one file that imports it."""

from __future__ import annotations

import json
import logging
from collections import deque
from typing import Any

from py4j.java_gateway import GatewayConnection, GatewayParameters
from py4j.protocol import (
    CALL_COMMAND_NAME,
    END_COMMAND_PART,
    ENTRY_POINT_OBJECT_ID,
    Py4JError,
    Py4JNetworkError,
    get_command_part,
    get_return_value,
)

from nnir_bridge._errors import RefusedError

__all__ = ["ControlLostError", "ControlPlane"]

# It would log commands, and the token is part of one.
logging.getLogger("py4j.java_gateway").disabled = True


class ControlLostError(Exception):
    """The gateway did not answer a call."""


class ControlPlane:
    """Calls methods of the gateway's service; any number of threads may call at once."""

    def __init__(self, port: int, token: str) -> None:
        self._parameters = GatewayParameters(
            address="127.0.0.1", port=port, auth_token=token, auto_close=False
        )
        self._idle: deque[GatewayConnection] = deque()

    def call(self, method: str, *arguments: str | int | bool) -> dict[str, Any]:
        """Call a method and return the JSON object that it answers.

        Raises:
            ControlLostError: The gateway is gone.
            RefusedError: The gateway answered with an error.
        """
        parts = [CALL_COMMAND_NAME, ENTRY_POINT_OBJECT_ID, "\n", method, "\n"]
        parts += [get_command_part(argument) for argument in arguments]
        command = "".join([*parts, END_COMMAND_PART])
        connection = self._connection()
        try:
            answer = connection.send_command(command)
            text = get_return_value(answer, None, ENTRY_POINT_OBJECT_ID, method)
        except (OSError, Py4JNetworkError) as error:
            connection.close()
            raise ControlLostError(str(error)) from error
        except BaseException:
            # Refused by Py4J itself, or interrupted: the connection may be out of step.
            connection.close()
            raise
        self._idle.append(connection)
        result: dict[str, Any] = json.loads(text)
        if "error" in result:
            raise RefusedError(result["error"])
        return result

    def _connection(self) -> GatewayConnection:
        try:
            return self._idle.pop()
        except IndexError:
            connection = GatewayConnection(self._parameters)
            try:
                connection.start()
            except (OSError, Py4JError) as error:
                _close_descriptors(connection)
                raise ControlLostError(str(error)) from error
            return connection

    def close(self) -> None:
        """Close the connections that no call uses."""
        while self._idle:
            self._idle.pop().close()

    def abandon(self) -> None:
        """Let go of the connections in a forked child: to shut them down would end the parent's."""
        while self._idle:
            _close_descriptors(self._idle.pop())


def _close_descriptors(connection: GatewayConnection) -> None:
    """Close what a connection has open; one that never started has no stream."""
    for descriptor in (getattr(connection, "stream", None), connection.socket):
        if descriptor is not None:
            descriptor.close()
