"""Drives the client of the package IOTSocket: one JSON command a line on stdin, one JSON answer a line on stdout.

{"connect": [host, port, id, key, cert or null]}   {"send": "text"}   {"receive": true}   {"close": true}
"""
import json
import sys
import time

from IOTSocket import IOTSocketClient as client


def answer(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


for line in sys.stdin:
    command = json.loads(line)
    try:
        if "connect" in command:
            host, port, device, key, cert = command["connect"]
            client.connectionSet(host, port, device, key, Encrypt=0 if cert is None else 1, cert_path=cert)
            answer({"ok": True})
        elif "send" in command:
            time.sleep(0.001)  # the package stamps to 0.1 ms: two messages in a row could have the same stamp, which is a replay
            client.sendData(command["send"])
            answer({"ok": True})
        elif "receive" in command:
            answer({"received": client.recvData()})
        else:
            client.sock.close()
            answer({"ok": True})
    except Exception as error:  # the library raises bare exceptions
        answer({"raised": str(error)})
