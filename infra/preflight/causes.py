"""Why a run that goes on from a save is another one than that which was not interrupted.

What no save holds is given to it, one thing after the other: the modes of its networks, the place
of the global streams, the calls of `advance` and `evaluate`. What changes where it comes to is a
cause; what differs though all is given is missing in the state, or not loaded. So every cause is
told at once, and by its own name.
"""

from collections.abc import Iterator, Mapping

from infra.preflight.modes import in_evaluation_mode
from infra.preflight.reruns import ALL, Likeness, Reruns, evaluated, state_of
from infra.preflight.states import attributes, difference, unlike
from infra.study.study import Run

RECIPE = "key every draw, as `with keyed(seed, purpose, step):` does"
UNREPEATED = (
    "the same steps from the same state must give the same weights, and twice they do not; "
    f"{RECIPE}, and let nothing that changes live longer than the run"
)
UNSTEADY = f"evaluate() must give the same twice on one state, and it does not; {RECIPE}"
IN_TRAINING_MODE = (
    "evaluate() must have the network in evaluation mode, and runs it in training mode, so that "
    "dropout draws and BatchNorm learns; call .eval() first"
)
_CAUSES: dict[Likeness, str] = {
    "modes": (
        "training must go on in training mode, and after evaluate() it does not; call .train() at "
        "the begin of a step"
    ),
    "streams": (
        "a run that goes on from a save must draw what it would have drawn, and it draws from a "
        f"global stream, which no save holds; {RECIPE}"
    ),
    "pieces": (
        "two steps must be one step and one step, and how many a call of advance() takes changes "
        "what they do; go by `step` and not by calls"
    ),
    "evaluations": (
        "evaluate() must change nothing, and with it training goes on otherwise than without; give "
        "it draws and objects of its own"
    ),
}
_REMEMBERED = (
    "evaluate() must be a function of the state, and another {which} is told after others; keep "
    "nothing of earlier ones, no best so far and no cached result"
)
SHARED = (
    "a new run must begin and train as the first one in a process does, and after that has trained "
    "it has another {which}; make in __init__ what now lives longer, in the module, the class or a "
    "default"
)


def of_another_begin(reruns: Reruns) -> str:
    """Why a new run does not begin as the first one did, after that has trained."""
    one, two = state_of(reruns.new()), state_of(reruns.new())
    if which := difference(one, two):
        return (
            f"two runs of one config must begin alike, and each has another {which}; key initial "
            "draws by the seed, as `with keyed(seed, 'init'):` does"
        )
    return SHARED.format(which=difference(reruns.start, one))


def of_another_end(reruns: Reruns, save: int, to: int) -> Iterator[str]:
    """Why the state at a mark is another one when a new run comes to it from a save."""
    held = attributes(reruns.resumed(save))
    plain = reruns.end(save, to)
    if not all(not difference(plain, reruns.end(save, to)) for _ in range(2)):
        which = unlike(held, attributes(reruns.resumed(save)))
        yield SHARED.format(which=which) if which else UNREPEATED
        return
    full = reruns.end(save, to, ALL)
    for cause, text in _CAUSES.items():
        rest: list[Likeness] = [one for one in ALL if one != cause]
        alone = cause == "streams" and difference(plain, reruns.end(save, to, ["streams"]))
        if alone or difference(full, reruns.end(save, to, rest)):
            yield text
    if which := difference(reruns.state(to), full):
        yield _lacking(reruns, save, f"that goes on from a save comes to another {which}")


def of_another_evaluation(reruns: Reruns, save: int) -> Iterator[str]:
    """Why a save is not measured as the run was from which it was taken."""
    told, run = reruns.walk.marks[save].evaluation, reruns.resumed(save)
    if evaluated(run) != evaluated(run):
        yield unsteady(run)
        return
    for cause in ("modes", "streams"):
        if evaluated(reruns.resumed(save, [cause])) == told:
            yield _CAUSES[cause]
            return
    without = reruns.replayed(save, evaluated=False)
    score = evaluated(without)
    if score == told or difference(reruns.state(save), state_of(reruns.resumed(save))):
        names = ", ".join(name for name in told if told[name] != evaluated(run).get(name))
        yield _lacking(reruns, save, f"that is measured from a save has another {names}")
    else:
        yield remembered(told, score)


def remembered(told: Mapping[str, float], now: Mapping[str, float]) -> str:
    """That what was told of a state is another thing after other evaluations."""
    return _REMEMBERED.format(which=", ".join(n for n in told if told[n] != now.get(n)))


def unsteady(run: Run) -> str:
    """Why two evaluations of one state differ."""
    with in_evaluation_mode():
        return IN_TRAINING_MODE if evaluated(run) == evaluated(run) else UNSTEADY


def _lacking(reruns: Reruns, save: int, what: str) -> str:
    """Whether the state, the load of it or something that runs share is at fault."""
    run = reruns.resumed(save)
    if which := difference(reruns.state(save), state_of(run)):
        return (
            "load_state_dict must take back what state_dict gives, and "
            f"another {which} comes back; load it as well"
        )
    whole = reruns.replayed(save, evaluated=True)
    if which := difference(reruns.state(save), state_of(whole)):
        return SHARED.format(which=which)
    names = unlike(attributes(whole), attributes(run))
    return (
        f"state_dict must hold all that acts later, and a run {what} than the one that was saved; "
        f"save and load what is missing{f', such as {names}' if names else ''}"
    )
