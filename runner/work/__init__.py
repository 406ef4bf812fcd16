"""What a node does to rows, whatever executes it: joins, items in and out of a block, shards, when failures stop a run."""
