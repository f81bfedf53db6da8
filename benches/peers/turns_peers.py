"""One peer in a process of its own: the passages in its own in-memory store, its own prompt, its own client of the model.

`turns_peers.py PEER --folder FOLDER --model URL`: the folder has passages.json, passages.f32, questions.json and questions.f32.
Says {"version"} once it is ready. Then, for each line {"from", "to"} of its input: {"total_s", "bare_s", "cpu_s", "bare_cpu_s",
"ids"} of these questions. `bare_s` is a plain request by httpx, which all of them send theirs with, straight to the model; the two
of the processor are sums.

Each pipeline is put together as the library's own documentation does it. Answers are streamed, as ours are.
"""

import argparse
import json
import os
import sys
import time
from importlib.metadata import version

# Nothing is to be said to anybody else.
os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")
os.environ.setdefault("LANGSMITH_TRACING", "false")

import httpx
import numpy

TOP_K = 8
DIMENSIONS = 384
BARE_CHARS = 5_000
MODEL = "gpt-4o-mini"
PROMPT = (
    "Answer the question from the sources alone. Put the number of the source in brackets behind what it says.\n\n"
    "Sources:\n{sources}\n\nQuestion: {question}"
)


class Folder:
    def __init__(self, path):
        self.passages, passages = self.read(path, "passages")
        self.questions, questions = self.read(path, "questions")
        self.vectors = passages.tolist()
        self.known = dict(zip(self.questions, questions.tolist()))

    @staticmethod
    def read(path, name):
        with open(os.path.join(path, f"{name}.json"), encoding="utf-8") as file:
            texts = json.load(file)
        vectors = numpy.fromfile(os.path.join(path, f"{name}.f32"), dtype="<f4")
        return texts, vectors.reshape(-1, DIMENSIONS)


def haystack(folder, url):
    from haystack import Document, Pipeline, component
    from haystack.components.builders import ChatPromptBuilder
    from haystack.components.generators.chat import OpenAIChatGenerator
    from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
    from haystack.dataclasses import ChatMessage
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack.utils import Secret

    @component
    class Known:
        @component.output_types(embedding=list[float])
        def run(self, text: str):
            return {"embedding": folder.known[text]}

    store = InMemoryDocumentStore(embedding_similarity_function="dot_product")
    store.write_documents([
        Document(id=str(n), content=text, embedding=vector)
        for n, (text, vector) in enumerate(zip(folder.passages, folder.vectors))
    ])
    sources = "{% for one in documents %}[{{ loop.index }}] {{ one.content }}\n{% endfor %}"
    template = [ChatMessage.from_user(PROMPT.format(sources=sources, question="{{ question }}"))]
    pipeline = Pipeline()
    pipeline.add_component("embedder", Known())
    pipeline.add_component("retriever", InMemoryEmbeddingRetriever(document_store=store, top_k=TOP_K))
    pipeline.add_component("prompt_builder", ChatPromptBuilder(template=template, required_variables="*"))
    pipeline.add_component("llm", OpenAIChatGenerator(
        api_key=Secret.from_token("none"), model=MODEL, api_base_url=url, streaming_callback=lambda _: None,
    ))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    pipeline.connect("retriever.documents", "prompt_builder.documents")
    pipeline.connect("prompt_builder.prompt", "llm.messages")

    def ask(question):
        given = {"embedder": {"text": question}, "prompt_builder": {"question": question}}
        result = pipeline.run(given, include_outputs_from={"retriever"})
        return result["llm"]["replies"][0].text, [int(one.id) for one in result["retriever"]["documents"]]

    return ask, "haystack-ai"


def llama_index(folder, url):
    from llama_index.core import PromptTemplate, VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.core.schema import TextNode
    from llama_index.llms.openai import OpenAI

    class Known(BaseEmbedding):
        def _get_query_embedding(self, query):
            return folder.known[query]

        async def _aget_query_embedding(self, query):
            return folder.known[query]

        def _get_text_embedding(self, text):
            raise ValueError("every passage has its vector")

    nodes = [
        TextNode(id_=str(n), text=text, embedding=vector)
        for n, (text, vector) in enumerate(zip(folder.passages, folder.vectors))
    ]
    index = VectorStoreIndex(nodes, embed_model=Known())
    engine = index.as_query_engine(
        llm=OpenAI(model=MODEL, api_base=url, api_key="none"), similarity_top_k=TOP_K, streaming=True,
        text_qa_template=PromptTemplate(PROMPT.format(sources="{context_str}", question="{query_str}")),
    )

    def ask(question):
        response = engine.query(question)
        text = "".join(response.response_gen)
        return text, [int(one.node.node_id) for one in response.source_nodes]

    return ask, "llama-index-core"


def langchain(folder, url):
    from langchain_core.embeddings import Embeddings
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnablePassthrough
    from langchain_core.vectorstores import InMemoryVectorStore
    from langchain_openai import ChatOpenAI

    class Known(Embeddings):
        def embed_query(self, text):
            return folder.known[text]

        def embed_documents(self, texts):
            return folder.vectors

    store = InMemoryVectorStore(embedding=Known())
    store.add_texts(folder.passages, ids=[str(n) for n in range(len(folder.passages))])
    retriever = store.as_retriever(search_kwargs={"k": TOP_K})
    found = []

    def joined(documents):
        found[:] = documents
        return "\n".join(f"[{n}] {one.page_content}" for n, one in enumerate(documents, 1))

    chain = (
        {"sources": retriever | joined, "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_messages([("user", PROMPT)])
        | ChatOpenAI(model=MODEL, base_url=url, api_key="none")
        | StrOutputParser()
    )

    def ask(question):
        text = "".join(chain.stream(question))
        return text, [int(one.id) for one in found]

    return ask, "langchain-core"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=["haystack", "llama_index", "langchain"])
    parser.add_argument("--folder", required=True)
    parser.add_argument("--model", required=True, help="the base URL of the model")
    options = parser.parse_args()
    folder = Folder(options.folder)
    ask, package = globals()[options.peer](folder, options.model)
    message = {"role": "user", "content": "x" * BARE_CHARS}
    body = {"model": MODEL, "stream": True, "messages": [message]}
    client = httpx.Client(trust_env=False)

    def plain():
        client.post(f"{options.model}/chat/completions", json=body).raise_for_status()

    plain()
    print(json.dumps({"version": version(package)}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        block = {"total_s": [], "bare_s": [], "cpu_s": 0.0, "bare_cpu_s": 0.0, "ids": []}
        for question in folder.questions[asked["from"] : asked["to"]]:
            began, used = time.perf_counter(), time.process_time()
            text, ids = ask(question)
            block["total_s"].append(time.perf_counter() - began)
            block["cpu_s"] += time.process_time() - used
            if "said so" not in text:
                raise SystemExit(f"{options.peer} answered {text!r}")
            block["ids"].append(ids)
            began, used = time.perf_counter(), time.process_time()
            plain()
            block["bare_s"].append(time.perf_counter() - began)
            block["bare_cpu_s"] += time.process_time() - used
        print(json.dumps(block), flush=True)


main()
