"""What is known of a script before it runs, as a config whose fields are the script's own flags."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from signal import Signals
from typing import Any, Literal

from trainables.script.code import CodeConfig
from trainables.script.command import gaps_in, words_of
from trainables.script.flags import WAYS, nested
from trainables.script.points import Points

RESERVED = ("seed", "steps_per_report", "data", "code", "script")
_FLAG = "flag"  # under which a field holds the script's own name of it
_SECRET = re.compile(r"key|token|secret|password|credential", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class ScriptConfig:
    """How a script is run; all of it is part of what a cell is.

    Attributes:
        command: With the gaps of `command.GAPS`, told apart into words as a shell would.
        way: How fields become arguments, see `flags`.
        points: Where points come from.
        cwd: Where it runs, from the study's own file on.
        folder: "there" runs in `cwd` itself, "copy" in a copy of it for each attempt.
        environment: Variables besides those of whoever starts the sweep, with gaps as in `command`.
        resume: Words that are added where `{dir}` holds what an earlier attempt left; "" where the
            script cannot go on from that.
        exact: Whether it then goes on to the bit, its random streams and data order included.
        stop: The signal that asks it to end.
        grace_s: Seconds from then until it is killed.
        silent_s: Seconds without a line after which it passes for hung; 0 for never.
    """

    command: str
    way: str = "--name=value"
    points: Points = field(default_factory=Points)
    cwd: str = "."
    folder: str = "there"
    environment: Mapping[str, str] = field(default_factory=dict)
    resume: str = ""
    exact: bool = False
    stop: str = "SIGTERM"
    grace_s: float = 2.0
    silent_s: float = 1800.0

    def __post_init__(self) -> None:
        words = [*words_of(self.command), *self.environment.values()]
        if "seed" not in gaps_in(words):
            raise ValueError(
                f"command {self.command!r}: must have {{seed}}, or a variable of environment must, "
                "got neither; every cell would draw alike"
            )
        if self.way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, got {self.way!r}")
        if self.folder not in ("there", "copy"):
            raise ValueError(f"folder must be 'there' or 'copy', got {self.folder!r}")
        if self.stop not in Signals.__members__:
            raise ValueError(f"stop must be a signal such as 'SIGTERM', got {self.stop!r}")
        if self.grace_s < 0 or self.silent_s < 0:
            raise ValueError(
                f"grace_s and silent_s must be at least 0, got {self.grace_s} and {self.silent_s}"
            )
        if told := [name for name in self.environment if _SECRET.search(name)]:
            raise ValueError(
                f"environment {told[0]!r}: must be no secret, as it would stand in the records; "
                "leave it to the environment of the sweep, which scripts inherit"
            )


def new_config(script: ScriptConfig, flags: Mapping[str, Any]) -> Any:
    """A config with a field for each flag, dotted ones in components, besides seed and script.

    Raises:
        ValueError: When a flag has no place in the command, or no name that a field can have.
    """
    if flags and script.way != "env" and "flags" not in gaps_in(words_of(script.command)):
        raise ValueError(
            f"command {script.command!r}: must have {{flags}}, or the {len(flags)} flags would "
            "never reach the script"
        )
    for name in flags:
        head, *rest = name.split(".")
        if not all(part.isidentifier() for part in map(as_field, (head, *rest))):
            raise ValueError(
                f"flag {name!r}: must be words of letters, digits, '-' and '_', dotted where nested"
            )
        if as_field(head) in RESERVED:
            raise ValueError(
                f"flag {name!r}: must not begin with {head!r}, which is ours; write it in the "
                "command"
            )
    ours = [
        ("seed", int, field(default=0)),
        ("steps_per_report", int, field(default=1)),
        ("data", str, field(default="")),
        ("code", CodeConfig, field(default=CodeConfig())),
        ("script", ScriptConfig, field(default=script)),
    ]
    return _dataclass("ScriptFlags", nested(flags), ours)()


def as_field(flag: str) -> str:
    """The config's field of a flag, or of a part of its name: `batch_size` of `batch-size`."""
    return flag.replace("-", "_")


def resumes(words: str, exact: bool) -> Literal["exact", "checkpoint", "again"]:
    """What a next attempt can do, by the words that are added then: go on, to the bit, or not."""
    return "again" if not words else "exact" if exact else "checkpoint"


def flags_of(config: Any) -> dict[str, Any]:
    """The values of a config's flags by the script's own names, dotted where they are nested."""
    return dict(_flat(config, ""))


def _dataclass(name: str, tree: Mapping[str, Any], more: list[Any]) -> type:
    found = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            value = _dataclass(key.title(), value, [])()
        elif isinstance(value, list):
            value = tuple(value)
        found.append((as_field(key), Any, field(default=value, metadata={_FLAG: key})))
    return make_dataclass(name, [*found, *more], frozen=True)


def _flat(config: Any, prefix: str):
    for name, known in type(config).__dataclass_fields__.items():
        if not prefix and name in RESERVED:
            continue
        value = getattr(config, name)
        flag = known.metadata[_FLAG]
        if hasattr(type(value), "__dataclass_fields__"):
            yield from _flat(value, f"{prefix}{flag}.")
        else:
            yield prefix + flag, value
