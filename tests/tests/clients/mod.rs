//! Real clients against the gateway: command-line tools, SDKs, browsers.

mod aws_cli;
mod boto3;
mod browser;
mod rclone;
mod restic;
mod sdks;
mod web;
