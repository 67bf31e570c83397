"""A script as a study's trainable: the study names it as its `run`, and its `base` as the base."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from trainables.script.code import resolved
from trainables.script.config import ScriptConfig, new_config
from trainables.script.run import ScriptRun

NONSENSE = {  # by the way that flags are written
    "--name=value": "--no_such_flag_of_any_script=1",
    "--name value": "--no-such-flag-of-any-script 1",
    "name=value": "no_such_flag_of_any_script=1",
}


class Script:
    """Builds the run of a cell; what it is told stands in `ScriptConfig`.

    Attributes:
        config: How the script is run.
        flags: What arms may set, with what it is where they do not.
        root: The folder that `cwd` is seen from: of the file that was given, such as the study's
            own `__file__`, or where the sweep was started.
    """

    def __init__(
        self, *, flags: Mapping[str, Any] | None = None, root: str | Path = "", **told: Any
    ):
        """The words of `ScriptConfig`, and flags.

        Raises:
            ValueError: When they cannot be a script that takes part in a study.
        """
        self.config, self.flags = ScriptConfig(**told), dict(flags or {})
        given = Path(root or ".").resolve()
        self.root = given.parent if given.is_file() else given
        self.patches: dict[str, str] = {}  # by their digest
        self.base  # noqa: B018  # so that what is wrong is told here

    @cached_property
    def base(self) -> Any:
        """The config that arms set fields of."""
        return new_config(self.config, self.flags)

    @property
    def cwd(self) -> Path:
        """Where the script runs, or what is copied for it."""
        return (self.root / Path(self.config.cwd).expanduser()).resolve()

    def at(self, ref: str) -> dict[str, str]:
        """What an arm sets to run the code of a commit, a branch or a tag of the repository.

        It is that commit which counts: a branch that moves later is another arm.

        Raises:
            ValueError: When there is no such commit.
        """
        return {"code.ref": ref, "code.commit": resolved(self.cwd, ref)}

    def patched(self, patch: str | Path, ref: str = "HEAD") -> dict[str, str]:
        """What an arm sets to run the code of a commit with a patch, as `git diff` writes one.

        Args:
            patch: Its file, seen from where `cwd` is seen.
            ref: The commit.

        Raises:
            ValueError: When there is no such file or commit.
        """
        path = self.root / Path(patch).expanduser()
        try:
            text = path.read_text()
        except OSError as error:
            raise ValueError(f"patch {str(path)!r}: must be a file, {error.strerror}") from error
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.patches[digest] = text
        return {**self.at(ref), "code.patch": digest}

    @property
    def shared(self) -> Path | None:
        """Where all cells run; None where each has a copy."""
        return self.cwd if self.config.folder == "there" else None

    def with_nonsense(self, config: Any) -> Any:
        """The config with an argument more that no script knows; None where flags are none."""
        if self.config.way not in NONSENSE:
            return None
        more = f"{config.script.command} {NONSENSE[self.config.way]}"
        return replace(config, script=replace(config.script, command=more))

    def __call__(self, config: Any) -> ScriptRun:
        """The run of a cell."""
        return ScriptRun(config, self.cwd, self.patches.get(config.code.patch, ""))
