"""Runs a command in a pseudo-terminal, as a person would.

terminal.py ANSWERS COMMAND...: ANSWERS is a list of pairs of texts in JSON. Each first one
is waited for, and answered by the second. Prints the command's status and all that the
terminal showed, as JSON.
"""

import json
import os
import pty
import select
import sys
import termios

answers, command = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
seen = b""


def more():
    global seen
    try:
        data = os.read(terminal, 65536)
    except OSError:
        data = b""
    seen += data
    return data != b""


for expected, answer in answers:
    while expected.encode() not in seen and more():
        pass
    # What is typed before the echo is off would be seen.
    while expected == "Token: " and termios.tcgetattr(terminal)[3] & termios.ECHO:
        select.select([], [], [], 0.01)
    os.write(terminal, answer.encode() + b"\n")
while more():
    pass
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps([code, seen.decode().replace("\r", "")]))
