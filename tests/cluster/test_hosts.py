"""Hosts of their own, and one that the network loses while it works."""

import json

import pytest

from runner.run.local import LocalExecutor
from runner.store import Store
from tests.cluster import hosts
from tests.clusters import go, tables


@pytest.mark.ray
@pytest.mark.slow
def test_a_host_that_is_cut_off_costs_no_row(tmp_path):
    if reason := hosts.why_not():
        pytest.skip(reason)
    whole, cut = hosts.measure(tmp_path)
    print(hosts.report(whole, cut))
    assert whole.code == 0, whole.said
    assert whole.hosts == [1, 2, 3]
    assert cut.code == 0, cut.said
    assert 2 in cut.hosts
    assert cut.done_at_cut < hosts.ROWS, "it was cut while there was work left"
    ids = [f"tone{n:04d}" for n in range(hosts.ROWS)]
    for run in (whole, cut):
        want = Store(run.folder / "want")
        plan, outcome = go(LocalExecutor(), run.folder / "graph.yaml", want)
        assert outcome.error is None
        assert Store(run.folder / "store").find_table(plan.steps["at"].digest).ids == ids
        assert tables(Store(run.folder / "store")) == tables(want)
        (record,) = Store(run.folder / "store").runs()
        assert {node["state"] for node in record["nodes"].values()} == {"ran"}, json.dumps(record)[:500]
