"""`python -m Testing.fuzz --count N --seed S`: reads N damaged files; ends with 1 where any is a fault."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from Testing.fuzz.campaign import in_detail, run_campaign, save_faults, table


def main() -> int:
    """Run the campaign that the command line asks for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m Testing.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="damaged files (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the damage (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first one (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes at a time (default: %(default)s)")
    parser.add_argument("--minimise", action="store_true", help="leave out edits that a fault does not need")
    parser.add_argument("--save", type=Path, metavar="DIR", help="write the files of faults there")
    args = parser.parse_args()
    start = time.perf_counter()

    def tell(done: int) -> None:
        print(f"\r{done} of {args.count}, {time.perf_counter() - start:.0f} s", end="", file=sys.stderr, flush=True)

    campaign = run_campaign(range(args.first, args.first + args.count), args.seed, args.jobs, tell)
    print(file=sys.stderr)
    print(table(campaign))
    for line in in_detail(campaign, args.minimise):
        print(line)
    if args.save is not None:
        save_faults(campaign, args.save)
    print(f"\n{args.count} files of seed {args.seed} in {time.perf_counter() - start:.0f} s")
    return 1 if campaign.faults else 0


if __name__ == "__main__":
    sys.exit(main())
