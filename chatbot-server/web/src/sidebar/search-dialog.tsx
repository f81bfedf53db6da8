import { Search } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type KeyboardEvent, useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSessionSearch, useSessions } from "../api/queries";
import type { Id, Session } from "../api/types";
import { useGo } from "../app/places";
import { setShell } from "../app/shell-state";

const RECENT = 8;

/** Finds chats by title and text. */
export function SearchDialog() {
  const { t } = useTranslation();
  const go = useGo();
  const [q, setQ] = useState("");
  const wanted = useDeferredValue(q.trim());
  const found = useSessionSearch(wanted);
  const recent = useSessions().data?.pages[0]?.items.slice(0, RECENT) ?? [];
  const items = wanted === "" ? recent : (found.data?.items ?? []);
  const [picked, setPicked] = useState(0);
  const at = Math.min(picked, Math.max(0, items.length - 1));
  const close = () => setShell({ search: false });
  const open = (id: Id) => {
    close();
    void go(id);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const item = items[at];
    if (event.key === "ArrowDown") setPicked(Math.min(at + 1, items.length - 1));
    else if (event.key === "ArrowUp") setPicked(Math.max(at - 1, 0));
    else if (event.key === "Enter" && item) open(item.id);
    else return;
    event.preventDefault();
  };
  return (
    <Radix.Root open onOpenChange={(next) => !next && close()}>
      <Radix.Portal>
        <Radix.Overlay className="appear fixed inset-0 z-40 bg-black/35" />
        <Radix.Content
          aria-describedby={undefined}
          className="appear fixed inset-x-3 top-[10vh] z-50 mx-auto flex max-h-[70vh] max-w-xl flex-col overflow-hidden rounded-2xl border border-line bg-raised shadow-pop"
        >
          <Radix.Title className="sr-only">{t("search.title")}</Radix.Title>
          <div className="flex items-center gap-3 border-b border-line px-4">
            <Search size={18} className="shrink-0 text-soft" aria-hidden />
            <input
              role="combobox"
              aria-label={t("search.label")}
              aria-expanded={items.length > 0}
              aria-controls="search-results"
              aria-activedescendant={items[at] ? `found-${items[at].id}` : undefined}
              placeholder={t("search.label")}
              className="min-h-12 w-full bg-transparent outline-none placeholder:text-soft"
              value={q}
              onChange={(event) => {
                setQ(event.target.value);
                setPicked(0);
              }}
              onKeyDown={onKeyDown}
            />
          </div>
          <p
            role="status"
            className={items.length === 0 && wanted !== "" ? "px-4 py-4 text-sm text-soft" : "sr-only"}
          >
            {wanted === ""
              ? ""
              : found.isFetching
                ? t("search.searching")
                : t("search.found", { count: items.length })}
          </p>
          <div
            id="search-results"
            role="listbox"
            aria-label={t(wanted === "" ? "search.recent" : "search.results")}
            className="overflow-auto p-1.5 empty:hidden"
          >
            {items.map((session, i) => (
              <Found
                key={session.id}
                session={session}
                q={wanted}
                isPicked={i === at}
                onPick={() => setPicked(i)}
                onOpen={() => open(session.id)}
              />
            ))}
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface FoundProps {
  session: Session;
  q: string;
  isPicked: boolean;
  onPick: () => void;
  onOpen: () => void;
}

function Found({ session, q, isPicked, onPick, onOpen }: FoundProps) {
  const { t } = useTranslation();
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keyboard
    <div
      id={`found-${session.id}`}
      role="option"
      tabIndex={-1}
      aria-selected={isPicked}
      className={`cursor-pointer rounded-lg px-3 py-2 ${isPicked ? "bg-hover" : ""}`}
      onMouseMove={onPick}
      onClick={onOpen}
    >
      <p className="truncate text-sm font-medium">
        <Marked text={session.title || t("sidebar.untitled")} q={q} />
      </p>
      {session.snippet?.message_id && (
        <p className="line-clamp-2 text-xs text-soft">
          <Marked text={session.snippet.text} q={q} />
        </p>
      )}
    </div>
  );
}

/** Points out every place where `q` stands in `text`. */
function Marked({ text, q }: { text: string; q: string }) {
  if (q === "") return text;
  const escaped = q.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return text.split(new RegExp(`(${escaped})`, "i")).map((piece, i) =>
    i % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other name and never move
      <mark key={i} className="rounded-sm bg-mark text-ink">
        {piece}
      </mark>
    ) : (
      piece
    ),
  );
}
