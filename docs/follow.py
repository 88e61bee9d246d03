#!/usr/bin/env python3
"""Follows a rollout by the JSON lines of shipctl, and says what a dashboard would want to know.

    shipctl deploy prod --yes --format json | python3 docs/follow.py

Ends with the exit code of the run. docs/events.md says what the lines are.
"""

import json
import sys


def kind_and_facts(event):
    """An event is an object with one key, or a word where there is no more to say."""
    if isinstance(event, str):
        return event, {}
    return next(iter(event.items()))


def release(facts):
    return f"r{facts['number']}-{facts['digest'][:6]}"


def main():
    states = {}
    code = 1  # a stream that breaks off is no success
    for line in sys.stdin:
        record = json.loads(line)
        if record["format"] != 1:
            sys.exit(f"format {record['format']} is newer than this script")
        if "exit" in record:
            code = record["exit"]
            if "error" in record:
                print(f"error: {record['error']['message']}")
            continue
        kind, facts = kind_and_facts(record["event"])
        if kind == "rollout_started":
            scope = facts["scope"]
            print(f"{facts['kind']} of {release(facts['release'])} to {scope['project']} {scope['environment']}")
        elif kind == "batch_started":
            print(f"batch {facts['number']} of {facts['of']}: {facts['service']} on {', '.join(facts['hosts'])}")
        elif kind == "promoted":
            states[facts["host"], facts["service"]] = f"runs r{facts['release']}"
        elif kind == "unwound":
            states[facts["host"], facts["service"]] = "is back on what it ran before"
        elif kind == "host_failed":
            failure = facts["failure"]
            print(f"{failure['host'] or 'the rollout'} failed at {failure['doing']}: {failure['reason']}")
        elif kind == "finished":
            outcome = facts["outcome"]
            print(f"outcome: {outcome if isinstance(outcome, str) else next(iter(outcome))}")
        # Kinds that a later shipctl has are passed over.
    for (host, service), state in sorted(states.items()):
        print(f"{service} on {host} {state}")
    sys.exit(code)


main()
