# What python3 works on: floats, a dictionary, strings, calls. No import: the guest has only the core library.
def bodies(steps):
    x, v = [0.0, 1.0, 2.5], [0.1, -0.2, 0.05]
    for _ in range(steps):
        for i in range(3):
            force = 0.0
            for k in range(3):
                d = x[k] - x[i]
                force += d / (d * d + 0.01)
            v[i] += 0.001 * force
        for i in range(3):
            x[i] += 0.001 * v[i]
    return sum(int(c * 1e6) for c in x)


def words(count):
    seen = {}
    state = 1
    for _ in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        word = "w%d" % (state >> 20)
        seen[word] = seen.get(word, 0) + 1
    return sorted(seen.items(), key=lambda pair: (-pair[1], pair[0]))[:5]


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


print(bodies(4000), words(40000), fib(20), sum(i * i % 7 for i in range(100000)))
