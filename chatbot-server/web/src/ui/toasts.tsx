/** Short notices about what happened beside the chat. */

import { X } from "lucide-react";
import { useEffect, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "./button";

interface Toast {
  id: number;
  text: string;
}

const SHOWN_MS = 6_000;
let toasts: readonly Toast[] = [];
let last = 0;
const subscribers = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const subscriber of subscribers) subscriber();
}

export function toast(text: string): void {
  last += 1;
  set([...toasts.slice(-2), { id: last, text }]);
}

const dismiss = (id: number) => set(toasts.filter((toast) => toast.id !== id));

export function Toasts() {
  const shown = useSyncExternalStore(
    (subscriber) => {
      subscribers.add(subscriber);
      return () => subscribers.delete(subscriber);
    },
    () => toasts,
  );
  return (
    <div
      role="status"
      className="pointer-events-none fixed inset-x-3 bottom-4 z-50 flex flex-col items-center gap-2"
    >
      {shown.map((toast) => (
        <OneToast key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function OneToast({ toast }: { toast: Toast }) {
  const { t } = useTranslation();
  useEffect(() => {
    const timer = setTimeout(() => dismiss(toast.id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [toast.id]);
  return (
    <div className="appear pointer-events-auto flex max-w-md items-center gap-3 rounded-xl bg-ink py-1.5 pl-4 pr-1.5 text-sm text-page shadow-pop">
      <span className="min-w-0 break-words">{toast.text}</span>
      <IconButton label={t("close")} size="small" className="text-page" onClick={() => dismiss(toast.id)}>
        <X size={15} aria-hidden />
      </IconButton>
    </div>
  );
}
