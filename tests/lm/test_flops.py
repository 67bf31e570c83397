"""What a run says that it computes."""

import pytest
import torch
from test_lm import TINY, run_of

from trainables.flops import Flops
from trainables.lm.lm import LmRun

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_matrix_product_costs_two_operations_an_element_and_its_gradients_twice_that():
    weight, x = torch.randn(5, 7, requires_grad=True), torch.randn(3, 5, requires_grad=True)
    flops = Flops()
    flops.of(lambda: (x @ weight).sum().backward())
    assert flops.total == 3 * 2 * 3 * 5 * 7


def test_micro_steps_of_a_kind_cost_what_the_first_did_and_are_run_all_the_same():
    ran, flops = [], Flops()
    square = torch.ones(4, 4)
    for kind in ("a", "a", "b"):
        flops.of(lambda kind=kind: ran.append((square @ square, kind)), kind)
    assert [kind for _, kind in ran] == ["a", "a", "b"]
    assert flops.total == 3 * 2 * 4**3


def test_counting_goes_on_where_it_was_saved():
    flops, resumed = Flops(), Flops()
    flops.of(lambda: torch.ones(4, 4) @ torch.ones(4, 4))
    resumed.load_state_dict(flops.state_dict())
    resumed.of(lambda: None)
    assert resumed.total == 2 * flops.total


def test_a_language_model_computes_six_operations_a_weight_and_token_and_its_attention():
    run = LmRun(TINY)
    told = run.advance(2)["train/flops"]
    shape, tokens = TINY.backbone, 2 * TINY.optim.batch * TINY.sequence
    matrices = sum(p.numel() for n, p in run.network.named_parameters() if n.endswith(".weight"))
    matrices += run.network.embedding.numel()  # once, for the scores: looking up costs nothing
    # Two products forward and five backward, where the scores are computed again.
    attention = 2 * (2 + 5) * TINY.sequence * shape.dim * shape.depth
    assert told == tokens * (6 * matrices + attention)


@pytest.mark.parametrize("name", ["plain", "jepa as run", "hnet", "state space", "universal"])
def test_counting_moves_no_weight(name):
    counted, other = run_of(name), run_of(name)
    other.flops = _Uncounted()
    one, two = counted.advance(4), other.advance(4)
    assert one["train/loss"] == two["train/loss"]
    ours, theirs = counted.network.state_dict(), other.network.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_network_whose_chunks_the_batch_makes_tells_no_total():
    assert "train/flops" not in run_of("hnet").advance(1)
    assert "train/flops" in run_of("hnet as run").advance(1)


class _Uncounted(Flops):
    """Runs micro-steps and counts nothing."""

    def of(self, micro_step, kind=""):
        return micro_step()
