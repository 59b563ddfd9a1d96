"""Measures torch in bf16 on a checkpoint folder through transformers. See measure.py for the flags."""

import time

import measure
import torch
import transformers


@torch.inference_mode()
def main():
    options = measure.arguments(__doc__).parse_args()
    torch.set_num_threads(options.threads)
    model = transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.bfloat16)
    model.eval()
    ids = measure.random_ids(max(options.depth, options.prompt, 64), model.config.vocab_size)

    def rows(count):
        return torch.tensor([ids[:count]] * options.batch)

    prefill, decode = [], []
    model(rows(min(64, max(options.prompt, 1))), logits_to_keep=1)  # warm-up
    for _ in range(options.repeats):
        cache = transformers.DynamicCache()
        if options.depth:
            model(rows(options.depth), past_key_values=cache, logits_to_keep=1)
        if options.prompt:
            start = time.perf_counter()
            model(rows(options.prompt), past_key_values=cache, logits_to_keep=1)
            prefill.append(time.perf_counter() - start)
        if options.generate:
            model(rows(1), past_key_values=cache)  # untimed
            start = time.perf_counter()
            for _ in range(options.generate):
                model(rows(1), past_key_values=cache)
            decode.append(time.perf_counter() - start)
    measure.report(options, prefill, decode)


if __name__ == "__main__":
    main()
