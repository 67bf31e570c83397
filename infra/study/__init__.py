"""What is asked: a study, the plan of its cells, sampled spaces, where studies and storages are."""

from infra.study.study import Run, Study

__all__ = ["Run", "Study"]
