"""The training that acoustic models share, step by step, and the settings of critics that may join it.

A distance to the recordings is content with a smooth mean; critics of mels (`blocks.acoustic._critics`) ask for the detail.
"""

from collections.abc import Callable, Iterator

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from blocks.acoustic.schema import Lesson
from blocks.training import Batch, FitConfig, Run


class AdversarialFit(FitConfig):
    lr: PositiveFloat = 1e-3
    clip: PositiveFloat = 1.0  # norm of the gradient
    adversarial_from: PositiveInt | None = None  # the first step with critics; none: the distance alone
    adversarial_weight: NonNegativeFloat = 0.1
    feature_weight: NonNegativeFloat = 0.5
    critic_windows: tuple[PositiveInt, ...] = Field((32, 64, 128), min_length=1)  # frames that each critic sees
    critic_width: PositiveInt = 24
    critic_lr: PositiveFloat = 3e-4

    @model_validator(mode="after")
    def _smoothest_is_not_best(self):
        if self.adversarial_from and self.weights == "best":
            raise ValueError("adversarial_from with weights: best would keep the smoothest mels, want weights: last")
        return self

    @property
    def adversarial_weights(self) -> dict[str, float]:
        """What each loss of the critics counts; they learn their own in full."""
        return {"adversarial": self.adversarial_weight, "feature": self.feature_weight, "critic": 1.0}


def trained(
    run: Run[Lesson],
    net,
    optimizer,
    config: AdversarialFit,
    share: Callable[[int], float],
    losses: Callable,
    validate: Callable[[list[Lesson]], dict],
    show: Callable[[int, Lesson], None],
) -> Iterator[Batch[Lesson]]:
    """Train `net`, and give each batch once its step is taken.

    `share` of the learning rates counts at a step; `losses` of (model, items, frames, adversary, step) holds ``loss``, where
    `adversary` are the critics, or none. Of every validation the first dev item is shown.
    """
    import torch

    model, rates, against, adversary = run.parallel(net), {optimizer: config.lr}, {}, None
    if config.adversarial_from:
        from blocks.acoustic._critics import Adversary

        adversary = Adversary(config, run)
        rates[adversary.optimizer] = config.critic_lr
        against = {"critics": adversary.critics, "critic_optimizer": adversary.optimizer}
    run.state(model=net, optimizer=optimizer, **against)
    step, shown = 0, set()

    def validated(items: list[Lesson]) -> dict[str, float]:
        if step not in shown:  # the first group of dev items
            shown.add(step)
            show(step, items[0])
        return validate(items)

    for batch in run.batches(validate=validated):
        step = batch.step
        for each, lr in rates.items():
            each.zero_grad()
            for group in each.param_groups:
                group["lr"] = lr * share(step)
        net.train()
        numbers = run.backward(batch, lambda part: losses(model, part.items, part.frames, adversary, part.step))
        if run.accepts(batch, numbers["loss"]):
            norm = torch.nn.utils.clip_grad_norm_(net.parameters(), config.clip)
            for each in rates:
                each.step()
            run.report(step, **numbers, lr=config.lr * share(step), grad_norm=norm)
        yield batch
    net.eval()
