import { PanelLeft, PanelRight, SquarePen, Upload, WifiOff, X } from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { flushSync } from "react-dom";
import { useTranslation } from "react-i18next";
import { useMatch } from "react-router";
import { refreshSession, storeMessage, useSession } from "../api/queries";
import type { Id } from "../api/types";
import { ChatView } from "../chat/chat-view";
import { useUploadTarget } from "../chat/composer";
import { type Chat, useChat } from "../chat/use-chat";
import { uploads } from "../documents/uploads";
import { Sidebar } from "../sidebar/sidebar";
import { SourcesPanel } from "../sources/sources-panel";
import { turns, useTurns } from "../turns/store";
import { IconButton } from "../ui/button";
import { Drawer } from "../ui/dialog";
import { useMedia, useOnline } from "../ui/media";
import { Region } from "../ui/region";
import { Toasts } from "../ui/toasts";
import { useGo } from "./places";
import { useSessionEvents } from "./session-events";
import { type Panel, setShell, showLeaf, useShell } from "./shell-state";
import { onSessionChanged, tellOtherTabs } from "./tabs";

const DocumentsPanel = lazy(() =>
  import("../documents/documents-panel").then((module) => ({ default: module.DocumentsPanel })),
);
const PassageView = lazy(() =>
  import("../documents/passage-view").then((module) => ({ default: module.PassageView })),
);
const SearchDialog = lazy(() =>
  import("../sidebar/search-dialog").then((module) => ({ default: module.SearchDialog })),
);

const stay = () => undefined;
const closeSidebar = () => setShell({ sidebar: false });

/** The page: chats to the left, the chat, and beside it what it rests on. */
export function Shell() {
  const { t } = useTranslation();
  const session = useMatch("/chat/:session")?.params.session ?? null;
  const chat = useChat(session);
  const shell = useShell();
  const wide = useMedia("(min-width: 1100px)");
  const medium = useMedia("(min-width: 768px)");
  const { data: current } = useSession(session);
  const title = session === null ? t("sidebar.new") : (current?.title ?? "");

  useTurnListener(session);
  useSessionEvents(session);
  useShortcuts();
  useEffect(() => {
    document.title = title && session ? `${title} · ${t("app.name")}` : t("app.name");
  }, [title, session, t]);

  const closePanel = () => setShell({ panel: null });
  return (
    <DropZone>
      <a
        href="#composer"
        className="fixed left-3 top-3 z-50 -translate-y-20 rounded-lg bg-ink px-3 py-2 text-sm text-page focus:translate-y-0"
      >
        {t("app.skip")}
      </a>
      <div className="flex h-full min-h-0">
        {medium && (
          <aside aria-label={t("sidebar.label")} className="w-64 shrink-0 border-r border-line bg-side">
            <Region name={t("sidebar.label")}>
              <Sidebar session={session} onNavigate={stay} />
            </Region>
          </aside>
        )}
        <main className="flex min-w-0 flex-1 flex-col">
          <header className="flex min-h-13 items-center gap-1 px-2.5 py-1.5">
            {!medium && (
              <IconButton label={t("sidebar.open")} onClick={() => setShell({ sidebar: true })}>
                <PanelLeft size={18} aria-hidden />
              </IconButton>
            )}
            {session !== null ? (
              <h1 className="min-w-0 flex-1 truncate px-2 text-sm font-medium" title={title}>
                {title}
              </h1>
            ) : (
              <span className="flex-1" />
            )}
            {!medium && <NewChat />}
            <IconButton
              label={t("panel.toggle")}
              aria-pressed={shell.panel !== null}
              onClick={() => setShell({ panel: shell.panel ? null : { kind: "sources", messageId: null } })}
            >
              <PanelRight size={18} aria-hidden />
            </IconButton>
          </header>
          <Banner />
          <Region name={t("chat.label")}>
            <ChatView session={session} chat={chat} />
          </Region>
        </main>
        {wide && shell.panel && (
          <aside
            aria-label={panelName(shell.panel, t)}
            className={`flex shrink-0 flex-col border-l border-line bg-side ${shell.panel.kind === "passage" ? "w-[clamp(26rem,38vw,40rem)]" : "w-[24rem]"}`}
          >
            <PanelContent panel={shell.panel} chat={chat} onClose={closePanel} />
          </aside>
        )}
      </div>
      {!medium && (
        <Drawer open={shell.sidebar} onClose={closeSidebar} title={t("sidebar.label")} side="left">
          <Sidebar session={session} onNavigate={closeSidebar} />
        </Drawer>
      )}
      {!wide && (
        <Drawer
          open={shell.panel !== null}
          onClose={closePanel}
          title={shell.panel ? panelName(shell.panel, t) : ""}
          side="right"
        >
          {shell.panel && <PanelContent panel={shell.panel} chat={chat} onClose={closePanel} />}
        </Drawer>
      )}
      <Suspense>{shell.search && <SearchDialog />}</Suspense>
      <Toasts />
    </DropZone>
  );
}

