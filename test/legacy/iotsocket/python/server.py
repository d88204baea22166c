"""Runs the server of the package IOTSocket, unchanged: events as JSON lines on stdout; each line of stdin is a list of pushes.

server.py ACCOUNTS_JSON [CERT KEY]
"""
import json
import queue
import sys
import threading
import time
from importlib import import_module

# The package gives its server's class the name of the module.
module = import_module("IOTSocket.IOTSocketServer")
out = sys.stdout
sys.stdout = open("/dev/null", "w")  # the server prints a dot for each message
accounts = json.loads(sys.argv[1])
pushes = queue.Queue()


def tell(value):
    out.write(json.dumps(value) + "\n")
    out.flush()


def read():
    for line in sys.stdin:
        pushes.put(json.loads(line))
    pushes.put(None)


def wanted():
    try:
        entries = pushes.get_nowait()
    except queue.Empty:
        return []
    if entries is None:
        sys.exit(0)
    time.sleep(0.001)  # the package stamps to 0.1 ms: two lists in a row could have the same stamp, which is a replay
    return entries


class Handler(module.IOTSocket):
    def DeviceVerify(self, id_, key):
        return accounts.get(str(id_)) == key

    def handleMessage(self, id_, data):
        tell({"message": data, "device": id_})

    def handleClose(self, error=""):
        tell({"closed": str(error)})


if len(sys.argv) > 2:
    server = module.IOTSocketServerSSL("127.0.0.1", 0, wanted, Handler, certfile=sys.argv[2], keyfile=sys.argv[3])
else:
    server = module.IOTSocketServer("127.0.0.1", 0, wanted, Handler)
threading.Thread(target=read, daemon=True).start()
tell({"port": server.serversocket.getsockname()[1]})
server.serveforever()
