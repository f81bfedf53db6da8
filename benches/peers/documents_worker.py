"""A peer that takes the text out of documents: a path a line on standard input, a line of JSON for each on standard output.

`documents_worker.py NAME`. A peer is loaded before the first path is read.
"""

import json
import logging
import sys
import time
import warnings


def pypdfium2():
    import pypdfium2 as pdfium

    def read(path):
        document = pdfium.PdfDocument(path)
        pages = [page.get_textpage().get_text_range() for page in document]
        return "\n\n".join(pages), len(pages)

    return read


def pypdf():
    from pypdf import PdfReader

    def read(path):
        pages = [page.extract_text() for page in PdfReader(path).pages]
        return "\n\n".join(pages), len(pages)

    return read


def markitdown():
    from markitdown import MarkItDown

    converter = MarkItDown(enable_plugins=False)
    return lambda path: (converter.convert_local(path).text_content, 0)


def kreuzberg():
    from kreuzberg import extract_file_sync

    return lambda path: (extract_file_sync(path).content, 0)


def main():
    # What peers complain about would stand among the answers.
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    answers, sys.stdout = sys.stdout, sys.stderr
    read = globals()[sys.argv[1]]()
    for line in sys.stdin:
        begun = time.perf_counter()
        try:
            text, pages = read(line.rstrip("\n"))
            reply = {"text": text, "pages": pages}
        except Exception as error:  # Whatever a peer raises is its answer.
            reply = {"error": type(error).__name__}
        reply = {"seconds": time.perf_counter() - begun, "reply": reply}
        print(json.dumps(reply), file=answers, flush=True)


main()
