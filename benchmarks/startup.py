"""Time of ``headrace --help``, completion and the help of every command, beside an earlier commit, by turns.

``make bench NAME=startup ARGS="--before COMMIT"`` measures both commits with the same interpreter and libraries, and
takes the least of many runs, so that other work on the machine counts little.
"""

import argparse
import json
import sys

from earlier import REPOSITORY, Cost, checked_out, measure, program

GOAL = 0.25
_COMPLETE = {"_HEADRACE_COMPLETE": "complete_bash", "COMP_WORDS": "headrace re", "COMP_CWORD": "1"}
# Of the earlier commit, which knows no shell, what a completion would take at least: all commands, for their names.
CASES: dict[str, tuple[list[str], dict[str, str], int]] = {
    "--help": (["--help"], {}, 0),
    "completion": ([], _COMPLETE, 0),
    "--version": (["--version"], {}, 0),
    "wrong command": (["scor"], {}, 2),
    "run --help": (["run", "--help"], {}, 0),
}


def main() -> None:
    """Measure, and print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default="main", help="The earlier commit.")
    parser.add_argument("--runs", type=int, default=30, help="Runs of each question.")
    parser.add_argument("--all", action="store_true", help="The help of each command too, with a third of the runs.")
    options = parser.parse_args()
    with checked_out(options.before) as earlier, checked_out("") as now:
        cases = dict(CASES)
        if options.all:
            files = (REPOSITORY / "cli" / "texts" / "help").glob("*.txt")
            names = sorted(path.stem.replace(".", " ") for path in files if path.stem != "headrace")
            cases |= {f"{name} --help": ([*name.split(), "--help"], {}, 0) for name in names}
        ratios = {}
        for title, (arguments, environment, code) in cases.items():
            runs = options.runs if title in CASES else max(options.runs // 3, 3)
            old_arguments, old_environment = (["--help"], {}) if environment else (arguments, environment)
            old = program(earlier, "headrace.cli.main", old_arguments)
            new = program(now, "headrace.cli.start", arguments)
            least_old = least_new = Cost(1e9, 1e9)
            for _ in range(runs):
                least_old = least_old.least(measure(old, environment=old_environment, code=code))
                least_new = least_new.least(measure(new, environment=environment, code=code))
            ratios[title] = (least_new.wall / least_old.wall, least_new.cpu / least_old.cpu)
            print(
                f"{title:<28} before {least_old.wall * 1000:5.0f} ms ({least_old.cpu * 1000:4.0f} of CPU)  now "
                f"{least_new.wall * 1000:5.0f} ms ({least_new.cpu * 1000:4.0f} of CPU)  "
                f"ratio {ratios[title][0]:.2f} ({ratios[title][1]:.2f})",
                flush=True,
            )
    met = all(max(ratios[title]) <= GOAL for title in ("--help", "completion")) and all(
        wall < 1 for title, (wall, _) in ratios.items() if title.endswith("--help")
    )
    print(json.dumps({"benchmark": "startup", "ratios": ratios, "goal": GOAL, "met": met}))
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
