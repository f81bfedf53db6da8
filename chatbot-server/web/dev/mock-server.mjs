/**
 * A stand-in for the server, for working on the page and testing it: the routes that the page uses, in memory,
 * answering with sentences of what was uploaded. The same input gives the same answer.
 *
 * Models: `extractive` (the default), `slow` (a word every 90 ms), `flaky` (the connection breaks twice on the way),
 * `failing` (fails half-way), `busy` (429 with Retry-After), `doubtful` (unverified citations, unsupported sentences).
 */
import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const DIST = join(dirname(fileURLToPath(import.meta.url)), "..", "dist");
const SPEED = { slow: 90, flaky: 40, failing: 40, doubtful: 10 };
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
  "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; " +
  "form-action 'self'; frame-ancestors 'none'";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
const STOP_WORDS = new Set(
  "a about after an and any are at be been before by can could did do does for from had has have how i if in is it its many much must my of often on or say should that the their there these they this to was what when where which while who why will with would you your documents".split(
    " ",
  ),
);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const now = () => new Date().toISOString();
const bytes = (text) => Buffer.byteLength(text, "utf8");
const points = (text) => [...text].length;
const terms = (text) =>
  (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])
    .filter((word) => !STOP_WORDS.has(word))
    .map((word) => word.replace(/(?:ing|ed|es|s)$/, ""));

class Failure extends Error {
  constructor(status, code, message, headers = {}) {
    super(message);
    Object.assign(this, { status, code, headers });
  }
}
const missing = () => new Failure(404, "not_found", "There is no such thing.");

/** Everything that the server knows. `stageMs` is how long one stage of reading a document takes. */
function makeState() {
  const owner = randomUUID();
  const collection = {
    id: randomUUID(),
    name: "My documents",
    description: "",
    visibility: "private",
    is_default: true,
    created_by: owner,
    created_at: now(),
    updated_at: now(),
  };
  return {
    owner,
    collections: new Map([[collection.id, collection]]),
    documents: new Map(),
    sessions: new Map(),
    messages: new Map(),
    turns: new Map(),
    keys: new Map(),
    /** Those who hear of what happens in sessions. */
    listeners: new Set(),
  };
}

function tell(state, session, event) {
  for (const listener of state.listeners) listener(session, event);
}

function tellMessage(state, { session_id, id, parent_id, role, state: messageState }) {
  tell(state, session_id, { type: "message", message: { id, parent_id, role, state: messageState } });
}

// ------------------------------------------------------------------------------------------------ documents

function addDocument(state, { name, type, body, collection, stageMs }) {
  const sha256 = createHash("sha256").update(body).digest("hex");
  for (const { document } of state.documents.values()) {
    if (document.sha256 === sha256 && document.collection_id === collection && document.title === name) {
      return { status: 200, document: { ...document, duplicate: true } };
    }
  }
  const document = {
    id: randomUUID(),
    collection_id: collection,
    title: name,
    source: name,
    media_type: type,
    size_bytes: body.length,
    sha256,
    status: "queued",
    stage: null,
    progress: 0,
    coverage: { lexical: 0, dense: 0 },
    error: null,
    warnings: [],
    version: 1,
    chunk_count: 0,
    page_count: null,
    language: "eng",
    metadata: {},
    duplicate: false,
    parent_id: null,
    part_count: 0,
    created_by: state.owner,
    created_at: now(),
    updated_at: now(),
  };
  const entry = { document, body, text: "", chunks: [], watchers: new Set() };
  state.documents.set(document.id, entry);
  void readDocument(entry, stageMs);
  return { status: 202, document };
}

function changeDocument(entry, change) {
  Object.assign(entry.document, change, { updated_at: now() });
  for (const watcher of entry.watchers) watcher(entry.document);
}

