/**
 * A document's text with a passage pointed out. Only a window around the passage is loaded; the passage itself came
 * with the answer, so that the window's two sides fit to it whatever characters stand at their far ends.
 */

import { ArrowLeft, Download } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, address, send } from "../api/client";
import { useDocument } from "../api/queries";
import type { Passage } from "../app/shell-state";
import { Failure } from "../chat/failure";
import { Button, IconButton } from "../ui/button";
import { byteLength, splitAtQuote } from "./bytes";

/** Bytes loaded on each side at a time: some pages of text, which a browser lays out without a pause. */
const WINDOW_BYTES = 24_000;

export function PassageView({ passage, onBack }: { passage: Passage; onBack: (() => void) | null }) {
  const { t } = useTranslation();
  const { data: document } = useDocument(passage.documentId);
  const text = useWindow(passage);
  const [before, quote, after] = passage.range
    ? splitAtQuote(passage.range, passage.quote)
    : (["", "", ""] as const);
  const mark = useRef<HTMLElement>(null);
  const settled = text.above !== null;

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
        {text.error && (
          <Failure
            code={text.error.code}
            message={text.error.message}
            requestId={text.error.requestId}
            onRetry={text.error.status === 404 ? undefined : text.retry}
          />
        )}
        {text.hasAbove && (
          <p className="mb-3 text-center">
            <Button look="quiet" onClick={text.loadAbove}>
              {t("passage.earlier")}
            </Button>
          </p>
        )}
        <div className="whitespace-pre-wrap break-words text-sm leading-relaxed" data-document-text>
          {text.above}
          {passage.range && (
            <span className="box-decoration-clone rounded bg-passage py-0.5" data-passage>
              {before}
              <mark ref={mark} className="rounded-sm bg-mark text-ink" data-quote>
                {quote}
              </mark>
              {after}
            </span>
          )}
          {text.below}
        </div>
        {text.hasBelow && (
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

interface Window {
  start: number;
  end: number;
  above: string | null;
  below: string | null;
  atEnd: boolean;
}

function useWindow(passage: Passage) {
  const { documentId, version, range } = passage;
  const start = range?.start ?? 0;
  const end = range?.end ?? 0;
  const [loaded, setLoaded] = useState<Window>({ start, end, above: null, below: null, atEnd: false });
  const [error, setError] = useState<ApiError | null>(null);
  const [attempt, setAttempt] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is a reason to load
  useEffect(() => {
    let current = true;
    setError(null);
    setLoaded({ start, end, above: null, below: null, atEnd: false });
    const from = Math.max(0, start - WINDOW_BYTES);
    Promise.all([
      start > 0 ? part(documentId, version, from, start) : "",
      part(documentId, version, end, end + WINDOW_BYTES),
    ]).then(
      ([above, below]) => current && setLoaded(fitted(start, end, above, below)),
      (error) => current && setError(ApiError.from(error)),
    );
    return () => {
      current = false;
    };
  }, [documentId, version, start, end, attempt]);

  const extend = async (load: (loaded: Window) => Promise<Partial<Window>>) => {
    try {
      const change = await load(loaded);
      setLoaded((now) => ({ ...now, ...change }));
    } catch (error) {
      setError(ApiError.from(error));
    }
  };
  return {
    ...loaded,
    error,
    retry: () => setAttempt(attempt + 1),
    hasAbove: loaded.above !== null && loaded.start > 0,
    hasBelow: loaded.below !== null && !loaded.atEnd,
    loadAbove: () =>
      extend(async ({ start, above }) => {
        const text = await part(documentId, version, Math.max(0, start - WINDOW_BYTES), start);
        return {
          start: text === "" ? 0 : Math.max(0, start - byteLength(text)),
          above: text + (above ?? ""),
        };
      }),
    loadBelow: () =>
      extend(async ({ end, below }) => {
        const text = await part(documentId, version, end, end + WINDOW_BYTES);
        const length = byteLength(text);
        return { end: end + length, below: (below ?? "") + text, atEnd: length < WINDOW_BYTES - 3 };
      }),
  };
}

function fitted(start: number, end: number, above: string, below: string): Window {
  const length = byteLength(below);
  return {
    start: above === "" ? 0 : Math.max(0, start - byteLength(above)),
    end: end + length,
    above,
    below,
    atEnd: length < WINDOW_BYTES - 3,
  };
}

/** Part of a version's text. Where a cut falls into a character, the character is left out. */
async function part(documentId: string, version: number, start: number, end: number): Promise<string> {
  const path = `/documents/${documentId}/text?version=${version}&start=${start}&end=${end}`;
  const response = await send(path, { accept: "text/plain" });
  const text = await response.text();
  return text.replace(/^\uFFFD+|\uFFFD+$/g, "");
}
