import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** How near the end counts as being there, in pixels. */
const NEAR = 80;

/**
 * Keeps a growing text's end in sight, for as long as the reader is at the end: whoever scrolls up is left alone.
 * `sent` changes when the reader sends something, which is a wish to see the end.
 */
export function useStickToBottom(place: unknown, sent: number) {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const stuck = useRef(true);
  const [away, setAway] = useState(false);

  const toBottom = useCallback(() => {
    stuck.current = true;
    setAway(false);
    box.current?.scrollTo({ top: box.current.scrollHeight });
  }, []);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => {
      const left = element.scrollHeight - element.scrollTop - element.clientHeight;
      stuck.current = left < NEAR;
      setAway(!stuck.current);
    };
    element.addEventListener("scroll", look, { passive: true });
    const observer = new ResizeObserver(() => {
      if (stuck.current) element.scrollTop = element.scrollHeight;
      else look();
    });
    observer.observe(element);
    if (content.current) observer.observe(content.current);
    return () => {
      element.removeEventListener("scroll", look);
      observer.disconnect();
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: these are the reasons to go to the end
  useLayoutEffect(toBottom, [toBottom, place, sent]);

  /** Lets `load` put something above without moving what is being read. */
  const keepPlace = useCallback(async (load: () => Promise<unknown>) => {
    const element = box.current;
    if (!element) return;
    const fromEnd = element.scrollHeight - element.scrollTop;
    stuck.current = false;
    await load();
    requestAnimationFrame(() => {
      element.scrollTop = element.scrollHeight - fromEnd;
    });
  }, []);

  return { box, content, away, toBottom, keepPlace };
}
