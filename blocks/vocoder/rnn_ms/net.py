"""The network of `vocoder.rnn_ms`, in Flax, as it is trained: teacher-forced by the true sample before each that it predicts.

Axes: B items, R rows (frames on the samples' grid), M mels, C conditioning channels, S samples, G = 3H gates, H hidden,
L linear, K classes of the mu-law, E embedding.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from blocks.common.jax_nn import finite, gradient, moved
from blocks.vocoder.rnn_ms.cost import mean_nats
from blocks.vocoder.rnn_ms.gru import STILL, gru


class Gates(nn.Module):
    """The weights of a recurrent unit: inputs to gates, state to gates."""

    inputs: int
    hidden: int

    def setup(self):
        I, G = self.inputs, 3 * self.hidden
        self.into_IG = self.param("into", nn.initializers.lecun_normal(), (I, G))
        self.over_GH = self.param(
            "over", nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform", 1, 0), (G, self.hidden)
        )
        self.bias_G = self.param("bias", nn.initializers.zeros, (G,))
        self.last_H1 = self.param("last", nn.initializers.zeros, (self.hidden, 1))

    def __call__(self, gates_SGB):
        return gru(gates_SGB, self.over_GH, self.last_H1, jnp.zeros((self.hidden, gates_SGB.shape[2])))


class Affine(nn.Module):
    inputs: int
    outputs: int

    def setup(self):
        self.w_IO = self.param("w", nn.initializers.lecun_normal(), (self.inputs, self.outputs))
        self.b_O = self.param("b", nn.initializers.zeros, (self.outputs,))

    def __call__(self, x):
        return x @ self.w_IO + self.b_O


class Net(nn.Module):
    mels: int
    conditioning: int  # of each direction
    layers: int
    embedding: int
    hidden: int
    linear: int
    classes: int

    def setup(self):
        C, wide = self.conditioning, 2 * self.conditioning
        self.around = [
            [Gates(wide if n else self.mels, C, name=f"{way}_{n}") for way in ("forward", "backward")]
            for n in range(self.layers)
        ]
        self.embed_KE = self.param("embed", nn.initializers.normal(1.0), (self.classes, self.embedding))
        self.spoken = Gates(self.embedding + wide, self.hidden)
        self.first, self.last = Affine(self.hidden, self.linear), Affine(self.linear, self.classes)
        self.mean_M = self.variable("fixed", "mean", jnp.zeros, (self.mels,))
        self.scale_M = self.variable("fixed", "scale", jnp.ones, (self.mels,))

    def weights(self):
        """All of them: without this, a first net would be run once to be made."""
        gates = [self.spoken, *(one for pair in self.around for one in pair)]
        return [one.into_IG for one in gates], [one.b_O for one in (self.first, self.last)]

    def condition(self, mel_BRM, real_BR):
        """What is known of each row (B, R, C), from before and after it; rows that are not real are as if not there."""
        x = (mel_BRM - self.mean_M.value) * self.scale_M.value
        C, still = self.conditioning, STILL * ~real_BR[..., None]
        for pair in self.around:
            made = []
            for gates, way in zip(pair, (1, -1)):
                given = x @ gates.into_IG + gates.bias_G
                given = given + still * (np.arange(3 * C) // C == 1)
                made.append(gates(given.transpose(1, 2, 0)[::way])[::way].transpose(2, 0, 1))
            x = jnp.concatenate(made, axis=-1)
        return x

    def states(self, known_BRC, before_BS):
        """States (S, H, B) after each sample's predecessor, one of the classes, is fed."""
        B, S = before_BS.shape
        R, E = known_BRC.shape[1], self.embedding
        table_KG = self.embed_KE @ self.spoken.into_IG[:E] + self.spoken.bias_G
        rows_RBG = (known_BRC @ self.spoken.into_IG[E:]).swapaxes(0, 1)
        gates_SBG = table_KG[before_BS.T].reshape(R, S // R, B, -1) + rows_RBG[:, None]
        return self.spoken(gates_SBG.reshape(S, B, -1).swapaxes(1, 2))

    def before_softmax(self, states_SHB):
        """(S * B, L)"""
        S, H, B = states_SHB.shape
        return jax.nn.relu(self.first(states_SHB.swapaxes(1, 2).reshape(S * B, H)))

    def logits(self, states_SHB):
        """(S, B, K)"""
        made = self.last(self.before_softmax(states_SHB))
        return made.reshape(states_SHB.shape[0], states_SHB.shape[2], -1)

    def __call__(self, mel_BRM, real_BR, codes_BS, weight_BS, context: int):
        """Mean nats of codes 1.. given all before them; `context` rows on both sides condition only."""
        known = self.condition(mel_BRM, real_BR)[:, context : mel_BRM.shape[1] - context]
        x_NL = self.before_softmax(self.states(known, codes_BS[:, :-1]))
        return mean_nats(x_NL, self.last.w_IO, self.last.b_O, codes_BS[:, 1:].T.reshape(-1), weight_BS.T.reshape(-1))


def start(net: Net, key) -> dict:
    """First variables."""
    return jax.jit(partial(net.init, method="weights"))(key)


def validation(net: Net, context: int):
    """Compiled (params, fixed, batch) -> mean nats a real sample."""
    return jax.jit(lambda params, fixed, batch: _mean(net, params, fixed, batch, context))


def training_step(net: Net, optimizer, context: int):
    """Compiled (params, opt, fixed, parts) -> new params and opt, and numbers. The old ones are given up.

    `parts` are the arrays of the parts of a batch, stacked on a first axis. Where the loss or a gradient is not finite, weights stay as they were and the loss says so.
    """

    def step(params, opt, fixed, parts):
        whole = parts["weight"].sum()

        def of(params, part, n):
            return _mean(net, params, fixed, part, context) * (part["weight"].sum() / whole)

        value, slope = gradient(of, params, parts)
        norm, fine = finite(value, slope)
        params, opt = moved(optimizer, slope, opt, params, fine)
        return params, opt, {"loss": jnp.where(fine, value, jnp.nan), "grad_norm": norm}

    return jax.jit(step, donate_argnums=(0, 1))


def _mean(net: Net, params, fixed, batch: dict, context: int):
    given = (batch[name] for name in ("mel", "real", "codes", "weight"))
    return net.apply({"params": params, "fixed": fixed}, *given, context)
