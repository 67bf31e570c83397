"""Tests of the trial of arms, each of which is to see it made."""

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a trial of arms found elsewhere is not known to a test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
