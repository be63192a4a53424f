//! Names that lead where they should not, told by a DNS server of the test's own.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{net::UdpSocket, task::JoinSet};

use super::{
    receiver::{Receiver, Wire},
    *,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const GOOD: Ipv4Addr = Ipv4Addr::LOCALHOST;
const TRAP: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

#[tokio::test]
async fn a_name_that_leads_inward_is_refused() {
    let trap = Receiver::answering(OK).await;
    for (answers, named) in [
        (&["127.0.0.1"][..], &[][..]),
        (&["10.0.0.1"], &["127.0.0.0/8"]),
        (&["::1"], &["127.0.0.0/8"]),
        (&["::ffff:127.0.0.1"], &["127.0.0.0/8"]),
        (&["64:ff9b::7f00:1"], &[]),
        (&["169.254.169.254"], &[]),
        (&["fd00:ec2::254"], &[]),
        // One good address does not redeem the other, wherever it stands.
        (&["93.184.216.34", "127.0.0.1"], &[]),
        (&["127.0.0.1", "93.184.216.34"], &[]),
        (&["127.0.0.1", "10.0.0.1"], &["127.0.0.0/8"]),
        (&["93.184.216.34", "2606:2800::1", "1.1.1.1", "8.8.8.8", "9.9.9.9", "192.168.0.1"], &[]),
    ] {
        let outbound = Outbound::new(&settings(named), Always::new(answers)).expect("a client");
        let url = format!("https://hooks.example.com:{}/", trap.address.port());
        let failure = post(&outbound, &url).await.expect_err("refused");
        assert_eq!(failure.code(), "refused_address", "{answers:?}");
        let target = outbound.target(&url).expect("a target");
        let objection = outbound.objection(&target).await;
        assert_eq!(objection, Some(failure.clone()), "it can be told before anything is sent");
        assert!(!answers.iter().any(|answer| failure.to_string().contains(answer)), "{failure}");
    }
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn plain_http_is_for_named_networks_alone() {
    let outbound = Outbound::new(&settings(&["10.0.0.0/8"]), Always::new(&["93.184.216.34"])).expect("a client");
    let failure = post(&outbound, "http://hooks.example.com/").await.expect_err("refused");
    assert_eq!((failure.clone(), failure.code()), (Failure::RefusedPlain, "refused_address"));
}

#[tokio::test]
async fn a_name_without_addresses_is_no_host() {
    for resolver in [Always::new(&[]) as Arc<dyn Resolve>, Arc::new(Unasked)] {
        let outbound = Outbound::new(&settings(&[]), resolver).expect("a client");
        let failure = post(&outbound, "https://nowhere.example.com/").await.expect_err("no host");
        let target = outbound.target("https://nowhere.example.com/").expect("a target");
        assert_eq!(outbound.objection(&target).await, None, "it may be there a moment later");
        assert_eq!(failure.code(), "no_such_host");
    }
}

#[tokio::test]
async fn localhost_is_this_machine_and_nobody_is_asked() {
    let receiver = Receiver::answering(OK).await;
    let outbound = Outbound::new(&settings(&["127.0.0.0/8"]), Arc::new(Unasked)).expect("a client");
    for host in ["localhost", "api.localhost", "LOCALHOST"] {
        post(&outbound, &format!("http://{host}:{}/", receiver.address.port())).await.expect(host);
    }
    let said = receiver.heard();
    assert!(said[1].contains("\r\nhost: api.localhost:"), "{said:?}");
}

#[tokio::test]
async fn an_address_is_dialled_without_asking() {
    let receiver = Receiver::answering(OK).await;
    let outbound = Outbound::new(&settings(&["127.0.0.0/8"]), Arc::new(Unasked)).expect("a client");
    assert_eq!(post(&outbound, &receiver.url()).await.expect("an answer").status.as_u16(), 200);
}

#[tokio::test]
async fn a_name_that_is_bound_anew_is_judged_anew_and_asked_once_a_connection() {
    // The receiver may be called; the trap is on the next address and may not.
    let receiver = Receiver::answering(OK).await;
    let trap = Receiver::start_on(&format!("127.0.0.2:{}", receiver.address.port()), Wire::linger).await;
    let dns = Dns::start(|name, count| match (name, count) {
        ("rebind.example.com", 1) => vec![GOOD],
        ("rebind.example.com", _) => vec![TRAP],
        ("both.example.com", _) => vec![GOOD, TRAP],
        _ => Vec::new(),
    })
    .await;
    let resolver = Arc::new(Asking(dns.address));
    let outbound = Outbound::new(&settings(&["127.0.0.1/32"]), resolver).expect("a client");
    let url = |name: &str| format!("http://{name}:{}/", receiver.address.port());

    post(&outbound, &url("rebind.example.com")).await.expect("the first answer is a good one");
    assert_eq!(receiver.connections(), 1);
    assert_eq!(dns.count("rebind.example.com"), 1);

    let failure = post(&outbound, &url("rebind.example.com")).await.expect_err("the second is not");
    assert_eq!((failure.code(), dns.count("rebind.example.com")), ("refused_address", 2));
    let failure = post(&outbound, &url("both.example.com")).await.expect_err("a good and a bad one");
    assert_eq!(failure.code(), "refused_address");
    let failure = post(&outbound, &url("none.example.com")).await.expect_err("none");
    assert_eq!(failure.code(), "no_such_host");
    assert_eq!((receiver.connections(), trap.connections()), (1, 0));
}

#[tokio::test]
async fn a_dns_server_that_never_answers_holds_a_request_for_its_time_alone() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let resolver = Arc::new(Asking(silent.local_addr().expect("an address")));
    let settings = config::Outbound { connect_timeout: Duration::from_millis(150), ..settings(&[]) };
    let outbound = Outbound::new(&settings, resolver).expect("a client");
    let failure = post(&outbound, "https://slow.example.com/").await.expect_err("no address");
    assert_eq!(failure, Failure::TimedOut { stage: Stage::Connecting, after: Duration::from_millis(150) });
}

/// A DNS server whose answers depend on how often a name was asked for.
struct Dns {
    address: SocketAddr,
    asked: Arc<Mutex<HashMap<String, usize>>>,
    _task: JoinSet<()>,
}

impl Dns {
    async fn start(answer: impl Fn(&str, usize) -> Vec<Ipv4Addr> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(HashMap::new()));
        let (counts, mut task) = (Arc::clone(&asked), JoinSet::new());
        task.spawn(async move {
            let mut packet = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut packet).await {
                let name = name_in(&packet[..length]);
                let count = {
                    let mut counts = counts.lock().expect("no panic");
                    let count: &mut usize = counts.entry(name.clone()).or_default();
                    *count += 1;
                    *count
                };
                let reply = reply_to(&packet[..length], &answer(&name, count));
                socket.send_to(&reply, from).await.expect("sent");
            }
        });
        Self { address, asked, _task: task }
    }

    fn count(&self, name: &str) -> usize {
        self.asked.lock().expect("no panic").get(name).copied().unwrap_or_default()
    }
}

