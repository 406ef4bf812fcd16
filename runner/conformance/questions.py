"""What every block must keep. Blocks are found by path, so that a new one is asked these questions by itself.

pytest reads this file: by `voxblocks test KIND.VARIANT` for one block, by tests/conformance for all.
"""

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from blocks.base import BadItem, BlockConfig, Mapper, check_item, ports, verbs
from blocks.load import find, missing, names
from blocks.spec import AudioSpec
from runner.conformance.items import draw
from runner.work.apply import map_rows

SPEC = AudioSpec()


def pytest_generate_tests(metafunc):
    """Each question to each block it is for: to those that were named, else to all."""
    chosen = metafunc.config.getoption("block", default=None) or names()
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", chosen)
    elif "mapper" in metafunc.fixturenames:
        asked = [name for name in chosen if _maps(name) and getattr(metafunc.function, "of", "") in _hears(name)]
        metafunc.parametrize("mapper", asked, indirect=True, scope="module")


def _maps(name: str) -> bool:
    return issubclass(find(name), Mapper) and "fit" not in verbs(find(name))


def _hears(name: str) -> set[str]:
    """The arrays a mapper takes, by the names of their types."""
    return {"", *(mark.name for _, mark in ports(find(name), "map").inputs.__arrays__)}


def of(array: str):
    """Marks a question to those mappers alone that take such an array."""

    def mark(function):
        function.of = array
        return function

    return mark


class TestEveryBlock:
    def test_says_what_it_does_and_serves_a_verb(self, name):
        block = find(name)
        assert (block.__doc__ or __import__(block.__module__, fromlist="x").__doc__ or "").strip()
        assert verbs(block)
        for verb in verbs(block):
            ports(block, verb)

    def test_tiny_is_a_config_that_survives_yaml(self, name):
        tiny = find(name).tiny
        assert isinstance(tiny, BlockConfig)
        assert type(tiny)(**yaml.safe_load(yaml.safe_dump(tiny.model_dump(mode="json")))) == tiny

    def test_unknown_settings_are_refused(self, name):
        tiny = find(name).tiny
        with pytest.raises(ValidationError, match="no_such_setting"):
            type(tiny)(**tiny.model_dump(), no_such_setting=1)

    def test_is_light_to_construct(self, name):
        block = find(name)
        made = block(block.tiny, SPEC)
        assert made.config is block.tiny
        assert made.spec is SPEC

    def test_all_it_needs_is_installed_here(self, name):
        assert missing(find(name)) == []


@pytest.fixture(scope="module")
def mapper(request):
    block = find(request.param)
    made = block(block.tiny, SPEC)
    made.setup()
    schemas = ports(block, "map")
    items = [frozen(draw(schemas.inputs, SPEC, n)) for n in (0, 1)]
    return made, schemas, items, made.apply(items)


def frozen(item):
    """With arrays that cannot be written to, as the runner hands them over."""
    for name, _ in item.__arrays__:
        getattr(item, name).flags.writeable = False
    return item


class TestEveryMapper:
    def test_gives_one_valid_finite_result_an_item(self, mapper):
        _, schemas, items, results = mapper
        assert len(results) == len(items)
        for result in results:
            assert isinstance(result, schemas.output), result
            assert check_item(result, SPEC) is None

    def test_two_together_equal_each_alone(self, mapper):
        block, _, items, together = mapper
        for item, result in zip(items, together):
            same(block.apply([item])[0], result)

    def test_same_seed_gives_the_same_bits(self, mapper):
        block, _, items, first = mapper
        again = type(block)(block.config, SPEC)
        again.setup()
        for a, b in zip(first, again.apply(items)):
            same(a, b, exact=True)

    def test_no_items_give_no_results(self, mapper):
        assert mapper[0].apply([]) == []

    def test_wrong_axes_are_refused_by_name(self, mapper):
        _, schemas, items, _ = mapper
        for name, mark in schemas.inputs.__arrays__:
            wrong = np.zeros((3,) * (len(mark.dims) + 1), mark.dtype)
            with pytest.raises(ValidationError, match=f"(?s){name}.*want {mark.name}"):
                schemas.inputs(**(dict(items[0]) | {name: wrong}))

    @of("wave")
    def test_silence_is_answered_not_crashed_on(self, mapper):
        block, schemas, items, _ = mapper
        silent = {n: np.zeros_like(getattr(items[0], n)) for n, m in schemas.inputs.__arrays__ if m.name == "wave"}
        shard = map_rows(block, schemas.inputs, schemas.output, [("silence", dict(items[0]) | silent)], batch=1)
        assert len(shard.ids) + len(shard.failures) == 1
        assert type(shard.first_error) in (type(None), BadItem), "a bad item is said to be one, not stumbled over"


def same(a, b, exact: bool = False) -> None:
    """Equal to 1e-5 (a layer's tolerance), or bit for bit."""
    assert type(a) is type(b)
    for name in type(a).model_fields:
        mine, theirs = getattr(a, name), getattr(b, name)
        if isinstance(mine, np.ndarray | float) and not exact:
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(mine, theirs, err_msg=name)
