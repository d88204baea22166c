"""The server of the package IOTSocket, which counts messages. A line of stdin, {"count": n}, arms it; a line of stdout tells the rate.

With the argument `lifted` its limit of 333 messages without a pause is patched out: the list of used stamps is kept at 333
entries, which is when it is fastest; left to grow, it is searched from end to end for every message.
"""
import json
import os
import sys
import threading
import time
from importlib import import_module

# The package gives its server's class the name of the module.
module = import_module("IOTSocket.IOTSocketServer")
out = sys.stdout
sys.stdout = open(os.devnull, "w")  # the server prints a dot for each message
state = {"count": 0, "target": 0, "start": 0.0, "cpu": 0.0}


def tell(value):
    out.write(json.dumps(value) + "\n")
    out.flush()


class Handler(module.IOTSocket):
    def DeviceVerify(self, id_, key):
        return key == "goodkey123"

    def handleMessage(self, id_, data):
        count = state["count"] = state["count"] + 1
        if count == 1:
            state["start"], state["cpu"] = time.perf_counter(), time.process_time()
        elif count == state["target"]:
            seconds, cpu = time.perf_counter() - state["start"], time.process_time() - state["cpu"]
            tell({"rate": (count - 1) / seconds, "cpu": cpu * 1e6 / (count - 1), "busy": cpu / seconds})

    def handleClose(self, error=""):
        if "remote socket closed" not in str(error):
            tell({"closed": str(error)[:200]})


if sys.argv[1:] == ["lifted"]:

    def check(self, device_time, server_time):
        sent = float(device_time[: device_time.index(".") + 5])
        now = float(server_time[: server_time.index(".") + 5])
        if sent in self.time_stamps or abs(now - sent) >= 3:
            return False
        if len(self.time_stamps) >= 333:
            del self.time_stamps[0]
        self.time_stamps.append(sent)
        return True

    Handler.chkTime = check


def commands():
    for line in sys.stdin:
        state["count"], state["target"] = 0, json.loads(line)["count"]
        tell({"armed": True})
    os._exit(0)


server = module.IOTSocketServer("127.0.0.1", 0, lambda: [], Handler)
threading.Thread(target=commands, daemon=True).start()
tell({"port": server.serversocket.getsockname()[1]})
server.serveforever()
