"""Connections to other servers end in time, whatever they are doing."""

from __future__ import annotations

import socket

import pytest

from onemap.config import OutboundSettings
from onemap.processes.outbound import _Pinned, target_of


def test_a_connection_whose_time_ran_out_while_it_was_made_is_not_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        target = target_of(f"{address}/data", OutboundSettings(hosts=(address,)), "/inputs/parcels/href")
        connection = _Pinned(target, "127.0.0.1", 5.0)
        connection.cut()
        try:
            with pytest.raises(TimeoutError):
                connection.request("GET", target.path)
        finally:
            connection.close()
