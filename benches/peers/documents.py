"""Our parsers beside others, over the public documents: what is found, how like the expected text, how fast, in how much memory.

Each contestant is one process on core 0 that reads one document after the other; a process that dies or takes longer than
a minute over a document counts a crash and is started again. Speed is of PDF alone, where all contestants read the same pages:
three rounds, interleaved. Writes one JSON document to its standard output; says how far it is on standard error.
"""

import argparse
import json
import os
import platform
import re
import select
import statistics
import subprocess
import sys
import unicodedata
from importlib.metadata import version

from rapidfuzz.distance import Indel

from probes import Watch

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = ["pypdfium2", "pypdf", "markitdown", "kreuzberg"]
PDF_ONLY = {"pypdfium2", "pypdf"}
OURS = "chatbot-core"
ROUNDS = 3
TIMEOUT_S = 60
# Longer texts are compared as far as this: the distance takes quadratic time.
COMPARED_CHARS = 60_000
MARKUP = re.compile(r"[#*|_`>\\\-]+")


class Contestant:
    def __init__(self, name, command):
        self.name, self.command, self.process = name, command, None
        self.crashes, self.peak_mb, self.used_s, self.rest = 0, 0.0, 0.0, b""

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
        )
        self.rest = b""

    def read(self, path):
        """What came of a document; `None` where the process did not survive it."""
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write(path.encode() + b"\n")
            self.process.stdin.flush()
            line = self.line()
        except OSError:
            line = None
        if line is None:
            self.crashes += 1
            self.stop()
            return None
        self.peak_mb = max(self.peak_mb, peak_mb(self.process.pid))
        return json.loads(line)

    def line(self):
        out = self.process.stdout.fileno()
        while b"\n" not in self.rest:
            ready, _, _ = select.select([out], [], [], TIMEOUT_S)
            part = os.read(out, 1 << 20) if ready else b""
            if not part:
                return None
            self.rest += part
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def stop(self):
        if self.process is not None:
            self.used_s += used_s(self.process.pid)
            self.process.kill()
            self.process.wait()
            self.process = None


def peak_mb(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            found = re.search(r"VmHWM:\s+(\d+)", status.read())
            return int(found.group(1)) / 1024 if found else 0.0
    except OSError:
        return 0.0


def used_s(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def normalised(text, without_spaces):
    text = unicodedata.normalize("NFKC", text).replace("\u00ad", "").replace("\u200b", "")
    return ("" if without_spaces else " ").join(text.split())


def plain(text):
    return " ".join(MARKUP.sub(" ", unicodedata.normalize("NFKC", text)).split()).lower()[:COMPARED_CHARS]


def documents(folder):
    with open(os.path.join(folder, "manifest.tsv"), encoding="utf-8") as manifest:
        names = manifest.readline().rstrip("\n").split("\t")
        for line in manifest:
            row = dict(zip(names, line.rstrip("\n").split("\t")))
            row["path"] = os.path.join(folder, "files", row["file"])
            row["phrases"] = [phrase for phrase in row["must_contain"].split(" || ") if phrase.strip()]
            row["nospace"] = "match=nospace" in row["note"]
            yield row


def quality(contestant, rows, folder):
    """Documents with all their phrases, phrases, and the likeness to the expected texts."""
    whole = found = wanted = n_documents = 0
    likeness, missed = [], []
    for row in rows:
        answer = contestant.read(row["path"])
        text = (answer or {}).get("reply", {}).get("text") or ""
        if row["expect"] != "TEXT":
            continue
        shown = normalised(text, row["nospace"])
        misses = [one for one in row["phrases"] if normalised(one, row["nospace"]) not in shown]
        n_documents += 1
        whole += not misses
        wanted += len(row["phrases"])
        found += len(row["phrases"]) - len(misses)
        missed += [f"{row['file']}: {one}" for one in misses]
        if row.get("expected_file"):
            with open(os.path.join(folder, row["expected_file"]), encoding="utf-8", errors="replace") as expected:
                likeness.append(Indel.normalized_similarity(plain(expected.read()), plain(text)))
    return {
        "documents": n_documents, "documents_whole": whole, "phrases": wanted, "phrases_found": found,
        "likeness_mean": statistics.fmean(likeness) if likeness else None, "likeness_n": len(likeness),
        "missed": missed,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--extract", required=True, help="the release build's `extract`")
    parser.add_argument("--data", required=True, help="the folder with manifest.tsv")
    options = parser.parse_args()
    rows = list(documents(options.data))
    contestants = [Contestant(OURS, [options.extract])] + [
        Contestant(name, [sys.executable, os.path.join(HERE, "documents_worker.py"), name]) for name in PEERS
    ]
    watch = Watch()
    figures = {}
    for one in contestants:
        mine = [row for row in rows if row["format"] == "pdf" or one.name not in PDF_ONLY]
        figures[one.name] = {"all": quality(one, mine, options.data)}
        pdf = [row for row in mine if row["format"] == "pdf"]
        figures[one.name]["pdf"] = quality(one, pdf, options.data)
        print(f"{one.name}: {figures[one.name]['all']['phrases_found']} phrases", file=sys.stderr)
    pages, speeds = pages_of(contestants[1], rows), {one.name: [] for one in contestants}
    for turn in range(ROUNDS):
        for one in contestants[turn:] + contestants[:turn]:
            speeds[one.name].append(sum(pages.values()) / seconds(one, pages))
    for one in contestants:
        figures[one.name] |= {
            "pages_per_s": statistics.median(speeds[one.name]), "samples": speeds[one.name],
            "peak_mb": one.peak_mb, "crashes": one.crashes,
        }
        one.stop()
    print(json.dumps({
        "contestants": figures, "pages": sum(pages.values()), "rounds": ROUNDS, "probes": watch.close(sum(one.used_s for one in contestants)),
        "machine": {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "versions": {name: version(name) for name in PEERS},
    }, indent=1, ensure_ascii=False))


def pages_of(pdfium, rows):
    """Pages of the documents that the reference reads, by path."""
    counted = {}
    for row in rows:
        if row["format"] == "pdf" and row["expect"] == "TEXT":
            reply = (pdfium.read(row["path"]) or {}).get("reply", {})
            if reply.get("pages"):
                counted[row["path"]] = reply["pages"]
    return counted


def seconds(contestant, pages):
    return sum((contestant.read(path) or {"seconds": TIMEOUT_S})["seconds"] for path in pages)


main()
