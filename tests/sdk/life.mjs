// The life of a video by the Node SDK. Usage: node life.mjs FOLDER URL KEY PICTURE CLIP;
// prints what it saw as JSON.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [folder, baseURL, apiKey, picture, clip] = process.argv.slice(2);
const openai = createRequire(path.join(folder, "package.json"))("openai");
const { default: OpenAI, toFile } = openai;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const small = { seconds: "0.5", size: "64x48" };
const seen = {};

async function finish(video) {
  while (video.status === "queued" || video.status === "in_progress") {
    await new Promise((resolve) => setTimeout(resolve, 50));
    video = await client.videos.retrieve(video.id);
  }
  return video;
}

async function bytes(id, query) {
  return Buffer.from(await (await client.videos.downloadContent(id, query)).arrayBuffer());
}

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return [error.constructor.name, error.status, error.code, error.param, error.requestID.slice(0, 4)];
  }
}

const made = await client.videos.create({ prompt: "a lake", model: "sora-2", ...small });
const done = await finish(made);
seen.id = made.id;
seen.made = made.status;
seen.done = [done.status, done.size, done.seconds, done.progress];
seen.bytes = {};
for (const variant of ["video", "thumbnail", "spritesheet"]) {
  seen.bytes[variant] = (await bytes(made.id, { variant })).subarray(0, 12).toString("hex");
}

const image_url = `data:image/png;base64,${fs.readFileSync(picture).toString("base64")}`;
const file = await client.files.create({ file: fs.createReadStream(picture), purpose: "vision" });
const references = {
  stream: fs.createReadStream(picture),
  file: await toFile(fs.readFileSync(picture), "red.png", { type: "image/png" }),
  image_url: { image_url },
  file_id: { file_id: file.id },
};
seen.pictures = {};
for (const [name, input_reference] of Object.entries(references)) {
  const shown = await client.videos.create({ prompt: "a lake", input_reference, ...small });
  seen.pictures[name] = [shown.id, (await finish(shown)).status];
}

const video = { id: made.id };
const remix = await finish(await client.videos.remix(made.id, { prompt: "at night" }));
const edit = await finish(await client.videos.edit({ prompt: "in autumn", video }));
const upload = () => fs.createReadStream(clip);
const edited = await finish(await client.videos.edit({ prompt: "in autumn", video: upload() }));
const longer = await finish(await client.videos.extend({ prompt: "on", seconds: "1", video }));
const extended = await finish(
  await client.videos.extend({ prompt: "on", seconds: "1", video: upload() }),
);
for (const [name, one] of Object.entries({ remix, edit, edited, longer, extended })) {
  seen[name] = [one.status, one.seconds, one.remixed_from_video_id];
}

const character = await client.videos.createCharacter({ name: "Mossy", video: upload() });
seen.character = [character.name, (await client.videos.getCharacter(character.id)).id === character.id];

seen.listed = [];
for await (const one of client.videos.list({ limit: 3 })) seen.listed.push(one.id);
seen.deleted = await client.videos.delete(made.id);
seen.gone = await refusal(() => client.videos.retrieve(made.id));
seen.refused = await refusal(() => client.videos.create({ prompt: "a", ...small, seconds: "0" }));
const stranger = new OpenAI({ baseURL, apiKey: "sk-wrong", maxRetries: 0 });
seen.stranger = await refusal(() => stranger.videos.list());
console.log(JSON.stringify(seen));
