"""What a run trains: backbone and head, and where images are painted a decoder.

Shape letters: X views of a micro-batch, S image side in pixels, T tokens, D width, K prototypes.
"""

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from trainables.dino.config import DinoConfig
from trainables.dino.mae import Decoder, decoder_init
from trainables.draws import initialise
from trainables.vit import VisionTransformer, documented_init


class DinoNetwork(nn.Module):
    """Backbone and head; its parameters hold no values until `initialise` has filled them."""

    def __init__(self, cfg: DinoConfig):
        super().__init__()
        dim = cfg.vit.dim
        self.backbone = VisionTransformer(cfg.vit)
        self.head = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, cfg.head.out_dim))

    def forward(
        self, images: Float[Tensor, "X 3 S S"], spacing_mm: Float[Tensor, "X 3"] | None = None
    ) -> tuple[Float[Tensor, "X T D"], Float[Tensor, "X K"]]:
        """All tokens, and the logits over prototypes from the CLS token."""
        tokens = self.backbone(images, spacing_mm)
        return tokens, self.head(tokens[:, 0])


def new_network(cfg: DinoConfig, device: torch.device) -> DinoNetwork:
    """The network at step 0, a function of the config and its seed."""
    bound = (
        cfg.vit.dim**-0.5
    )  # torch's own start of a linear layer, which DINO-X leaves to the head

    def law(name: str, parameter: Tensor, generator: Generator) -> None:
        if name.startswith("head."):
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
        else:
            documented_init(name, parameter, generator)

    with torch.device("meta"):  # so that building draws nothing
        network = DinoNetwork(cfg)
    network.to_empty(device="cpu")
    initialise(network, cfg.seed, law)
    return network.to(device)


def new_decoder(cfg: DinoConfig, device: torch.device) -> Decoder | None:
    """The decoder at step 0; there is none where nothing is painted."""
    if not cfg.loss.mae_weight:
        return None
    with torch.device("meta"):
        decoder = Decoder(cfg.mae, cfg.vit)
    decoder.to_empty(device="cpu")
    initialise(decoder, cfg.seed, decoder_init)
    return decoder.to(device)
