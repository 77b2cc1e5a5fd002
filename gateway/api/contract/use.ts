// What a client does with the types that are made of the OpenAPI document: this
// file is compiled against them, and never run.
import type { components, paths } from "./types";

type Schemas = components["schemas"];
type Answer<P extends keyof paths, M extends keyof paths[P], S extends number> =
  paths[P][M] extends { responses: Record<S, { content: { "application/json": infer T } }> } ? T : never;
type Body<P extends keyof paths, M extends keyof paths[P]> =
  paths[P][M] extends { requestBody?: { content: { "application/json": infer T } } } ? T : never;

declare function call<T>(method: string, path: string, body?: unknown): Promise<T>;

/** Reads who waits longest, and takes the first whom nobody else has. */
export async function next(): Promise<Schemas["Conversation"] | null> {
  const waiting = await call<Answer<"/api/v1/conversations", "get", 200>>("GET", "/api/v1/conversations?view=waiting&sort=oldest");
  for (const c of waiting.items) {
    const taken = await call<Answer<"/api/v1/conversations/{id}/take", "post", 200> | Schemas["Problem"]>("POST", `/api/v1/conversations/${c.id}/take`);
    if ("code" in taken) {
      console.log(taken.code, taken.owner?.name ?? "nobody", taken.since ?? "");
      continue;
    }
    return c;
  }
  return null;
}

/** Answers a conversation; the tick of what is only queued is not null. */
export async function answer(c: Schemas["Conversation"], text: string): Promise<string> {
  const body: Body<"/api/v1/conversations/{id}/messages", "post"> = { text, epoch: c.epoch };
  const m = await call<Answer<"/api/v1/conversations/{id}/messages", "post", 202>>("POST", `/api/v1/conversations/${c.id}/messages`, body);
  return m.tick ?? "received";
}

/** Tells what an event of the stream says, as a list would show it. */
export function shown(e: Schemas["Event"]): string {
  const c = e.data.conversation;
  if (c && e.data.gone) {
    return `${c.id} has gone to ${c.owner?.name ?? "its queue"}`;
  }
  return e.data.message ? `${e.data.message.from}: ${e.data.message.text}` : e.type;
}

// @ts-expect-error: a conversation has no such status, and the types know.
export const wrong: Schemas["Conversation"]["status"] = "asleep";
