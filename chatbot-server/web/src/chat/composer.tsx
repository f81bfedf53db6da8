import { ArrowUp, Clock, Paperclip, Square, X } from "lucide-react";
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Id } from "../api/types";
import { useShell } from "../app/shell-state";
import { uploads } from "../documents/uploads";
import { IconButton } from "../ui/button";
import { Attachments } from "./attachments";
import { draftOf, keepDraft } from "./drafts";
import { CollectionPicker, ModelPicker, StrategyPicker } from "./pickers";

interface ComposerProps {
  session: Id | null;
  busy: boolean;
  queued: string | null;
  input: RefObject<HTMLTextAreaElement | null>;
  onSend: (text: string) => void;
  onStop: () => void;
  onUnqueue: () => void;
}

export function Composer({ session, busy, queued, input, onSend, onStop, onUnqueue }: ComposerProps) {
  const { t } = useTranslation();
  const chat = session ?? "new";
  const [text, setText] = useState(() => draftOf(chat));
  const file = useRef<HTMLInputElement>(null);
  const target = useUploadTarget();

  useEffect(() => setText(draftOf(chat)), [chat]);
  useLayoutEffect(() => {
    const area = input.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight + (text === "" ? 0 : 1)}px`;
  }, [text, input]);

  const change = (next: string) => {
    setText(next);
    keepDraft(chat, next);
  };
  const submit = () => {
    const message = text.trim();
    if (message === "") return;
    change("");
    uploads.dismissReady();
    onSend(message);
    input.current?.focus();
  };
  const unqueue = () => {
    if (queued !== null && text === "") change(queued);
    onUnqueue();
    input.current?.focus();
  };

  return (
    <form
      className="mx-auto w-full max-w-3xl px-3 pb-3 sm:px-5"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {queued !== null && (
        <div className="appear mb-2 flex items-center gap-2 rounded-xl border border-line bg-side px-3 py-1.5 text-sm text-soft">
          <Clock size={14} className="shrink-0" aria-hidden />
          <span className="min-w-0 flex-1 truncate">
            {t("composer.queued")} <span className="text-ink">{queued}</span>
          </span>
          <IconButton label={t("composer.unqueue")} size="small" onClick={unqueue}>
            <X size={14} aria-hidden />
          </IconButton>
        </div>
      )}
      <div className="rounded-2xl border border-edge bg-card shadow-soft focus-within:border-accent focus-within:ring-2 focus-within:ring-accent/25">
        <Attachments />
        <textarea
          ref={input}
          id="composer"
          rows={1}
          aria-label={t("composer.label")}
          placeholder={t(busy ? "composer.placeholderBusy" : "composer.placeholder")}
          className="block max-h-[40vh] min-h-12 w-full resize-none bg-transparent px-4 pb-1 pt-3 outline-none placeholder:text-soft"
          value={text}
          onChange={(event) => change(event.target.value)}
          onPaste={(event) => {
            const files = [...event.clipboardData.files];
            if (files.length === 0) return;
            event.preventDefault();
            uploads.add(files, target);
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            submit();
          }}
        />
        <div className="flex items-center gap-1 px-2 pb-2">
          <IconButton label={t("documents.add")} onClick={() => file.current?.click()}>
            <Paperclip size={18} aria-hidden />
          </IconButton>
          <input
            ref={file}
            type="file"
            multiple
            hidden
            data-upload
            onChange={(event) => {
              uploads.add([...(event.target.files ?? [])], target);
              event.target.value = "";
              input.current?.focus();
            }}
          />
          <CollectionPicker />
          <StrategyPicker />
          <ModelPicker session={session} />
          <span className="flex-1" />
          {busy ? (
            <button
              type="button"
              aria-label={t("composer.stop")}
              title={t("composer.stop")}
              className="inline-grid size-9 place-items-center rounded-xl bg-ink text-page transition-opacity hover:opacity-85"
              onClick={() => {
                onStop();
                input.current?.focus();
              }}
            >
              <Square size={14} fill="currentColor" aria-hidden />
            </button>
          ) : (
            <button
              type="submit"
              aria-label={t("composer.send")}
              title={t("composer.send")}
              disabled={text.trim() === ""}
              className="inline-grid size-9 place-items-center rounded-xl bg-accent-strong text-on-accent transition-opacity hover:opacity-90 disabled:bg-hover disabled:text-soft"
            >
              <ArrowUp size={18} aria-hidden />
            </button>
          )}
        </div>
      </div>
      <p className="mt-2 text-center text-xs text-soft">{t("composer.note")}</p>
    </form>
  );
}

/** Where new documents go: into the collection that is picked, if it is one. */
export function useUploadTarget(): string | null {
  const { collectionIds } = useShell();
  return collectionIds.length === 1 ? (collectionIds[0] ?? null) : null;
}
