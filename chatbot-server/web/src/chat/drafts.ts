/** What was typed and not sent, by chat. */

const key = (chat: string) => `draft:${chat}`;

export function draftOf(chat: string): string {
  return localStorage.getItem(key(chat)) ?? "";
}

export function keepDraft(chat: string, text: string): void {
  try {
    if (text === "") localStorage.removeItem(key(chat));
    else localStorage.setItem(key(chat), text);
  } catch {
    // Storage that is full or forbidden costs the draft, nothing else.
  }
}
