import { ArrowDown } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "../api/client";
import type { Id, Message } from "../api/types";
import { useModel } from "../app/places";
import { isFinal } from "../turns/reduce";
import { turns, useTurns } from "../turns/store";
import { Button } from "../ui/button";
import { toast } from "../ui/toasts";
import { Announcer } from "./announcer";
import { Composer } from "./composer";
import { EmptyChat } from "./empty-chat";
import { Failure } from "./failure";
import { MessageView } from "./message-view";
import { ask, type Chat, edit, regenerate } from "./use-chat";
import { useStickToBottom } from "./use-stick-to-bottom";
import { Waiting } from "./waiting";

export function ChatView({ session, chat }: { session: Id | null; chat: Chat }) {
  const { t } = useTranslation();
  const model = useModel();
  const { requestIds } = useTurns();
  const input = useRef<HTMLTextAreaElement>(null);
  const { messages, outgoing, answers, busy, query } = chat;
  const [queued, unqueue, enqueue] = useQueue(session, chat, model);
  const last = messages.at(-1);
  const scroll = useStickToBottom(session, outgoing?.sentAt ?? 0);

  const send = useCallback(
    (text: string) => {
      if (busy) enqueue(text);
      else ask(session, text, model, branchEnd(messages));
    },
    [busy, enqueue, session, model, messages],
  );
  const stop = useCallback(() => {
    const growing = messages.find((message) => !isFinal(message));
    turns.stop(session ?? "new", growing?.id ?? null).catch(() => toast(t("composer.stopFailed")));
  }, [messages, session, t]);
  const onEdit = useCallback(
    (message: Message, text: string) => {
      edit(message, text, model);
      input.current?.focus();
    },
    [model],
  );
  const onRegenerate = useCallback(
    (message: Message) => {
      regenerate(message, model);
      input.current?.focus();
    },
    [model],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: another chat is the reason
  useEffect(() => {
    input.current?.focus({ preventScroll: true });
  }, [session]);

  const pending = outgoing !== null && !messages.some((message) => message.id === outgoing.userMessageId);
  const isEmpty = messages.length === 0 && outgoing === null;
  const show = (message: Message) => (
    <MessageView
      key={message.id}
      message={message}
      answer={answers.get(message.id)}
      requestId={requestIds.get(message.id) ?? null}
      busy={busy}
      isLast={message === last}
      onEdit={onEdit}
      onRegenerate={onRegenerate}
    />
  );
  // One list with one key per message: an answer stays the same element when the list of messages comes to know it, so
  // that what a reader has selected in it stays selected.
  const transcript = messages.map(show);
  if (pending && outgoing.text !== null) {
    const answered = outgoing.messageId !== null && last?.id === outgoing.messageId;
    transcript.splice(
      answered ? -1 : transcript.length,
      0,
      <article key="outgoing" aria-label={t("message.you")} className="flex justify-end pb-8 pt-5 first:pt-0">
        <div className="max-w-[85%] whitespace-pre-wrap break-words rounded-2xl rounded-br-md bg-bubble px-4 py-2.5">
          {outgoing.text}
        </div>
      </article>,
    );
  }
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div ref={scroll.box} className="min-h-0 flex-1 overflow-y-auto overflow-x-hidden" data-transcript>
        <div ref={scroll.content} className="mx-auto w-full max-w-3xl px-4 pb-6 pt-6 sm:px-6">
          {session === null && isEmpty && <EmptyChat onAsk={send} />}
          {session !== null && query.isPending && !outgoing && (
            <p className="text-soft">{t("chat.loading")}</p>
          )}
          {query.isError && messages.length === 0 && (
            <LoadFailure error={ApiError.from(query.error)} onRetry={() => query.refetch()} />
          )}
          {query.hasNextPage && (
            <div className="mb-6 text-center">
              <Button
                look="quiet"
                disabled={query.isFetchingNextPage}
                onClick={() => scroll.keepPlace(() => query.fetchNextPage())}
              >
                {t("chat.earlier")}
              </Button>
            </div>
          )}
          <div className="flex flex-col gap-2">
            {transcript}
            {outgoing && !outgoing.messageId && !outgoing.error && <Waiting answer={undefined} />}
            {last?.role === "user" && !busy && outgoing === null && (
              <p className="flex flex-wrap items-center gap-3 text-sm text-soft">
                {t("chat.unanswered")}
                <Button onClick={() => onRegenerate(last)}>{t("chat.answer")}</Button>
              </p>
            )}
            {outgoing?.error && (
              <Failure
                code={outgoing.error.code}
                message={outgoing.error.message}
                requestId={outgoing.error.requestId}
                retryAfter={outgoing.error.retryAfter}
                onRetry={() => turns.retry(outgoing.chat)}
                onDismiss={() => turns.settle(outgoing.chat)}
              />
            )}
          </div>
        </div>
      </div>
      <Announcer chat={chat} />
      <div className="relative">
        {scroll.away && (
          <Button
            className="appear absolute -top-12 left-1/2 z-10 -translate-x-1/2 rounded-full shadow-soft"
            onClick={scroll.toBottom}
          >
            <ArrowDown size={15} aria-hidden />
            {t("chat.latest")}
          </Button>
        )}
        <Composer
          session={session}
          busy={busy}
          queued={queued}
          input={input}
          onSend={send}
          onStop={stop}
          onUnqueue={unqueue}
        />
      </div>
    </div>
  );
}

function LoadFailure({ error, onRetry }: { error: ApiError; onRetry: () => void }) {
  const { t } = useTranslation();
  if (error.status === 404) return <p className="text-soft">{t("chat.gone")}</p>;
  return <Failure code={error.code} message={error.message} requestId={error.requestId} onRetry={onRetry} />;
}

/** Where a new question goes: after the last message that is shown. */
function branchEnd(messages: Message[]): Id | null {
  return messages.at(-1)?.id ?? null;
}

/** One message that waits for the answer before it, per chat; it is sent as soon as that has ended. */
function useQueue(session: Id | null, chat: Chat, model: string | null) {
  const key = chat.outgoing?.sessionId ?? session ?? "new";
  const [queue, setQueue] = useState<{ key: string; text: string } | null>(null);
  const { busy, messages, outgoing } = chat;

  // A chat gets its name while its first answer is being made.
  useEffect(() => {
    setQueue((queue) => (queue?.key === "new" && key !== "new" ? { ...queue, key } : queue));
  }, [key]);

  const mine = queue?.key === key ? queue.text : null;
  useEffect(() => {
    if (mine === null || busy || outgoing?.error || session === null) return;
    setQueue(null);
    ask(session, mine, model, branchEnd(messages));
  }, [mine, busy, outgoing, session, model, messages]);

  const enqueue = useCallback(
    (text: string) => {
      setQueue((queue) => ({ key, text: queue?.key === key ? `${queue.text}\n\n${text}` : text }));
    },
    [key],
  );
  return [mine, useCallback(() => setQueue(null), []), enqueue] as const;
}
