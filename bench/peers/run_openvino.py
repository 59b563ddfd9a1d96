"""Measures OpenVINO on a folder that `optimum-cli export openvino` wrote. See measure.py for the flags.

Export: optimum-cli export openvino --model CHECKPOINT --task text-generation-with-past --weight-format int8|int4 OUT
"""

import pathlib
import time

import measure
import numpy as np
import openvino


def keep_last_logits(model):
    """The head on the last position only, as llama.cpp, torch (logits_to_keep) and we have it."""
    node = model.output("logits").get_node().input_value(0).get_node()
    while node.get_type_name() != "MatMul":
        node = node.input_value(0).get_node()
    ops = openvino.opset13
    last = ops.slice(node.input_value(0), ops.constant([-1]), ops.constant([np.iinfo(np.int64).max]),
                     ops.constant([1]), ops.constant([1]))
    node.input(0).replace_source_output(last.output(0))


def main():
    options = measure.arguments(__doc__).parse_args()
    core = openvino.Core()
    model = core.read_model(pathlib.Path(options.model) / "openvino_model.xml")
    keep_last_logits(model)
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": options.threads, "NUM_STREAMS": 1,
                                                 "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    inputs = {name for port in compiled.inputs for name in port.get_names()}
    ids = np.array(measure.random_ids(max(options.depth, options.prompt, 64), 1000), dtype=np.int64)

    def feed(begin, count):
        batch = options.batch
        values = {"input_ids": np.tile(ids[:count], (batch, 1)),
                  "attention_mask": np.ones((batch, begin + count), dtype=np.int64),
                  "position_ids": np.tile(np.arange(begin, begin + count), (batch, 1)),
                  "beam_idx": np.arange(batch, dtype=np.int32)}
        request.infer({name: value for name, value in values.items() if name in inputs})

    prefill, decode = [], []
    feed(0, min(64, max(options.prompt, 1)))  # warm-up
    for _ in range(options.repeats):
        request.reset_state()
        position = options.depth
        if options.depth:
            feed(0, options.depth)
        if options.prompt:
            start = time.perf_counter()
            feed(position, options.prompt)
            prefill.append(time.perf_counter() - start)
            position += options.prompt
        if options.generate:
            feed(position, 1)  # untimed
            start = time.perf_counter()
            for step in range(options.generate):
                feed(position + 1 + step, 1)
            decode.append(time.perf_counter() - start)
    measure.report(options, prefill, decode)


if __name__ == "__main__":
    main()
