"""`python -m rewardsmith`: the same command."""

from rewardsmith.cli import main

main()
