"""The global batch plan and the packing of states: what exact resume stands on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.training import bucket
from runner.fit.batches import BatchPlan
from runner.fit.trees import pack, restore

lengths = st.lists(st.integers(1, 900), min_size=1, max_size=60)


@given(lengths, st.integers(0, 5), st.integers(1, 4))
def test_an_epoch_holds_every_item_once_for_any_number_of_ranks(lengths, seed, world):
    plan = BatchPlan(lengths, seed, budget=2000, most=16)
    seen = []
    for step in range(1, plan.steps_per_epoch + 1):
        parts = [plan.part(step, rank, world) for rank in range(world)]
        assert sum(part.share for part in parts) == pytest.approx(world)
        assert len({part.length for part in parts}) == 1
        for part in parts:
            assert part.indices, "every rank takes part in every step"
            assert len(part.indices) <= part.size
            assert max(lengths[index] for index in part.indices) <= part.length
            seen += part.indices if part.share else ()
    assert sorted(seen) == list(range(len(lengths)))


@given(lengths, st.integers(1, 200))
def test_a_step_is_found_without_walking_to_it(lengths, step):
    whole, again = (BatchPlan(lengths, 3, budget=2000, most=16) for _ in range(2))
    walked = [whole.part(n) for n in range(1, step + 1)]
    assert again.part(step) == walked[-1]


@given(lengths)
def test_ranks_together_see_what_one_alone_sees(lengths):
    plan = BatchPlan(lengths, 1, budget=2000, most=16)
    for step in range(1, plan.steps_per_epoch + 1):
        two = [index for rank in (0, 1) for part in [plan.part(step, rank, 2)] if part.share for index in part.indices]
        assert sorted(two) == sorted(plan.part(step).indices)


def test_epochs_differ_and_batches_keep_the_budget():
    rng = np.random.default_rng(0)
    plan = BatchPlan(rng.integers(20, 900, 300).tolist(), 1, budget=4000, most=32)
    first = [plan.part(step) for step in range(1, plan.steps_per_epoch + 1)]
    second = [plan.part(step + plan.steps_per_epoch) for step in range(1, plan.steps_per_epoch + 1)]
    assert first != second
    assert all(part.length * len(part.indices) <= 4000 for part in first)
    assert len({part.length for part in first}) <= 20, "a compiler meets few shapes"
    assert plan.waste < 0.15


@given(st.integers(1, 100_000))
def test_buckets_pad_by_a_quarter_at_most(length):
    edge = bucket(length)
    assert edge % 8 == 0
    assert length <= edge <= max(length + 8, 1.25 * length + 8)
    assert bucket(edge) == edge


def test_an_optax_state_survives_packing():
    jax = pytest.importorskip("jax")
    import optax

    params = {"a": {"w": jax.numpy.arange(6.0).reshape(2, 3)}, "b": [jax.numpy.ones(2)]}
    state = (params, optax.adam(1e-3).init(params))
    structure, arrays = pack(state)
    back = restore(jax.tree.map(jax.numpy.zeros_like, state), structure, arrays, "state")
    assert jax.tree.structure(back) == jax.tree.structure(state)
    jax.tree.map(np.testing.assert_array_equal, back, state)
    with pytest.raises(ValueError, match=r"does not fit state: .*\['w'\]"):
        restore({"a": {"w": jax.numpy.zeros((2, 2))}}, *pack({"a": {"w": jax.numpy.zeros((2, 3))}}), "state")


def test_a_torch_optimizer_survives_packing():
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    other = torch.optim.Adam(torch.nn.Linear(3, 2).parameters(), lr=0.2)
    restore(other, *pack(optimizer), "optimizer")
    ours, theirs = optimizer.state_dict(), other.state_dict()
    assert ours["param_groups"] == theirs["param_groups"]
    for index, moments in ours["state"].items():
        for name, value in moments.items():
            np.testing.assert_array_equal(value, theirs["state"][index][name])
    with pytest.raises(ValueError, match="does not fit model"):
        restore(torch.nn.Linear(3, 3), *pack(model), "model")


GROUPS = ["one"] * 2 + ["many"] * 80 + ["some"] * 18
LENGTHS = np.random.default_rng(0).integers(20, 400, len(GROUPS)).tolist()


def drawn(balance: float, epochs: int) -> dict[str, float]:
    """The share of each group in what is drawn."""
    plan = BatchPlan(LENGTHS, 1, budget=2000, most=16, groups=GROUPS, balance=balance)
    parts = [plan.part(step).indices for step in range(1, epochs * plan.steps_per_epoch + 1)]
    found = [GROUPS[index] for indices in parts for index in indices]
    return {group: found.count(group) / len(found) for group in ("one", "some", "many")}


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_balance_draws_groups_as_often_as_it_says(balance):
    wanted = {group: GROUPS.count(group) ** (1 - balance) for group in ("one", "some", "many")}
    for group, share in drawn(balance, epochs=40).items():
        assert share == pytest.approx(wanted[group] / sum(wanted.values()), abs=0.02)


def test_without_balance_the_plan_does_not_look_at_groups():
    plain = BatchPlan(LENGTHS, 1, budget=2000, most=16)
    grouped = BatchPlan(LENGTHS, 1, budget=2000, most=16, groups=GROUPS)
    assert [plain.part(step) for step in range(1, 60)] == [grouped.part(step) for step in range(1, 60)]
    assert plain.part(1).indices == (11, 25, 91, 0), "trainings under way would not go on as they began"


@given(lengths, st.integers(0, 5), st.floats(0.1, 1), st.integers(2, 4))
def test_a_balanced_plan_is_the_same_for_any_number_of_ranks(lengths, seed, balance, world):
    groups = [f"{index % 7 // 3}" for index in range(len(lengths))]
    plan, again = (BatchPlan(lengths, seed, 2000, 16, groups=groups, balance=balance) for _ in range(2))
    for step in range(plan.steps_per_epoch + 3, 0, -1):
        whole, parts = plan.part(step), [again.part(step, rank, world) for rank in range(world)]
        assert sorted(index for part in parts if part.share for index in part.indices) == sorted(whole.indices)
        assert sum(part.share for part in parts) == pytest.approx(world)
        assert whole.length * len(whole.indices) <= 2000
    assert abs(sum(plan.draws.values()) - len(lengths)) <= len(plan.buckets)
