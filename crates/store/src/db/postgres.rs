//! PostgreSQL: threads that own a connection each.

use std::{collections::HashMap, error::Error as _, str::FromStr, sync::Arc, thread, time::Duration};

use postgres::{
    Client, Config, NoTls, Statement,
    config::SslMode,
    error::SqlState,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use super::{
    Error, Row, Tx, Value,
    queue::{Queue, Step},
};

/// Prepared statements kept by a connection; past this many (lists can be asked for in many shapes) they start anew.
const STATEMENTS: usize = 256;

/// How a connection is made.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    tls: tokio_postgres_rustls::MakeRustlsConnect,
    timeout: Duration,
}

impl Server {
    pub(super) fn at(url: &str, timeout: Duration) -> Result<Self, Error> {
        // The URL holds a password: it is never part of a message.
        let mut config =
            Config::from_str(url).map_err(|_| Error::Unavailable("the database URL cannot be read".to_owned()))?;
        // A host that vanished without a word is given up after the same time as one that answers late.
        config.connect_timeout(timeout).tcp_user_timeout(timeout).application_name("mask");
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Defect(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config, tls: tokio_postgres_rustls::MakeRustlsConnect::new(tls), timeout })
    }

    /// Connects. Certificates are verified where the URL says `sslmode=require`; otherwise the connection is in clear, as
    /// an unverified one would only look safe.
    pub(super) fn connect(&self) -> Result<Connection, Error> {
        let client = match self.config.get_ssl_mode() {
            SslMode::Disable | SslMode::Prefer => self.config.connect(NoTls),
            _ => self.config.connect(self.tls.clone()),
        };
        let mut connection = Connection {
            client: client.map_err(explain)?,
            server: self.clone(),
            statements: HashMap::new(),
            is_in_transaction: false,
            trouble: Trouble::None,
        };
        // Nobody waits longer than this, and a thread that went on for longer would be missing elsewhere.
        connection.batch(&format!("SET statement_timeout = {}", self.timeout.as_millis()))?;
        Ok(connection)
    }
}

/// A connection and what it has prepared.
pub(crate) struct Connection {
    client: Client,
    server: Server,
    statements: HashMap<String, Statement>,
    is_in_transaction: bool,
    trouble: Trouble,
}

/// What a connection met last, as far as it matters for what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    /// The connection is of no more use. The client does not tell by itself: what would notice the end of the stream only
    /// runs while a query does.
    Broken,
    /// A row with the same key is there.
    Duplicate,
}

impl Connection {
    /// Outside a transaction nothing is lost with a connection that died since its last use, so it is replaced once and
    /// the question put again: an outage that is over is nobody's concern.
    pub(super) fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        match self.ask(sql, values) {
            Err(_) if self.trouble == Trouble::Broken && !self.is_in_transaction => {
                *self = self.server.clone().connect()?;
                self.ask(sql, values)
            }
            answer => answer,
        }
    }

    fn ask(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let statement = self.prepare(sql)?;
        let rows = self.client.query(&statement, &parameters(values)).map_err(|error| self.note(error))?;
        rows.iter()
            .map(|row| {
                (0..row.len())
                    .map(|column| row.try_get::<_, Value>(column).map_err(explain))
                    .collect::<Result<_, _>>()
                    .map(Row)
            })
            .collect()
    }

    pub(super) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        let statement = self.prepare(sql)?;
        self.client.execute(&statement, &parameters(values)).map_err(|error| self.note(error))
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).map_err(|error| self.note(error))
    }

    /// Remembers what kind of trouble this is.
    fn note(&mut self, error: postgres::Error) -> Error {
        self.trouble = match error.code().map(SqlState::code) {
            Some("23505") => Trouble::Duplicate,
            // 57P: the server is shutting down or has crashed, and ends the connection.
            Some(code) if code.starts_with("57P") || code.starts_with("08") => Trouble::Broken,
            None if is_cut(&error) => Trouble::Broken,
            _ => Trouble::None,
        };
        explain(error)
    }

    /// See [`Tx::attempt`].
    pub(super) fn attempt<T>(
        &mut self,
        part: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        self.batch("SAVEPOINT part")?;
        self.trouble = Trouble::None;
        match part(&mut Tx::Postgres(self)) {
            Ok(answer) => self.batch("RELEASE part").map(|()| Some(answer)),
            Err(_) if self.trouble == Trouble::Duplicate => self.batch("ROLLBACK TO part; RELEASE part").map(|()| None),
            Err(error) => Err(error),
        }
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.batch("BEGIN")?;
        self.is_in_transaction = true;
        Ok(())
    }

    fn end(&mut self, how: &str) -> Result<(), Error> {
        self.is_in_transaction = false;
        self.batch(how)
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).map_err(|error| self.note(error))?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Runs something in a transaction; used where no queue is there yet.
    pub(super) fn transaction<T>(&mut self, step: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.begin()?;
        let result = step(&mut Tx::Postgres(self));
        self.end(if result.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        result
    }
}

