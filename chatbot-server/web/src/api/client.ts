/** The one place that speaks HTTP to the server. */

import type { ErrorBody, Id } from "./types";

const BASE = "/api/v1";

/** An answer of the server that is an error, or no answer at all (`code` is `network`). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryable: boolean,
    readonly requestId: string | null,
    /** Seconds to wait, where the server said so. */
    readonly retryAfter: number | null = null,
    readonly turn: { sessionId: Id; messageId: Id } | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }

  static network(): ApiError {
    return new ApiError(0, "network", "", true, null);
  }

  static from(error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    return new ApiError(0, "internal", error instanceof Error ? error.message : String(error), false, null);
  }
}

interface Options {
  method?: string;
  body?: unknown;
  accept?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Sends a request and returns the response, which is a success. */
export async function send(path: string, options: Options = {}): Promise<Response> {
  const headers: Record<string, string> = {
    Accept: options.accept ?? "application/json",
    ...options.headers,
  };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(BASE + path, {
      method: options.method ?? "GET",
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
      credentials: "same-origin",
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw ApiError.network();
  }
  if (!response.ok) throw await readError(response);
  return response;
}

/** Sends a request and returns the JSON of its answer. */
export async function call<T>(path: string, options: Options = {}): Promise<T> {
  const response = await send(path, options);
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** The address of something that the browser itself fetches: a download. */
export function address(path: string): string {
  return BASE + path;
}

async function readError(response: Response): Promise<ApiError> {
  return errorOf(response.status, await response.text().catch(() => ""), (name) =>
    response.headers.get(name),
  );
}

/** The error that a status, a body and headers describe. */
export function errorOf(status: number, body: string, header: (name: string) => string | null): ApiError {
  const after = Number.parseInt(header("retry-after") ?? "", 10);
  const retryAfter = Number.isFinite(after) ? after : null;
  try {
    const { error, session_id, message_id } = JSON.parse(body) as ErrorBody;
    const turn = session_id && message_id ? { sessionId: session_id, messageId: message_id } : null;
    return new ApiError(
      status,
      error.code,
      error.message,
      error.retryable,
      error.request_id,
      retryAfter,
      turn,
    );
  } catch {
    const retryable = status >= 500 || status === 429;
    return new ApiError(status, `http_${status}`, "", retryable, header("x-request-id"), retryAfter);
  }
}
