"""What the problem of a failed job tells, and what it keeps to itself."""

from __future__ import annotations

from onemap.errors import ConfigError, InvalidBody
from onemap.processes.jobs.problems import job_problem


def test_faults_of_a_caller_come_with_their_hints() -> None:
    told = job_problem(InvalidBody("There is no layer 'x'.", "Did you mean 'y'?", pointer="/inputs/layers/0"), "j", "r")
    assert (told["detail"], told["hint"]) == ("There is no layer 'x'.", "Did you mean 'y'?")
    assert (told["pointer"], told["requestId"]) == ("/inputs/layers/0", "r")


def test_faults_of_the_server_say_nothing_of_it() -> None:
    for error in (ConfigError("stores.a: /srv/data is no file.", "Did you mean 'secret'?"), ValueError("/srv/data")):
        told = job_problem(error, "j", "r")
        assert told["status"] == 500
        assert "secret" not in str(told)
        assert "/srv" not in str(told)
