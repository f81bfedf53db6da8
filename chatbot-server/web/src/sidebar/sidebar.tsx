import {
  Download,
  FileJson,
  Files,
  Folder,
  FolderInput,
  MoreHorizontal,
  Pencil,
  Pin,
  PinOff,
  Search,
  SquarePen,
  Trash2,
} from "lucide-react";
import { memo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "react-router";
import { ApiError, address } from "../api/client";
import { useDocuments, useSessionChanges, useSessions } from "../api/queries";
import type { Id, Session } from "../api/types";
import { chatPath, useGo } from "../app/places";
import { setShell, useShell } from "../app/shell-state";
import { ThemePicker } from "../app/theme-picker";
import { Button } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Dialog } from "../ui/dialog";
import { Menu, MenuItem, MenuLine } from "../ui/menu";
import { toast } from "../ui/toasts";
import { grouped } from "./groups";

const IS_MAC = navigator.platform.startsWith("Mac");

interface SidebarProps {
  session: Id | null;
  /** Called when a place was chosen. */
  onNavigate: () => void;
}

export const Sidebar = memo(function Sidebar({ session, onNavigate }: SidebarProps) {
  const { t } = useTranslation();
  const { search } = useLocation();
  const { panel } = useShell();
  const { data: documents } = useDocuments();
  const list = useSessions();
  const sessions = list.data?.pages.flatMap((page) => page.items) ?? [];
  const row =
    "flex min-h-9 w-full items-center gap-2.5 rounded-lg px-2.5 text-sm transition-colors hover:bg-hover";
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="space-y-0.5 px-2.5 pb-2 pt-3">
        <p className="flex items-center gap-2.5 px-2.5 pb-2.5 font-semibold tracking-tight">
          <Logo />
          {t("app.name")}
        </p>
        <Link
          to={{ pathname: "/", search }}
          onClick={onNavigate}
          className={`${row} font-medium text-accent`}
          aria-current={session === null ? "page" : undefined}
        >
          <SquarePen size={16} aria-hidden />
          {t("sidebar.new")}
        </Link>
        <button
          type="button"
          className={row}
          onClick={() => {
            onNavigate();
            setShell({ search: true });
          }}
        >
          <Search size={16} className="text-soft" aria-hidden />
          {t("sidebar.search")}
          <kbd className="ml-auto font-sans text-xs text-soft" aria-hidden>
            {t(IS_MAC ? "sidebar.searchKeyMac" : "sidebar.searchKey")}
          </kbd>
        </button>
        <button
          type="button"
          className={row}
          aria-pressed={panel?.kind === "documents"}
          onClick={() => {
            onNavigate();
            setShell({
              panel:
                panel?.kind === "documents" ? { kind: "sources", messageId: null } : { kind: "documents" },
            });
          }}
        >
          <Files size={16} className="text-soft" aria-hidden />
          {t("documents.title")}
          {documents && documents.items.length > 0 && (
            <span className="ml-auto text-xs tabular-nums text-soft">
              {documents.items.length}
              {documents.next_cursor && "+"}
            </span>
          )}
        </button>
      </div>
      <nav aria-label={t("sidebar.chats")} className="min-h-0 flex-1 overflow-y-auto px-2.5 pb-3">
        {list.isError && (
          <p className="px-2.5 py-2 text-sm text-bad">
            {t("sidebar.failed")}{" "}
            <button type="button" className="underline" onClick={() => list.refetch()}>
              {t("retry")}
            </button>
          </p>
        )}
        {list.data && sessions.length === 0 && (
          <p className="px-2.5 py-2 text-sm text-soft">{t("sidebar.none")}</p>
        )}
        {grouped(sessions, new Date()).map(({ folder, age, sessions }) => {
          const name = folder ?? t(`sidebar.age.${age}`);
          return (
            <section key={folder === null ? age : `folder:${folder}`} className="mt-3" aria-label={name}>
              <h2 className="flex items-center gap-1.5 px-2.5 pb-1 text-xs font-medium text-soft">
                {folder !== null && <Folder size={13} className="shrink-0" aria-hidden />}
                <span className="min-w-0 truncate">{name}</span>
              </h2>
              <ul>
                {sessions.map((item) => (
                  <Row key={item.id} session={item} isOpen={item.id === session} onNavigate={onNavigate} />
                ))}
              </ul>
            </section>
          );
        })}
        {list.hasNextPage && (
          <Button look="quiet" className="mt-2 w-full" onClick={() => list.fetchNextPage()}>
            {t("sidebar.more")}
          </Button>
        )}
      </nav>
      <div className="border-t border-line p-2">
        <ThemePicker />
      </div>
    </div>
  );
});

function Logo() {
  return (
    <svg viewBox="0 0 32 32" className="size-6" aria-hidden="true">
      <rect width="32" height="32" rx="9" fill="#0f766e" />
      <path d="M9 9.5h14M9 15h14M9 20.5h7" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" />
      <circle cx="22" cy="21.5" r="3" fill="#5eead4" />
    </svg>
  );
}