function panelName(panel: Panel, t: (key: string) => string): string {
  return t(`panel.${panel.kind}`);
}

function PanelContent({ panel, chat, onClose }: { panel: Panel; chat: Chat; onClose: () => void }) {
  const { t } = useTranslation();
  const name = panelName(panel, t);
  return (
    <Region name={name}>
      <div className="flex min-h-13 items-center justify-between gap-2 py-1.5 pl-4 pr-2">
        <h2 className="text-sm font-semibold">{name}</h2>
        <IconButton label={t("panel.close")} onClick={onClose}>
          <X size={18} aria-hidden />
        </IconButton>
      </div>
      <Suspense fallback={<p className="px-4 text-sm text-soft">{t("panel.loading")}</p>}>
        {panel.kind === "passage" ? (
          <PassageView
            key={`${panel.passage.documentId}:${panel.passage.range?.start}:${panel.passage.quote?.start}`}
            passage={panel.passage}
            onBack={panel.from && (() => setShell({ panel: panel.from }))}
          />
        ) : (
          <div className="min-h-0 flex-1 overflow-y-auto pt-1">
            {panel.kind === "documents" ? (
              <DocumentsPanel />
            ) : (
              <SourcesPanel messages={chat.messages} messageId={panel.messageId} />
            )}
          </div>
        )}
      </Suspense>
    </Region>
  );
}

function NewChat() {
  const { t } = useTranslation();
  const go = useGo();
  return (
    <IconButton label={t("sidebar.new")} onClick={() => go(null)}>
      <SquarePen size={18} aria-hidden />
    </IconButton>
  );
}

/** Says when the network or the server cannot be reached. */
function Banner() {
  const { t } = useTranslation();
  const online = useOnline();
  const { reconnecting } = useTurns();
  const text = !online ? t("banner.offline") : reconnecting ? t("banner.reconnecting") : null;
  return (
    <div role="status">
      {text !== null && (
        <p className="flex items-center justify-center gap-2 bg-warn-soft px-4 py-1.5 text-sm text-warn">
          <WifiOff size={15} aria-hidden />
          {text}
        </p>
      )}
    </div>
  );
}

/** Keeps lists, address and other tabs in step with the turns. */
function useTurnListener(session: Id | null) {
  const go = useGo();
  useEffect(() => {
    turns.listener = {
      started({ sessionId }) {
        showLeaf(sessionId, null);
        refreshSession(sessionId);
        tellOtherTabs(sessionId);
        if (session === null) flushSync(() => void go(sessionId, { replace: true }));
      },
      ended(message) {
        storeMessage(message);
        refreshSession(message.session_id);
        tellOtherTabs(message.session_id);
      },
      lost: refreshSession,
    };
  }, [session, go]);
  useEffect(() => onSessionChanged(refreshSession), []);
}

function useShortcuts() {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey) || event.shiftKey) return;
      event.preventDefault();
      setShell({ search: true, sidebar: false });
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}

/** Takes files that are dropped anywhere on the page. */
function DropZone({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [over, setOver] = useState(false);
  const target = useUploadTarget();
  useEffect(() => {
    let depth = 0;
    const carries = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const move = (step: number) => (event: DragEvent) => {
      if (!carries(event)) return;
      event.preventDefault();
      depth = Math.max(0, depth + step);
      setOver(depth > 0);
    };
    const enter = move(1);
    const leave = move(-1);
    const hover = move(0);
    const drop = (event: DragEvent) => {
      if (!carries(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      uploads.add([...(event.dataTransfer?.files ?? [])], target);
    };
    window.addEventListener("dragenter", enter);
    window.addEventListener("dragleave", leave);
    window.addEventListener("dragover", hover);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragenter", enter);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("dragover", hover);
      window.removeEventListener("drop", drop);
    };
  }, [target]);
  return (
    <>
      {children}
      {over && (
        <div className="pointer-events-none fixed inset-3 z-50 grid place-items-center rounded-3xl border-2 border-dashed border-accent bg-page/90">
          <p className="flex items-center gap-3 text-lg font-medium text-accent">
            <Upload size={24} aria-hidden />
            {t("documents.drop")}
          </p>
        </div>
      )}
    </>
  );
}
