/** Reads answers out while they arrive, sentence by sentence: a live region that nobody sees. */

import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { isFinal } from "../turns/reduce";
import type { Chat } from "./use-chat";

/** How many sentences stay in the region. */
const KEPT = 30;

export function Announcer({ chat }: { chat: Chat }) {
  const { t } = useTranslation();
  const [lines, setLines] = useState<{ id: number; text: string }[]>([]);
  const heard = useRef({ message: "", length: 0, last: 0 });
  const message = chat.messages.at(-1);

  useEffect(() => {
    if (message?.role !== "assistant") return;
    const say = (texts: string[]) => {
      if (texts.length === 0) return;
      setLines((lines) => {
        const added = texts.map((text) => {
          heard.current.last += 1;
          return { id: heard.current.last, text };
        });
        return [...lines, ...added].slice(-KEPT);
      });
    };
    if (heard.current.message !== message.id) {
      // An answer that was complete before it came on the screen is not news.
      const length = isFinal(message) ? message.content.length : 0;
      heard.current = { ...heard.current, message: message.id, length };
      if (!isFinal(message)) say([t("announce.working")]);
    }
    const { sentences, length } = completeSentences(message.content, heard.current.length, isFinal(message));
    heard.current.length = length;
    say(sentences);
  }, [message, t]);

  return (
    <div role="log" aria-live="polite" aria-label={t("announce.label")} className="sr-only">
      {lines.map((line) => (
        <p key={line.id}>{line.text}</p>
      ))}
    </div>
  );
}

/** The sentences of `content` after `from` that are complete, and where the next one begins. */
export function completeSentences(
  content: string,
  from: number,
  ended: boolean,
): { sentences: string[]; length: number } {
  const rest = content.slice(from);
  const sentences: string[] = [];
  let length = from;
  for (const match of rest.matchAll(/[\s\S]*?(?:[.!?…。！？](?:\s*\[\d+\])*(?=\s)|\n\s*\n)/g)) {
    length += match[0].length;
    sentences.push(match[0]);
  }
  if (ended) {
    sentences.push(content.slice(length));
    length = content.length;
  }
  return { sentences: sentences.map(spoken).filter((text) => text !== ""), length };
}

/** Without what only the eye needs. */
function spoken(text: string): string {
  return text
    .replace(/\[\d+\]/g, "")
    .replace(/[*_`#>|]+/g, "")
    .replace(/\s+/g, " ")
    .trim();
}
