/** Server-sent events over `fetch`: a parser that does not mind how the bytes are cut. */

export interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

export class SseParser {
  private rest = "";
  private first = true;
  private skipLineFeed = false;
  private id = "";
  private event = "";
  private data: string[] = [];

  /** Takes the next piece of text and returns the events that it completes. */
  push(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    let input = text;
    if (input === "") return events;
    if (this.first) {
      this.first = false;
      if (input.startsWith("\uFEFF")) input = input.slice(1);
    }
    // A CR that ended the last piece may be half of a CRLF.
    if (this.skipLineFeed && input !== "") {
      this.skipLineFeed = false;
      if (input.startsWith("\n")) input = input.slice(1);
    }
    this.skipLineFeed = input.endsWith("\r");
    const lines = (this.rest + input).split(/\r\n|\r|\n/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.line(line);
      if (event) events.push(event);
    }
    return events;
  }

  private line(line: string): ServerEvent | null {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
    else if (field === "id" && !value.includes("\0")) this.id = value;
    return null;
  }

  private dispatch(): ServerEvent | null {
    const { data, event } = this;
    this.data = [];
    this.event = "";
    if (data.length === 0) return null;
    return { id: this.id, event: event || "message", data: data.join("\n") };
  }
}

/** The server sends a heartbeat every 15 s; a stream this quiet is dead, whatever the socket says. */
const QUIET_MS = 45_000;

/** The events of a response, until it ends. Throws when the connection breaks or goes quiet. */
export async function* readEvents(response: Response): AsyncGenerator<ServerEvent> {
  if (!response.body) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  try {
    for (;;) {
      const { done, value } = await withinQuietLimit(reader.read());
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

async function withinQuietLimit<T>(promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const quiet = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("The stream went quiet.")), QUIET_MS);
  });
  try {
    return await Promise.race([promise, quiet]);
  } finally {
    clearTimeout(timer);
  }
}
