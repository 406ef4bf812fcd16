"""What there is: blocks described, the JSON Schema of graphs, new blocks, what a machine lacks, exports."""
