import { Tooltip } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";

const LOOK = {
  primary: "bg-accent-strong text-on-accent hover:opacity-90",
  plain: "border border-line bg-card text-ink hover:bg-hover",
  quiet: "text-soft hover:bg-hover hover:text-ink",
  danger: "bg-bad text-page hover:opacity-90",
};

type ButtonProps = ComponentProps<"button"> & { look?: keyof typeof LOOK };

export function Button({ look = "plain", className = "", ...props }: ButtonProps) {
  const shape =
    "inline-flex min-h-9 items-center justify-center gap-2 rounded-lg px-3 py-1.5 text-sm font-medium transition-colors disabled:opacity-50";
  return <button type="button" className={`${shape} ${LOOK[look]} ${className}`} {...props} />;
}

type IconButtonProps = ComponentProps<"button"> & {
  label: string;
  children: ReactNode;
  size?: "small" | "normal";
};

/** A button that shows only a picture: its name is read out, and shown on hover and focus. */
export function IconButton({ label, size = "normal", className = "", children, ...props }: IconButtonProps) {
  const box = size === "small" ? "size-7" : "size-9";
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>
        <button
          type="button"
          aria-label={label}
          className={`inline-grid ${box} shrink-0 place-items-center rounded-lg text-soft transition-colors hover:bg-hover hover:text-ink disabled:opacity-40 aria-pressed:bg-accent-soft aria-pressed:text-accent ${className}`}
          {...props}
        >
          {children}
        </button>
      </Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content
          sideOffset={6}
          collisionPadding={8}
          className="z-50 max-w-64 rounded-md bg-ink px-2 py-1 text-xs text-page shadow-pop"
        >
          {label}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
