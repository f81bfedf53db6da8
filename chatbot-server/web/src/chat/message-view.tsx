import {
  Check,
  ChevronLeft,
  ChevronRight,
  Copy,
  Pencil,
  RotateCcw,
  TextQuote,
  ThumbsDown,
  ThumbsUp,
} from "lucide-react";
import { lazy, memo, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { storeMessage } from "../api/queries";
import type { Feedback, Message } from "../api/types";
import { setShell } from "../app/shell-state";
import { asCopied, cited, renumber } from "../turns/citations";
import { type Answer, isFinal } from "../turns/reduce";
import { sendFeedback } from "../turns/store";
import { Button, IconButton } from "../ui/button";
import { toast } from "../ui/toasts";
import { Failure } from "./failure";
import { DownReason } from "./feedback";
import { figures } from "./figures";
import { showBranch } from "./use-chat";
import { Waiting } from "./waiting";

// Reading Markdown is a fifth of the page's code, and the first thing a person does is to type.
const AnswerText = lazy(() => import("./answer-text").then((module) => ({ default: module.AnswerText })));

interface MessageProps {
  message: Message;
  /** What is known of an answer while it is made. */
  answer: Answer | undefined;
  requestId: string | null;
  busy: boolean;
  /** Whether its actions are always in sight. */
  isLast: boolean;
  onEdit: (message: Message, text: string) => void;
  onRegenerate: (message: Message) => void;
}

export const MessageView = memo(function MessageView(props: MessageProps) {
  return props.message.role === "user" ? <Question {...props} /> : <AnswerView {...props} />;
});

function Question({ message, busy, onEdit }: MessageProps) {
  const { t } = useTranslation();
  const [text, setText] = useState<string | null>(null);
  if (text !== null) {
    const submit = () => {
      if (text.trim() === "") return;
      setText(null);
      onEdit(message, text.trim());
    };
    return (
      <form
        className="ml-auto w-full max-w-[85%] rounded-2xl border border-edge bg-card p-3"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <textarea
          aria-label={t("message.editLabel")}
          className="block max-h-60 min-h-20 w-full resize-y bg-transparent p-1 outline-none"
          autoFocus
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") setText(null);
            if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
              event.preventDefault();
              submit();
            }
          }}
        />
        <div className="mt-2 flex justify-end gap-2">
          <Button look="quiet" onClick={() => setText(null)}>
            {t("cancel")}
          </Button>
          <Button look="primary" type="submit" disabled={busy || text.trim() === ""}>
            {t("message.sendEdit")}
          </Button>
        </div>
      </form>
    );
  }
  return (
    <article
      aria-label={t("message.you")}
      className="group flex flex-col items-end pt-5 first:pt-0"
      data-role="user"
    >
      <div className="max-w-[85%] whitespace-pre-wrap break-words rounded-2xl rounded-br-md bg-bubble px-4 py-2.5">
        {message.content}
      </div>
      <Actions>
        <CopyButton text={() => message.content} />
        <IconButton
          label={t("message.edit")}
          size="small"
          disabled={busy}
          onClick={() => setText(message.content)}
        >
          <Pencil size={14} aria-hidden />
        </IconButton>
        <Branches message={message} disabled={busy} />
      </Actions>
    </article>
  );
}

function AnswerView({ message, answer, requestId, busy, isLast, onRegenerate }: MessageProps) {
  const { t } = useTranslation();
  const growing = !isFinal(message);
  const empty = message.content === "";
  return (
    <article
      aria-label={t("message.answer")}
      aria-busy={growing}
      data-role="assistant"
      data-state={message.state}
      className="group"
    >
      {message.abstained && (
        <p className="mb-2 inline-flex rounded-full bg-warn-soft px-3 py-1 text-sm font-medium text-warn">
          {t("answer.abstained")}
        </p>
      )}
      {growing && empty && <Waiting answer={answer} />}
      {!empty && (
        <Suspense fallback={<div className="prose-answer whitespace-pre-wrap">{message.content}</div>}>
          <AnswerText message={message} growing={growing} />
        </Suspense>
      )}
      {!growing && <Notes message={message} />}
      {message.state === "cancelled" && (
        <p className="mt-2 text-sm text-soft">{t(empty ? "answer.stoppedEmpty" : "answer.stopped")}</p>
      )}
      {message.state === "failed" && (
        <Failure
          code={message.error?.code ?? "internal"}
          message={message.error?.message ?? ""}
          requestId={requestId}
          onRetry={busy ? undefined : () => onRegenerate(message)}
        />
      )}
      <div className="mt-2 flex flex-wrap items-center gap-x-2">
        <SourcesButton message={message} />
        {!growing && (
          <Actions always={isLast}>
            <CopyButton text={() => asCopied(message, (page) => t("page", { page }))} />
            <IconButton
              label={t("message.regenerate")}
              size="small"
              disabled={busy}
              onClick={() => onRegenerate(message)}
            >
              <RotateCcw size={14} aria-hidden />
            </IconButton>
            <Thumbs message={message} />
            <Branches message={message} disabled={busy} />
            <span className={`ml-1 text-xs text-soft ${ON_HOVER}`} data-figures>
              {figures(message, t)}
            </span>
          </Actions>
        )}
      </div>
    </article>
  );
}

