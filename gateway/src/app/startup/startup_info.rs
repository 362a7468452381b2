//! The start-up message: addresses, the new root key, example commands.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::app::commands::print;
use crate::app::server::StartupInfo;
use crate::app::startup::{cluster_key, root_user};
use crate::config::Config;

/// Prints it to standard output.
pub(crate) fn show(config: &Config, info: &StartupInfo) -> anyhow::Result<()> {
    print(&text(config, info))
}

fn text(config: &Config, info: &StartupInfo) -> String {
    let mut lines = vec![format!("Haulout {}", env!("CARGO_PKG_VERSION"))];
    for (address, tls) in &info.s3 {
        lines.push(format!("  S3        {}", url(*address, *tls)));
    }
    if let Some((address, tls)) = info.website {
        lines.push(format!("  websites  {}", url(address, tls)));
    }
    lines.push(format!("  health    {}/health/ready, metrics at /metrics", url(info.ops, false)));
    lines.push(format!("  data      {}", info.folder.path().display()));
    lines.push(format!("  backends  {}, {}", info.backends, config.scheme));
    let file = info.folder.path().join(root_user::FILE);
    let credentials = &info.root.credentials;
    if info.root.fresh {
        lines.push(String::new());
        lines.push(format!("Root key, printed only now and kept in {}:", file.display()));
        lines.push(format!("  access key  {}", credentials.access_key));
        lines.push(format!("  secret key  {}", credentials.secret_key.as_str()));
        if !config.cluster_key.is_elsewhere() {
            let key = info.folder.path().join(cluster_key::FILE);
            lines.push(format!("Keep a copy of {} elsewhere: without it nothing can be read,", key.display()));
            lines.push(
                "with it even a lost database can be rebuilt. `haulout keys split 3-of-5 --out DIR` makes shares."
                    .to_owned(),
            );
        }
    }
    let Some((address, tls)) = info.s3.first() else { return lines.join("\n") };
    let endpoint = url(*address, *tls);
    // The file is two assignments that `env` understands. A key from the environment is the reader's own to fill in.
    let key = if info.root.fresh {
        format!(
            "AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={}",
            credentials.access_key,
            credentials.secret_key.as_str()
        )
    } else if info.root.in_file {
        format!("env $(cat '{}')", file.display())
    } else {
        "AWS_ACCESS_KEY_ID=$HAULOUT_ROOT_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$HAULOUT_ROOT_SECRET_KEY".to_owned()
    };
    lines.push(String::new());
    lines.push("Try it:".to_owned());
    lines.push(format!("  {key} aws --endpoint-url {endpoint} s3 mb s3://first"));
    lines.push(format!("  echo hello | {key} aws --endpoint-url {endpoint} s3 cp - s3://first/hello.txt"));
    lines.push(format!("  {key} aws --endpoint-url {endpoint} s3 cp s3://first/hello.txt -"));
    lines.join("\n") + "\n"
}

/// An address that can be typed: "any address" is this machine's own.
fn url(address: SocketAddr, tls: bool) -> String {
    let host = if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() };
    format!("{}://{}", if tls { "https" } else { "http" }, SocketAddr::new(host, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_can_be_typed() {
        assert_eq!(url(([0, 0, 0, 0], 9000).into(), false), "http://127.0.0.1:9000");
        assert_eq!(url((std::net::Ipv6Addr::LOCALHOST, 443).into(), true), "https://[::1]:443");
    }
}
