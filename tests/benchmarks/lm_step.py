"""Our plain language model's training step beside public models of its shape, interleaved.

With `--script` one peer is the model and the Muon of openai/parameter-golf's train_gpt.py itself
(4908dc4), the program whose network this is, in float32 and not compiled, as ours. The others are
transformers' Llama (grouped queries, rotary positions) and GPT-2 (nanoGPT's architecture) with
hidden widths that match our number of parameters, torch's attention kernels and a cross-entropy
over the same tokens. As in ours, torch's Muon has the matrices of the blocks and its fused Adam the
rest: Muon's work does not grow with the batch, and with few tokens it would hide the networks. A
round times each step once, in turning order; a ratio is the median over rounds of ours / peer:
below 1, ours is faster. Prints a row of parameters, tokens a second and that ratio for each.

    pip install -e '.[peers]'
    python tests/benchmarks/lm_step.py [--script train_gpt.py] [--threads 1 2] [--rounds 9]
        [--shapes lab documented]
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from by_turns import ratio, times_by_turns
from command_line import need, options_of, parser_of
from torch import Tensor, nn
from torch.nn import functional as F

from infra.study.study import replace_fields
from search_spaces.golf.shared import SMOKE
from trainables.lm.config import LmConfig
from trainables.lm.lm import LmRun

SHAPES = {
    "lab": {},
    "documented": {
        "sequence": 1024,
        "backbone.width": 512,
        "backbone.heads": 8,
        "backbone.kv_heads": 4,
        "optim.batch": 2,
        "evaluation.tokens": 1024,
    },
    "smoke": SMOKE,
}
Step = Callable[[], None]


def llama(cfg: LmConfig, vocab: int) -> nn.Module:
    """Three matrices in each MLP in place of our two, as wide as gives the same parameters."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = cfg.backbone
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab,
            hidden_size=shape.dim,
            intermediate_size=round(shape.mlp_factor * shape.dim * 2 / 3),
            num_hidden_layers=shape.depth,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.kv_heads,
            max_position_embeddings=cfg.sequence,
            tie_word_embeddings=True,
            attn_implementation="sdpa",
            use_cache=False,
        )
    )


def gpt2(cfg: LmConfig, vocab: int) -> nn.Module:
    """Keys and values of every head, paid for by a narrower MLP."""
    from transformers import GPT2Config, GPT2LMHeadModel

    shape = cfg.backbone
    spared = 1 - shape.kv_heads / shape.heads
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocab,
            n_embd=shape.dim,
            n_inner=round((shape.mlp_factor - spared) * shape.dim),
            n_layer=shape.depth,
            n_head=shape.heads,
            n_positions=cfg.sequence,
            bos_token_id=0,
            eos_token_id=0,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            attn_implementation="sdpa",
            use_cache=False,
        )
    )


def loaded(script: Path) -> Any:
    """The script as a module; what it trains is behind its main guard."""
    spec = importlib.util.spec_from_file_location(script.stem, script)
    if spec is None or spec.loader is None:
        sys.exit(f"lm_step: --script must be a Python file, got {script}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def original(script: Any, cfg: LmConfig, vocab: int) -> nn.Module:
    """The network of train_gpt.py in the same shape."""
    shape = cfg.backbone
    return script.GPT(
        vocab_size=vocab,
        num_layers=shape.depth,
        model_dim=shape.dim,
        num_heads=shape.heads,
        num_kv_heads=shape.kv_heads,
        mlp_mult=shape.mlp_factor,
        tie_embeddings=True,
        tied_embed_init_std=shape.embedding_std,
        logit_softcap=shape.logit_cap,
        rope_base=shape.rope_base,
        qk_gain_init=1.5,
    )


def original_step(script: Any, network: nn.Module, inputs: Tensor, targets: Tensor) -> Step:
    """A step with the optimizers that train_gpt.py gives its parameters, at its rates."""
    named = dict(network.named_parameters())
    controls = script.CONTROL_TENSOR_NAME_PATTERNS
    blocks = {n: p for n, p in named.items() if n.startswith("blocks.")}
    matrices = {n for n, p in blocks.items() if p.ndim == 2 and not any(c in n for c in controls)}
    vectors = [p for n, p in named.items() if n not in matrices and n != "tok_emb.weight"]
    adam = {"betas": (0.9, 0.95), "fused": True}
    optimizers = (
        torch.optim.Adam([named["tok_emb.weight"]], lr=0.05, **adam),
        script.Muon([named[n] for n in sorted(matrices)], 0.04, 0.95, 5),
        torch.optim.Adam(vectors, lr=0.04, **adam),
    )

    def step() -> None:
        network(inputs, targets).backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()

    return step


def peer_step(network: nn.Module, inputs: Tensor, targets: Tensor) -> Step:
    """Forward, loss, backward and update."""
    named = dict(network.named_parameters())
    matrices = [p for n, p in named.items() if p.ndim == 2 and (".h." in n or ".layers." in n)]
    rest = [p for p in named.values() if all(p is not matrix for matrix in matrices)]
    optimizers = (
        torch.optim.Muon(matrices, lr=0.01),
        torch.optim.Adam(rest, lr=1e-3, fused=True),
    )

    def step() -> None:
        logits = network(inputs).logits
        F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten()).backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()

    return step


def compare(shape: str, threads: int, rounds: int, script: Any) -> None:
    """Print tokens a second of each and the ratios."""
    torch.set_num_threads(threads)
    cfg = replace_fields(LmConfig(), {**SHAPES[shape], "steps": 100_000})
    run = LmRun(cfg)
    inputs, targets = run._batch(0)
    peers = {"Llama": llama(cfg, run.text.vocab), "GPT-2": gpt2(cfg, run.text.vocab)}
    networks = {"ours": run.network, **peers}
    steps: dict[str, Step] = {"ours": lambda: (run.advance(1), None)[1]}
    steps |= {name: peer_step(network, inputs, targets) for name, network in peers.items()}
    if script:
        networks["script"] = original(script, cfg, run.text.vocab)
        steps["script"] = original_step(script, networks["script"], inputs, targets)
    for step in steps.values():
        step()
    times = times_by_turns(steps, rounds)
    for name in steps:
        speed, share = inputs.numel() / median(times[name]), ratio(times, "ours", name)
        count = sum(p.numel() for p in networks[name].parameters())
        print(
            f"{shape:11} {threads} threads  {name:6} {count:10,} parameters  "
            f"{speed:8.0f} tokens/s  ours takes {share:.2f} of it",
            flush=True,
        )


def main() -> None:
    """Compare for each shape and number of threads."""
    parser = parser_of(__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["lab", "documented"])
    parser.add_argument("--script", type=Path, help="openai/parameter-golf's train_gpt.py")
    options = options_of(parser, threads=[1], rounds=1, shapes=["smoke"])
    need("transformers")
    script = loaded(options.script) if options.script else None
    for shape in options.shapes:
        for threads in options.threads:
            compare(shape, threads, options.rounds, script)


if __name__ == "__main__":
    main()
