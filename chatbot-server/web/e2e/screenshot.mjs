/** `npm run screenshot -- FILE`: an answered question with its sources, as a PNG of 1440 × 900. */
import { ask, ended, openBrowser, openPage, openServer, upload } from "./browser.mjs";

const file = process.argv[2] ?? "screenshot.png";
const scheme = process.argv.includes("--dark") ? "dark" : "light";
const HANDBOOK = {
  name: "Plant handbook.md",
  mimeType: "text/markdown",
  text: `# Plant handbook

This handbook is for everyone who works at the cooling plant.

# Maintenance of the cooling pump

The cooling pump must be oiled every 400 hours. Use oil of grade ISO VG 46. The counter on the control panel shows the hours since the pump was last oiled.

The filter of the cooling pump must be replaced every 2,000 hours, or earlier when the flow falls below 12 litres a minute.

# Safety

Switch the cooling pump off and wait for ten minutes before you open its housing. Only trained staff may open the housing.

# Spare parts

Filters and oil for the cooling pump are kept in room 214. Whoever takes the last one orders new ones on the same day.
`,
};

const server = await openServer();
const browser = await openBrowser();
try {
  const { page } = await openPage(browser, { url: server.url, colorScheme: scheme });
  await upload(page, HANDBOOK);
  await page.getByRole("button", { name: /off this list/ }).click();
  await ask(page, "How often must the cooling pump be oiled, and what else must be replaced?");
  await ended(page);
  await page.mouse.move(700, 500);
  await page.waitForTimeout(400);
  await page.screenshot({ path: file });
  console.log(file);
} finally {
  await browser.close();
  await server.stop();
}
