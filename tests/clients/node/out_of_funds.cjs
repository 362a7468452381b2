// The AWS SDK for JavaScript meets 402: it does not try again, tells what is missing, and may still read, delete and abort.
// Reads HAULOUT_ENDPOINT and the usual variables of the SDK. HAULOUT_BUCKET is out of funds.
const assert = require("node:assert/strict");
const { randomBytes } = require("node:crypto");
const { Readable } = require("node:stream");
const s3sdk = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");

const endpoint = process.env.HAULOUT_ENDPOINT;
const Bucket = process.env.HAULOUT_BUCKET || "paid";
const client = (more) => new s3sdk.S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, ...more });

function isRefused(error) {
  assert.equal(error.name, "InsufficientFunds", String(error));
  assert.equal(error.$metadata.httpStatusCode, 402);
  assert.equal(error.$metadata.attempts, 1, "it tried again");
  assert.match(error.message, /are missing/);
  assert.match(error.message, /https:\/\/pay\.example\/haulout/);
  return true;
}

async function main() {
  // As most people use it: with the retries that it comes with.
  for (const retryMode of ["standard", "adaptive"]) {
    const s3 = client({ retryMode, maxAttempts: 5 });
    const put = new s3sdk.PutObjectCommand({ Bucket, Key: "node", Body: randomBytes(100_000) });
    await assert.rejects(s3.send(put), isRefused);
  }
  const s3 = client({});
  const began = performance.now();
  const params = { Bucket, Key: "large", Body: Readable.from([randomBytes(12_000_000)]) };
  await assert.rejects(new Upload({ client: s3, params, partSize: 5 << 20 }).done(), isRefused);
  assert.ok(performance.now() - began < 20_000, "it tried for too long");
  assert.equal((await s3.send(new s3sdk.ListObjectsV2Command({ Bucket }))).KeyCount, 0);
  const { Uploads } = await s3.send(new s3sdk.ListMultipartUploadsCommand({ Bucket }));
  for (const { Key, UploadId } of Uploads ?? []) {
    await s3.send(new s3sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  }
  await s3.send(new s3sdk.DeleteObjectCommand({ Bucket, Key: "node" }));
}

main();
