"""Our DINO training step beside one assembled from public parts, in one process, interleaved.

The peer is timm's VisionTransformer with registers, lightly's head, DINO and KoLeo losses and EMA,
torch's AdamW and the Gram term in plain torch: once view by view, as lightly's examples do, once
with both views in one batch. Shapes, batches, threads and views are equal. A round times each step
once, in turning order; a ratio is the median over rounds of ours / peer: below 1, ours is faster.
Prints a row of milliseconds and that ratio for each, and what our views take besides.

    pip install -e '.[peers]'
    python tests/benchmarks/dino_step.py [--threads 1 2] [--rounds 60]
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from statistics import median

import torch
from by_turns import ratio, seconds, times_by_turns
from command_line import need, options_of, parser_of
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.dino.config import DinoConfig
from trainables.dino.dino import DinoRun


class OurStep(DinoRun):
    """Our run on given views, so that only the step is timed."""

    def __init__(self, cfg: DinoConfig, views: Tensor):
        super().__init__(cfg)
        self.given = views
        self.sums = torch.zeros(1 + len(self._terms()), device=self.device)

    def _views(self, micro_step: int) -> Tensor:
        return self.given

    def __call__(self) -> None:
        """One optimizer step."""
        self._train_step(self.sums)


class PeerNetwork(nn.Module):
    """timm's backbone and lightly's head at our sizes."""

    def __init__(self, cfg: DinoConfig):
        from lightly.models.modules.heads import ProjectionHead

        super().__init__()
        vit = cfg.vit
        self.backbone = VisionTransformer(
            img_size=vit.image_px,
            patch_size=vit.patch_px,
            embed_dim=vit.dim,
            depth=vit.depth,
            num_heads=vit.heads,
            mlp_ratio=vit.mlp_ratio,
            reg_tokens=vit.registers,
            no_embed_class=True,
            num_classes=0,
        )
        layers = [(vit.dim, vit.dim, None, nn.GELU()), (vit.dim, cfg.head.out_dim, None, None)]
        self.head = ProjectionHead(layers)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens and logits."""
        tokens = self.backbone.forward_features(images)
        return tokens, self.head(tokens[:, 0])


class PeerStep:
    """The public recipe."""

    def __init__(self, cfg: DinoConfig, views: Tensor, joined: bool):
        from lightly.loss import DINOLoss, KoLeoLoss
        from lightly.models.utils import update_momentum

        self.cfg, self.joined = cfg, joined
        self.student = PeerNetwork(cfg).to(views.device)
        self.teacher = deepcopy(self.student).requires_grad_(False)
        self.dino = DINOLoss(cfg.head.out_dim, center_momentum=0.9).to(views.device)
        self.koleo, self.follow = KoLeoLoss(), update_momentum
        self.optimizer = torch.optim.AdamW(self.student.parameters(), lr=2e-4, weight_decay=0.04)
        self.views = views

    def _forward(self, network: PeerNetwork) -> tuple[Tensor, list[Tensor]]:
        if self.joined:
            tokens, logits = network(self.views)
            return tokens, list(logits.chunk(2))
        parts = [network(view) for view in self.views.chunk(2)]
        return torch.cat([tokens for tokens, _ in parts]), [logits for _, logits in parts]

    def __call__(self) -> None:
        """One optimizer step."""
        with torch.no_grad():
            teacher_tokens, teacher_logits = self._forward(self.teacher)
        tokens, logits = self._forward(self.student)
        student, teacher = (F.normalize(t[:, 1:], dim=-1) for t in (tokens, teacher_tokens))
        gram = F.mse_loss(student @ student.mT, teacher @ teacher.mT)
        loss = self.dino(teacher_logits, logits) + gram + 0.1 * self.koleo(torch.cat(logits))
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.follow(self.student, self.teacher, m=0.996)


def compare(cfg: DinoConfig, threads: int, rounds: int) -> None:
    """Print the median milliseconds of each step and the ratios."""
    torch.set_num_threads(threads)
    run = DinoRun(cfg)
    views = run._views(0)
    steps: dict[str, Callable[[], None]] = {
        "ours": OurStep(cfg, views),
        "peer, view by view": PeerStep(cfg, views, joined=False),
        "peer, views joined": PeerStep(cfg, views, joined=True),
    }
    for _ in range(5):
        for step in steps.values():
            step()
    times = times_by_turns(steps, rounds)
    for name in steps:
        row = f"{threads} threads  {name:20} {1000 * median(times[name]):7.1f} ms"
        print(row + ("" if name == "ours" else f"  ours / peer {ratio(times, 'ours', name):.3f}"))
    views_ms = median(seconds(lambda: run._views(1)) for _ in range(20)) * 1000
    print(f"{threads} threads  {'our views of a batch':20} {views_ms:7.1f} ms")


def main() -> None:
    """Compare at the lab size, for each number of threads."""
    parser = parser_of(__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=60)
    options = options_of(parser, threads=[1], rounds=1)
    need("lightly")
    for threads in options.threads:
        compare(replace(DinoConfig(), steps=100_000), threads, options.rounds)


if __name__ == "__main__":
    main()