/// The name of the question (RFC 1035 §4.1.2).
fn name_in(packet: &[u8]) -> String {
    let (mut labels, mut at) = (Vec::new(), 12);
    while packet[at] != 0 {
        let length = usize::from(packet[at]);
        labels.push(String::from_utf8_lossy(&packet[at + 1..=at + length]).into_owned());
        at += 1 + length;
    }
    labels.join(".")
}

/// The question again, and an A record for each address.
fn reply_to(question: &[u8], addresses: &[Ipv4Addr]) -> Vec<u8> {
    let mut reply = question.to_vec();
    reply[2..4].copy_from_slice(&[0x81, 0x80]);
    reply[7] = u8::try_from(addresses.len()).expect("few");
    for address in addresses {
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        reply.extend(address.octets());
    }
    reply
}

/// A resolver that asks a server for the IPv4 addresses of a name.
#[derive(Debug)]
struct Asking(SocketAddr);

impl Resolve for Asking {
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a> {
        Box::pin(async move {
            static ID: AtomicUsize = AtomicUsize::new(0);
            let [.., high, low] = ID.fetch_add(1, Ordering::SeqCst).to_be_bytes();
            let mut question = vec![high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            for label in name.split('.') {
                question.push(u8::try_from(label.len()).expect("a label is short"));
                question.extend(label.as_bytes());
            }
            question.extend([0, 0, 1, 0, 1]);
            let socket = UdpSocket::bind("127.0.0.1:0").await?;
            socket.send_to(&question, self.0).await?;
            let mut reply = [0; 512];
            let length = socket.recv(&mut reply).await?;
            let records = reply[question.len()..length].chunks_exact(16);
            Ok(records.map(|record| IpAddr::from([record[12], record[13], record[14], record[15]])).collect())
        })
    }
}
