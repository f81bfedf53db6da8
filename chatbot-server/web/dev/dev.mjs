/** `npm run dev`: Vite with hot reload, in front of `CHATBOT_URL` or, without it, of the mock server. */
import { createServer } from "vite";
import { startMock } from "./mock-server.mjs";

process.env.CHATBOT_URL ??= (await startMock({ stageMs: 400 })).url;
const server = await createServer({ server: { host: "127.0.0.1" } });
await server.listen();
server.printUrls();
console.log(`  in front of ${process.env.CHATBOT_URL}`);
