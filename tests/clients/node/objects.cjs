// The AWS SDK for JavaScript as web applications use it: buffers, streams, managed uploads, links and forms.
// Reads HAULOUT_ENDPOINT and the usual variables of the SDK; NODE_PATH names the folder of its packages.
const assert = require("node:assert/strict");
const { createHash, randomBytes } = require("node:crypto");
const { Readable } = require("node:stream");
const s3sdk = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");
const { createPresignedPost } = require("@aws-sdk/s3-presigned-post");
const { getSignedUrl } = require("@aws-sdk/s3-request-presigner");

const endpoint = process.env.HAULOUT_ENDPOINT;
const Bucket = `node-${new URL(endpoint).protocol.replace(":", "")}`;
const s3 = new s3sdk.S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, maxAttempts: 1 });
const send = (name, input) => s3.send(new s3sdk[`${name}Command`]({ Bucket, ...input }));
const md5 = (bytes) => createHash("md5").update(bytes).digest("hex");
const read = async (Key, more = {}) => Buffer.from(await (await send("GetObject", { Key, ...more })).Body.transformToByteArray());

/** A stream of unknown length in pieces of odd sizes. */
function stream(bytes) {
  const pieces = [];
  for (let at = 0; at < bytes.length; at += 70_001) pieces.push(bytes.subarray(at, at + 70_001));
  return Readable.from(pieces);
}

async function buffers() {
  const put = await send("PutObject", { Key: "buffer", Body: Buffer.from("by a buffer"), Metadata: { colour: "red" } });
  assert.equal(put.ETag, `"${md5("by a buffer")}"`);
  assert.ok(put.ChecksumCRC32, "the SDK's own checksum comes back");
  const head = await send("HeadObject", { Key: "buffer", ChecksumMode: "ENABLED" });
  assert.equal(head.Metadata.colour, "red");
  assert.equal(head.ChecksumCRC32, put.ChecksumCRC32);
  assert.equal((await read("buffer", { Range: "bytes=3-8" })).toString(), "a buff");
}

async function streams() {
  const bytes = randomBytes(3_000_000);
  const put = await send("PutObject", { Key: "stream", Body: stream(bytes), ContentLength: bytes.length });
  assert.equal(put.ETag, `"${md5(bytes)}"`);
  assert.ok(bytes.equals(await read("stream")));
}

async function managedUploads() {
  const bytes = randomBytes(12_000_000);
  const params = { Bucket, Key: "managed/film", Body: stream(bytes), ContentType: "video/mp4" };
  const done = await new Upload({ client: s3, params, partSize: 5 << 20, queueSize: 3 }).done();
  assert.match(done.ETag, /-3"$/);
  assert.ok(bytes.equals(await read("managed/film")));
  const abandoned = new Upload({ client: s3, params: { ...params, Key: "abandoned", Body: stream(bytes) }, partSize: 5 << 20 });
  abandoned.on("httpUploadProgress", () => abandoned.abort());
  await assert.rejects(abandoned.done(), { name: "AbortError" });
  await assert.rejects(send("HeadObject", { Key: "abandoned" }), { name: "NotFound" });
}

async function links() {
  const put = await getSignedUrl(s3, new s3sdk.PutObjectCommand({ Bucket, Key: "by link" }), { expiresIn: 60 });
  const stored = await fetch(put, { method: "PUT", body: "by a link" });
  assert.equal(stored.status, 200, await stored.text());
  const get = await getSignedUrl(s3, new s3sdk.GetObjectCommand({ Bucket, Key: "by link" }), { expiresIn: 60 });
  assert.equal(await (await fetch(get)).text(), "by a link");
  assert.equal((await fetch(get.replace("by%20link", "stream"))).status, 403);
}

async function forms() {
  const Conditions = [["content-length-range", 1, 100], ["starts-with", "$Content-Type", "text/"]];
  const post = await createPresignedPost(s3, { Bucket, Key: "form/${filename}", Conditions, Expires: 60 });
  const send = (type, content) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(post.fields)) form.append(name, value);
    form.append("Content-Type", type);
    form.append("file", new Blob([content]), "note.txt");
    return fetch(post.url, { method: "POST", body: form });
  };
  const stored = await send("text/plain", "by a form");
  assert.equal(stored.status, 204, await stored.text());
  assert.equal((await read("form/note.txt")).toString(), "by a form");
  assert.equal((await send("image/png", "by a form")).status, 403);
  assert.equal((await send("text/plain", "x".repeat(101))).status, 400);
}

async function listsAndDeletes() {
  const keys = [];
  for await (const page of s3sdk.paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket })) {
    keys.push(...page.Contents.map((object) => object.Key));
  }
  assert.deepEqual(keys, ["buffer", "by link", "form/note.txt", "managed/film", "stream"]);
  const gone = await send("DeleteObjects", { Delete: { Objects: keys.map((Key) => ({ Key })) } });
  assert.equal(gone.Deleted.length, keys.length);
  assert.equal((await send("ListObjectsV2", {})).KeyCount, 0);
  await send("DeleteBucket", {});
}

(async () => {
  await send("CreateBucket", {});
  for (const story of [buffers, streams, managedUploads, links, forms, listsAndDeletes]) {
    await story();
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
