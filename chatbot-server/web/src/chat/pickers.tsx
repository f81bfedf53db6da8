/** How a question is answered: where to look, how, and by which model. */

import { Check, Cpu, FolderOpen, type LucideIcon, Search } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCollections, useModels, useSession } from "../api/queries";
import type { Id, Strategy } from "../api/types";
import { useModel } from "../app/places";
import { setShell, useShell } from "../app/shell-state";
import { Menu, MenuCheck, MenuLabel, MenuRadio, MenuRadioGroup, MenuTick } from "../ui/menu";

/** A button in the composer that opens a menu; on narrow screens it shows its icon alone. */
function Picker(props: {
  /** What it is called where the icon is not seen. */
  name: string;
  label: string;
  icon: LucideIcon;
  children: ReactNode;
}) {
  return (
    <Menu
      side="top"
      trigger={
        <button
          type="button"
          className="inline-flex min-h-9 min-w-0 items-center gap-1.5 rounded-lg px-2 text-sm text-soft transition-colors hover:bg-hover hover:text-ink"
          aria-label={props.name}
        >
          <props.icon size={16} className="shrink-0" aria-hidden />
          <span className="max-w-40 truncate max-sm:hidden">{props.label}</span>
        </button>
      }
    >
      {props.children}
    </Menu>
  );
}

function Ticked() {
  return (
    <MenuTick>
      <Check size={15} aria-hidden />
    </MenuTick>
  );
}

/** One of several ways, with what there is to know about it. */
function Choice({ value, name, what }: { value: string; name: string; what?: string }) {
  return (
    <MenuRadio value={value}>
      <span className="min-w-0">
        <span className="block truncate">{name}</span>
        {what && <span className="block truncate text-xs text-soft">{what}</span>}
      </span>
      <Ticked />
    </MenuRadio>
  );
}

export function CollectionPicker() {
  const { t } = useTranslation();
  const { collectionIds } = useShell();
  const { data: collections = [] } = useCollections();
  const picked = collections.filter((collection) => collectionIds.includes(collection.id));
  const label =
    picked.length === 0
      ? t("picker.everywhere")
      : picked.length === 1
        ? (picked[0]?.name ?? "")
        : t("picker.collections", { count: picked.length });
  const toggle = (id: string, on: boolean) =>
    setShell({ collectionIds: on ? [...collectionIds, id] : collectionIds.filter((other) => other !== id) });
  return (
    <Picker name={t("picker.collectionLabel", { label })} label={label} icon={FolderOpen}>
      <MenuLabel>{t("picker.searchIn")}</MenuLabel>
      <MenuCheck checked={picked.length === 0} onCheckedChange={() => setShell({ collectionIds: [] })}>
        {t("picker.everywhere")}
        <Ticked />
      </MenuCheck>
      {collections.map((collection) => (
        <MenuCheck
          key={collection.id}
          checked={collectionIds.includes(collection.id)}
          onSelect={(event) => event.preventDefault()}
          onCheckedChange={(on) => toggle(collection.id, on)}
        >
          <span className="min-w-0 truncate">{collection.name}</span>
          <span className="ml-auto text-xs text-soft">{collection.document_count}</span>
          <Ticked />
        </MenuCheck>
      ))}
    </Picker>
  );
}

const STRATEGIES: Strategy[] = ["auto", "hybrid", "lexical", "dense", "none"];

export function StrategyPicker() {
  const { t } = useTranslation();
  const { strategy } = useShell();
  const label = t(`strategy.${strategy}.name`);
  return (
    <Picker name={t("strategy.label", { label })} label={label} icon={Search}>
      <MenuLabel>{t("strategy.title")}</MenuLabel>
      <MenuRadioGroup value={strategy} onValueChange={(next) => setShell({ strategy: next as Strategy })}>
        {STRATEGIES.map((name) => (
          <Choice
            key={name}
            value={name}
            name={t(`strategy.${name}.name`)}
            what={t(`strategy.${name}.what`)}
          />
        ))}
      </MenuRadioGroup>
    </Picker>
  );
}

/** Shown where there is a choice. What is picked holds for the questions of this visit. */
export function ModelPicker({ session }: { session: Id | null }) {
  const { t } = useTranslation();
  const { data: models = [] } = useModels();
  const { data: current } = useSession(session);
  const asked = useModel();
  if (models.length < 2) return null;
  const used = asked ?? current?.model ?? models[0] ?? "";
  return (
    <Picker name={t("model.label", { label: modelName(used) })} label={modelName(used)} icon={Cpu}>
      <MenuLabel>{t("model.title")}</MenuLabel>
      <MenuRadioGroup value={used} onValueChange={(model) => setShell({ model })}>
        {models.map((model) => (
          <Choice
            key={model}
            value={model}
            name={modelName(model)}
            what={modelName(model) === model ? undefined : model}
          />
        ))}
      </MenuRadioGroup>
    </Picker>
  );
}

/** A model's own name, without where it runs: `openai+http://127.0.0.1:11434/v1#qwen3` is `qwen3`. */
function modelName(id: string): string {
  return id.slice(id.lastIndexOf("#") + 1);
}
