"""How recorded runs stand: running, interrupted, crashed, failed or finished."""

from datetime import UTC, datetime, timedelta

from runner.store.claims import lives

BEAT_S = 20.0  # between two signs of life
_SILENT_S = 6 * BEAT_S  # after which a run that calls itself running has died


def state_of(record: dict) -> str:
    """How a recorded run stands: one that was killed could not say so, but its process is gone, or silent on another machine."""
    if "state" not in record:  # of an older version, which recorded the beginning of a run like its end
        ended = record.get("error") or any(node["state"] != "waiting" for node in record["nodes"].values())
        return ("failed" if record.get("error") else "finished") if ended else "crashed"
    if record["state"] != "running":
        return record["state"]
    alive = lives(record["process"]) if "process" in record else None
    if alive is None:
        alive = datetime.now(UTC) - datetime.fromisoformat(record["seen"]) <= timedelta(seconds=_SILENT_S)
    return "running" if alive else "crashed"


def newest_finished(records: list[dict]) -> tuple[dict | None, list[dict]]:
    """The newest run that finished, else the newest that failed, and those that began after it; `records` from the newest on."""
    for wanted in ("finished", "failed"):
        for number, record in enumerate(records):
            if state_of(record) == wanted:
                return record, records[:number]
    return None, records


def said(record: dict) -> str:
    """How a run stands, in a sentence."""
    error = str(record.get("error") or "").partition("\n")[0].rstrip(".")
    state = state_of(record)
    return f"A run of {record['started']} {'failed' if state == 'failed' else f'is {state}'}{f': {error}' if error else ''}."