/** Shown on hover and focus where there is a pointer, always where there is none. */
const ON_HOVER =
  "transition-opacity group-focus-within:opacity-100 group-hover:opacity-100 [@media(hover:hover)]:opacity-0";

function Actions({ always = false, children }: { always?: boolean; children: React.ReactNode }) {
  return (
    <div className={`mt-1 flex min-h-7 flex-wrap items-center gap-0.5 ${always ? "" : ON_HOVER}`}>
      {children}
    </div>
  );
}

/** What a reader should know of a finished answer. */
function Notes({ message }: { message: Message }) {
  const { t } = useTranslation();
  const notes = [
    ...message.warnings.map((warning) => warning.message),
    ...(message.unsupported.length > 0 && !message.abstained ? [t("answer.hasUnsupported")] : []),
    ...(message.finish_reason === "length" ? [t("answer.length")] : []),
    ...(message.sources.some((source) => source.deleted) ? [t("answer.hasDeleted")] : []),
  ];
  if (notes.length === 0) return null;
  return (
    <ul className="mt-2 space-y-1 text-sm text-warn">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}

function SourcesButton({ message }: { message: Message }) {
  const { t } = useTranslation();
  if (message.sources.length === 0) return null;
  const count = cited(message.sources, renumber(message.content, message.sources)).length;
  return (
    <button
      type="button"
      className="mt-1 inline-flex min-h-7 items-center gap-1.5 rounded-full border border-line px-2.5 text-xs font-medium text-soft transition-colors hover:bg-hover hover:text-ink"
      onClick={() => setShell({ panel: { kind: "sources", messageId: message.id } })}
    >
      <TextQuote size={13} aria-hidden />
      {count > 0 ? t("source.count", { count }) : t("source.read", { count: message.sources.length })}
    </button>
  );
}

function CopyButton({ text }: { text: () => string }) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setCopied(true);
      setTimeout(() => setCopied(false), 1_500);
    } catch {
      toast(t("message.copyFailed"));
    }
  };
  return (
    <IconButton label={copied ? t("message.copied") : t("message.copy")} size="small" onClick={copy}>
      {copied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
    </IconButton>
  );
}

function Thumbs({ message }: { message: Message }) {
  const { t } = useTranslation();
  const [asking, setAsking] = useState(false);
  const rating = message.feedback?.rating;
  const rate = async (feedback: Feedback) => {
    try {
      await sendFeedback(message.id, feedback);
      storeMessage({ ...message, feedback });
    } catch {
      toast(t("feedback.failed"));
    }
  };
  return (
    <>
      <IconButton
        label={t("feedback.up")}
        size="small"
        aria-pressed={rating === "up"}
        onClick={() => rate({ rating: "up" })}
      >
        <ThumbsUp size={14} aria-hidden />
      </IconButton>
      <IconButton
        label={t("feedback.down")}
        size="small"
        aria-pressed={rating === "down"}
        onClick={() => setAsking(true)}
      >
        <ThumbsDown size={14} aria-hidden />
      </IconButton>
      {asking && (
        <DownReason
          onClose={() => setAsking(false)}
          onSend={(reason, comment) => rate({ rating: "down", reason, comment })}
        />
      )}
    </>
  );
}

function Branches({ message, disabled }: { message: Message; disabled: boolean }) {
  const { t } = useTranslation();
  const { sibling_ids: siblings } = message;
  const at = siblings.indexOf(message.id);
  if (siblings.length < 2 || at < 0) return null;
  const go = (step: number) => {
    const sibling = siblings[at + step];
    if (sibling) showBranch(message.session_id, sibling);
  };
  return (
    <span role="group" aria-label={t("branch.label")} className="inline-flex items-center">
      <IconButton
        label={t("branch.previous")}
        size="small"
        disabled={disabled || at === 0}
        onClick={() => go(-1)}
      >
        <ChevronLeft size={14} aria-hidden />
      </IconButton>
      <span className="text-xs tabular-nums text-soft">
        {at + 1}/{siblings.length}
      </span>
      <IconButton
        label={t("branch.next")}
        size="small"
        disabled={disabled || at === siblings.length - 1}
        onClick={() => go(1)}
      >
        <ChevronRight size={14} aria-hidden />
      </IconButton>
    </span>
  );
}
