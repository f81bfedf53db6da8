import { useSyncExternalStore } from "react";

/** Whether a media query holds now. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (subscriber) => {
      const list = window.matchMedia(query);
      list.addEventListener("change", subscriber);
      return () => list.removeEventListener("change", subscriber);
    },
    () => window.matchMedia(query).matches,
  );
}

/** Whether the page is looked at: not in a tab behind others. */
export function useVisible(): boolean {
  return useSyncExternalStore(
    (subscriber) => {
      document.addEventListener("visibilitychange", subscriber);
      return () => document.removeEventListener("visibilitychange", subscriber);
    },
    () => document.visibilityState === "visible",
  );
}

export function useOnline(): boolean {
  return useSyncExternalStore(
    (subscriber) => {
      window.addEventListener("online", subscriber);
      window.addEventListener("offline", subscriber);
      return () => {
        window.removeEventListener("online", subscriber);
        window.removeEventListener("offline", subscriber);
      };
    },
    () => navigator.onLine,
  );
}
