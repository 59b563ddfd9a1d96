"""llama.cpp through its C API: a model and a context, batches of (token, position, sequence) in, logits out."""

import ctypes

import llama_cpp as api
import numpy as np


class Model:
    def __init__(self, path, sequences, context, threads, flash_attention="auto", batch=2048):
        api.llama_backend_init()
        self.silence = api.llama_log_callback(lambda level, text, data: None)
        api.llama_log_set(self.silence, ctypes.c_void_p(0))
        parameters = api.llama_model_default_params()
        parameters.n_gpu_layers = 0
        self.model = api.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.model:
            raise SystemExit(f"{path}: llama.cpp does not load it")
        settings = api.llama_context_default_params()
        settings.n_ctx = context * sequences
        settings.n_batch = max(batch, sequences)
        settings.n_seq_max = sequences
        settings.n_threads = threads
        settings.n_threads_batch = threads
        settings.flash_attn_type = {"auto": -1, "off": 0, "on": 1}[flash_attention]
        self.context = api.llama_init_from_model(self.model, settings)
        if not self.context:
            raise SystemExit(f"{path}: no context of {sequences} x {context}")
        self.memory = api.llama_get_memory(self.context)
        self.vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(self.model))
        self.capacity = settings.n_batch
        self.batch = api.llama_batch_init(self.capacity, 0, 1)

    def run(self, rows, logits):
        """rows: (token, position, sequence); logits: row indices whose logits are wanted."""
        for begin in range(0, len(rows), self.capacity):
            part = rows[begin:begin + self.capacity]
            self.batch.n_tokens = len(part)
            for i, (token, position, sequence) in enumerate(part):
                self.batch.token[i] = token
                self.batch.pos[i] = position
                self.batch.n_seq_id[i] = 1
                self.batch.seq_id[i][0] = sequence
                self.batch.logits[i] = begin + i in logits
            if api.llama_decode(self.context, self.batch) != 0:
                raise SystemExit("llama_decode failed")
        api.llama_synchronize(self.context)

    def logits(self, row):
        """Of row `row` of the last batch."""
        pointer = api.llama_get_logits_ith(self.context, row)
        return np.ctypeslib.as_array(pointer, shape=(self.vocabulary,)).copy()

    def trim(self, sequence, length):
        api.llama_memory_seq_rm(self.memory, sequence, length, -1)

    def copy(self, source, target):
        api.llama_memory_seq_cp(self.memory, source, target, -1, -1)