interface RowProps {
  session: Session;
  isOpen: boolean;
  onNavigate: () => void;
}

function Row({ session, isOpen, onNavigate }: RowProps) {
  const { t } = useTranslation();
  const { search } = useLocation();
  const go = useGo();
  const { patch, remove } = useSessionChanges();
  const [dialog, setDialog] = useState<"rename" | "move" | "delete" | null>(null);
  const failed = (error: unknown) => toast(ApiError.from(error).message || t("sidebar.actionFailed"));
  const title = session.title || t("sidebar.untitled");
  const exported = (format: string) => address(`/sessions/${session.id}/export?format=${format}`);
  return (
    <li className={`group flex items-center rounded-lg hover:bg-hover ${isOpen ? "bg-hover" : ""}`}>
      <Link
        to={{ pathname: chatPath(session.id), search }}
        onClick={onNavigate}
        aria-current={isOpen ? "page" : undefined}
        className="min-w-0 flex-1 truncate rounded-lg px-2.5 py-1.5 text-sm"
        title={title}
      >
        {title}
      </Link>
      <Menu
        align="end"
        trigger={
          <button
            type="button"
            aria-label={t("sidebar.menu", { title })}
            className="mr-1 inline-grid size-7 shrink-0 place-items-center rounded-md text-soft hover:text-ink focus-visible:opacity-100 group-focus-within:opacity-100 group-hover:opacity-100 data-[state=open]:opacity-100 [@media(hover:hover)]:opacity-0"
          >
            <MoreHorizontal size={16} aria-hidden />
          </button>
        }
      >
        <MenuItem onSelect={() => setDialog("rename")}>
          <Pencil size={15} aria-hidden />
          {t("sidebar.rename")}
        </MenuItem>
        <MenuItem
          onSelect={() => patch.mutate({ id: session.id, pinned: !session.pinned }, { onError: failed })}
        >
          {session.pinned ? <PinOff size={15} aria-hidden /> : <Pin size={15} aria-hidden />}
          {t(session.pinned ? "sidebar.unpin" : "sidebar.pin")}
        </MenuItem>
        <MenuItem onSelect={() => setDialog("move")}>
          <FolderInput size={15} aria-hidden />
          {t("sidebar.move")}
        </MenuItem>
        <MenuItem asChild>
          <a href={exported("markdown")} download>
            <Download size={15} aria-hidden />
            {t("sidebar.exportMarkdown")}
          </a>
        </MenuItem>
        <MenuItem asChild>
          <a href={exported("json")} download>
            <FileJson size={15} aria-hidden />
            {t("sidebar.exportJson")}
          </a>
        </MenuItem>
        <MenuLine />
        <MenuItem danger onSelect={() => setDialog("delete")}>
          <Trash2 size={15} aria-hidden />
          {t("delete")}
        </MenuItem>
      </Menu>
      <Ask
        open={dialog === "rename"}
        title={t("sidebar.rename")}
        label={t("sidebar.name")}
        value={session.title}
        onClose={() => setDialog(null)}
        onAnswer={(title) => title !== "" && patch.mutate({ id: session.id, title }, { onError: failed })}
      />
      <Ask
        open={dialog === "move"}
        title={t("sidebar.move")}
        label={t("sidebar.folder")}
        hint={t("sidebar.noFolder")}
        value={session.folder ?? ""}
        onClose={() => setDialog(null)}
        onAnswer={(folder) => patch.mutate({ id: session.id, folder }, { onError: failed })}
      />
      <Confirm
        open={dialog === "delete"}
        title={t("sidebar.deleteTitle")}
        text={t("sidebar.deleteText", { title })}
        onClose={() => setDialog(null)}
        onConfirm={() => {
          setDialog(null);
          remove.mutateAsync(session.id).then(() => isOpen && go(null), failed);
        }}
      />
    </li>
  );
}

interface AskProps {
  open: boolean;
  title: string;
  label: string;
  hint?: string;
  value: string;
  onClose: () => void;
  /** Called with what was typed, where it is another value. */
  onAnswer: (value: string) => void;
}

/** Asks for one line of text. */
function Ask({ open, title, label, hint, value, onClose, onAnswer }: AskProps) {
  const { t } = useTranslation();
  return (
    <Dialog open={open} onClose={onClose} title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const answer = String(new FormData(event.currentTarget).get("answer") ?? "").trim();
          if (answer !== value) onAnswer(answer);
          onClose();
        }}
      >
        <label className="block text-sm font-medium">
          {label}
          <input
            name="answer"
            defaultValue={value}
            maxLength={200}
            className="mt-1 block min-h-9 w-full rounded-lg border border-edge bg-card px-3 font-normal"
          />
        </label>
        {hint && <p className="mt-1 text-xs text-soft">{hint}</p>}
        <div className="mt-4 flex justify-end gap-2">
          <Button look="quiet" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button look="primary" type="submit">
            {t("save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
