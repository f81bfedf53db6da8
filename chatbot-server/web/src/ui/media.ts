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
