/** What the tests in the browser and the screenshot share: the server, Chromium, and a document to ask about. */
import { chromium } from "playwright-core";
import { startMock } from "../dev/mock-server.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The server under test: `CHATBOT_URL`, or the mock. */
export async function openServer() {
  const given = process.env.CHATBOT_URL;
  if (given) return { url: given.replace(/\/$/, ""), isMock: false, stop: async () => {} };
  return { ...(await startMock()), isMock: true };
}

export function openBrowser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A page that fails its test when it asks anyone but the server for anything, or when a script fails. */
export async function openPage(browser, { url, path = "/", ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const problems = [];
  page.on("request", (request) => {
    const address = request.url();
    if (!address.startsWith(url) && !/^(?:data|blob):/.test(address)) problems.push(`asked ${address}`);
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (/Content.Security.Policy/i.test(message.text())) problems.push(message.text());
  });
  await page.goto(url + path);
  return { page, context, problems };
}

export const MANUAL = {
  name: "Pump manual.txt",
  mimeType: "text/plain",
  text: [
    "The cooling pump must be oiled every 400 hours. Use oil of grade ISO VG 46 — never grease — at 20 °C or above.",
    "",
    "The filter of the cooling pump is replaced every 2,000 hours. A blocked filter lowers the flow below 12 l/min.",
    "",
    "Switch the pump off and wait for ten minutes before opening its housing. The housing of the pump stays hot.",
    "",
    "Prüfen Sie die Dichtung der Pumpe täglich. 冷却ポンプは毎日点検してください。",
    "",
  ].join("\n"),
};

/** Adds a document through the page, and waits until it answers. */
export async function upload(page, { name, mimeType, text } = MANUAL) {
  const file = { name, mimeType, buffer: Buffer.from(text, "utf8") };
  await page.locator("input[data-upload]").setInputFiles(file);
  await page.locator('[data-attachment="ready"]', { hasText: name.replace(/\.\w+$/, "") }).waitFor();
}

export async function ask(page, text) {
  const composer = page.getByRole("textbox", { name: "Message", exact: true });
  await composer.fill(text);
  await composer.press("Enter");
}

export const answers = (page) => page.locator('article[data-role="assistant"]');

/** The last answer, once it has ended in this state. */
export async function ended(page, state = "complete", timeout = 90_000) {
  const answer = answers(page).last();
  await page.locator(`article[data-role="assistant"][data-state="${state}"]`).last().waitFor({ timeout });
  return answer;
}