async function readDocument(entry, stageMs) {
  changeDocument(entry, { status: "queued", stage: null, progress: 0, error: null });
  await sleep(stageMs);
  for (const stage of ["parsing", "chunking", "publishing"]) {
    for (const progress of [0, 0.5]) {
      if (entry.document.status === "cancelled") return;
      changeDocument(entry, { status: "processing", stage, progress });
      await sleep(stageMs / 2);
    }
    if (stage === "parsing" && !parse(entry)) return;
  }
  changeDocument(entry, {
    status: "ready",
    stage: "embedding",
    progress: 0,
    chunk_count: entry.chunks.length,
    coverage: { lexical: 1, dense: 0 },
  });
  for (const dense of [0.4, 0.8]) {
    await sleep(stageMs);
    changeDocument(entry, { progress: dense, coverage: { lexical: 1, dense } });
  }
  await sleep(stageMs);
  changeDocument(entry, { stage: null, progress: 1, coverage: { lexical: 1, dense: 1 } });
}

function parse(entry) {
  const text = entry.body
    .toString("utf8")
    .replace(/\r\n?/g, "\n")
    .replace(/^\uFEFF/, "");
  if (text.trim() === "" || text.includes("\0")) {
    const [reason, message] = text.includes("\0")
      ? ["unsupported_format", "Files of this kind cannot be read. Export it as PDF or text and add that."]
      : ["empty", "There is no text in this file. Check that it is the right one."];
    changeDocument(entry, {
      status: "failed",
      stage: null,
      error: { code: "parse_failed", reason, message },
    });
    return false;
  }
  entry.text = text;
  entry.chunks = chunk(text);
  return true;
}

