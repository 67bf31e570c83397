"""A script as a study's trainable: the study names it as its `run`, and its `base` as the base."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from trainables.script import code
from trainables.script.archive import content_of, diff, files_in, packed
from trainables.script.command import words_of
from trainables.script.config import ScriptConfig, new_config, resumes
from trainables.script.git import line_of
from trainables.script.interpreter import versions_of
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
        self._own_file = given if given.is_file() else None
        self.patches: dict[str, bytes] = {}  # by their digest
        self._called: dict[str, str] = {}  # commits and patches, by how the study calls them
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
        commit = code.resolved(self.cwd, ref)
        self._called.setdefault(commit, ref)
        return {"code.commit": commit}

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
            text = path.read_bytes()
        except OSError as error:
            raise ValueError(f"patch {str(path)!r}: must be a file, {error.strerror}") from error
        digest = hashlib.sha256(text).hexdigest()
        self.patches[digest] = text
        self._called.setdefault(digest, path.name)
        return {**self.at(ref), "code.patch": digest}

    def resumes(self, config: Mapping[str, Any]) -> str:
        """What a next attempt at a cell can do."""
        return resumes(config["script.resume"], config["script.exact"])

    def code_files(self, apart: Sequence[Path] = ()) -> dict[str, str]:
        """The id of each file of the code that lies in `cwd`, but for the study's own file."""
        own = (self._own_file,) if self._own_file else ()
        return code.files_of(self.cwd, (*apart, *own), words_of(self.config.command))

    def code_facts(self, config: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The commit of the code, and the versions of the interpreter that runs it."""
        commit, dirty = code.head_of(self.cwd)
        if config and config.get("code.commit"):
            commit, dirty = config["code.commit"], bool(config["code.patch"])
        python, versions = self._versions
        return {"commit": commit, "dirty": dirty, "python": python, "versions": versions}

    def own_code(self, config: Mapping[str, Any]) -> tuple[str, str] | None:
        """The name of the code that a cell runs in place of that in `cwd`, and what to call it."""
        commit, patch = config.get("code.commit", ""), config.get("code.patch", "")
        if not commit:
            return None
        ref = self._called.get(commit, "")
        title = commit[:12] + (f" ({ref})" if ref and not commit.startswith(ref) else "")
        if patch:
            title += f" with {self._called.get(patch, patch[:12])}"
        return "-".join(filter(None, (commit, patch[:16]))), title

    def packed(self, config: Mapping[str, Any]) -> bytes:
        """That code as an archive.

        Raises:
            ValueError: When its commit is gone, or its patch does not apply.
        """
        patch = config["code.patch"]
        if patch and patch not in self.patches:
            raise ValueError(f"patch {patch[:12]}: must be one of the study's files, got none")
        return packed(self.cwd, config["code.commit"], self.patches.get(patch, b""))

    def left_out(self, config: Mapping[str, Any]) -> list[str]:
        """Files whose changes are not committed, and so no part of the commit that is run."""
        return code.uncommitted(self.cwd, config["code.commit"])

    def code_diff(
        self, one: Mapping[str, Any], other: Mapping[str, Any], apart: Sequence[Path] = ()
    ) -> str:
        """What is other in the code of the second config, as `git diff` shows it.

        Raises:
            ValueError: When the code of one of them is gone.
        """
        return diff(self._contents(one, apart), self._contents(other, apart))

    def _contents(self, config: Mapping[str, Any], apart: Sequence[Path]) -> dict[str, bytes]:
        if not config.get("code.commit"):
            names = self.code_files(apart)
            return {name: content_of((self.cwd / name).read_bytes()) for name in names}
        return files_in(self.packed(config), line_of(self.cwd, "rev-parse", "--show-prefix"))

    @cached_property
    def _versions(self) -> tuple[str, dict[str, str]]:
        """Asked once for a whole sweep: it travels with this to where cells run."""
        return versions_of(words_of(self.config.command), self.cwd)

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
        return ScriptRun(config, self.cwd)
