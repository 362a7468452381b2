//! The one table of S3 error codes: name, HTTP status, and the text Amazon sends with it.

use http::StatusCode;

macro_rules! codes {
    ($($name:ident $(as $word:literal)? $status:literal $text:literal,)*) => {
        /// An S3 error code. Clients decide by this word what to do, so it matters more than the status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the text beside each name in the table says what it means")]
        pub enum Code { $($name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word in `<Code>`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => [$($word,)? stringify!($name)][0],)* }
            }

            /// The text in `<Message>` unless a better one is known.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            const fn number(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

codes! {
    AccessControlListNotSupported 400 "The bucket does not allow ACLs",
    AccessForbidden 403 "Access Forbidden",
    AccessDenied 403 "Access Denied",
    AuthorizationHeaderMalformed 400 "The authorization header you provided is invalid.",
    AuthorizationQueryParametersError 400 "The query parameters of the signature are not valid.",
    BadDigest 400 "The Content-MD5 or checksum value that you specified did not match what the server received.",
    BadRequest 400 "Bad Request",
    BucketAlreadyExists 409 "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Select a different name and try again.",
    BucketAlreadyOwnedByYou 409 "Your previous request to create the named bucket succeeded and you already own it.",
    BucketNotEmpty 409 "The bucket you tried to delete is not empty",
    ConditionalRequestConflict 409 "The conditional request cannot succeed due to a conflicting operation against this resource.",
    CredentialsNotSupported 400 "This request does not support credentials.",
    EntityTooLarge 400 "Your proposed upload exceeds the maximum allowed size",
    EntityTooSmall 400 "Your proposed upload is smaller than the minimum allowed size",
    ExpiredToken 400 "The provided token has expired.",
    IdMismatch 400 "Document ID does not match the specified configuration ID.",
    IllegalVersioningConfigurationException 400 "The Versioning element must be specified",
    IllegalLocationConstraintException 400 "The specified location-constraint is not valid",
    IncompleteBody 400 "You did not provide the number of bytes specified by the Content-Length HTTP header",
    IncorrectNumberOfFilesInPostRequest 400 "POST requires exactly one file upload per request.",
    InternalError 500 "We encountered an internal error. Please try again.",
    InsufficientFunds 402 "The funds that pay for the bucket do not suffice.",
    InvalidAccessKeyId 403 "The AWS Access Key Id you provided does not exist in our records.",
    InvalidArgument 400 "Invalid Argument",
    InvalidBucketAclWithObjectOwnership 400 "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    InvalidBucketName 400 "The specified bucket is not valid.",
    InvalidBucketOwnerAWSAccountID 400 "The value of the expected bucket owner parameter must be an AWS Account ID...",
    InvalidBucketState 409 "The request is not valid for the current state of the bucket.",
    InvalidChunkSizeError 403 "Only the last chunk is allowed to have a size less than 8192 bytes",
    InvalidDigest 400 "The Content-MD5 you specified was invalid.",
    InvalidEncryptionAlgorithmError 400 "The Encryption request you specified is not valid. Supported value: AES256.",
    InvalidLocationConstraint 400 "The specified location-constraint is not valid",
    InvalidObjectState 403 "The operation is not valid for the object's storage class",
    InvalidPart 400 "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    InvalidPartNumber 416 "The requested partnumber is not satisfiable",
    InvalidPartOrder 400 "The list of parts was not in ascending order. Parts must be ordered by part number.",
    InvalidPolicyDocument 400 "The content of the form does not meet the conditions specified in the policy document.",
    InvalidRange 416 "The requested range is not satisfiable",
    InvalidRequest 400 "The request is not valid.",
    InvalidRetentionPeriod 400 "The retention period must be a positive integer value.",
    InvalidS3DestinationBucket 400 "The destination bucket does not exist or is not owned by you.",
    InvalidSecurity 403 "The provided security credentials are not valid.",
    InvalidStorageClass 400 "The storage class you specified is not valid",
    InvalidTargetBucketForLogging 400 "The target bucket for logging does not exist, is not owned by you, or does not have the appropriate grants for the log-delivery group.",
    InvalidTag 400 "The tag provided was not a valid tag.",
    InvalidToken 400 "The provided token is malformed or otherwise invalid.",
    InvalidURI 400 "Couldn't parse the specified URI.",
    InvalidWriteOffset 400 "The write offset value that you specified does not match the current object size.",
    KeyTooLongError 400 "Your key is too long",
    KmsDisabledException as "KMS.DisabledException" 400 "The KMS key that protects the object cannot be used.",
    KmsNotFoundException as "KMS.NotFoundException" 400 "The KMS key does not exist.",
    MalformedACLError 400 "The XML you provided was not well-formed or did not validate against our published schema",
    MalformedPOSTRequest 400 "The body of your POST request is not well-formed multipart/form-data.",
    MalformedPolicy 400 "This policy contains invalid Json",
    MalformedTrailerError 400 "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    MalformedXML 400 "The XML you provided was not well-formed or did not validate against our published schema",
    MaxMessageLengthExceeded 400 "Your request was too big.",
    MaxPostPreDataLengthExceededError 400 "Your POST request fields preceding the upload file were too large.",
    MetadataTooLarge 400 "Your metadata headers exceed the maximum allowed metadata size",
    MethodNotAllowed 405 "The specified method is not allowed against this resource.",
    MissingAttachment 400 "A SOAP attachment was expected, but none were found.",
    MissingContentLength 411 "You must provide the Content-Length HTTP header.",
    MissingRequestBodyError 400 "Request Body is empty",
    MissingSecurityHeader 400 "Your request was missing a required header",
    NoSuchBucket 404 "The specified bucket does not exist",
    NoSuchBucketPolicy 404 "The bucket policy does not exist",
    NoSuchCORSConfiguration 404 "The CORS configuration does not exist",
    NoSuchConfiguration 404 "The specified configuration does not exist.",
    NoSuchKey 404 "The specified key does not exist.",
    NoSuchLifecycleConfiguration 404 "The lifecycle configuration does not exist",
    NoSuchObjectLockConfiguration 404 "The specified object does not have a ObjectLock configuration",
    NoSuchPublicAccessBlockConfiguration 404 "The public access block configuration was not found",
    NoSuchResource 404 "The specified resource doesn't exist.",
    NoSuchTagSet 404 "The TagSet does not exist",
    NoSuchUpload 404 "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    NoSuchVersion 404 "The specified version does not exist.",
    NoSuchWebsiteConfiguration 404 "The specified bucket does not have a website configuration",
    NotImplemented 501 "A header or query you provided implies functionality that is not implemented.",
    NotModified 304 "Not Modified",
    ObjectLockConfigurationNotFoundError 404 "Object Lock configuration does not exist for this bucket",
    OperationAborted 409 "A conflicting conditional operation is currently in progress against this resource. Please try again.",
    OwnershipControlsNotFoundError 404 "The bucket ownership controls were not found",
    PermanentRedirect 301 "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
    PreconditionFailed 412 "At least one of the pre-conditions you specified did not hold",
    QuotaExceeded 403 "The bucket's quota is exceeded.",
    ReplicationConfigurationNotFoundError 404 "The replication configuration was not found",
    RequestHeaderSectionTooLarge 400 "Your request header section exceeds the maximum allowed size.",
    RequestTimeTooSkewed 403 "The difference between the request time and the current time is too large.",
    RequestTimeout 400 "Your socket connection to the server was not read from or written to within the timeout period.",
    ServerSideEncryptionConfigurationNotFoundError 404 "The server side encryption configuration was not found",
    ServiceUnavailable 503 "Service is unable to handle request.",
    SignatureDoesNotMatch 403 "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    SlowDown 503 "Please reduce your request rate.",
    SpendLimitExceeded 403 "The bucket's spend limit is exceeded.",
    TemporaryRedirect 307 "You are being redirected to the bucket while the DNS server is being updated.",
    TooManyBuckets 400 "You have attempted to create more buckets than allowed",
    TooManyConfigurations 400 "You have attempted to create more configurations than allowed",
    TooManyParts 400 "You have attempted to create more parts than allowed",
    UnresolvableGrantByEmailAddress 400 "The e-mail address you provided does not match any account on record.",
    UnexpectedContent 400 "This request does not support content",
    UnsupportedSignature 400 "The provided request is signed with an unsupported STS Token version or the signature version is not supported.",
    UserKeyMustBeSpecified 400 "The bucket POST must contain the specified field name. If it is specified, check the order of the fields.",
    XAmzContentSHA256Mismatch 400 "The provided 'x-amz-content-sha256' header does not match what was computed.",
    XAmzContentChecksumMismatch 400 "The provided 'x-amz-checksum' header does not match what was computed.",
}

impl Code {
    /// The status line's number.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.number()).expect("every number in the table is a status")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_that_says_no_and_a_text() {
        for code in Code::ALL {
            let status = code.status();
            assert!(status.is_client_error() || status.is_server_error() || status.is_redirection(), "{code:?}");
            assert!(!code.text().is_empty(), "{code:?}");
        }
    }

    #[test]
    fn only_what_may_pass_when_tried_again_is_a_5xx() {
        let retried: Vec<_> = Code::ALL.iter().filter(|code| code.status().is_server_error()).collect();
        assert_eq!(
            retried,
            [&Code::InternalError, &Code::NotImplemented, &Code::ServiceUnavailable, &Code::SlowDown],
            "clients retry a 5xx for minutes: a definite refusal must not be one"
        );
    }
}
