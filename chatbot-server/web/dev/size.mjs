/** `npm run size`: the JavaScript that the first page load fetches, compressed. Fails above the limit. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const LIMIT_BYTES = 200_000;
const dist = new URL("../dist/", import.meta.url).pathname;
const html = await readFile(join(dist, "index.html"), "utf8");
const first = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map((match) => match[1]);
const all = (await readdir(join(dist, "assets"))).filter((name) => name.endsWith(".js"));

async function measure(paths) {
  const bodies = await Promise.all(paths.map((path) => readFile(join(dist, path))));
  const sum = (compress) => bodies.reduce((total, body) => total + compress(body).length, 0);
  return { gzip: sum((body) => gzipSync(body, { level: 9 })), brotli: sum(brotliCompressSync) };
}

const show = (label, { gzip, brotli }) =>
  console.log(`${label}: ${(gzip / 1000).toFixed(1)} kB gzip, ${(brotli / 1000).toFixed(1)} kB brotli`);
const load = await measure(first);
show(`first load (${first.length} files)`, load);
show(`everything (${all.length} files)`, await measure(all.map((name) => `assets/${name}`)));
if (load.gzip > LIMIT_BYTES) {
  console.error(`The first load is above ${LIMIT_BYTES / 1000} kB.`);
  process.exit(1);
}
