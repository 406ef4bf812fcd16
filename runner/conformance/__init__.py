"""What every block must keep, asked of a block wherever its file lies: `voxblocks test KIND.VARIANT`."""
