"""Measures llama.cpp on a GGUF: the points of `firstlight bench`, in its own process. See measure.py for the flags."""

import time

import measure
from llama_cpp_model import Model


def main():
    options = measure.arguments(__doc__).parse_args()
    users = range(options.batch)
    length = options.depth + options.prompt + options.generate + 1
    model = Model(options.model, options.batch, (length + 255) // 256 * 256, options.threads, options.flash_attention)
    ids = measure.random_ids(max(options.depth, options.prompt, 64), model.vocabulary)

    def feed(user, begin, count):
        model.run([(ids[i], begin + i, user) for i in range(count)], {count - 1})

    def step(position, number):
        model.run([(ids[(number + 13 * user) % len(ids)], position, user) for user in users], set(users))

    if options.depth:
        feed(0, 0, options.depth)
        for user in users[1:]:
            model.copy(0, user)
    else:
        feed(0, 0, min(64, max(options.prompt, 1)))  # warm-up
    prefill, decode = [], []
    for _ in range(options.repeats):
        for user in users:
            model.trim(user, options.depth)
        if options.prompt:
            start = time.perf_counter()
            for user in users:
                feed(user, options.depth, options.prompt)
            prefill.append(time.perf_counter() - start)
        if options.generate:
            begin = options.depth + options.prompt
            step(begin, 0)  # untimed
            start = time.perf_counter()
            for number in range(options.generate):
                step(begin + 1 + number, number)
            decode.append(time.perf_counter() - start)
    measure.report(options, prefill, decode)


if __name__ == "__main__":
    main()
