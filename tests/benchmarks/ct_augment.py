"""Our views of a batch of CT slices beside torchvision's and kornia's, in one process, interleaved.

All start from the same int16 HU, draw a window, a crop and a flip for each view and normalise;
"jitter + blur" also draws brightness and contrast (.2, .2) and blurs with 23 taps, sigma .1 to 2.

    torchvision, each     v2 transforms on one view at a time, as DINO-X's data set does
    torchvision, batch    the same on a whole batch, which draws once for all views: a lower bound
    kornia                batched, draws for each view; its bicubic crop is not antialiased

A round times each once, in turning order; a ratio is the median over rounds of peer / ours: above
1, ours is faster. Prints a row of views per second and that ratio for each of the four.

    pip install -e '.[peers]'
    python tests/benchmarks/ct_augment.py [--threads 1 2] [--rounds 15] [--sizes lab real paper]
"""

from collections.abc import Callable
from statistics import median

import torch
from by_turns import ratio, times_by_turns
from command_line import need, options_of, parser_of
from torch import Tensor
from torchvision.transforms import v2

from trainables.ct.views import IMAGENET_MEAN, IMAGENET_STD, ViewsConfig, draw_views, make_views
from trainables.draws import generator, uniform

# slices, their side, side of a view; "real" is `lab` on prepared CT
SIZES = {"lab": (32, 64, 40), "real": (32, 512, 40), "paper": (16, 512, 224)}
JITTER, TAPS, SIGMA = 0.2, 23, (0.1, 2.0)
SETS = {
    "spatial": ViewsConfig(),
    "jitter + blur": ViewsConfig(
        jitter_brightness=JITTER, jitter_contrast=JITTER, blur_fraction=1.0
    ),
}


class Ours:
    """What a run does for each micro-batch."""

    def __init__(self, hu: Tensor, side_px: int, name: str):
        self.hu, self.side_px, self.cfg, self.step = hu, side_px, SETS[name], 0
        self.size = torch.full((len(hu),), hu.shape[-1], device=hu.device)

    def __call__(self) -> Tensor:
        """Two views of each slice."""
        self.step += 1
        draws = draw_views(self.cfg, len(self.hu), 0, "train", self.step).to(self.hu.device)
        return make_views(self.hu, self.size, self.size, draws, self.side_px)


class Peer:
    """A window drawn for each view, then a library's transforms; one by one or all at once."""

    def __init__(self, hu: Tensor, transform: Callable[[Tensor], Tensor], each: bool):
        self.hu, self.transform, self.each, self.step = hu, transform, each, 0

    def __call__(self) -> Tensor:
        """Two views of each slice."""
        self.step += 1
        n = 2 * len(self.hu)
        level = uniform(-400.0, 400.0, (n, 1, 1, 1), "level", self.step).to(self.hu.device)
        width = uniform(800.0, 2000.0, (n, 1, 1, 1), "width", self.step).to(self.hu.device)
        if self.each:
            rows = range(n)
            return torch.stack(
                [self.transform(window(self.hu[i // 2], level[i], width[i])) for i in rows]
            )
        return self.transform(window(self.hu.repeat(2, 1, 1, 1), level, width))


def window(hu: Tensor, level: Tensor, width: Tensor) -> Tensor:
    """HU to [0, 1]."""
    return ((hu.float() - (level - width / 2)) / width).clamp_(0, 1)


def torchvision_transform(side_px: int, name: str) -> v2.Compose:
    """The documented arms' list (dinox_run_experiments.sh, experiment 2)."""
    bicubic = v2.InterpolationMode.BICUBIC
    steps = [
        v2.RandomResizedCrop(side_px, scale=(0.5, 1.0), interpolation=bicubic, antialias=True),
        v2.RandomHorizontalFlip(),
    ]
    if name != "spatial":
        steps += [v2.ColorJitter(JITTER, JITTER), v2.GaussianBlur(TAPS, SIGMA)]
    return v2.Compose([*steps, v2.Normalize(IMAGENET_MEAN, IMAGENET_STD)])


def kornia_transform(side_px: int, name: str) -> torch.nn.Module:
    """The same list in kornia's words."""
    from kornia import augmentation as kornia

    steps = [
        kornia.RandomResizedCrop((side_px, side_px), scale=(0.5, 1.0), resample="bicubic"),
        kornia.RandomHorizontalFlip(),
    ]
    if name != "spatial":
        steps += [
            kornia.ColorJitter(JITTER, JITTER, p=1.0),
            kornia.RandomGaussianBlur((TAPS, TAPS), SIGMA, p=1.0),
        ]
    normalise = kornia.Normalize(torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD))
    return kornia.AugmentationSequential(*steps, normalise)


def compare(size: str, name: str, rounds: int) -> None:
    """Print views per second and the ratios for one size and one list of augmentations."""
    slices, side, side_px = SIZES[size]
    shape = (slices, 3, side, side)
    hu = torch.randint(-1000, 1500, shape, generator=generator("hu"), dtype=torch.int16)
    hu = hu.to("cuda" if torch.cuda.is_available() else "cpu")
    transform = torchvision_transform(side_px, name)
    makers: dict[str, Callable[[], Tensor]] = {
        "ours": Ours(hu, side_px, name),
        "torchvision, each": Peer(hu, transform, each=True),
        "torchvision, batch": Peer(hu, transform, each=False),
        "kornia": Peer(hu, kornia_transform(side_px, name), each=False),
    }
    for make in makers.values():
        if make().shape != (2 * slices, 3, side_px, side_px):
            raise RuntimeError(f"{make}: views of {side_px} pixels are needed")
    times = times_by_turns(makers, rounds)
    for maker in makers:
        speed = 2 * slices / median(times[maker])
        row = f"{size:6} {name:14} {maker:19} {speed:9.0f} views/s"
        print(
            row
            + ("" if maker == "ours" else f"   {ratio(times, maker, 'ours'):6.2f} x ours' time"),
            flush=True,
        )


def main() -> None:
    """Compare all sizes and lists, for each number of threads."""
    parser = parser_of(__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=list(SIZES))
    options = options_of(parser, threads=[1], rounds=1, sizes=["lab"])
    need("kornia")
    for threads in options.threads:
        torch.set_num_threads(threads)
        device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
        print(f"{threads} threads, {device}, torch {torch.__version__}")
        for size in options.sizes:
            for name in SETS:
                compare(size, name, options.rounds)


if __name__ == "__main__":
    main()
