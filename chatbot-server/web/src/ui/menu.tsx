import { DropdownMenu } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";

const ITEM =
  "flex min-h-9 cursor-pointer select-none items-center gap-2.5 rounded-lg px-2.5 py-1.5 text-sm outline-none data-[highlighted]:bg-hover";

/** A menu that opens from `trigger`. */
export function Menu({
  trigger,
  children,
  align = "start",
  ...content
}: { trigger: ReactNode } & ComponentProps<typeof DropdownMenu.Content>) {
  return (
    // Not modal: a dialog that an item opens must not find the rest of the page locked.
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={align}
          sideOffset={6}
          collisionPadding={8}
          className="appear z-50 max-h-[min(24rem,var(--radix-dropdown-menu-content-available-height))] min-w-52 max-w-[min(20rem,calc(100vw-1rem))] overflow-auto rounded-xl border border-line bg-raised p-1.5 shadow-pop"
          {...content}
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

export function MenuItem({
  danger = false,
  ...props
}: ComponentProps<typeof DropdownMenu.Item> & { danger?: boolean }) {
  return <DropdownMenu.Item className={`${ITEM} ${danger ? "text-bad" : ""}`} {...props} />;
}

export function MenuLabel(props: ComponentProps<typeof DropdownMenu.Label>) {
  return <DropdownMenu.Label className="px-2.5 pb-1 pt-1.5 text-xs font-medium text-soft" {...props} />;
}

export function MenuLine() {
  return <DropdownMenu.Separator className="my-1 h-px bg-line" />;
}

export function MenuCheck(props: ComponentProps<typeof DropdownMenu.CheckboxItem>) {
  return <DropdownMenu.CheckboxItem className={`${ITEM} justify-between`} {...props} />;
}

export function MenuRadio(props: ComponentProps<typeof DropdownMenu.RadioItem>) {
  return <DropdownMenu.RadioItem className={`${ITEM} justify-between`} {...props} />;
}

export const MenuRadioGroup = DropdownMenu.RadioGroup;
export const MenuTick = DropdownMenu.ItemIndicator;
