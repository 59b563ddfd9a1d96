// The verb list: FL_VERB(name, summary). Included by verbs.cpp; has no include guard on purpose. The verb `name` is
// declare_<name>() in app/cli/<name>.cpp.
FL_VERB(bringup, "the main job: every phase in order, with verdicts, a report and a record")
FL_VERB(doctor, "what this machine has: CPU features, bandwidth, peaks, memory, accelerators")
FL_VERB(list, "what is supported: models, devices, boards, formats, ops, verbs, policies, targets")
FL_VERB(inspect, "what a config says: dimensions, features, memory plan, boards it fits, maximum speed")
FL_VERB(reference, "makes a reference capsule or a .refpt of a text on the reference device")
FL_VERB(check, "components, teacher forcing and invariance against a reference")
FL_VERB(logits, "logits of token ids, for another program to compare")
FL_VERB(generate, "text from one prompt or many")
FL_VERB(chat, "a conversation through the model's chat template")
FL_VERB(bench, "speed: TTFT, tokens/s, latency, share of this machine's rates")
FL_VERB(synth, "a checkpoint with random weights at the dimensions of a config")
FL_VERB(report, "makes report.html again from a record")
