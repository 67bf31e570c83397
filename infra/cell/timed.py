"""A run whose steps are timed from any share of its budget on, since some terms begin late."""

from time import perf_counter
from typing import Any

from infra.cell.reported import dump_state, load_state
from infra.study.study import Run

SHARES = (0.0, 0.2, 0.4, 0.6, 0.8)
_PATIENCE = 5  # times the seconds that are to be timed


class Timed:
    """A run that has trained for one step, with the state that it had then.

    Attributes:
        first_s: Seconds of that step, which makes the optimizer's state and chooses kernels.
    """

    def __init__(self, run: Run, budget: int) -> None:
        began = perf_counter()
        run.advance(1)
        self.first_s = perf_counter() - began
        self._run: Any = run
        self._state, self._budget = dump_state(run.state_dict()), budget

    def step_s(self, share: float, least_s: float) -> float:
        """Mean seconds of a step from that share of the budget on, timed so long or for a step.

        Steps so short that going back to the share takes longer are timed for less.
        """
        start, most = int(share * self._budget), max(1, self._budget // len(SHARES))
        steps, seconds, end = 0, 0.0, perf_counter() + _PATIENCE * least_s
        while not steps or (seconds < least_s and perf_counter() < end):
            self._run.load_state_dict({**load_state(self._state), "step": start})
            began, done = perf_counter(), 0
            while done < most and seconds + perf_counter() - began < least_s:
                self._run.advance(1)
                done += 1
            steps, seconds = steps + done, seconds + perf_counter() - began
        return seconds / steps

    def release(self) -> None:
        """Let go of the run, so that its memory can be given back."""
        self._run, self._state = None, b""
