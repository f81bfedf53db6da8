import { FilePlus2, MessageCircleQuestion } from "lucide-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { useDocuments } from "../api/queries";
import type { Document } from "../api/types";
import { uploads } from "../documents/uploads";
import { useUploadTarget } from "./composer";

const SHOWN = 3;

/** What a new chat begins with: questions about what is there, and a place for what is not. */
export function EmptyChat({ onAsk }: { onAsk: (text: string) => void }) {
  const { t } = useTranslation();
  const { data } = useDocuments();
  const file = useRef<HTMLInputElement>(null);
  const target = useUploadTarget();
  const ready = (data?.items ?? []).filter((document) => document.status === "ready");
  return (
    <div className="mx-auto flex max-w-2xl flex-col pt-[8vh]">
      <h1 className="text-balance text-2xl font-semibold tracking-tight">{t("empty.title")}</h1>
      <p className="mt-2 text-pretty text-soft">{t(ready.length > 0 ? "empty.ready" : "empty.nothing")}</p>
      <button
        type="button"
        onClick={() => file.current?.click()}
        className="mt-6 flex items-center gap-4 rounded-2xl border border-dashed border-edge bg-card px-5 py-4 text-left transition-colors hover:border-accent hover:bg-accent-soft"
      >
        <FilePlus2 className="shrink-0 text-accent" size={24} aria-hidden />
        <span>
          <span className="block font-medium">{t("empty.add")}</span>
          <span className="block text-sm text-soft">{t("empty.addHow")}</span>
        </span>
      </button>
      <input
        ref={file}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          uploads.add([...(event.target.files ?? [])], target);
          event.target.value = "";
        }}
      />
      <h2 className="mb-2 mt-8 text-sm font-medium text-soft">{t("empty.samples")}</h2>
      <ul className="grid gap-2 sm:grid-cols-2">
        {samples(ready).map(({ key, title }) => {
          const text = t(`empty.sample.${key}`, { title });
          return (
            <li key={key}>
              <button
                type="button"
                onClick={() => onAsk(text)}
                className="flex h-full w-full items-start gap-3 rounded-xl border border-line bg-card px-4 py-3 text-left text-sm transition-colors hover:bg-hover"
              >
                <MessageCircleQuestion size={17} className="mt-0.5 shrink-0 text-accent" aria-hidden />
                <span className="min-w-0 break-words">{text}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function samples(ready: Document[]): { key: string; title: string }[] {
  const titles = ready.slice(0, SHOWN).map((document) => document.title);
  const about = ["about", "numbers", "must"] as const;
  const named = titles.map((title, i) => ({ key: about[i % about.length] ?? "about", title }));
  return [...named, ...["general", "who", "points"].map((key) => ({ key, title: "" }))].slice(0, SHOWN + 1);
}
