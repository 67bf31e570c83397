"""LPIPS against its definition and its packages; without weights it is missing, with a remedy."""

from importlib.util import find_spec

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models import alexnet

from trainables.portrait.drawing.render import draw
from trainables.portrait.drawing.sitters import sitters
from trainables.portrait.judge import perceptual as module
from trainables.portrait.judge.alexnet import CHANNELS, HEADS, PLAIN, SCALE, SHIFT, PerceptualNet
from trainables.portrait.judge.perceptual import ALEXNET, Perceptual, enlarged, perceptual
from trainables.portrait.weights import FOLDER, missing, weights_of

needs_stalex = pytest.mark.skipif(weights_of("stalex") is None, reason=missing("stalex"))


def random(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def files(heads_at_least: float = 0.0) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What files of weights hold, at random."""
    layers = {
        name: 0.05 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(n))
        for n, (name, tensor) in enumerate(alexnet().state_dict().items())
        if name.startswith("features")
    }
    heads = {
        name: random(n, 1, channels, 1, 1) + heads_at_least
        for n, (name, channels) in enumerate(zip(HEADS, CHANNELS, strict=True))
    }
    return layers, heads


@pytest.fixture(scope="module")
def plain() -> Perceptual:
    net = PerceptualNet("alex")
    net.load(*files())
    return Perceptual(net)


def by_definition(made: Tensor, truth: Tensor) -> Tensor:
    """The formula of arXiv 1801.03924, over torchvision's own network."""
    layers, heads = files()
    features = alexnet().features.eval()
    features.load_state_dict({name.removeprefix("features."): t for name, t in layers.items()})
    total = torch.zeros(len(made))
    ends = {int(name.split(".")[1]) + 1: head for name, head in zip(PLAIN, HEADS, strict=True)}
    shift, scale = (torch.tensor(values)[:, None, None] for values in (SHIFT, SCALE))
    pair = [(2 * x - 1 - shift) / scale for x in (made, truth)]
    for number, layer in enumerate(features):
        pair = [layer(x.clone()) for x in pair]
        if number in ends:
            one, two = (x / (x.norm(dim=1, keepdim=True) + 1e-10) for x in pair)
            total += F.conv2d((one - two) ** 2, heads[ends[number]]).mean((1, 2, 3))
    return total.detach()


@pytest.mark.parametrize("size", [(64, 64), (71, 96)])
def test_a_distance_of_vectors_is_lpips_by_its_definition(plain, size):
    made, truth = random(0, 3, 3, *size), random(1, 3, 3, *size)
    torch.testing.assert_close(plain(made, truth), by_definition(made, truth), rtol=1e-4, atol=1e-7)


def test_it_is_nought_for_the_same_image_alone_and_the_same_both_ways(plain):
    made, truth = random(0, 3, 3, 64, 64), random(1, 3, 3, 64, 64)
    assert (plain(made, made) == 0).all()
    assert (plain(made, truth) > 0).all()
    torch.testing.assert_close(plain(made, truth), plain(truth, made))


def test_pairs_at_once_have_the_distances_of_pairs_apart(plain, monkeypatch):
    made, truth = random(0, 5, 3, 64, 64), random(1, 5, 3, 64, 64)
    together = plain(made, truth)
    monkeypatch.setitem(module._PIXELS, "cpu", 2 * 64 * 64)
    torch.testing.assert_close(plain(made, truth), together)
    apart = [plain(made[n : n + 1], truth[n : n + 1]) for n in range(5)]
    torch.testing.assert_close(torch.cat(apart), together)


@pytest.mark.parametrize(
    ("before", "after"), [((32, 32), (64, 64)), ((24, 30), (64, 80)), ((64, 70), (64, 70))]
)
def test_images_below_64_pixels_are_enlarged_and_keep_their_form(plain, before, after):
    image = random(0, 2, 3, *before)
    assert enlarged(image).shape[2:] == after
    flat = torch.full((2, 3, *before), 0.3)
    torch.testing.assert_close(enlarged(flat), torch.full((2, 3, *after), 0.3))
    other = random(1, 2, 3, *before)
    torch.testing.assert_close(plain(image, other), plain(enlarged(image), enlarged(other)))


def test_heads_below_nought_are_refused():
    with pytest.raises(ValueError, match="heads must be at least 0"):
        PerceptualNet("alex").load(*files(heads_at_least=-0.5))


def test_without_weights_the_metric_is_missing_and_a_line_says_what_brings_it(
    tmp_path, monkeypatch, capsys
):
    module.say_once.cache_clear()
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setenv(ALEXNET, str(tmp_path / "none.pth"))
    assert module.distances() == {} == module.distances()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "val/recon_lpips_stalex is left out" in lines[0] and "`make weights`" in lines[0]
    assert "val/recon_lpips_alex is left out" in lines[1]


@pytest.mark.skipif(find_spec("lpips") is None, reason="the package lpips is not installed")
def test_the_published_metric_is_that_of_its_package(tmp_path, monkeypatch):
    import lpips

    layers, _ = files()
    path = tmp_path / "alexnet.pth"
    torch.save({**layers, "classifier.6.bias": torch.zeros(1000)}, path)
    monkeypatch.setenv(ALEXNET, str(path))
    mine = perceptual("alex")
    assert mine
    theirs = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    names = [name for name in theirs.net.state_dict() if name.startswith("slice")]
    own = {f"{n.split('.', 1)[0]}.{n.split('.', 1)[1]}": layers[_feature(n)] for n in names}
    theirs.net.load_state_dict(own)
    made, truth = random(0, 3, 3, 70, 66), random(1, 3, 3, 70, 66)
    with torch.no_grad():
        expected = theirs(made, truth, normalize=True).flatten()
    torch.testing.assert_close(mine(made, truth), expected, rtol=1e-4, atol=1e-7)


def _feature(name: str) -> str:
    """torchvision's name of what the package keeps in slices."""
    return f"features.{name.split('.', 1)[1]}"


@needs_stalex
def test_the_shift_tolerant_metric_hardly_sees_a_shift_and_sees_what_is_lost():
    metric = perceptual("stalex")
    assert metric
    truth = draw(sitters(4, 2, 0, "train"), 128).images.float() / 255
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    shifted = F.pad(truth, (1, 0, 0, 0), mode="replicate")[..., :-1]
    mean = truth.mean((2, 3), keepdim=True).expand_as(truth)
    same, shift, grain, nothing, colour = (
        float(metric(made, truth).mean())
        for made in (truth, shifted, truth + 0.05 * noise, 0.5 + 0.5 * noise, mean)
    )
    assert same == 0 < shift < 0.02 < grain < 0.5 < min(nothing, colour)
