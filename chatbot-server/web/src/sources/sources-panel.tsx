import type { TFunction } from "i18next";
import { BookOpen } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Citation, Id, Message, Source } from "../api/types";
import { openPassage } from "../app/shell-state";
import { cited, renumber } from "../turns/citations";
import { isFinal } from "../turns/reduce";

/** The passages that an answer was made from: those that it cites first. */
export function SourcesPanel({ messages, messageId }: { messages: Message[]; messageId: Id | null }) {
  const { t } = useTranslation();
  const message = messageId
    ? messages.find((message) => message.id === messageId)
    : messages.findLast((message) => message.role === "assistant");
  if (!message || message.sources.length === 0) {
    return (
      <div className="flex flex-col items-center gap-3 px-8 pt-[18vh] text-center text-sm text-soft">
        <BookOpen size={26} aria-hidden />
        <p>{t(message && isFinal(message) ? "source.none" : "source.empty")}</p>
      </div>
    );
  }
  const shown = renumber(message.content, message.sources);
  const used = cited(message.sources, shown);
  const unused = message.sources.filter((source) => !shown.has(source.index));
  return (
    <div className="space-y-5 px-4 pb-6">
      {used.length > 0 && (
        <Cards label={t("source.cited")}>
          {used.map((source) => (
            <Card
              key={source.index}
              number={shown.get(source.index) ?? null}
              source={source}
              citation={message.citations.find((citation) => citation.index === source.index)}
            />
          ))}
        </Cards>
      )}
      {unused.length > 0 && (
        <Cards label={t(used.length > 0 ? "source.alsoRead" : "source.found")}>
          {unused.map((source) => (
            <Card key={source.index} number={null} source={source} citation={undefined} />
          ))}
        </Cards>
      )}
    </div>
  );
}

function Cards({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <section aria-label={label}>
      <h3 className="mb-2 text-xs font-medium text-soft">{label}</h3>
      <ol className="space-y-2.5">{children}</ol>
    </section>
  );
}

interface CardProps {
  number: number | null;
  source: Source;
  citation: Citation | undefined;
}

function Card({ number, source, citation }: CardProps) {
  const { t } = useTranslation();
  const page = pages(source, t);
  const unverified = citation !== undefined && !citation.verified;
  return (
    <li>
      <button
        type="button"
        disabled={source.deleted}
        data-source={source.index}
        onClick={() => openPassage(source, citation)}
        className="group block w-full rounded-xl border border-line bg-card p-3.5 text-left transition-colors enabled:hover:border-accent disabled:opacity-80"
      >
        <span className="flex items-start gap-2.5">
          {number !== null && (
            <span className="mt-0.5 inline-grid h-5 min-w-5 shrink-0 place-items-center rounded-md bg-accent-soft px-1 text-xs font-semibold text-accent">
              {number}
            </span>
          )}
          <span className="min-w-0 flex-1">
            <span className={`block truncate text-sm font-medium ${source.deleted ? "line-through" : ""}`}>
              {source.title}
            </span>
            <span className="block truncate text-xs text-soft">
              {[page, source.heading].filter(Boolean).join(" · ")}
            </span>
          </span>
          <span className="shrink-0 text-xs tabular-nums text-soft" title={t("source.score")}>
            <span className="sr-only">{t("source.score")} </span>
            {formatScore(source.score)}
          </span>
        </span>
        <span className="mt-2 line-clamp-5 break-words text-sm text-soft group-enabled:group-hover:text-ink">
          {source.deleted ? t("source.deleted") : citation?.quote || source.text}
        </span>
        {unverified && <span className="mt-1.5 block text-xs text-warn">{t("citation.unverifiedLong")}</span>}
      </button>
    </li>
  );
}

function pages(source: Source, t: TFunction): string | null {
  const { page_start: first, page_end: last } = source;
  if (first === null) return null;
  return last === null || last === first ? t("page", { page: first }) : t("pages", { first, last });
}

/** Two decimals tell fused scores apart; of large ones nobody wants any. */
function formatScore(score: number): string {
  return Math.abs(score) >= 100 ? Math.round(score).toString() : score.toFixed(2);
}
