/** What travels over HTTP, field by field as the server's contract has it. */

export type Id = string;
/** RFC 3339, UTC. */
export type Timestamp = string;
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Metadata = Record<string, Json>;

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Warning {
  code: string;
  message: string;
}

export interface ErrorBody {
  error: {
    code: string;
    reason?: string | null;
    message: string;
    retryable: boolean;
    request_id: string;
    fields?: { field: string; message: string }[];
  };
  session_id?: Id;
  message_id?: Id;
}

export type DocumentStatus = "queued" | "processing" | "ready" | "failed" | "cancelled" | "deleting";
export type Stage = "parsing" | "chunking" | "publishing" | "embedding";

export interface Document {
  id: Id;
  collection_id: Id;
  title: string;
  source: string;
  media_type: string;
  size_bytes: number;
  sha256: string;
  status: DocumentStatus;
  stage: Stage | null;
  progress: number;
  coverage: { lexical: number; dense: number };
  error: { code: string; reason: string | null; message: string } | null;
  warnings: Warning[];
  version: number;
  chunk_count: number;
  page_count: number | null;
  language: string | null;
  metadata: Metadata;
  duplicate: boolean;
  /** The archive or message that it came out of. */
  parent_id: Id | null;
  part_count: number;
  created_by: Id;
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface Collection {
  id: Id;
  name: string;
  description: string;
  visibility: "private" | "shared" | "public";
  is_default: boolean;
  document_count: number;
  created_by: Id;
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface Source {
  index: number;
  document_id: Id;
  document_version: number;
  chunk_id: Id;
  title: string;
  text: string;
  page_start: number | null;
  page_end: number | null;
  heading: string | null;
  /** UTF-8 offsets into the version's text. */
  byte_start: number;
  byte_end: number;
  score: number;
  scores: { dense: number | null; lexical: number | null; rerank: number | null };
  metadata: Metadata;
  deleted: boolean;
}

export interface Citation {
  index: number;
  /** Unicode code-point offsets into the answer. */
  text_start: number;
  text_end: number;
  quote: string;
  document_id: Id;
  document_version: number;
  page: number | null;
  /** UTF-8 offsets into the version's text. */
  byte_start: number;
  byte_end: number;
  verified: boolean;
}

export interface TextSpan {
  text_start: number;
  text_end: number;
}

export interface Session {
  id: Id;
  title: string;
  collection_ids: Id[] | null;
  model: string | null;
  pinned: boolean;
  folder: string | null;
  message_count: number;
  snippet?: { message_id: Id | null; text: string };
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface SessionPatch {
  title?: string;
  pinned?: boolean;
  folder?: string;
}

export type MessageState = "pending" | "streaming" | "complete" | "cancelled" | "failed";

export interface MessageError {
  code: string;
  reason: string | null;
  message: string;
  retryable: boolean;
}

export interface Feedback {
  rating: "up" | "down";
  reason?: string | null;
  comment?: string | null;
}

export interface Message {
  id: Id;
  session_id: Id;
  parent_id: Id | null;
  role: "user" | "assistant";
  state: MessageState;
  content: string;
  citations: Citation[];
  unsupported: TextSpan[];
  sources: Source[];
  abstained: boolean;
  model: string | null;
  usage: { input_tokens: number; output_tokens: number; cost_usd: number | null; estimated: boolean };
  timings: { retrieval_ms: number; first_token_ms: number; total_ms: number };
  warnings: Warning[];
  finish_reason: string | null;
  error: MessageError | null;
  feedback: Feedback | null;
  metadata: Metadata;
  sibling_ids: Id[];
  created_at: Timestamp;
}

/** A message without what it says. */
export type MessageHead = Pick<Message, "id" | "parent_id" | "role" | "state">;

/** What happens in a session, for those who have it open elsewhere. */
export type SessionEvent =
  | { type: "session"; session: Session }
  | { type: "message"; message: MessageHead }
  | { type: "deleted" };

export type Strategy = "auto" | "hybrid" | "lexical" | "dense" | "none";

/** What a question and its repetition share. */
export interface TurnOptions {
  stream: true;
  context_strategy?: Strategy;
  collection_ids?: Id[];
  model?: string;
}

export interface ChatRequest extends TurnOptions {
  message: string;
  session_id?: Id;
  parent_id?: Id;
}

export type TurnEvent =
  | { type: "started"; session_id: Id; message_id: Id; user_message_id: Id; model: string }
  | { type: "rewritten"; queries: string[] }
  | { type: "sources"; sources: Source[] }
  | { type: "thinking"; delta: string }
  | { type: "text"; delta: string }
  | ({ type: "citation" } & Citation)
  | { type: "tool_call"; id: string; name: string; arguments: Json }
  | { type: "tool_result"; id: string; result: Json; sources?: Source[] }
  | ({ type: "warning" } & Warning)
  | { type: "done"; message: Message }
  | { type: "failed"; error: MessageError; message: Message };

export type SequencedEvent = TurnEvent & { seq: number };
