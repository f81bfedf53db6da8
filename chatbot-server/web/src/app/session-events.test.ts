import { afterEach, describe, expect, it, vi } from "vitest";
import { queryClient } from "../api/queries";
import type { Message, SessionEvent } from "../api/types";
import { anAnswer } from "../turns/fixtures";
import { listen } from "./session-events";

const SESSION = { id: "s1", title: "Pumps" };
const LIST = ["messages", "s1", null];

/** Listens to these events, and says which lists were marked to be loaded again. */
async function loadedAgain(events: unknown[], known: Message[]): Promise<string[]> {
  queryClient.setQueryData(LIST, { pages: [{ items: known, next_cursor: null }], pageParams: [null] });
  const lines = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  vi.spyOn(globalThis, "fetch").mockResolvedValueOnce(new Response(lines));
  const invalidate = vi.spyOn(queryClient, "invalidateQueries");
  await listen("s1", new AbortController().signal);
  return invalidate.mock.calls.map(([filters]) => String(filters?.queryKey?.[0]));
}

const told = (message: Message): SessionEvent => ({ type: "message", message });
const DELETED: SessionEvent = { type: "deleted" };

describe("a chat that is open elsewhere", () => {
  afterEach(() => {
    vi.restoreAllMocks();
    queryClient.clear();
  });

  it("loads messages again that it does not have, or not to their end", async () => {
    const answer = anAnswer();
    const streaming = anAnswer({ state: "streaming" });
    expect(await loadedAgain([told(answer), DELETED], [])).toContain("messages");
    expect(await loadedAgain([told(answer), DELETED], [streaming])).toContain("messages");
  });

  it("leaves alone what it knows, and what its stream tells anyway", async () => {
    const answer = anAnswer();
    const [pending, streaming] = [anAnswer({ state: "pending" }), anAnswer({ state: "streaming" })];
    expect(await loadedAgain([told(answer), DELETED], [answer])).not.toContain("messages");
    expect(await loadedAgain([told(streaming), DELETED], [pending])).not.toContain("messages");
  });

  it("takes the new name, and forgets a session that is gone", async () => {
    await loadedAgain([{ type: "session", session: SESSION }, DELETED], []);
    expect(queryClient.getQueryData(LIST)).toBeUndefined();
    const named = vi.spyOn(queryClient, "setQueryData");
    await loadedAgain([{ type: "session", session: SESSION }, DELETED], []);
    expect(named).toHaveBeenCalledWith(["sessions", "one", "s1"], SESSION);
  });

  it("stops asking for what is not there", async () => {
    const fetch = vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response("{}", { status: 404 }));
    await listen("s1", new AbortController().signal);
    expect(fetch).toHaveBeenCalledTimes(1);
  });
});
