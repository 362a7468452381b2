//! The examples in Amazon's documentation of signature version 4.

use aws_lc_rs::digest;

use super::*;

const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");
const DATE: (&str, &str) = ("x-amz-date", "20130524T000000Z");

fn authorization(signed: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders={signed},Signature={signature}"
    )
}

async fn proves(head: &Parts) -> Payload {
    let verified = verify(head).await.unwrap_or_else(|error| panic!("{error} {:#?}", error.fields));
    assert!(matches!(verified.identity, Identity::Known(key) if key.id == KEY));
    verified.payload
}

#[tokio::test]
async fn get_object_with_a_range() {
    let authorization = authorization(
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    let headers = [
        HOST,
        DATE,
        ("range", "bytes=0-9"),
        ("x-amz-content-sha256", NOTHING),
        ("authorization", authorization.as_str()),
    ];
    assert!(matches!(proves(&head("GET", "/test.txt", &headers)).await, Payload::Digest(_)));
}

#[tokio::test]
async fn put_object_whose_key_has_a_dollar() {
    let authorization = authorization(
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
    let headers = [
        HOST,
        DATE,
        ("date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
        ("authorization", authorization.as_str()),
    ];
    for target in ["/test$file.text", "/test%24file.text"] {
        assert!(matches!(proves(&head("PUT", target, &headers)).await, Payload::Digest(_)));
    }
}

#[tokio::test]
async fn sub_resource_and_list() {
    for (target, signature) in [
        ("/?lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("/?max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
        ("/?prefix=%4a&max-keys=2", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ] {
        let authorization = authorization("host;x-amz-content-sha256;x-amz-date", signature);
        let headers = [HOST, DATE, ("x-amz-content-sha256", NOTHING), ("authorization", authorization.as_str())];
        proves(&head("GET", target, &headers)).await;
    }
}

#[tokio::test]
async fn presigned_get() {
    let target = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    assert!(matches!(proves(&head("GET", target, &[HOST])).await, Payload::Unsigned));
}

async fn chunk_signer(kind: &str, signed: &str, signature: &str, more: &[(&str, &str)]) -> ChunkSigner {
    let authorization = authorization(signed, signature);
    let mut headers = vec![
        ("host", "s3.amazonaws.com"),
        DATE,
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", kind),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("authorization", authorization.as_str()),
    ];
    headers.extend_from_slice(more);
    match proves(&head("PUT", "/examplebucket/chunkObject.txt", &headers)).await {
        Payload::SignedChunks { context, .. } => *context,
        other => panic!("{other:?}"),
    }
}

fn hexadecimal(text: &str) -> [u8; 32] {
    hex::decode(text).expect("hexadecimal").try_into().expect("32 bytes")
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes).as_ref().try_into().expect("32 bytes")
}

#[tokio::test]
async fn signed_chunks() {
    let mut signer = chunk_signer(
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        &[("content-length", "66824")],
    )
    .await;
    for (bytes, signature) in [
        (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (1_024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ] {
        assert!(signer.verify_chunk(&sha256(&vec![b'a'; bytes]), &hexadecimal(signature)), "{bytes}");
    }
}

#[tokio::test]
async fn signed_chunks_with_a_trailer() {
    let mut signer = chunk_signer(
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        &[("x-amz-trailer", "x-amz-checksum-crc32c")],
    )
    .await;
    for (bytes, signature) in [
        (65_536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
        (1_024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
        (0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
    ] {
        assert!(signer.verify_chunk(&sha256(&vec![b'a'; bytes]), &hexadecimal(signature)), "{bytes}");
    }
    let trailer = hexadecimal("d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435");
    assert!(!signer.verify_trailer(b"x-amz-checksum-crc32c:sOO8/A==\n", &trailer));
    assert!(signer.verify_trailer(b"x-amz-checksum-crc32c:sOO8/Q==\n", &trailer));
}
