/**
 * A document's text with a passage pointed out. Only a window around the passage is loaded; the passage itself came
 * with the answer, so that the window's two sides fit to it whatever characters stand at their far ends.
 */

import { ArrowLeft, Download } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, address, send } from "../api/client";
import { useDocument } from "../api/queries";
import type { Passage } from "../app/shell-state";
import { Failure } from "../chat/failure";
import { Button, IconButton } from "../ui/button";
import { splitAtQuote } from "./bytes";
import { type TextPart, TextReader } from "./text-reader";

/** Bytes loaded on each side at a time: some pages of text, which a browser lays out without a pause. */
const WINDOW_BYTES = 24_000;
/** Originals up to this size are loaded at once: the text of one is rarely longer. */
const SHORT_BYTES = 1_000_000;

export function PassageView({ passage, onBack }: { passage: Passage; onBack: (() => void) | null }) {
  const { t } = useTranslation();
  const { data: document, error: missing, refetch } = useDocument(passage.documentId);
  const text = useText(passage, document?.size_bytes);
  const error = text.error ?? (missing && ApiError.from(missing));
  const [before, quote, after] = passage.range
    ? splitAtQuote(passage.range, passage.quote)
    : (["", "", ""] as const);
  const mark = useRef<HTMLElement>(null);
  const settled = text.below !== null;

  useEffect(() => {
    if (settled) mark.current?.scrollIntoView({ block: "center" });
  }, [settled]);

  const facts = [
    passage.page !== null && t("page", { page: passage.page }),
    passage.heading,
    document && document.version !== passage.version && t("passage.oldVersion", { version: passage.version }),
  ];
  return (
    <>
      <header className="flex items-start gap-2 border-b border-line px-3 py-2.5">
        {onBack && (
          <IconButton label={t("passage.back")} onClick={onBack}>
            <ArrowLeft size={18} aria-hidden />
          </IconButton>
        )}
        <div className="min-w-0 flex-1 py-0.5">
          <h3 className="truncate text-sm font-semibold" title={passage.title}>
            {passage.title}
          </h3>
          <p className="truncate text-xs text-soft" data-place>
            {facts.filter(Boolean).join(" · ")}
          </p>
        </div>
        <a
          className="inline-flex min-h-9 shrink-0 items-center gap-1.5 rounded-lg px-2.5 text-sm text-soft hover:bg-hover hover:text-ink"
          href={address(`/documents/${passage.documentId}/content`)}
          download
        >
          <Download size={16} aria-hidden />
          {t("documents.original")}
        </a>
      </header>
      <div
        role="group"
        tabIndex={0}
        aria-label={t("passage.label")}
        className="min-h-0 flex-1 overflow-auto bg-card px-5 py-4"
      >
        {error && (
          <Failure
            code={error.code}
            message={error.message}
            requestId={error.requestId}
            onRetry={error.status === 404 ? undefined : text.error ? text.retry : () => refetch()}
          />
        )}
        {text.above && text.above.start > 0 && (
          <p className="mb-3 text-center">
            <Button look="quiet" onClick={text.loadAbove}>
              {t("passage.earlier")}
            </Button>
          </p>
        )}
        <div className="whitespace-pre-wrap break-words text-sm leading-relaxed" data-document-text>
          {text.above?.text}
          {passage.range && (
            <span className="box-decoration-clone rounded bg-passage py-0.5" data-passage>
              {before}
              <mark ref={mark} className="rounded-sm bg-mark text-ink" data-quote>
                {quote}
              </mark>
              {after}
            </span>
          )}
          {text.below?.text}
        </div>
        {text.below && !text.below.isLast && (
          <p className="mt-3 text-center">
            <Button look="quiet" onClick={text.loadBelow}>
              {t("passage.later")}
            </Button>
          </p>
        )}
      </div>
    </>
  );
}

interface Loaded {
  above: TextPart | null;
  below: TextPart | null;
}

/** The text around a passage, as far as it was loaded. */
function useText(passage: Passage, sizeBytes: number | undefined) {
  const { documentId, version, range } = passage;
  const start = range?.start ?? 0;
  const end = range?.end ?? 0;
  const [loaded, setLoaded] = useState<Loaded>({ above: null, below: null });
  const [error, setError] = useState<ApiError | null>(null);
  const [attempt, setAttempt] = useState(0);
  const isShort = sizeBytes === undefined ? null : sizeBytes <= SHORT_BYTES;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt needs another reader
  const reader = useMemo(
    () => (isShort === null ? null : new TextReader((part) => load(documentId, version, part), isShort)),
    [documentId, version, isShort, attempt],
  );

  useEffect(() => {
    if (reader === null) return;
    let current = true;
    setError(null);
    Promise.all([reader.before(start, WINDOW_BYTES), reader.after(end, WINDOW_BYTES)]).then(
      ([above, below]) => current && setLoaded({ above, below }),
      (error) => current && setError(ApiError.from(error)),
    );
    return () => {
      current = false;
    };
  }, [reader, start, end]);

  const extend = (
    side: keyof Loaded,
    read: Promise<TextPart> | undefined,
    join: (part: TextPart) => TextPart,
  ) =>
    read?.then(
      (part) => setLoaded((now) => ({ ...now, [side]: join(part) })),
      (error) => setError(ApiError.from(error)),
    );
  const { above, below } = loaded;
  return {
    above,
    below,
    error,
    retry: () => setAttempt(attempt + 1),
    loadAbove: () =>
      above &&
      extend("above", reader?.before(above.start, WINDOW_BYTES), (part) => ({
        ...above,
        start: part.start,
        text: part.text + above.text,
      })),
    loadBelow: () =>
      below &&
      extend("below", reader?.after(below.end, WINDOW_BYTES), (part) => ({
        ...part,
        start: below.start,
        text: below.text + part.text,
      })),
  };
}

async function load(
  documentId: string,
  version: number,
  part: { start: number; end: number } | null,
): Promise<Uint8Array | null> {
  const range = part === null ? "" : `&start=${part.start}&end=${part.end}`;
  try {
    const path = `/documents/${documentId}/text?version=${version}${range}`;
    const response = await send(path, { accept: "text/plain" });
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (part !== null && error instanceof ApiError && error.status === 400) return null;
    throw error;
  }
}
