"""A real browser: a page from a website bucket uploads a file in parts with links (CORS), and seeks in a film.

HAULOUT_WEBSITE is HOST:PORT of the website listener; BUCKET.HOST names a bucket there."""
import json
import os

import av
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from gateway import client, fetch

WEBSITE = os.environ["HAULOUT_WEBSITE"]
SITE, FILES = "site", "uploads"
PAGE = f"http://{SITE}.{WEBSITE}"
PART_BYTES = 5 << 20
s3 = client(signature_version="s3v4")

# The browser's half of an upload in parts: it needs to read each ETag, which CORS must expose.
UPLOAD = """
const [links, partBytes, done] = arguments;
(async () => {
  const tags = [];
  for (const [at, link] of links.entries()) {
    const part = new Uint8Array(at + 1 < links.length ? partBytes : 1000).fill(65 + at);
    const reply = await fetch(link, {method: "PUT", body: part});
    if (!reply.ok) throw new Error(await reply.text());
    tags.push(reply.headers.get("ETag"));
  }
  return tags;
})().then(done, error => done("failed: " + error));
"""

# Seeks, and looks at the picture: each second of the film is of another grey.
SEEK = """
const [seconds, done] = arguments;
const film = document.querySelector("video");
film.onerror = () => done("failed: " + film.error.message);
film.onseeked = () => {
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  pen.drawImage(film, 0, 0);
  const held = [...Array(film.buffered.length).keys()].map(i => [film.buffered.start(i), film.buffered.end(i)]);
  done({grey: pen.getImageData(10, 10, 1, 1).data[1], held, length: film.duration});
};
const seek = () => { film.currentTime = seconds; };
if (film.readyState > 0) seek(); else film.onloadedmetadata = seek;
"""


def film(path, seconds=60, width=320, height=240, rate=10):
    """A film of noise under a grey that grows with each second; its index comes last, so a player must seek for it."""
    with av.open(path, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "g": str(rate), "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(seconds * rate):
            frame = av.VideoFrame(width, height, "yuv420p")
            grey = bytes([16 + 3 * (number // rate)]) * (width * height // 2)
            frame.planes[0].update(grey + os.urandom(width * height // 2))
            for plane in frame.planes[1:]:
                plane.update(bytes([128]) * plane.buffer_size)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def a_site():
    s3.create_bucket(Bucket=SITE)
    s3.put_bucket_website(Bucket=SITE, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "lost.html"}})
    anybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{SITE}/*"}
    s3.put_bucket_policy(Bucket=SITE, Policy=json.dumps({"Version": "2012-10-17", "Statement": [anybody]}))
    page = "<title>Haulout</title><video muted preload='metadata' src='film.mp4'></video>"
    s3.put_object(Bucket=SITE, Key="index.html", Body=page, ContentType="text/html; charset=utf-8", CacheControl="max-age=60")
    s3.put_object(Bucket=SITE, Key="lost.html", Body="<title>Lost</title>", ContentType="text/html")
    film("film.mp4")
    s3.upload_file("film.mp4", SITE, "film.mp4", ExtraArgs={"ContentType": "video/mp4"})


def a_browser():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    quiet = ["quic", "gpu", "background-networking", "component-update", "sync", "dev-shm-usage"]
    for argument in ["headless", "no-sandbox", "no-first-run"] + [f"disable-{thing}" for thing in quiet]:
        options.add_argument(f"--{argument}")
    browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    browser.set_script_timeout(30)
    return browser


def pages(browser):
    browser.get(f"{PAGE}/")
    assert browser.title == "Haulout", browser.page_source
    browser.get(f"{PAGE}/nowhere")
    assert browser.title == "Lost", browser.page_source
    status, _, _ = fetch(f"http://127.0.0.1:{WEBSITE.split(':')[1]}/nowhere", headers={"Host": f"{SITE}.{WEBSITE}"})
    assert status == 403, f"whoever may not list is not told what is missing: {status}"


def seeking(browser):
    browser.get(f"{PAGE}/")
    for second in (50, 10):
        seen = browser.execute_async_script(SEEK, second + 0.5)
        assert isinstance(seen, dict), seen
        # From the grey of video (16 to 235) to the grey of screens (0 to 255).
        expected = 3 * second * 255 / 219
        assert abs(seen["grey"] - expected) < 12, (second, expected, seen)
    assert 59 < seen["length"] < 61, seen
    assert len(seen["held"]) > 1, f"it was read from the front, not by ranges: {seen}"


def uploading(browser):
    s3.create_bucket(Bucket=FILES)
    upload = s3.create_multipart_upload(Bucket=FILES, Key="by/browser")["UploadId"]
    name = {"Bucket": FILES, "Key": "by/browser", "UploadId": upload}
    links = [s3.generate_presigned_url("upload_part", Params={**name, "PartNumber": number}) for number in (1, 2, 3)]
    browser.get(f"{PAGE}/")
    refused = browser.execute_async_script(UPLOAD, links, PART_BYTES)
    assert str(refused).startswith("failed: TypeError"), f"without CORS the page may not: {refused}"
    rule = {"AllowedOrigins": [PAGE], "AllowedMethods": ["PUT"], "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60}
    s3.put_bucket_cors(Bucket=FILES, CORSConfiguration={"CORSRules": [rule]})
    tags = browser.execute_async_script(UPLOAD, links, PART_BYTES)
    assert isinstance(tags, list) and all(tags), tags
    parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
    s3.complete_multipart_upload(**name, MultipartUpload={"Parts": parts})
    content = s3.get_object(Bucket=FILES, Key="by/browser")["Body"].read()
    assert content == b"A" * PART_BYTES + b"B" * PART_BYTES + b"C" * 1000


a_site()
browser = a_browser()
try:
    pages(browser)
    seeking(browser)
    uploading(browser)
finally:
    browser.quit()
