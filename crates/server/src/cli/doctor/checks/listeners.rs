//! The addresses that a server listens on.
//!
//! A doctor is mostly called to a server that runs, and that holds its addresses: so one that is in use is well, and said. What
//! no server could have (of another machine, of a port for others alone) is wrong.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use mask::config::Config;

use super::super::Finding;

const ABOUT: &str = "listening";

pub(super) fn all(config: &Config) -> Vec<Finding> {
    let settings = [
        ("server.listen", config.server.listen.as_slice()),
        ("tls.listen", config.tls.listen.as_slice()),
        ("metrics.listen", config.metrics.listen.as_slice()),
    ];
    let named =
        settings.iter().flat_map(|(setting, addresses)| addresses.iter().map(move |address| (setting, address)));
    named.map(|(setting, address)| at(setting, *address)).collect()
}

fn at(setting: &str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::good(ABOUT, format!("{address} of {setting} can be had")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Finding::good(ABOUT, format!("{address} of {setting} is in use: by the server, if it runs"))
        }
        Err(error) => Finding::wrong(ABOUT, format!("{address} cannot be had: {error}; set {setting} to one that can")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::Verdict, *};

    #[test]
    fn an_address_is_free_or_in_use_or_not_ours() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let taken = taken.local_addr().map(|address| (address, taken)).expect("an address");
        let flags = [("server.listen", "127.0.0.1:0".to_owned()), ("metrics.listen", taken.0.to_string())];
        let findings = all(&Config::load(None, [], &flags).expect("right settings"));
        let [free, used] = &findings[..] else { panic!("{findings:?}") };
        assert!(free.verdict == Verdict::Good && free.text.contains("server.listen can be had"), "{free:?}");
        assert!(used.verdict == Verdict::Good && used.text.contains("metrics.listen is in use"), "{used:?}");
        let elsewhere = at("metrics.listen", "192.0.2.1:9090".parse().expect("an address"));
        assert!(elsewhere.verdict == Verdict::Wrong && elsewhere.text.contains("set metrics.listen"), "{elsewhere:?}");
    }
}
