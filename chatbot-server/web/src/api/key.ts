/** A random name. `crypto.randomUUID` exists only on secure origins; a server on a home network may not be one. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