/** One chunk per paragraph, under the last heading above it. A form feed begins a page. */
function chunk(text) {
  const chunks = [];
  let heading = null;
  let page = text.includes("\f") ? 1 : null;
  let offset = 0;
  for (const part of text.split(/(\n\s*\n|\f)/)) {
    const size = bytes(part);
    if (part.includes("\f") && page !== null) page += 1;
    const trimmed = part.trim();
    if (/^#+ /.test(trimmed) && !trimmed.includes("\n")) heading = trimmed.replace(/^#+ /, "");
    else if (trimmed !== "") {
      const start = offset + bytes(part.slice(0, part.indexOf(trimmed)));
      chunks.push({ id: randomUUID(), text: trimmed, heading, page, start, end: start + bytes(trimmed) });
    }
    offset += size;
  }
  return chunks;
}

function search(state, query, collections, limit = 8) {
  const wanted = [...new Set(terms(query))];
  const hits = [];
  for (const { document, chunks } of state.documents.values()) {
    if (document.status !== "ready") continue;
    if (collections?.length && !collections.includes(document.collection_id)) continue;
    for (const part of chunks) {
      const has = new Set(terms(part.text));
      const n = wanted.filter((word) => has.has(word)).length;
      if (n > 0) hits.push({ score: n / wanted.length, document, part });
    }
  }
  hits.sort((a, b) => b.score - a.score);
  return hits.slice(0, limit).map(({ score, document, part }, i) => ({
    index: i + 1,
    document_id: document.id,
    document_version: document.version,
    chunk_id: part.id,
    title: document.title,
    text: part.text,
    page_start: part.page,
    page_end: part.page,
    heading: part.heading,
    byte_start: part.start,
    byte_end: part.end,
    score,
    scores: { dense: null, lexical: score, rerank: null },
    metadata: {},
    deleted: false,
  }));
}

// ------------------------------------------------------------------------------------------------ turns

function newMessage(state, session, parent, role, content) {
  const message = {
    id: randomUUID(),
    session_id: session.id,
    parent_id: parent,
    role,
    state: role === "user" ? "complete" : "pending",
    content,
    citations: [],
    unsupported: [],
    sources: [],
    abstained: false,
    model: null,
    usage: { input_tokens: 0, output_tokens: 0, cost_usd: null, estimated: false },
    timings: { retrieval_ms: 0, first_token_ms: 0, total_ms: 0 },
    warnings: [],
    finish_reason: null,
    error: null,
    feedback: null,
    metadata: {},
    sibling_ids: [],
    created_at: now(),
  };
  state.messages.set(message.id, message);
  session.message_count += 1;
  session.updated_at = now();
  tell(state, session.id, { type: "session", session });
  tellMessage(state, message);
  return message;
}

function begin(state, session, question, request) {
  const model = request.model ?? session.model ?? "extractive";
  if (model === "busy") throw new Failure(429, "rate_limited", "Too many requests.", { "Retry-After": "3" });
  const answer = newMessage(state, session, question.id, "assistant", "");
  answer.model = model;
  const turn = {
    answer,
    question,
    request,
    model,
    changed: () => tellMessage(state, answer),
    log: [],
    followers: new Set(),
    stopped: false,
    began: Date.now(),
  };
  state.turns.set(answer.id, turn);
  void run(state, turn);
  return turn;
}

function emit(turn, event) {
  const sequenced = { seq: turn.log.length + 1, ...event };
  turn.log.push(sequenced);
  for (const follower of turn.followers) follower(sequenced);
}

async function run(state, turn) {
  const { answer, question, model, request, began } = turn;
  const delay = SPEED[model] ?? 12;
  emit(turn, {
    type: "started",
    session_id: answer.session_id,
    message_id: answer.id,
    user_message_id: question.id,
    model,
  });
  await sleep(delay * 4);
  const searches = request.context_strategy !== "none" && request.use_rag !== false;
  if (searches) {
    answer.sources = search(state, question.content, request.collection_ids, request.top_k ?? 8);
    emit(turn, { type: "sources", sources: answer.sources });
  }
  answer.timings.retrieval_ms = Date.now() - began;
  await sleep(delay * 4);
  answer.state = "streaming";
  turn.changed();
  answer.timings.first_token_ms = Date.now() - began;
  const sentences = compose(turn, searches);
  let nWords = 0;
  for (const { text, citation, unsupported } of sentences) {
    const start = points(answer.content);
    for (const piece of text.match(/\S+\s*|\s+/g) ?? []) {
      if (turn.stopped)
        return end(turn, "cancelled", { code: "cancelled", message: "The answer was stopped." });
      if (model === "failing" && nWords === 9) {
        return end(turn, "failed", { code: "unavailable", message: "The model broke off.", retryable: true });
      }
      answer.content += piece;
      nWords += 1;
      emit(turn, { type: "text", delta: piece });
      if (model === "flaky" && (nWords === 6 || nWords === 14)) for (const cut of turn.cuts ?? []) cut();
      await sleep(delay);
    }
    const span = {
      text_start: start,
      text_end: start + points(text.replace(/\s*\[\d+\]\s*$/, "").trimEnd()),
    };
    if (citation) {
      const full = { index: citation.index, ...span, ...citation };
      answer.citations.push(full);
      emit(turn, { type: "citation", ...full });
    }
    if (unsupported) answer.unsupported.push(span);
  }
  answer.usage = {
    input_tokens: 400 + answer.sources.length * 60,
    output_tokens: nWords,
    cost_usd: null,
    estimated: true,
  };
  end(turn, "complete", null);
}

function end(turn, messageState, error) {
  const { answer } = turn;
  answer.state = messageState;
  answer.timings.total_ms = Date.now() - turn.began;
  answer.finish_reason = error ? null : "stop";
  answer.error = error && { reason: null, retryable: false, ...error };
  const message = structuredClone(answer);
  turn.changed();
  emit(turn, error ? { type: "failed", error: answer.error, message } : { type: "done", message });
}

/** The sentences of the sources that say most about the question, each with its citation. */
function compose({ question, answer, model }, searches) {
  if (!searches) return [{ text: "Without documents there is nothing that I could quote. " }];
  const wanted = new Set(terms(question.content));
  const candidates = answer.sources.flatMap((source) => sentencesOf(source, wanted));
  candidates.sort((a, b) => b.score - a.score);
  const best = candidates.filter(({ score }) => score >= Math.min(2, wanted.size) / Math.max(1, wanted.size));
  if (best.length === 0) {
    answer.abstained = true;
    return [{ text: "I did not find an answer to this in your documents." }];
  }
  const n = model === "slow" ? 12 : 3;
  const picked = Array.from(
    { length: model === "slow" ? n : Math.min(n, best.length) },
    (_, i) => best[i % best.length],
  );
  const sentences = picked.map(({ source, quote, start }) => ({
    text: `${quote} [${source.index}] `,
    citation: {
      index: source.index,
      quote,
      document_id: source.document_id,
      document_version: source.document_version,
      page: source.page_start,
      byte_start: start,
      byte_end: start + bytes(quote),
      verified: model !== "doubtful",
    },
  }));
  if (model === "doubtful")
    sentences.push({ text: "This will surely be on time \u{1F600}. ", unsupported: true });
  return sentences;
}

function sentencesOf(source, wanted) {
  const found = [];
  for (const match of source.text.matchAll(/[^.!?\n]+(?:[.!?]+|$|\n)/g)) {
    const quote = match[0].trim();
    if (quote === "") continue;
    const has = new Set(terms(quote));
    const score = [...wanted].filter((word) => has.has(word)).length / Math.max(1, wanted.size);
    const start = source.byte_start + bytes(source.text.slice(0, source.text.indexOf(quote, match.index)));
    if (score > 0) found.push({ source, quote, start, score });
  }
  return found;
}

// ------------------------------------------------------------------------------------------------ sessions

function newSession(state, message) {
  const session = {
    id: randomUUID(),
    title: message.length > 60 ? `${message.slice(0, 57)}…` : message,
    collection_ids: null,
    model: null,
    pinned: false,
    folder: null,
    message_count: 0,
    created_at: now(),
    updated_at: now(),
  };
  state.sessions.set(session.id, session);
  return session;
}

const messagesOf = (state, session) => [...state.messages.values()].filter((m) => m.session_id === session);

function branch(state, session, leaf) {
  const all = messagesOf(state, session);
  let at = leaf ? state.messages.get(leaf) : all.at(-1);
  const path = [];
  for (; at; at = at.parent_id ? state.messages.get(at.parent_id) : undefined) path.unshift(at);
  return path.map((message) => ({
    ...message,
    ...redacted(state, message),
    sibling_ids: all.filter((other) => other.parent_id === message.parent_id).map((other) => other.id),
  }));
}

function redacted(state, message) {
  const gone = (id) => !state.documents.has(id);
  return {
    sources: message.sources.map((s) => (gone(s.document_id) ? { ...s, deleted: true, text: "" } : s)),
    citations: message.citations.map((c) => (gone(c.document_id) ? { ...c, quote: "" } : c)),
  };
}

function snippet(state, session, q) {
  const lower = q.toLowerCase();
  const message = messagesOf(state, session.id).find((m) => m.content.toLowerCase().includes(lower));
  if (!message)
    return session.title.toLowerCase().includes(lower) ? { message_id: null, text: session.title } : null;
  const at = message.content.toLowerCase().indexOf(lower);
  return { message_id: message.id, text: message.content.slice(Math.max(0, at - 40), at + 80) };
}

// ------------------------------------------------------------------------------------------------ HTTP

const page = (items) => ({ items, next_cursor: null });

function paged(items, url) {
  const limit = Number(url.searchParams.get("limit") ?? 50);
  const end = Number(url.searchParams.get("cursor") ?? items.length);
  const start = Math.max(0, end - limit);
  return { items: items.slice(start, end), next_cursor: start > 0 ? String(start) : null };
}

function routes(state, options) {
  const session = (id) => state.sessions.get(id) ?? fail(missing());
  const message = (id) => state.messages.get(id) ?? fail(missing());
  const entry = (id) => state.documents.get(id) ?? fail(missing());
  const counted = (collection) => ({
    ...collection,
    document_count: [...state.documents.values()].filter((e) => e.document.collection_id === collection.id)
      .length,
  });
  const idle = (target) => {
    const busy = messagesOf(state, target.id).some(
      (m) => m.role === "assistant" && ["pending", "streaming"].includes(m.state),
    );
    if (busy) throw new Failure(409, "conflict", "This chat is still being answered.");
  };
  const ask = (body) => {
    const target = body.session_id ? session(body.session_id) : newSession(state, body.message);
    idle(target);
    const parent = body.parent_id ?? messagesOf(state, target.id).at(-1)?.id ?? null;
    return begin(state, target, newMessage(state, target, parent, "user", body.message), body);
  };
  return [
    ["POST", "/chat", ({ body, once }) => ({ turn: once(() => ask(body)) })],
    [
      "POST",
      "/sessions/:id/messages",
      ({ id, body, once }) => ({ turn: once(() => ask({ ...body, session_id: id })) }),
    ],
    [
      "GET",
      "/sessions",
      ({ url }) => {
        const q = url.searchParams.get("q");
        const all = [...state.sessions.values()].sort((a, b) => b.updated_at.localeCompare(a.updated_at));
        if (!q) return { json: page(all) };
        return {
          json: page(all.map((s) => ({ ...s, snippet: snippet(state, s, q) })).filter((s) => s.snippet)),
        };
      },
    ],
    ["GET", "/sessions/:id", ({ id }) => ({ json: session(id) })],
    ["GET", "/sessions/:id/events", ({ id }) => ({ listen: session(id) })],
    [
      "PATCH",
      "/sessions/:id",
      ({ id, body }) => {
        const changed = Object.assign(session(id), body);
        tell(state, id, { type: "session", session: changed });
        return { json: changed };
      },
    ],
    [
      "DELETE",
      "/sessions/:id",
      ({ id }) => {
        session(id);
        state.sessions.delete(id);
        tell(state, id, { type: "deleted" });
        return { status: 204 };
      },
    ],
    [
      "GET",
      "/sessions/:id/messages",
      ({ id, url }) => ({ json: paged(branch(state, session(id).id, url.searchParams.get("leaf")), url) }),
    ],
    [
      "GET",
      "/sessions/:id/export",
      ({ id, url }) => {
        const items = branch(state, session(id).id, null);
        const format = url.searchParams.get("format");
        const text =
          format === "json"
            ? JSON.stringify(items, null, 2)
            : items.map((m) => `**${m.role}:** ${m.content}`).join("\n\n");
        return {
          text,
          headers: {
            "Content-Disposition": `attachment; filename="chat.${format === "json" ? "json" : "md"}"`,
          },
        };
      },
    ],
    [
      "PUT",
      "/sessions/:id/messages/:mid",
      ({ id, mid, body, once }) => {
        const target = session(id);
        idle(target);
        return {
          turn: once(() =>
            begin(
              state,
              target,
              newMessage(state, target, message(mid).parent_id, "user", body.message),
              body,
            ),
          ),
        };
      },
    ],
    [
      "POST",
      "/sessions/:id/messages/:mid/regenerate",
      ({ id, mid, body, once }) => {
        const target = session(id);
        idle(target);
        return { turn: once(() => begin(state, target, message(message(mid).parent_id), body)) };
      },
    ],
    [
      "PUT",
      "/messages/:id/feedback",
      ({ id, body }) => {
        const target = message(id);
        target.feedback = { reason: null, comment: null, ...body };
        return { json: target };
      },
    ],
    [
      "POST",
      "/messages/:id/stop",
      ({ id }) => {
        const turn = state.turns.get(message(id).id);
        if (turn) turn.stopped = true;
        return { status: 202, json: message(id) };
      },
    ],
    [
      "GET",
      "/messages/:id/stream",
      ({ id, url, request }) => ({
        turn: state.turns.get(message(id).id) ?? fail(missing()),
        after: Number(request.headers["last-event-id"] ?? url.searchParams.get("after") ?? 0),
      }),
    ],
    ["GET", "/collections", () => ({ json: page([...state.collections.values()].map(counted)) })],
    [
      "POST",
      "/collections",
      ({ body }) => {
        const [first] = state.collections.values();
        const made = {
          ...first,
          id: randomUUID(),
          name: body.name,
          is_default: false,
          created_at: now(),
          updated_at: now(),
        };
        state.collections.set(made.id, made);
        return { status: 201, json: counted(made) };
      },
    ],
    [
      "DELETE",
      "/collections/:id",
      ({ id }) => {
        if (!state.collections.delete(id)) throw missing();
        for (const { document } of [...state.documents.values()])
          if (document.collection_id === id) state.documents.delete(document.id);
        return { status: 204 };
      },
    ],
    [
      "GET",
      "/documents",
      ({ url }) => {
        const q = url.searchParams.get("q")?.toLowerCase() ?? "";
        const status = url.searchParams.get("status");
        const all = [...state.documents.values()].map((e) => e.document).reverse();
        return {
          json: page(
            all.filter((d) => d.title.toLowerCase().includes(q) && (!status || d.status === status)),
          ),
        };
      },
    ],
    [
      "POST",
      "/documents",
      async ({ request }) => {
        const form = await new Response(request, {
          headers: { "Content-Type": request.headers["content-type"] },
        }).formData();
        const file = form.get("file");
        const [first] = state.collections.keys();
        const body = Buffer.from(await file.arrayBuffer());
        const { status, document } = addDocument(state, {
          name: file.name,
          type: file.type || "text/plain",
          body,
          collection: form.get("collection_id") ?? first,
          ...options,
        });
        return { status, json: document };
      },
    ],
    ["GET", "/documents/:id", ({ id }) => ({ json: entry(id).document })],
    [
      "DELETE",
      "/documents/:id",
      ({ id }) => {
        entry(id);
        state.documents.delete(id);
        return { status: 204 };
      },
    ],
    [
      "GET",
      "/documents/:id/content",
      ({ id }) => ({
        text: entry(id).body,
        headers: { "Content-Disposition": `attachment; filename="original"` },
      }),
    ],
    [
      "GET",
      "/documents/:id/text",
      ({ id, url }) => {
        const text = Buffer.from(entry(id).text, "utf8");
        const start = Number(url.searchParams.get("start") ?? 0);
        const end = Number(url.searchParams.get("end") ?? text.length);
        const cuts = (at) => (text[at] & 0xc0) === 0x80;
        if (end > text.length || start > end || cuts(start) || cuts(end)) {
          throw new Failure(
            400,
            "invalid_input",
            "The span is not inside the text, or cuts a character in two.",
          );
        }
        return { text: text.subarray(start, end) };
      },
    ],
    ["GET", "/documents/:id/events", ({ id }) => ({ watch: entry(id) })],
    [
      "POST",
      "/documents/:id/reindex",
      ({ id }) => {
        void readDocument(entry(id), options.stageMs);
        return { status: 202, json: entry(id).document };
      },
    ],
    [
      "POST",
      "/documents/:id/cancel",
      ({ id }) => {
        changeDocument(entry(id), { status: "cancelled", stage: null });
        return { status: 202, json: entry(id).document };
      },
    ],
    [
      "POST",
      "/search",
      ({ body }) => ({ json: { hits: search(state, body.query, body.collection_ids, body.top_k) } }),
    ],
    ["GET", "/models", () => ({ json: page([{ id: "extractive" }, { id: "slow" }]) })],
  ].map(([method, path, handle]) => ({
    method,
    handle,
    pattern: new RegExp(`^/api/v1${path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`),
  }));
}

function fail(error) {
  throw error;
}

async function readJson(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

function openStream(response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  response.flushHeaders();
}

function follow(turn, after, response) {
  openStream(response);
  const write = (event) => {
    response.write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    if (event.type === "done" || event.type === "failed") response.end();
  };
  for (const event of turn.log.slice(after)) write(event);
  if (response.writableEnded) return;
  const cut = () => response.destroy();
  turn.cuts = (turn.cuts ?? new Set()).add(cut);
  turn.followers.add(write);
  response.on("close", () => {
    turn.followers.delete(write);
    turn.cuts.delete(cut);
  });
}

function watch(entry, response) {
  openStream(response);
  const write = (document) => {
    response.write(`event: document\ndata: ${JSON.stringify(document)}\n\n`);
    const over = document.status === "failed" || document.status === "cancelled";
    if (over || (document.status === "ready" && document.coverage.dense === 1)) response.end();
  };
  write(entry.document);
  if (response.writableEnded) return;
  entry.watchers.add(write);
  response.on("close", () => entry.watchers.delete(write));
}

function listen(state, session, response) {
  openStream(response);
  const write = (id, event) => {
    if (id !== session.id) return;
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    if (event.type === "deleted") response.end();
  };
  state.listeners.add(write);
  response.on("close", () => state.listeners.delete(write));
  write(session.id, { type: "session", session });
}

async function serveFile(path, response) {
  const safe = normalize(path).replace(/^(\.\.[/\\])+/, "");
  const name = extname(safe) === "" ? "/index.html" : safe;
  try {
    const body = await readFile(join(DIST, name));
    response.writeHead(200, { "Content-Type": TYPES[extname(name)] ?? "application/octet-stream" });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
}

/** Starts the mock; resolves to its address and a way to stop it. */
export async function startMock({ port = 0, stageMs = 150 } = {}) {
  const state = makeState();
  const table = routes(state, { stageMs });
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://mock");
    const requestId = randomUUID();
    response.setHeader("Content-Security-Policy", CSP);
    response.setHeader("X-Request-Id", requestId);
    try {
      if (!url.pathname.startsWith("/api/")) return await serveFile(url.pathname, response);
      const route = table.find((r) => r.method === request.method && r.pattern.test(url.pathname));
      if (!route) throw missing();
      const parameters = route.pattern.exec(url.pathname).groups ?? {};
      const isJson = request.headers["content-type"]?.startsWith("application/json");
      const body = isJson ? await readJson(request) : {};
      const once = (make) => {
        const key = request.headers["idempotency-key"];
        if (!key) return make();
        if (!state.keys.has(key)) state.keys.set(key, make());
        return state.keys.get(key);
      };
      const result = await route.handle({ ...parameters, url, request, body, once });
      if (result.turn) return follow(result.turn, result.after ?? 0, response);
      if (result.listen) return listen(state, result.listen, response);
      if (result.watch) return watch(result.watch, response);
      if (result.text !== undefined) {
        response.writeHead(200, { "Content-Type": "text/plain; charset=utf-8", ...result.headers });
        return response.end(result.text);
      }
      response.writeHead(result.status ?? 200, { "Content-Type": "application/json" });
      response.end(result.json === undefined ? "" : JSON.stringify(result.json));
    } catch (error) {
      const { status = 500, code = "internal", headers = {} } = error;
      const retryable = status === 429 || status >= 500;
      response.writeHead(status, { "Content-Type": "application/json", ...headers });
      response.end(
        JSON.stringify({ error: { code, message: error.message, retryable, request_id: requestId } }),
      );
    }
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const stop = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    });
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startMock({ port: Number(process.env.PORT ?? 8787), stageMs: 400 });
  console.log(`The mock server listens on ${url}`);
}
