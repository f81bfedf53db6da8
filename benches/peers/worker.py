"""One peer in a process of its own: loads the model once, then embeds what each line of its input asks for.

In: {"texts": [...], "batch": n, "max_tokens": n, "vectors": bool}. Out: {"passages", "wall_s", "cpu_s", "vectors"?}.
CPU-seconds are those of the process, by getrusage, around the work alone.
"""

import json
import os
import resource
import sys
import time


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def torch_peer(model, _folder, n_threads):
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(n_threads)
    encoder = SentenceTransformer(model, device="cpu", local_files_only=True)

    def embed(texts, batch, max_tokens):
        encoder.max_seq_length = max_tokens
        return encoder.encode(
            texts, batch_size=batch, normalize_embeddings=True, show_progress_bar=False
        )

    return embed


def onnx_peer(model, file, n_threads):
    import numpy
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))

    def run(texts):
        encoded = tokenizer.encode_batch(texts)
        mask = numpy.array([one.attention_mask for one in encoded], dtype=numpy.int64)
        inputs = {
            "input_ids": numpy.array([one.ids for one in encoded], dtype=numpy.int64),
            "attention_mask": mask,
            "token_type_ids": numpy.zeros_like(mask),
        }
        hidden = session.run(None, {name: inputs[name] for name in names})[0]
        weights = mask[:, :, None].astype(numpy.float32)
        pooled = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        return pooled / numpy.linalg.norm(pooled, axis=1, keepdims=True)

    def embed(texts, batch, max_tokens):
        tokenizer.enable_truncation(max_tokens)
        tokenizer.enable_padding()
        parts = [run(texts[at : at + batch]) for at in range(0, len(texts), batch)]
        return numpy.concatenate(parts)

    return embed


def main():
    kind, model, file, n_threads = sys.argv[1:]
    peer = torch_peer if kind == "torch" else onnx_peer
    embed = peer(model, file, int(n_threads))
    for line in sys.stdin:
        asked = json.loads(line)
        wall, used = time.perf_counter(), cpu()
        vectors = embed(asked["texts"], asked["batch"], asked["max_tokens"])
        reply = {
            "passages": len(asked["texts"]),
            "wall_s": time.perf_counter() - wall,
            "cpu_s": cpu() - used,
        }
        if asked.get("vectors"):
            reply["vectors"] = [[float(x) for x in vector] for vector in vectors]
        print(json.dumps(reply), flush=True)


main()
