import type { TFunction } from "i18next";
import type { Message } from "../api/types";

/** "3.2 s · 41 tok/s · 812 → 240 tokens", as far as it is known. */
export function figures({ timings, usage }: Message, t: TFunction): string {
  if (timings.total_ms <= 0) return "";
  const parts = [t("figures.seconds", { seconds: (timings.total_ms / 1000).toFixed(1) })];
  const writingSeconds = (timings.total_ms - timings.first_token_ms) / 1000;
  // A rate over a few milliseconds says nothing.
  if (usage.output_tokens > 1 && writingSeconds > 0.05) {
    parts.push(t("figures.rate", { rate: Math.round(usage.output_tokens / writingSeconds) }));
  }
  if (usage.output_tokens > 0) {
    parts.push(t("figures.tokens", { input: usage.input_tokens, output: usage.output_tokens }));
  }
  return parts.join(" · ");
}
