import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "./button";

interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
}

const SHADE = "fixed inset-0 z-40 bg-black/35 appear";

/** Focus goes to the first field, or to the dialog itself: a button would show its name over it. */
function focusField(event: Event) {
  event.preventDefault();
  const content = event.currentTarget as HTMLElement;
  (content.querySelector<HTMLElement>("input:not([hidden]), textarea") ?? content).focus();
}

/** A dialog in the middle of the page. */
export function Dialog({ open, onClose, title, children }: DialogProps) {
  const { t } = useTranslation();
  return (
    <Radix.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className={SHADE} />
        <Radix.Content
          aria-describedby={undefined}
          onOpenAutoFocus={focusField}
          className="appear fixed inset-x-3 top-[12vh] z-50 mx-auto max-h-[76vh] max-w-lg overflow-auto rounded-2xl border border-line bg-raised p-5 shadow-pop outline-none"
        >
          <div className="mb-3 flex items-start justify-between gap-3">
            <Radix.Title className="text-base font-semibold">{title}</Radix.Title>
            <IconButton label={t("close")} size="small" onClick={onClose}>
              <X size={16} aria-hidden />
            </IconButton>
          </div>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** A panel that slides over the page where there is no room beside it. */
export function Drawer({ open, onClose, title, side, children }: DialogProps & { side: "left" | "right" }) {
  const place = side === "left" ? "left-0 slide-left" : "right-0 slide-right";
  return (
    <Radix.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className={SHADE} />
        <Radix.Content
          aria-describedby={undefined}
          onOpenAutoFocus={focusField}
          className={`fixed inset-y-0 ${place} z-50 flex w-[min(26rem,calc(100vw-2rem))] flex-col overflow-hidden bg-side shadow-pop outline-none`}
        >
          <Radix.Title className="sr-only">{title}</Radix.Title>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
