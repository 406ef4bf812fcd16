"""What a run will do, and under which digests."""

from runner.plan.plan import Plan, PlanError, Step, make_plan, upstream_of

__all__ = ["Plan", "PlanError", "Step", "make_plan", "upstream_of"]
