#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Run a command on a terminal of its own, as a shell would.

  on-terminal.py [--background] [--send SIGNAL FILE] COMMAND [ARG...]
      Prints what it prints and then, on one line, its exit status as a shell counts it
      ("hung" if it did not end in time), and "sane" or "changed": the terminal's settings.
      --background   not in the terminal's foreground
      --send         the signal, to the command alone, as soon as there is FILE
"""
import os
import pty
import signal
import sys
import termios
import time

LIMIT = 15


def be_shell(args, background, name, path):
    """In the session that the terminal belongs to."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    before = termios.tcgetattr(0)
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        if not background:
            os.tcsetpgrp(0, os.getpgrp())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(args[0], args)
    end, sent, status = time.monotonic() + LIMIT, False, 'hung'
    while time.monotonic() < end:
        ended, how = os.waitpid(pid, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(how)
            status = 128 - status if status < 0 else status
            break
        if name and not sent and os.path.exists(path):
            time.sleep(0.2)
            os.kill(pid, getattr(signal, 'SIG' + name))
            sent = True
        time.sleep(0.05)
    same = termios.tcgetattr(0) == before
    if status == 'hung':
        os.killpg(pid, signal.SIGKILL)
    print(f'\n{status} {"sane" if same else "changed"}', flush=True)


def main(args):
    background, name, path = False, None, None
    while args[0].startswith('--'):
        if args[0] == '--background':
            background, args = True, args[1:]
        else:
            name, path, args = args[1], args[2], args[3:]
    pid, terminal = pty.fork()
    if pid == 0:
        be_shell(args, background, name, path)
        os._exit(0)
    said = b''
    try:
        while True:
            more = os.read(terminal, 4096)
            if not more:
                break
            said += more
    except OSError:         # the other side is closed
        pass
    os.waitpid(pid, 0)
    sys.stdout.write(said.decode(errors='replace').replace('\r', '').rstrip('\n') + '\n')


if __name__ == '__main__':
    main(sys.argv[1:])