/// Starts the threads; the first takes over the connection that is there already.
pub(super) fn start(server: &Server, first: Connection, threads: usize, steps: &Arc<Queue>) {
    let mut first = Some(first);
    for _ in 0..threads {
        let (server, steps, mut connection) = (server.clone(), Arc::clone(steps), first.take());
        let work = move || {
            while let Some(step) = steps.next() {
                run(&server, &mut connection, step);
            }
        };
        thread::Builder::new().name("mask-postgres".to_owned()).spawn(work).expect("the system can start a thread");
    }
}

/// Runs a step on a connection that is alive, and drops the connection when its state is in doubt.
fn run(server: &Server, place: &mut Option<Connection>, step: Step) {
    let is_write = step.is_write;
    let mut connection = match begin(server, place.take(), is_write) {
        Ok(connection) => connection,
        Err(error) => return step.refuse(&error.to_string()),
    };
    let Ok(ran) = step.run(&mut Tx::Postgres(&mut connection)) else { return };
    let is_good = ran.as_ref().is_some_and(|ran| ran.is_good);
    let ended = match (is_write, is_good) {
        (false, _) => Ok(()),
        (true, true) => connection.end("COMMIT"),
        (true, false) => connection.end("ROLLBACK"),
    };
    if ended.is_ok() && (is_good || connection.trouble != Trouble::Broken) {
        *place = Some(connection);
    }
    if let Some(ran) = ran {
        (ran.answer)(ended);
    }
}

/// A connection on which the transaction has begun, if one is wanted. A connection that died since its last use is
/// replaced once; nothing was done on it yet.
fn begin(server: &Server, connection: Option<Connection>, is_write: bool) -> Result<Connection, Error> {
    if let Some(mut connection) = connection
        && (!is_write || connection.begin().is_ok())
    {
        return Ok(connection);
    }
    let mut connection = server.connect()?;
    if is_write {
        connection.begin()?;
    }
    Ok(connection)
}

/// Whether an error tells of a connection that is gone.
fn is_cut(error: &postgres::Error) -> bool {
    error.is_closed() || error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            // What PostgreSQL takes a bare parameter for (a LIMIT, say) is its choice; an integer is written as it wants it.
            Self::Integer(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Self::Integer(number) => number.to_sql(&Type::INT8, out),
            Self::Boolean(value) => value.to_sql(&Type::BOOL, out),
            Self::Text(text) => text.to_sql(&Type::TEXT, out),
            Self::Bytes(bytes) => bytes.to_sql(&Type::BYTEA, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BOOL, Type::TEXT, Type::VARCHAR, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        match *kind {
            Type::INT8 => i64::from_sql(kind, raw).map(Self::Integer),
            Type::INT4 => i32::from_sql(kind, raw).map(|number| Self::Integer(i64::from(number))),
            Type::BOOL => bool::from_sql(kind, raw).map(Self::Boolean),
            Type::BYTEA => Vec::<u8>::from_sql(kind, raw).map(Self::Bytes),
            _ => String::from_sql(kind, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        <Self as ToSql>::accepts(kind)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn explain(error: postgres::Error) -> Error {
    // A message about a connection says little; its cause says why. Neither holds the password.
    let text = match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    // Classes 08 (connection), 53 (resources), 57 (operator), 40 (deadlock) and 55 (locked) pass; the rest is our defect.
    // https://www.postgresql.org/docs/15/errcodes-appendix.html
    match error.code().map(SqlState::code) {
        None if is_cut(&error) => Error::Unavailable(text),
        Some(code) if ["08", "53", "57", "40", "55", "25", "28", "3D"].iter().any(|class| code.starts_with(class)) => {
            Error::Unavailable(text)
        }
        None if text.contains("connect") || text.contains("timeout") => Error::Unavailable(text),
        _ => Error::Defect(text),
    }
}
