"""The public names: what a study of one's own is written with.

A name is imported when it is first asked for, so that `import ablate` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ablate.reporting import report
    from infra.cli.cli import main
    from infra.study.study import Study
    from search_spaces.space import Arms, Finding, Grid, Range, Sampled
    from trainables.keyed import keyed
    from trainables.script.points import Points
    from trainables.script.script import Script
    from trainables.torch_run import TorchRun

__all__ = [
    "Arms", "Finding", "Grid", "Points", "Range", "Sampled", "Script", "Study", "TorchRun",
    "keyed", "main", "report",
]  # fmt: skip

_SPACE = "search_spaces.space"
_HOME = dict.fromkeys(("Arms", "Finding", "Grid", "Range", "Sampled"), _SPACE) | {
    "Points": "trainables.script.points",
    "Script": "trainables.script.script",
    "Study": "infra.study.study",
    "TorchRun": "trainables.torch_run",
    "keyed": "trainables.keyed",
    "report": "ablate.reporting",
    "main": "infra.cli.cli",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"ablate: must be asked for {', '.join(__all__)}, got {name!r}")
    return globals().setdefault(name, getattr(import_module(_HOME[name]), name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
