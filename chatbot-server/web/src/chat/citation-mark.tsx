import { HoverCard } from "radix-ui";
import { useTranslation } from "react-i18next";
import type { Citation, Source } from "../api/types";
import { openPassage } from "../app/shell-state";

interface CitationMarkProps {
  number: number;
  source: Source;
  citation: Citation | undefined;
  /** Whether the answer is complete, so that a citation that was not checked will not be any more. */
  settled: boolean;
}

const LOOK = {
  verified: "bg-accent-soft text-accent hover:bg-accent-strong hover:text-on-accent",
  unverified: "border border-dashed border-warn text-warn hover:bg-warn-soft",
  deleted: "bg-hover text-soft line-through",
};

/** `[n]` in an answer: shows the quote, opens the passage. */
export function CitationMark({ number, source, citation, settled }: CitationMarkProps) {
  const { t } = useTranslation();
  const unverified = settled && !citation?.verified;
  const look = source.deleted ? "deleted" : unverified ? "unverified" : "verified";
  const page = citation?.page ?? source.page_start;
  const name = [
    t("citation.name", { number, title: source.title }),
    page !== null && t("page", { page }),
    look !== "verified" && t(`citation.${look}`),
  ];
  return (
    <HoverCard.Root openDelay={120} closeDelay={80}>
      <HoverCard.Trigger asChild>
        <button
          type="button"
          aria-label={name.filter(Boolean).join(", ")}
          data-citation={number}
          className={`mx-px inline-block min-w-[1.15rem] select-text rounded-[5px] px-1 py-[0.2rem] text-center align-super text-[0.7rem] font-semibold leading-none no-underline transition-colors ${LOOK[look]}`}
          disabled={source.deleted}
          onClick={() => openPassage(source, citation)}
        >
          {/* The brackets are there for whoever copies the text. */}
          <span className="text-[0px]">[</span>
          {number}
          <span className="text-[0px]">]</span>
        </button>
      </HoverCard.Trigger>
      <HoverCard.Portal container={document.querySelector("main")}>
        <HoverCard.Content
          sideOffset={6}
          collisionPadding={12}
          className="appear z-40 w-80 max-w-[calc(100vw-1.5rem)] rounded-xl border border-line bg-raised p-3.5 text-sm shadow-pop"
        >
          <p className="font-medium">{source.title}</p>
          <p className="text-xs text-soft">
            {[page !== null && t("page", { page }), source.heading].filter(Boolean).join(" · ")}
          </p>
          <blockquote className="mt-2 line-clamp-6 border-l-2 border-accent pl-2.5">
            {source.deleted ? t("source.deleted") : citation?.quote || source.text}
          </blockquote>
          {look === "unverified" && <p className="mt-2 text-xs text-warn">{t("citation.unverifiedLong")}</p>}
        </HoverCard.Content>
      </HoverCard.Portal>
    </HoverCard.Root>
  );
}
