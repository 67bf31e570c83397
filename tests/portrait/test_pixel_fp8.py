"""Products in 8 bits: which layers have them, what they compute, and where they are refused."""

import importlib.util

import pytest
import torch
from small_blocks import config, loss, real_network, small_blocks, train

from trainables.portrait.config import Fp8Config
from trainables.portrait.training.fp8 import chosen, convert
from trainables.portrait.training.optim import Optimizer

pytestmark = pytest.mark.usefixtures("one_thread")
needs_torchao = pytest.mark.skipif(
    importlib.util.find_spec("torchao") is None, reason="torchao is not installed"
)

WITHIN = {
    f"blocks.{number}.{name}" for number in range(2) for name in ("attn.qkv", "mlp.fc1", "mlp.fc2")
}
RECIPES = ["tensorwise", "rowwise", "rowwise_with_gw_hp"]


def emulated(layers="attention_mlp", recipe="tensorwise"):
    return Fp8Config(layers=layers, recipe=recipe, emulate=True)


@needs_torchao
def test_projections_of_attention_and_mlp_and_repas_are_converted_and_nothing_else():
    network = small_blocks()
    assert set(convert(network, emulated())) == WITHIN | {"repa"}
    kinds = {name for name, m in network.named_modules() if type(m).__name__ == "Float8Linear"}
    assert kinds == WITHIN | {"repa"}


def test_of_the_network_itself_what_paces_embeds_or_draws_stays_as_it_is():
    network = real_network()
    documented = chosen(network, emulated())
    ends = {name.split(".", 2)[-1] for name in documented if name != "repa"}
    assert ends == {
        "attn.qkv", "attn.proj", "cross_attn.q", "cross_attn.kv", "cross_attn.proj",
        "mlp.fc1", "mlp.fc2",
    }  # fmt: skip
    assert len(documented) == 2 * len(ends) + 1
    beside = set(chosen(network, emulated("all"))) - set(documented)
    assert "blocks.1.adaln.out" in beside and "conditions.text" not in beside  # 7 wide


@needs_torchao
def test_all_are_those_whose_sides_are_multiples_of_16():
    paces = {f"blocks.{number}.adaln.out" for number in range(2)}
    assert set(convert(small_blocks(), emulated("all"))) == WITHIN | paces | {"repa"}


@needs_torchao
def test_weights_keep_their_names_and_places_and_nothing_is_kept_beside_them():
    network = small_blocks()
    before = {name: p.data_ptr() for name, p in network.named_parameters()}
    convert(network, emulated("all"))
    assert {name: p.data_ptr() for name, p in network.named_parameters()} == before
    assert not list(network.named_buffers())  # no history of maxima
    assert set(network.state_dict()) == set(before)


@needs_torchao
@pytest.mark.parametrize("recipe", RECIPES)
def test_emulated_products_are_near_the_plain_ones_and_not_equal(recipe):
    plain, coarse = small_blocks(), small_blocks()
    convert(coarse, emulated("all", recipe))
    losses = [loss(network, 0) for network in (plain, coarse)]
    for one in losses:
        one.backward()
    plainly, coarsely = (one.item() for one in losses)
    apart = abs(coarsely / plainly - 1)
    assert 0 < apart < 0.05
    one, other = (network.blocks[0].mlp["fc1"].weight.grad for network in (plain, coarse))
    assert 0 < float((one - other).norm() / one.norm()) < 0.3


@needs_torchao
@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_training_in_8_bits_moves_every_parameter(name):
    network = small_blocks()
    convert(network, emulated())
    start = {n: p.detach().clone() for n, p in network.named_parameters()}
    train(network, Optimizer(config(optim__name=name), network), range(2))
    for n, parameter in network.named_parameters():
        assert not torch.equal(parameter, start[n]), n


def test_without_8_bit_units_a_network_is_refused_unless_they_are_emulated():
    if torch.cuda.is_available() and torch.cuda.get_device_capability() >= (8, 9):
        pytest.skip("this GPU has them")
    with pytest.raises(
        ValueError, match="needs a GPU of compute capability 8.9 or above, got a CPU; set fp8.emul"
    ):
        convert(small_blocks(), Fp8Config(layers="all"))


def test_a_projection_that_does_not_fit_is_refused_by_name_and_left_out_of_all():
    network = small_blocks()
    network.repa = torch.nn.Linear(16, 30, bias=False)
    with pytest.raises(
        ValueError, match=r"multiples of 16, got \(30, 16\) in repa; change the wid"
    ):
        convert(network, emulated())
    assert "repa" not in chosen(network, emulated("all"))


def test_none_is_none():
    assert convert(small_blocks(), Fp8Config()) == []
