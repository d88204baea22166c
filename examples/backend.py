#!/usr/bin/env python3
"""A backend for `tidelock serve --backend 'python3 backend.py'`; docs/backends.md has the protocol.

Writes each message into a file, and tells the device which reading was written. Needs Python 3.8, nothing else.
"""
import base64
import json
import os
import sys

LOG = os.environ.get("READINGS", "readings.txt")


def say(**line):
    """One JSON object, one line, at once."""
    print(json.dumps(line), flush=True)


def body_of(line):
    return line["text"] if "text" in line else base64.b64decode(line["base64"]).hex()


def handle(message):
    """Do the work first, and say done after it: a crash in between gives the message again, with the same id."""
    with open(LOG, "a", encoding="utf-8") as log:
        log.write("{device}\t{time}\t{id}\t{body}\n".format(
            device=message["device"], time=message["time"], id=message.get("id", "-"), body=body_of(message)))
        log.flush()
        os.fsync(log.fileno())
    if "id" in message:
        say(type="done", id=message["id"])
        # "ref" is ours: it comes back with what became of the message.
        say(type="send", ref=message["id"], device=message["device"], text="written: " + body_of(message), lifetime=60000)


def main():
    for line in sys.stdin:  # ends when the gateway closes our stdin
        line = json.loads(line)
        kind = line["type"]
        if kind == "hello":
            say(type="ready", version=1)
        elif kind == "message":
            handle(line)
        elif kind == "result":
            print("{ref}: {state}".format(**line), file=sys.stderr)  # stdout belongs to the protocol
        elif kind == "error":
            print("the gateway says:", line["error"]["problem"], file=sys.stderr)


if __name__ == "__main__":
    main()
