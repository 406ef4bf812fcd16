"""`flow.affine` beside the PyTorch decoder of Glow-TTS's layout that `benchmarks/flow.py` times: the same weights make the same latents."""

import numpy as np
import pytest
from scipy.linalg import lu

from benchmarks import flow as benchmark

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")
net = pytest.importorskip("blocks.flow.affine.net")

SIZE = dict(blocks=2, hidden=12, layers=3, kernel=5)


def of_torch(model) -> tuple[dict, dict]:
    """The weights of the peer as those of `net.Flow`, blocks stacked; the norm of single frames, which it lacks, does nothing."""
    blocks = [_block(block) for block in model.blocks]
    stacked = jax.tree.map(lambda *each: np.stack(each), *blocks)
    none = np.zeros(benchmark.MELS, np.float32)
    params = {"norm": {"shift": none, "log_scale": none}, "stage_0": stacked["params"]}
    return params, {"stage_0": stacked["fixed"]}


def _block(block) -> dict:
    weight = {name: value.detach().numpy() for name, value in block.named_parameters()}
    # z @ (P L U) here, with the signs of U's diagonal apart; W z there
    P, L, U = lu(block.matrix().detach().numpy().T)
    mix = {"lower": np.tril(L, -1), "upper": np.triu(U, 1), "log_diagonal": np.log(np.abs(np.diag(U)))}
    fixed = {"order": np.argmax(P, axis=1).astype(np.int32), "sign": np.sign(np.diag(U))}

    def dense(name):
        return {"kernel": weight[f"coupling.{name}.weight"][..., 0].T, "bias": weight[f"coupling.{name}.bias"]}

    gated = {"start": dense("start"), "end": dense("end")}
    for n in range(SIZE["layers"]):
        gated[f"conv_{n}"] = weight[f"coupling.convs.{n}.weight"].transpose(2, 1, 0)
        gated[f"bias_{n}"] = weight[f"coupling.convs.{n}.bias"]
        gated[f"out_{n}"] = dense(f"outs.{n}")
    norm = {"shift": weight["shift"][:, 0], "log_scale": weight["log_scale"][:, 0]}
    return {"params": {"norm": norm, "mix": mix, "coupling": {"net": gated}}, "fixed": {"mix": fixed}}


def test_weights_of_the_peer_load_and_make_the_same():
    torch.manual_seed(0)
    model = benchmark.torch_flow(SIZE).eval()
    flow = net.Flow(**SIZE, squeeze=benchmark.SQUEEZE, mels=benchmark.MELS)
    folded = net.fold(*of_torch(model))
    x, lengths = benchmark.mels(2, 1), np.full(2, benchmark.RATE, np.int32)
    z, _, logdet = jax.jit(net.encode, static_argnums=0)(flow, folded, x, lengths, {})
    back = jax.jit(net.decode, static_argnums=0)(flow, folded, z, lengths, {})
    with torch.no_grad():
        values = torch.from_numpy(x).transpose(1, 2).contiguous()
        their_z, their_logdet = model(values, torch.ones(2, 1, benchmark.RATE // benchmark.SQUEEZE))
        model.remember_inverses()
        their_back = model.decode(their_z, torch.ones(2, 1, benchmark.RATE // benchmark.SQUEEZE))
    assert np.abs(their_z.numpy().transpose(0, 2, 1) - x).max() > 0.1, "it does something"
    np.testing.assert_allclose(z, their_z.numpy().transpose(0, 2, 1), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(logdet, their_logdet.numpy(), rtol=1e-4)
    for made in (back, their_back.numpy().transpose(0, 2, 1)):
        np.testing.assert_allclose(made, x, atol=1e-4)
