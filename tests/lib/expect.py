"""expect.py: drives a program through a pseudo-terminal: send, wait for a pattern, keep the transcript.

Used by scripts/demo and the boot tests. Timeouts only bound a hang: no check depends on how long a thing took.
"""
import errno
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import fcntl


class Failure(Exception):
    """Something expected did not happen; its text holds the end of the transcript."""


class Child:
    """One program on a pseudo-terminal of its own, in a session of its own."""

    def __init__(self, argv, echo=None, env=None, size=(24, 80)):
        self.argv, self.echo, self.text, self.mark, self.code = argv, echo, "", 0, None
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
                os.execvpe(argv[0], argv, {**os.environ, "TERM": "vt100", **(env or {})})
            except OSError as error:
                sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
            os._exit(127)

    def seconds(self):
        return time.monotonic() - self.started

    def read(self, timeout):
        """Reads what is there; False at the end of the program's output."""
        if not select.select([self.fd], [], [], timeout)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            data = b""
        text = data.decode("utf-8", "replace")
        self.text += text
        if self.echo:
            self.echo.write(text)
            self.echo.flush()
        return bool(data)

    def expect(self, pattern, timeout=120):
        """Waits for a regular expression after the last match; returns the match."""
        end = time.monotonic() + timeout
        while True:
            match = re.compile(pattern, re.M).search(self.text, self.mark)
            if match:
                self.mark = match.end()
                return match
            left = end - time.monotonic()
            if left <= 0:
                self.fail(f"no {pattern!r} within {timeout} s")
            if not self.read(min(left, 1)):
                self.fail(f"program ended without {pattern!r}")

    def send(self, text):
        os.write(self.fd, text.encode())

    def command(self, line, prompt, timeout=60):
        """Types a line at a shell prompt; returns what came before the next prompt."""
        self.send(line + "\n")
        start = self.mark
        self.expect(prompt, timeout)
        return self.text[start:self.mark]

    def wait(self, timeout=60):
        """Reads to the end; returns the exit code (128+n for signal n)."""
        if self.code is not None:
            return self.code
        end = time.monotonic() + timeout
        while self.read(0.2):
            if time.monotonic() > end:
                self.fail(f"still running after {timeout} s")
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.code = 128 - code if code < 0 else code
                return self.code
            if time.monotonic() > end:
                self.fail(f"closed its terminal but still runs after {timeout} s")
            time.sleep(0.01)

    def fail(self, why):
        tail = "\n".join(self.text.replace("\r", "").split("\n")[-40:])
        raise Failure(f"{' '.join(self.argv)}\n{why}; the transcript ends:\n{tail}\n")

    def close(self):
        """Ends the program, if it still runs, and releases the terminal."""
        if self.code is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
            self.code = 128 + signal.SIGKILL
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def check(condition, what, child=None):
    """A requirement: prints it, or fails with the transcript."""
    if condition:
        print(f"ok: {what}", flush=True)
    elif child:
        child.fail(f"not so: {what}")
    else:
        raise Failure(f"not so: {what}")
