"""vt100.py: the screen of a terminal, from what a program writes to it: as much of a VT100 as ncurses uses (TERM=vt100)."""
import re

SEQUENCE = re.compile(r"\x1b(?:\[([0-9;?]*)([A-Za-z])|([()#].)|([^\[()#]))")


class Screen:
    def __init__(self, rows, cols):
        self.rows, self.cols, self.x, self.y, self.wrap, self.pending = rows, cols, 0, 0, False, ""
        self.top, self.bottom = 0, rows - 1
        self.cells = [[" "] * cols for _ in range(rows)]

    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]

    def feed(self, text):
        text, at = self.pending + text, 0
        while at < len(text):
            if text[at] != "\x1b":
                self._character(text[at])
                at += 1
                continue
            match = SEQUENCE.match(text, at)
            if not match:
                break  # the rest comes later
            self._sequence(match)
            at = match.end()
        self.pending = text[at:]

    def _character(self, ch):
        if ch == "\r":
            self.x, self.wrap = 0, False
        elif ch == "\n":
            self._down()
        elif ch == "\b":
            self.x, self.wrap = max(self.x - 1, 0), False
        elif ch == "\t":
            self.x = min(self.x // 8 * 8 + 8, self.cols - 1)
        elif ch >= " ":
            if self.wrap:
                self.x = 0
                self._down()
            self.cells[self.y][self.x] = ch
            self.wrap = self.x == self.cols - 1
            self.x = min(self.x + 1, self.cols - 1)

    def _down(self):
        self.wrap = False
        if self.y == self.bottom:
            self._scroll(self.top, self.bottom)
        else:
            self.y = min(self.y + 1, self.rows - 1)

    def _up(self):
        if self.y == self.top:
            self._scroll(self.bottom, self.top)
        else:
            self.y = max(self.y - 1, 0)

    def _scroll(self, gone, fresh):
        del self.cells[gone]
        self.cells.insert(fresh, [" "] * self.cols)

    def _sequence(self, match):
        numbers, final = match.group(1) or "", match.group(2)
        if match.group(4) == "M":
            self._up()
        elif match.group(4) == "D":
            self._down()
        if not final or numbers.startswith("?"):
            return
        n = [int(v or 0) for v in numbers.split(";")] if numbers else [0]
        step = max(n[0], 1)
        if final != "m":
            self.wrap = False
        if final in "Hf":
            self.y, self.x = min(step, self.rows) - 1, min(max(n[1] if len(n) > 1 else 1, 1), self.cols) - 1
        elif final in "AB":
            self.y = min(max(self.y + (step if final == "B" else -step), 0), self.rows - 1)
        elif final in "CD":
            self.x = min(max(self.x + (step if final == "C" else -step), 0), self.cols - 1)
        elif final == "r":
            self.top, self.bottom = step - 1, (n[1] if len(n) > 1 else self.rows) - 1
            self.x = self.y = 0
        elif final in "JK":
            self._erase(final == "J", n[0])

    def _erase(self, screen, how):
        here, columns = self.y * self.cols + self.x, self.cols
        first, last = (0, self.rows * columns) if screen else (self.y * columns, (self.y + 1) * columns)
        if how == 0:
            first = here
        elif how == 1:
            last = here + 1
        for i in range(first, last):
            self.cells[i // columns][i % columns] = " "
