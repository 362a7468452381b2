//! Storage nodes behind a real network: each in a network namespace of its own, all on one bridge, so that what is lost are packets, and TCP is
//! that of the kernel. Takes root and `ip` and `tc` of iproute2; where that is not given, nothing is made.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::link::Passage;

/// The namespaces of some nodes. They and the bridge go when it is dropped.
pub struct Namespaces {
    /// Names begin with it: this process alone has it.
    prefix: String,
    /// The first three bytes of all addresses.
    network: [u8; 3],
    count: usize,
}

impl Namespaces {
    /// Makes as many; none, and a line on standard error, where this process may not.
    ///
    /// # Errors
    /// It may, and something failed.
    pub fn make(count: usize) -> Result<Option<Self>> {
        let pid = std::process::id();
        let prefix = format!("hlt{pid:x}");
        let [.., high, low] = pid.to_be_bytes();
        let namespaces = Self { prefix, network: [10, high, low], count };
        let first = namespaces.name(0);
        if let Err(error) = run("ip", &["netns", "add", &first]) {
            eprintln!("network namespaces are not permitted here, nothing was tested: {error:#}");
            return Ok(None);
        }
        // From here on what was made is removed again, whatever fails.
        namespaces.connect().context("a bridge with network namespaces")?;
        Ok(Some(namespaces))
    }

    fn connect(&self) -> Result<()> {
        let bridge = self.bridge();
        run("ip", &["link", "add", &bridge, "type", "bridge"])?;
        run("ip", &["address", "add", &format!("{}/24", self.host(1)), "dev", &bridge])?;
        run("ip", &["link", "set", &bridge, "up"])?;
        for node in 0..self.count {
            let (name, outer) = (self.name(node), self.outer(node));
            if node > 0 {
                run("ip", &["netns", "add", &name])?;
            }
            run("ip", &["link", "add", &outer, "type", "veth", "peer", "name", INNER, "netns", &name])?;
            run("ip", &["link", "set", &outer, "master", &bridge, "up"])?;
            run("ip", &["-n", &name, "address", "add", &format!("{}/24", self.address(node)), "dev", INNER])?;
            run("ip", &["-n", &name, "link", "set", INNER, "up"])?;
            run("ip", &["-n", &name, "link", "set", "lo", "up"])?;
        }
        Ok(())
    }

    /// What `ip netns exec` calls the namespace of a node.
    #[must_use]
    pub fn name(&self, node: usize) -> String {
        format!("{}-{node}", self.prefix)
    }

    /// Where the node is.
    #[must_use]
    pub fn address(&self, node: usize) -> Ipv4Addr {
        self.host(u8::try_from(node).unwrap_or(u8::MAX - 10) + 10)
    }

    /// From now on packets of the gateway and a node fare like this. Nothing is delayed: the kernel may lack what does.
    ///
    /// # Errors
    /// `tc` failed.
    pub fn set(&self, node: usize, passage: Passage) -> Result<()> {
        let (name, outer) = (self.name(node), self.outer(node));
        // What leaves the bridge towards the node, and what leaves the node. A queue of no length drops all there is.
        set_queue(&["-n", &name], INNER, passage.back)?;
        set_queue(&[], &outer, passage.there)
    }

    fn host(&self, number: u8) -> Ipv4Addr {
        let [a, b, c] = self.network;
        Ipv4Addr::new(a, b, c, number)
    }

    fn bridge(&self) -> String {
        format!("{}b", self.prefix)
    }

    fn outer(&self, node: usize) -> String {
        format!("{}v{node}", self.prefix)
    }
}

/// The name of a node's interface in its namespace.
const INNER: &str = "net0";

fn set_queue(namespace: &[&str], interface: &str, is_free: bool) -> Result<()> {
    let lost: &[&str] = &["qdisc", "replace", "dev", interface, "root", "pfifo", "limit", "0"];
    let free: &[&str] = &["qdisc", "replace", "dev", interface, "root", "pfifo", "limit", "1000"];
    run("tc", &[namespace, if is_free { free } else { lost }].concat())
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.args(arguments).env("PATH", format!("{path}:/usr/sbin:/sbin")).stdin(Stdio::null());
    let output = command.output().with_context(|| format!("{program} cannot be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {}: {}", arguments.join(" "), said.trim());
    Ok(())
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for node in 0..self.count {
            // The interfaces go with it.
            let _ = run("ip", &["netns", "delete", &self.name(node)]);
        }
        let _ = run("ip", &["link", "delete", &self.bridge()]);
    }
}
