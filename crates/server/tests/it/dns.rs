//! A name server of a test's own, on loopback: it knows what it is told, and can be away, fail, lie and lead in circles.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use hickory_resolver::proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, CNAME, TXT},
    },
};
use tokio::{net::UdpSocket, task::JoinSet};

/// What the server does when it is asked for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Says what it knows.
    Tells,
    /// Says nothing.
    Silent,
    /// Says that it has failed.
    Fails,
    /// Says that it does not talk to whoever asks.
    Refuses,
    /// Says what it knows as if it had been asked for another name.
    OfAnother,
    /// Sends bytes that are no answer.
    Rubbish,
}

type Zone = HashMap<(String, RecordType), Vec<RData>>;

#[derive(Default)]
struct State {
    zone: Zone,
    manners: HashMap<String, Manner>,
}

/// See the module.
pub(crate) struct Dns {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    asked: Arc<AtomicUsize>,
    /// Ends with the server.
    _task: JoinSet<()>,
}

impl Dns {
    /// One that knows nothing yet.
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let (state, asked) = (Arc::<Mutex<State>>::default(), Arc::<AtomicUsize>::default());
        let mut task = JoinSet::new();
        task.spawn(serve(socket, Arc::clone(&state), Arc::clone(&asked)));
        Self { address, state, asked, _task: task }
    }

    fn set(&self, name: &str, kind: RecordType, records: Vec<RData>) {
        self.state.lock().expect("nobody panics").zone.insert((name.to_owned(), kind), records);
    }

    /// Sets the texts of a name.
    pub(crate) fn texts(&self, name: &str, texts: &[&str]) {
        // Long ones come in parts, as they do in real zones.
        let text = |text: &&str| {
            let half = text.len() / 2;
            RData::TXT(TXT::new(vec![text[..half].to_owned(), text[half..].to_owned()]))
        };
        self.set(name, RecordType::TXT, texts.iter().map(text).collect());
    }

    /// Makes a name lead to another.
    pub(crate) fn leads(&self, name: &str, to: &str) {
        self.set(name, RecordType::CNAME, vec![RData::CNAME(CNAME(self::name(to)))]);
    }

    /// Sets the addresses of a name.
    pub(crate) fn addresses(&self, name: &str, addresses: &[&str]) {
        let parsed = addresses.iter().map(|text| text.parse::<IpAddr>().expect("an address"));
        let (v4, v6): (Vec<_>, Vec<_>) = parsed.partition(IpAddr::is_ipv4);
        let a = |address| if let IpAddr::V4(address) = address { Some(RData::A(A(address))) } else { None };
        let aaaa = |address| if let IpAddr::V6(address) = address { Some(RData::AAAA(AAAA(address))) } else { None };
        self.set(name, RecordType::A, v4.into_iter().filter_map(a).collect());
        self.set(name, RecordType::AAAA, v6.into_iter().filter_map(aaaa).collect());
    }

    /// Forgets all about a name.
    pub(crate) fn forget(&self, name: &str) {
        self.state.lock().expect("nobody panics").zone.retain(|(known, _), _| known != name);
    }

    /// What it does when asked for a name.
    pub(crate) fn behaves(&self, name: &str, manner: Manner) {
        self.state.lock().expect("nobody panics").manners.insert(name.to_owned(), manner);
    }

    /// How often it was asked for anything.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).expect("a name")
}

async fn serve(socket: UdpSocket, state: Arc<Mutex<State>>, asked: Arc<AtomicUsize>) {
    let mut bytes = [0; 1500];
    while let Ok((length, peer)) = socket.recv_from(&mut bytes).await {
        asked.fetch_add(1, Ordering::Relaxed);
        let Ok(question) = Message::from_vec(&bytes[..length]) else { continue };
        let answer = state.lock().expect("nobody panics").answer(&question);
        if let Some(answer) = answer {
            // Whoever has asked may have gone.
            let _ = socket.send_to(&answer, peer).await;
        }
    }
}

impl State {
    fn answer(&self, question: &Message) -> Option<Vec<u8>> {
        let query = question.queries.first()?.clone();
        let asked = query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
        let manner = self.manners.get(&asked).copied().unwrap_or(Manner::Tells);
        let mut answer = Message::new(question.metadata.id, MessageType::Response, question.metadata.op_code);
        answer.metadata.recursion_available = true;
        answer.add_query(query.clone());
        match manner {
            Manner::Silent => return None,
            Manner::Rubbish => return Some(vec![0xff; 7]),
            Manner::Fails => answer.metadata.response_code = ResponseCode::ServFail,
            Manner::Refuses => answer.metadata.response_code = ResponseCode::Refused,
            Manner::Tells | Manner::OfAnother => {
                let is_other = manner == Manner::OfAnother;
                let of = |text: &str| if is_other { name("somebody.else.example") } else { name(text) };
                let found = self.chain(&asked, query.query_type());
                let is_known = self.zone.keys().any(|(known, _)| *known == asked);
                if !is_known {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                }
                answer.add_answers(found.into_iter().map(|(at, data)| Record::from_rdata(of(&at), 60, data)));
            }
        }
        answer.to_vec().ok()
    }

    /// The records of a name, and of those that it leads to, as a resolver answers them.
    fn chain(&self, asked: &str, kind: RecordType) -> Vec<(String, RData)> {
        let (mut found, mut at) = (Vec::new(), asked.to_owned());
        for _ in 0..16 {
            let own = self.zone.get(&(at.clone(), kind)).cloned().unwrap_or_default();
            if !own.is_empty() {
                found.extend(own.into_iter().map(|data| (at.clone(), data)));
                break;
            }
            let Some([RData::CNAME(next)]) = self.zone.get(&(at.clone(), RecordType::CNAME)).map(Vec::as_slice) else {
                break;
            };
            found.push((at.clone(), RData::CNAME(next.clone())));
            next.0.to_ascii().trim_end_matches('.').clone_into(&mut at);
        }
        found
    }
}
