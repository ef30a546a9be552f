"""The typed client runs; the test command checks its types."""

import client


def test_the_client_runs(tmp_path):
    client.main(tmp_path)
