"""What every block must keep. Blocks are found by path, so that a new one is asked these questions by itself.

pytest reads this file: by `voxblocks test KIND.VARIANT` for one block, by tests/conformance for all.
"""

from functools import cache

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from blocks.base import BadItem, BlockConfig, DerivedRow, Failure, Trainable, check_item, methods, ports, streams, verbs
from blocks.load import find, missing, names
from blocks.spec import AudioSpec
from runner.conformance.items import draw
from runner.conformance.trained import loaded, trained
from runner.work.apply import map_rows

SPEC = AudioSpec()


def pytest_generate_tests(metafunc):
    """Each question to each block it is for, of a mapper to each of its methods: to those that were named, else to all."""
    named = metafunc.config.getoption("block", default=None)
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", named or names())
    elif "mapper" in metafunc.fixturenames:
        every = [f"{name}.{method}" for name in named or names() for method in methods(find(name))]
        asked = [each for each in every if getattr(metafunc.function, "of", "") in _arrays_of(each)]
        marked = [pytest.param(each, marks=() if named else _marks(each)) for each in asked]
        metafunc.parametrize("mapper", marked, indirect=True, scope="module")
    elif "expander" in metafunc.fixturenames:
        asked = [name for name in named or names() if "expand" in verbs(find(name))]
        metafunc.parametrize("expander", asked, indirect=True, scope="module")


def _marks(mapper: str):
    """A vocoder takes long to train even a little, and is asked much more than this in tests/conformance/test_vocoders.py."""
    name = mapper.rpartition(".")[0]
    return pytest.mark.slow if name.startswith("vocoder.") and issubclass(find(name), Trainable) else ()


def _arrays_of(mapper: str) -> set[str]:
    """The arrays a method of a mapper takes, by the names of their types."""
    name, _, method = mapper.rpartition(".")
    return {"", *(mark.name for _, mark in ports(find(name), "map", method).inputs.__arrays__)}


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


class Mapping:
    """One method of a mapper that was made twice, from the same settings and weights; `again` asks the second one."""

    def __init__(self, name: str, method: str, weights):
        cls, self.method = find(name), method
        self.block, self.second = (loaded(cls, SPEC, weights) for _ in range(2))
        self.schemas = ports(cls, "map", method)
        self.items = [frozen(draw(self.schemas.inputs, SPEC, n)) for n in (0, 1)]
        self.results = self(self.items)

    def __call__(self, items: list) -> list:
        return getattr(self.block, self.method)(items)

    def again(self, items: list) -> list:
        return getattr(self.second, self.method)(items)


@pytest.fixture(scope="module")
def weights_of(tmp_path_factory):
    """A block's weights, if it has any: trained once for all its methods."""

    @cache
    def make(name: str):
        cls = find(name)
        return trained(cls, SPEC, tmp_path_factory.mktemp("weights")) if issubclass(cls, Trainable) else None

    return make


@pytest.fixture(scope="module")
def mapper(request, weights_of):
    name, _, method = request.param.rpartition(".")
    return Mapping(name, method, weights_of(name))


def frozen(item):
    """With arrays that cannot be written to, as the runner hands them over."""
    for name, _ in item.__arrays__:
        getattr(item, name).flags.writeable = False
    return item


class TestEveryMapper:
    def test_gives_one_valid_finite_result_an_item(self, mapper):
        assert len(mapper.results) == len(mapper.items)
        for result in mapper.results:
            assert isinstance(result, mapper.schemas.output), result
            assert check_item(result, SPEC) is None

    def test_two_together_equal_each_alone(self, mapper):
        for item, result in zip(mapper.items, mapper.results):
            same(mapper([item])[0], result)

    def test_same_seed_gives_the_same_bits(self, mapper):
        for a, b in zip(mapper.results, mapper.again(mapper.items)):
            same(a, b, exact=True)

    def test_no_items_give_no_results(self, mapper):
        assert mapper([]) == []

    def test_an_item_has_a_length(self, mapper):
        assert all(mapper.block.length(item) > 0 for item in mapper.items)

    def test_warm_changes_nothing(self, mapper):
        mapper.second.warm(mapper.items)
        for a, b in zip(mapper.results, mapper.again(mapper.items)):
            same(a, b, exact=True)

    def test_wrong_axes_are_refused_by_name(self, mapper):
        inputs = mapper.schemas.inputs
        for name, mark in inputs.__arrays__:
            wrong = np.zeros((3,) * (len(mark.dims) + 1), mark.dtype)
            with pytest.raises(ValidationError, match=f"(?s){name}.*want {mark.name}"):
                inputs(**(dict(mapper.items[0]) | {name: wrong}))

    @of("wave")
    def test_silence_is_answered_not_crashed_on(self, mapper):
        inputs = mapper.schemas.inputs
        silent = {n: np.zeros_like(getattr(mapper.items[0], n)) for n, m in inputs.__arrays__ if m.name == "wave"}
        rows = [("silence", dict(mapper.items[0]) | silent)]
        shard = map_rows(mapper.block, inputs, mapper.schemas.output, rows, 1, mapper.method)
        assert len(shard.ids) + len(shard.failures) == 1
        assert type(shard.first_error) in (type(None), BadItem), "a bad item is said to be one, not stumbled over"


@pytest.fixture(scope="module")
def expander(request, weights_of):
    """Makes the block's rows of four items, two of each of two voices, anew each time."""
    cls, weights = find(request.param), weights_of(request.param)
    drawn = [frozen(draw(ports(cls, "expand").inputs, SPEC, n % 2)) for n in range(4)]
    apart = [{"id": f"item-{n}", "speaker": f"voice-{n // 2}"} for n in range(4)]
    items = [
        item.model_copy(update={key: value for key, value in given.items() if key in type(item).model_fields})
        for item, given in zip(drawn, apart)
    ]

    def make(apart: bool = False):
        """`apart`: each item by itself, where the block says that this makes no difference."""
        given = iter(items) if streams(cls) else list(items)
        block = loaded(cls, SPEC, weights)
        return (
            [row for item in items for row in block.expand([item])]
            if apart and cls.apart
            else list(block.expand(given))
        )

    return make


class TestEveryExpander:
    def test_gives_valid_rows_that_list_their_parents(self, expander):
        made = expander()
        assert made, "rows, or what stood in the way of some"
        assert all(each.id for each in made), "a row brings its id, and so does what stands in the place of one"
        rows = [row for row in made if not isinstance(row, Failure)]
        assert len({row.id for row in rows}) == len(rows)
        for row in rows:
            assert isinstance(row, DerivedRow), row
            assert row.parents
            assert check_item(row, SPEC) is None

    def test_same_seed_gives_the_same_rows(self, expander):
        for a, b in zip(expander(), expander(), strict=True):
            same(a, b, exact=True)

    def test_items_apart_make_the_same_rows_where_it_says_so(self, expander):
        for a, b in zip(expander(), expander(apart=True), strict=True):
            same(a, b, exact=True)


def same(a, b, exact: bool = False) -> None:
    """Equal to 1e-5 (a layer's tolerance), or bit for bit."""
    assert type(a) is type(b)
    if isinstance(a, Failure):
        assert a == b
        return
    for name in type(a).model_fields:
        mine, theirs = getattr(a, name), getattr(b, name)
        if isinstance(mine, np.ndarray | float) and not exact:
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(mine, theirs, err_msg=name)
