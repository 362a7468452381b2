//! What S3 promises of objects and buckets.

mod access_logs;
mod appends;
mod conditional_writes;
mod copies;
mod lifecycle;
mod listing;
mod multipart;
mod notifications;
mod ranges;
mod settings_of_buckets;
mod storage_classes;
