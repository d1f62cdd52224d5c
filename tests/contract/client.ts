// The main job, written as the phone app would write it: that it compiles is the test.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type Problem = components["schemas"]["Problem"];
type CheckinAnswers = components["schemas"]["CheckinAnswers"];

const api = createClient<paths>({ baseUrl: "https://twofold.invalid" });

/** Every "no" has one shape, whatever was asked. */
function told(problem: Problem): never {
  const fields = (problem.errors ?? []).map((each) => `${each.pointer}: ${each.detail}`);
  throw new Error([problem.type, problem.detail, ...fields].join("\n"));
}

async function signIn(email: string, password: string): Promise<string> {
  const { data, error } = await api.POST("/v1/sessions", { body: { email, password } });
  if (error) told(error);
  const headers = { Authorization: `${data.token_type} ${data.access_token}` };
  api.use({
    onRequest({ request }) {
      for (const [name, value] of Object.entries(headers)) request.headers.set(name, value);
      return request;
    },
  });
  return data.refresh_token;
}

async function registerPhone(target: string): Promise<void> {
  const { error } = await api.PUT("/v1/devices/current", {
    body: { target_kind: "fid", target, platform: "ios", locale: "pt", discreet: false },
  });
  if (error) told(error);
}

async function pair(code: string): Promise<string | null> {
  const { data, error } = await api.POST("/v1/pairing/redeem", { body: { code } });
  if (error) told(error);
  const { data: now } = await api.GET("/v1/pairing");
  return now?.state === "paired" ? now.name : data.expires_at;
}

async function allow(purpose: components["schemas"]["Purpose"]): Promise<boolean> {
  const { data, error } = await api.PUT("/v1/consents/{purpose}", {
    params: { path: { purpose } },
    body: { text_version: 1, expires_at: null },
  });
  if (error) told(error);
  return data.given;
}

async function checkins(after: string | null): Promise<components["schemas"]["CheckinPage"]> {
  const { data, error } = await api.GET("/v1/checkins", { params: { query: { after } } });
  if (error) told(error);
  return data;
}

async function everyCheckin(): Promise<string[]> {
  let page = await checkins(null);
  const found = [...page.checkins];
  while (page.next !== null) {
    page = await checkins(page.next);
    found.push(...page.checkins);
  }
  return found.map((each) => each.id);
}

async function answer(checkin_id: string): Promise<CheckinAnswers> {
  const path = { checkin_id };
  const { error } = await api.PUT("/v1/checkins/{checkin_id}/answers", {
    params: { path },
    body: {
      answers: [
        { question: "mood", value: 4 },
        { question: "a_word", value: null },
      ],
    },
  });
  if (error) told(error);
  const released = await api.POST("/v1/checkins/{checkin_id}/answers/released", {
    params: { path },
    body: { questions: ["mood"] },
  });
  if (released.error) told(released.error);
  return released.data;
}

/** A question is one of four kinds, and the compiler knows which fields go with which. */
function shown(checkin: CheckinAnswers): string[] {
  return checkin.questions.map(({ question, mine, partner }) => {
    const both = `${JSON.stringify(mine?.value ?? null)} ${JSON.stringify(partner)}`;
    switch (question.kind) {
      case "scale":
        return `${question.text} ${question.min_label} … ${question.max_label}: ${both}`;
      case "choice":
      case "choices":
        return `${question.text} ${question.options.map((each) => each.text).join(", ")}: ${both}`;
      case "text":
        return `${question.text} (${question.max_length}): ${both}`;
    }
  });
}

async function takeSpace(ends_at: string | null): Promise<"told" | "silent"> {
  const { data, error } = await api.PUT("/v1/space", { body: { mode: "told", ends_at } });
  if (error) told(error);
  return data.mode;
}

async function schedule(): Promise<boolean> {
  const { data, error } = await api.POST("/v1/schedules", {
    body: {
      pack: "weekly_checkin",
      cadence: "weekly",
      weekday: "sunday",
      for_both: true,
      at: "20:00",
      zone: "Europe/Lisbon",
    },
  });
  if (error) told(error);
  return data.in_force;
}

async function leave(): Promise<void> {
  const { error } = await api.POST("/v1/pairing/leave", { body: { tell: false, block: false } });
  if (error) told(error);
}

// @ts-expect-error A mode that is left out is never taken for a choice.
await api.PUT("/v1/space", { body: { ends_at: null } });
// @ts-expect-error Free text has no place in a nudge.
await api.POST("/v1/nudges/sent", { body: { phrase: "where are you?" } });

await signIn("sam@example.org", "gravel lantern tuesday otter");
await registerPhone("fKq3vT0pRrGhW2m9cXy1Zb");
await pair("7K3M-9QWX-2T4V");
await allow("sharing");
for (const id of await everyCheckin()) console.log(shown(await answer(id)));
await schedule();
const { data: today } = await api.GET("/v1/today");
console.log(today?.space.partner?.ends_at, today?.nudges.behind_the_door);
await takeSpace("2026-03-06T18:00:00Z");
await leave();
